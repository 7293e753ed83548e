"""Which campaigns this site acts for: a gate that names no campaign means the one that is ours."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import router
from django.utils.translation import gettext as _

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import CampaignNotChosen
from django_patreon.models import Campaign, PatreonAccount
from django_patreon.resources import Identity, Member

if TYPE_CHECKING:
    from django.db.models import QuerySet

__all__ = [
    "ALL_MEMBERSHIPS",
    "MEMBERS_SCOPE",
    "NOT_CONNECTED",
    "OurCampaign",
    "connected_campaigns",
    "connected_creator",
    "drop_unconfirmed_campaigns",
    "find_our_campaign",
    "gates_name_campaigns",
    "our_campaign_ids",
    "our_connected_campaigns",
    "set_ours",
]

logger = logging.getLogger("django_patreon")

ALL_MEMBERSHIPS = "identity.memberships"
"""With this scope Patreon lists a person's memberships of all campaigns, not of one."""
MEMBERS_SCOPE = "campaigns.members"
"""With this scope of its creator a campaign is connected: this site may read its members."""
CREATORS_SCOPES = frozenset({MEMBERS_SCOPE, "w:campaigns.webhook"})
"""Rights over a campaign that its creator gives to a site that acts for it."""
NOT_CONNECTED = (
    "The campaign is not connected: its creator has to connect it in the admin, or an operator has"
    " to bring their tokens with patreon_import_tokens."
)


@dataclass(frozen=True, slots=True)
class OurCampaign:
    """What an identity answer says about which campaign is this site's."""

    confirmed: str | None = None
    """Id of a campaign that is certainly ours."""
    claimed: str | None = None
    """Id of a campaign that is ours as long as nothing contradicts: its creator says so."""
    drops_claims: bool = True
    """True if unconfirmed campaigns must be dropped, since there is a confirmed one."""


def gates_name_campaigns() -> bool:
    """Return True if no gate depends on there being only one campaign of ours.

    Either `CAMPAIGN_ID` says which one unnamed gates mean, or the site has silenced W013, since all
    its gates name their campaign.
    """
    is_silenced = "django_patreon.W013" in settings.SILENCED_SYSTEM_CHECKS
    return is_silenced or patreon_settings().CAMPAIGN_ID is not None


def set_ours(campaign: Campaign, is_ours: bool) -> None:
    """Save an operator's decision on whether this site acts for a campaign.

    Raises `CampaignNotChosen` if the site acts for another one already, and nothing says which of
    both is meant by gates that name none.
    """
    if is_ours and not campaign.is_ours:
        require_choice(campaign.patreon_id)
    _save_ours(campaign, is_ours)
    if is_ours and not gates_name_campaigns():
        drop_unconfirmed_campaigns(OurCampaign(confirmed=campaign.patreon_id))


def require_choice(patreon_id: str) -> None:
    """Raise `CampaignNotChosen` if making this campaign ours would close unnamed gates.

    Campaigns that were only claimed do not count: a confirmed one takes their place.
    """
    if gates_name_campaigns():
        return
    ours = _our_campaigns().filter(is_claimed=False)
    if ours.filter(patreon_id=patreon_id).exists():
        return
    other = ours.order_by("pk").first()
    if other is not None:
        raise CampaignNotChosen(
            _(
                "This site acts for %(other)s already (campaign %(id)s). Gates that name no"
                " campaign mean that one; a second one would close them to everybody. First"
                " set PATREON['CAMPAIGN_ID'] to the campaign that they mean. If all gates name"
                " their campaign, silence the check django_patreon.W013 instead. Or take the other"
                " campaign away from this site."
            )
            % {"other": other, "id": other.patreon_id}
        )


def _save_ours(campaign: Campaign, is_ours: bool) -> None:
    campaign.is_ours, campaign.is_claimed = is_ours, False
    campaign.save(update_fields=["is_ours", "is_claimed"])


def find_our_campaign(
    identity: Identity,
    members: Iterable[Member],
    *,
    scopes: Collection[str],
    asked: Collection[str],
    by_operator: bool,
    rows: Collection[Campaign],
) -> OurCampaign:
    """Find out from an identity answer which campaign is this site's.

    Confirmed is what the site itself says, in `CAMPAIGN_ID` or by an operator who imports a
    creator's tokens. Confirmed is also the client's own campaign, which Patreon shows to its
    patrons. If a creator gives us rights over a campaign, that is only a claim: visitors can change
    the authorize URL, its scopes included. The claim counts while nothing else is known, because
    the creator is the first to sign in on most sites. No sign-in makes a second campaign ours.
    Raises `CampaignNotChosen` where an operator's would, and unnamed gates would mean none then.

    `rows` are those of the campaigns that the answer names, and of all that are claimed.
    """
    chosen = patreon_settings().CAMPAIGN_ID
    if by_operator and CREATORS_SCOPES.intersection(scopes):
        if identity.campaign_id is not None:
            require_choice(identity.campaign_id)
        return OurCampaign(confirmed=identity.campaign_id)
    if chosen is not None:
        return OurCampaign(confirmed=chosen)
    # Without the scope for all memberships Patreon shows those of the client's own campaign only
    # (official). If there are several campaigns, Patreon did not go by these scopes.
    seen = {each.campaign_id for each in members}
    if scopes and ALL_MEMBERSHIPS not in scopes and len(seen) == 1:
        named = seen.pop()
        is_ours = any(each.patreon_id == named and each.is_ours for each in rows)
        if is_ours and not any(each.is_claimed for each in rows):
            return OurCampaign()  # the database has it already
        others = _our_campaigns().exclude(patreon_id=named)
        claimed = set(others.values_list("is_claimed", flat=True).distinct())
        if False not in claimed:
            return OurCampaign(confirmed=named, drops_claims=bool(claimed))
        logger.info("Campaign %s is not taken for this site's: another one is", named)
    # A site that asks people for all their memberships has many creators, and says which is meant.
    elif (
        asked
        and ALL_MEMBERSHIPS not in asked
        and CREATORS_SCOPES.intersection(scopes)
        and not _our_campaigns().exists()
    ):
        return OurCampaign(claimed=identity.campaign_id)
    return OurCampaign()


def drop_unconfirmed_campaigns(our_campaign: OurCampaign) -> None:
    """Take back campaigns that were only claimed, if another one is confirmed now."""
    if our_campaign.confirmed is None or not our_campaign.drops_claims:
        return
    claimed = _our_campaigns().filter(is_claimed=True)
    for campaign in claimed.exclude(patreon_id=our_campaign.confirmed):
        logger.warning("Campaign %s was taken for this site's, and is not", campaign.patreon_id)
        _save_ours(campaign, False)


def connected_campaigns(
    ids: Iterable[str], using: str, *, without: Collection[str] = ()
) -> set[str]:
    """Return which of these campaigns, by Patreon's id, have a creator who lets us read members.

    `without` are Patreon's ids of people who do not count as creators.
    """
    rows = Campaign.objects.using(using).filter(patreon_id__in=set(ids)).exclude(creator=None)
    others = rows.exclude(creator__patreon_id__in=without)
    found = others.values_list("patreon_id", "creator__scopes")
    return {key for key, scopes in found if MEMBERS_SCOPE in scopes}


def connected_creator(campaign: Campaign) -> PatreonAccount | None:
    """Return the account with whose token all members can be read; None if there is none.

    Patreon may refuse its token meanwhile (`needs_reconnect`).
    """
    creator = campaign.creator
    return creator if creator is not None and MEMBERS_SCOPE in creator.scopes else None


def our_connected_campaigns() -> list[Campaign]:
    """Return the campaigns that are ours and whose members can be read."""
    rows = _our_campaigns().select_related("creator").order_by("pk")
    return [each for each in rows if connected_creator(each) is not None]


def our_campaign_ids() -> set[str]:
    """Return Patreon's ids of the campaigns that are ours."""
    return set(_our_campaigns().values_list("patreon_id", flat=True))


def _our_campaigns() -> QuerySet[Campaign]:
    """Return the campaigns that are ours, as the primary database knows them."""
    return Campaign.objects.using(router.db_for_write(Campaign)).filter(is_ours=True)

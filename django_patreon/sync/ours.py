"""Which campaigns are this site's own: a gate that names none means the one that is."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import router

from django_patreon.conf import patreon_settings
from django_patreon.models import Campaign
from django_patreon.resources import Identity, Member

if TYPE_CHECKING:
    from django.db.models import QuerySet

__all__ = ["ALL_MEMBERSHIPS", "Ours", "disown_claims", "find_ours", "set_ours"]

logger = logging.getLogger("django_patreon")

ALL_MEMBERSHIPS = "identity.memberships"
CREATORS_SCOPES = frozenset({"campaigns.members", "w:campaigns.webhook"})
"""Rights over a campaign that its creator gives to a site that acts for it."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What an answer says of whose campaigns are: the id that is `certain`, or only `claimed`."""

    certain: str | None = None
    claimed: str | None = None
    overrules: bool = True
    """May there be claims that are not true, since something is certain?"""


def set_ours(campaign: Campaign, is_ours: bool) -> None:
    """Let an operator say whether this site acts for a campaign."""
    campaign.is_ours, campaign.is_claimed = is_ours, False
    campaign.save(update_fields=["is_ours", "is_claimed"])


def find_ours(
    identity: Identity,
    members: Iterable[Member],
    *,
    scopes: Collection[str],
    asked: Collection[str],
    by_operator: bool,
) -> Ours:
    """Tell this site's own campaign from those that somebody here happens to know.

    What the site says is certain, in `CAMPAIGN_ID` or by an operator who brings a creator's tokens;
    and so is what Patreon shows of the client's own campaign. That a creator gives us rights over
    theirs is a claim: the address that leads to Patreon is in the visitor's hands, scopes and all.
    It counts as long as nothing else is known, since a creator is who signs in first on most sites.
    No sign-in makes a second campaign ours.
    """
    chosen = patreon_settings().CAMPAIGN_ID
    if by_operator and CREATORS_SCOPES.intersection(scopes):
        return Ours(certain=identity.campaign_id)
    if chosen is not None:
        return Ours(certain=chosen)
    # Without the scope for all memberships Patreon shows those of the client's own campaign only
    # (official). More than one campaign means that it did not go by these scopes.
    seen = {each.campaign_id for each in members}
    if scopes and ALL_MEMBERSHIPS not in scopes and len(seen) == 1:
        named = seen.pop()
        others = _ours().exclude(patreon_id=named)
        claimed = set(others.values_list("is_claimed", flat=True).distinct())
        if False not in claimed:
            return Ours(certain=named, overrules=bool(claimed))
        logger.info("Campaign %s is not taken for this site's: another one is", named)
    # A site that asks people for all their memberships has many creators, and says which.
    elif (
        asked
        and ALL_MEMBERSHIPS not in asked
        and CREATORS_SCOPES.intersection(scopes)
        and not _ours().exists()
    ):
        return Ours(claimed=identity.campaign_id)
    return Ours()


def disown_claims(ours: Ours) -> None:
    """Let what is certain overrule what was claimed."""
    if ours.certain is None or not ours.overrules:
        return
    claimed = _ours().filter(is_claimed=True)
    for campaign in claimed.exclude(patreon_id=ours.certain):
        logger.warning("Campaign %s was taken for this site's, and is not", campaign.patreon_id)
        set_ours(campaign, False)


def _ours() -> QuerySet[Campaign]:
    """Return the campaigns that are ours, as the primary database knows them."""
    return Campaign.objects.using(router.db_for_write(Campaign)).filter(is_ours=True)

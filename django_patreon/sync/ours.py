"""Which campaigns are this site's own: a gate that names none means the one that is."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from django_patreon.conf import patreon_settings
from django_patreon.models import Campaign
from django_patreon.resources import Identity, Member

__all__ = ["ALL_MEMBERSHIPS", "find_ours", "set_ours"]

logger = logging.getLogger("django_patreon")

ALL_MEMBERSHIPS = "identity.memberships"
CREATORS_SCOPES = frozenset({"campaigns.members", "w:campaigns.webhook"})
"""Rights over a campaign that its creator gives to a site that acts for it."""


def set_ours(campaign: Campaign, is_ours: bool) -> None:
    """Let an operator say whether this site acts for a campaign."""
    campaign.is_ours = is_ours
    campaign.save(update_fields=["is_ours"])


def find_ours(
    identity: Identity,
    members: Iterable[Member],
    *,
    scopes: Collection[str],
    asked: Collection[str],
    by_operator: bool,
) -> set[str]:
    """Tell this site's own campaigns from those that somebody here happens to know.

    What the site says counts, in `CAMPAIGN_ID` or by an operator who brings a creator's tokens.
    Else a sign-in may name the first one, and never a second: the address that leads to Patreon is
    in the visitor's hands, scopes and all.
    """
    chosen = patreon_settings().CAMPAIGN_ID
    found = {chosen}
    if by_operator and CREATORS_SCOPES.intersection(scopes):
        found.add(identity.campaign_id)
    elif chosen is None:
        found.add(_first(identity, members, scopes, asked))
    return {each for each in found if each is not None}


def _first(
    identity: Identity, members: Iterable[Member], scopes: Collection[str], asked: Collection[str]
) -> str | None:
    """Return the campaign that a sign-in makes ours where none is yet."""
    # Without the scope for all memberships Patreon shows those of the client's own campaign only
    # (official). More than one campaign means that it did not go by these scopes.
    seen = {each.campaign_id for each in members}
    named = None
    if scopes and ALL_MEMBERSHIPS not in scopes and len(seen) == 1:
        named = seen.pop()
    elif ALL_MEMBERSHIPS not in asked and CREATORS_SCOPES.intersection(scopes, asked):
        # A site that asks people for all their memberships has many creators, and says which.
        named = identity.campaign_id
    if named is None:
        return None
    others = Campaign.objects.filter(is_ours=True).exclude(patreon_id=named)
    if others.exists():
        logger.info("Campaign %s is not taken for this site's: another one is", named)
        return None
    return named

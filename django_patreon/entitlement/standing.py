"""What opens gates to a person: a membership, a pass or a role, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .facts import GrantFacts
from .reasons import Reason

__all__ = ["Standing", "earlier", "evaluate_grant"]


class Standing(NamedTuple):
    """Something that opens gates to a person: a membership, a pass or a role.

    Without `pays` it opens only rules that name one of its `tier_ids`.
    """

    reason: Reason
    """Why it opens what it opens."""
    until: datetime | None = None
    """When it ends. None: not by itself."""
    pays: bool = False
    """Is it paid support?"""
    tier_ids: frozenset[str] = frozenset()
    monthly_cents: int = 0
    lifetime_cents: int | None = None
    """Cents given in all. None for a pass, which has no history."""
    member_since: datetime | None = None
    everything: bool = False
    """Does it open every gate, whatever the rule asks for?"""
    detail: str = ""
    """Patreon's own value behind the reason, for the log."""


def evaluate_grant(grant: GrantFacts) -> Standing:
    """Return what a pass is worth while it is in force."""
    tier_price = (grant.tier.amount_cents or 0) if grant.tier else 0
    cents = max(grant.cents or 0, tier_price)
    return Standing(
        reason=Reason.GRANTED,
        until=grant.until,
        pays=cents > 0,
        tier_ids=frozenset({grant.tier.id} if grant.tier else ()),
        monthly_cents=max(cents, 0),
    )


def earlier(*moments: datetime | None) -> datetime | None:
    """Return the first of these. None stands for never."""
    known = [each for each in moments if each is not None]
    return min(known) if known else None

"""Comparing a requirement with what a person has."""

from __future__ import annotations

from .facts import Requirement
from .reasons import Reason
from .standing import Standing

__all__ = ["shortfall", "unmet"]

_NOTHING = (None,) * 5


def unmet(requirement: Requirement, standing: Standing) -> Requirement | None:
    """Return the part of `requirement` that `standing` does not meet; None if it meets all."""
    if standing.everything:
        return None
    asked, has = requirement, standing
    holds = asked.tiers is None or not has.tier_ids.isdisjoint(asked.tiers)
    joined = asked.since is None or (
        has.member_since is not None and has.member_since <= asked.since
    )
    needs = (
        None if holds else asked.tiers,
        None if _reaches(asked, has) else asked.at_least,
        _lacking(asked.cents, has.monthly_cents, has.pays),
        _lacking(asked.lifetime_cents, has.lifetime_cents, has.pays),
        None if joined else asked.since,
    )
    # Free tiers meet only rules that name a tier.
    paid_rule = asked.tiers is None and asked.at_least is None
    if needs == _NOTHING and (has.pays or not paid_rule):
        return None
    tiers, at_least, cents, lifetime_cents, since = needs
    return Requirement(
        tiers=tiers, at_least=at_least, cents=cents, lifetime_cents=lifetime_cents, since=since
    )


def shortfall(needs: Requirement) -> Reason:
    """Return the reason for a paying person: the first part of the rule that is not met."""
    if needs.tiers is not None:
        return Reason.OTHER_TIER if needs.tiers else Reason.UNKNOWN_TIER
    if needs.at_least is not None:
        return Reason.HIGHER_TIER
    if needs.cents is not None:
        return Reason.MORE_A_MONTH
    return Reason.JOINED_LATER if needs.lifetime_cents is None else Reason.MORE_SUPPORT


def _reaches(asked: Requirement, has: Standing) -> bool:
    """Return True if the tier of `at_least` is held, or something that is worth as much.

    Any tier at all is worth a free one.
    """
    tier = asked.at_least
    if tier is None or tier.id in has.tier_ids:
        return True
    if tier.is_free:
        return has.pays or bool(has.tier_ids)
    return tier.amount_cents is not None and has.monthly_cents >= tier.amount_cents


def _lacking(asked: int | None, has: int | None, counts: bool) -> int | None:
    """Return `asked` if it is not met: None if `has` is enough and `counts`."""
    enough = asked is None or (counts and has is not None and has >= asked)
    return None if enough else asked

"""What a membership is worth at a moment, and why: the table of Patreon's words.

`patron_status` describes the pledge, the entitlement what has been paid for (official), so they
disagree in good faith: cancelled and still entitled, gifted and 0 cents, a custom amount and no
tier. The entitlement leads. The words decide where it is blank, and name the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .facts import GrantFacts, MembershipFacts, Policy
from .reasons import Reason
from .worth import Worth, add_months, months

__all__ = ["CHARGES", "STATUSES", "Judgement", "Standing", "earlier", "judge", "of_grant"]

ACTIVE, DECLINED_PATRON, FORMER_PATRON = "active_patron", "declined_patron", "former_patron"
STATUSES = frozenset({ACTIVE, DECLINED_PATRON, FORMER_PATRON, None})
RETURNED_CHARGES = frozenset({"Refunded", "Refunded by Patreon", "Partially Refunded"})
PERIOD_CHARGES = frozenset({"Paid", "Pending", "Free Trial", "Deleted"})
"""Last charges that may have bought a period which outlives its pledge. "Deleted" is what a
cancelled pledge says, whatever its last charge was (observed)."""
CALM_CHARGES = frozenset({"Paid", "Pending", "Free Trial", None})
"""Last charges that give no reason why anything should have gone. On the first of a month they say
"Paid" of the month before, or "Pending", and the next charge's date has just passed (observed)."""
CHARGES = RETURNED_CHARGES | PERIOD_CHARGES | {"Declined", "Fraud", "Other", None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One thing that a person may show at a gate, and how long it lasts.

    `reason` is why it opens what it opens. `everything` opens every gate. A standing that does
    not `pays` opens only rules that name one of its `tier_ids`.
    """

    reason: Reason
    until: datetime | None = None
    pays: bool = False
    tier_ids: frozenset[str] = frozenset()
    monthly_cents: int = 0
    lifetime_cents: int | None = None
    """None: a pass, which has no history."""
    member_since: datetime | None = None
    everything: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The standings of a membership, and why it has no paid one (None: it has)."""

    standings: tuple[Standing, ...] = ()
    refusal: Reason | None = None
    detail: str = ""


def judge(membership: MembershipFacts, *, policy: Policy, now: datetime) -> Judgement:
    """Say what `membership` is worth at `now`, its age included."""
    expires = _later(membership.fetched_at, policy.max_age)
    if expires is not None and expires <= now:
        return _refuses(Reason.TOO_OLD)
    if membership.patron_status not in STATUSES:
        return _refuses(Reason.UNKNOWN_STATUS, detail=str(membership.patron_status))
    if membership.last_charge_status not in CHARGES:
        return _refuses(Reason.UNKNOWN_CHARGE, detail=str(membership.last_charge_status))
    paid = _paid(membership, policy, now)
    free = frozenset([tier.id for tier in membership.tiers if tier.is_free])
    # Naming a free tier on purpose is the only way to let its members in (T6).
    found = paid.standings + ((Standing(reason=Reason.FREE_TIER),) if free else ())
    return Judgement(
        refusal=paid.refusal,
        detail=paid.detail,
        # Lists, here and in `worth`: this runs at every gate, and generators take longer.
        standings=tuple(
            [
                Standing(  # not `replace`, which takes three times as long
                    reason=each.reason,
                    until=earlier(each.until, expires),
                    pays=each.pays,
                    tier_ids=each.tier_ids | free,
                    monthly_cents=each.monthly_cents,
                    lifetime_cents=membership.campaign_lifetime_support_cents or 0,
                    member_since=membership.pledge_relationship_start,
                    detail=each.detail,
                )
                for each in found
            ]
        ),
    )


def of_grant(grant: GrantFacts) -> Standing:
    """Say what a grant is worth while it is in force."""
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
    """The first of these; None is never."""
    known = [each for each in moments if each is not None]
    return min(known) if known else None


def _paid(membership: MembershipFacts, policy: Policy, now: datetime) -> Judgement:
    """Judge what is paid for, and then what the site chooses not to count."""
    worth = _listed(membership)
    if worth.pays:
        judgement = _entitled(membership, worth, policy, now)
    else:
        judgement = _blank(membership, policy, now)
    if judgement.refusal is not None:
        return judgement
    gift, trial = membership.is_gifted, _is_trial(membership)
    if gift and not policy.count_gifted:
        return _refuses(Reason.GIFT_NOT_COUNTED)
    if trial and not policy.count_trial:
        return _refuses(Reason.TRIAL_NOT_COUNTED)
    uncharged = membership.last_charge_status is None and not gift and not trial
    if uncharged and not policy.count_uncharged:
        return _refuses(Reason.UNCHARGED_NOT_COUNTED)
    return judgement


def _entitled(
    membership: MembershipFacts, worth: Worth, policy: Policy, now: datetime
) -> Judgement:
    """Patreon lists a paid tier or an amount, which opens (official); say under which name."""
    status, charge = membership.patron_status, membership.last_charge_status
    if status == FORMER_PATRON:
        end = _period_end(membership)
        if end is None or end <= membership.fetched_at:
            return _opens(Reason.CANCELLED, worth)  # the list outlived the date: trust the list
        return _opens(Reason.CANCELLED, worth, end) if now < end else _refuses(Reason.FORMER)
    is_gift = membership.is_gifted
    if not is_gift and (status == DECLINED_PATRON or charge == "Declined"):
        return _declined(membership, worth, membership.last_charge_date, policy, now)
    if is_gift:
        judgement = _opens(Reason.GIFT, worth)
    elif _is_trial(membership):
        judgement = _opens(Reason.TRIAL, worth)
    elif charge in _LISTED:
        judgement = _opens(_LISTED[charge], worth)
    else:
        judgement = _opens(Reason.STILL_ENTITLED, worth, detail=charge or "")
    known = membership.remembered
    calm = status != DECLINED_PATRON and charge in CALM_CHARGES
    if not calm or worth.paid_ids or known is None or not known.paid_ids:
        return judgement
    if known.amount > worth.amount:
        return judgement  # a smaller pledge
    # The tiers have gone though as much is paid: half a blank (T12).
    kept = _kept_for_a_while(membership, known, policy, now)
    return replace(judgement, standings=judgement.standings + kept)


_LISTED = {None: Reason.UNCHARGED, "Pending": Reason.PENDING, "Paid": Reason.PAID}


def _blank(membership: MembershipFacts, policy: Policy, now: datetime) -> Judgement:
    """Patreon lists nothing paid; say whether something speaks against taking that at its word."""
    status, charge = membership.patron_status, membership.last_charge_status
    if charge in RETURNED_CHARGES:
        return _refuses(Reason.REFUNDED, detail=charge or "")
    if charge == "Fraud":
        return _refuses(Reason.FRAUD)
    if status is None:
        return _refuses(Reason.NEVER)
    if status == FORMER_PATRON:
        return _cancelled(membership, now)
    if status == DECLINED_PATRON or charge == "Declined":
        start = membership.last_charge_date or membership.blank_since
        if start is None or (membership.remembered is None and _never_gave(membership)):
            return _refuses(Reason.DECLINED)  # joining with an empty card opens nothing
        return _declined(membership, membership.remembered or Worth(), start, policy, now)
    if charge in ("Other", "Deleted"):
        return _refuses(Reason.CHARGE_FAILED, detail=charge or "")
    known = membership.remembered
    if known is None:
        # It is worth paid support and no tier, and only while what was paid for runs.
        end = _period_end(membership)
        if charge != "Paid" or (end is not None and end <= now):
            return _refuses(Reason.BLANK)
    kept = _kept_for_a_while(membership, known or Worth(), policy, now)
    return Judgement(standings=kept) if kept else _refuses(Reason.BLANK)


def _cancelled(membership: MembershipFacts, now: datetime) -> Judgement:
    """Cancelling does not end what has been paid for (T8).

    Which tier that was, only our memory knows; without one it is worth paid support and no tier.
    """
    end, charge = _period_end(membership), membership.last_charge_status
    never_paid = charge == "Deleted" and _never_gave(membership) and membership.remembered is None
    if end is None or end <= now or charge not in PERIOD_CHARGES or never_paid:
        return _refuses(Reason.FORMER)
    return _opens(Reason.CANCELLED, membership.remembered or Worth(), end)


def _declined(
    membership: MembershipFacts,
    worth: Worth,
    start: datetime | None,
    policy: Policy,
    now: datetime,
) -> Judgement:
    """A grace from the declined charge (T7), the same whether or not Patreon still lists it.

    A charge without a date (observed for everybody at once, in an outage) begins no grace, and
    ends none either.
    """
    end = None if start is None else _later(start, policy.declined_grace)
    if end is not None and end <= now:
        return _refuses(Reason.DECLINED)
    return _opens(Reason.DECLINED_GRACE, worth, end)


def _kept_for_a_while(
    membership: MembershipFacts, worth: Worth, policy: Policy, now: datetime
) -> tuple[Standing, ...]:
    """Keep what is blank now for a short time since it became so (T12)."""
    end = _later(membership.blank_since or membership.fetched_at, policy.blank_grace)
    if end is not None and end <= now:
        return ()
    return _opens(Reason.BLANK_GRACE, worth, end).standings


def _listed(membership: MembershipFacts) -> Worth:
    return Worth(
        {tier.id: tier.amount_cents for tier in membership.tiers},
        membership.currently_entitled_amount_cents or 0,
        membership.pledge_cadence,
    )


def _period_end(membership: MembershipFacts) -> datetime | None:
    """When the paid period ends: the next charge, or the last one plus its months.

    None when Patreon names neither. A trial ends when Patreon says so and never by sums: its
    length is not a number of months.
    """
    if membership.next_charge_date is not None:
        return membership.next_charge_date
    if membership.last_charge_date is None or _is_trial(membership):
        return None
    return add_months(membership.last_charge_date, months(membership.pledge_cadence))


def _is_trial(membership: MembershipFacts) -> bool:
    return membership.is_free_trial or membership.last_charge_status == "Free Trial"


def _never_gave(membership: MembershipFacts) -> bool:
    return membership.campaign_lifetime_support_cents == 0


def _later(moment: datetime, span: timedelta) -> datetime | None:
    """Add; None where the calendar ends, so that `timedelta.max` means for ever."""
    try:
        return moment + span
    except OverflowError:
        return None


def _opens(
    reason: Reason, worth: Worth, until: datetime | None = None, *, detail: str = ""
) -> Judgement:
    standing = Standing(
        reason=reason,
        until=until,
        pays=True,
        tier_ids=frozenset(worth.prices),
        monthly_cents=worth.monthly,
        detail=detail,
    )
    return Judgement(standings=(standing,))


def _refuses(reason: Reason, *, detail: str = "") -> Judgement:
    return Judgement(refusal=reason, detail=detail)

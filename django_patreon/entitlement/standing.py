"""What a membership is worth at a moment, and why: the table of Patreon's words.

`patron_status` describes the pledge, the entitlement what has been paid for (official), so they
disagree in good faith: cancelled and still entitled, gifted and 0 cents, a custom amount and no
tier. The entitlement leads. The words decide where it is blank, and name the reason.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .charges import (
    CALM_CHARGES,
    CHARGES,
    DECLINED_PATRON,
    FORMER_PATRON,
    PERIOD_CHARGES,
    RETURNED_CHARGES,
    STATUSES,
    STILL_PAID,
    grace_start,
    is_declined,
)
from .facts import GrantFacts, MembershipFacts, Policy
from .reasons import Reason
from .worth import Worth, add_months, months

__all__ = ["MembershipResult", "Standing", "earlier", "evaluate_grant", "evaluate_membership"]


class Standing(NamedTuple):
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


class MembershipResult(NamedTuple):
    """The standings of a membership, and why it has no paid one (None: it has)."""

    standings: tuple[Standing, ...] = ()
    refusal: Reason | None = None
    detail: str = ""


def evaluate_membership(
    membership: MembershipFacts, *, policy: Policy, now: datetime
) -> MembershipResult:
    """Say what `membership` is worth at `now`, its age included."""
    if membership.last_charge_status in STILL_PAID:
        membership = membership._replace(last_charge_status="Paid")
    return _MembershipEvaluation(membership, policy, now).result()


def evaluate_grant(grant: GrantFacts) -> Standing:
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


class _MembershipEvaluation:
    """One membership at one moment, and the questions that its words raise."""

    def __init__(self, membership: MembershipFacts, policy: Policy, now: datetime) -> None:
        self.membership = membership
        self.policy = policy
        self.now = now
        self.expires = _later(membership.fetched_at, policy.max_age)
        # Lists, here and in `worth`: this runs at every gate, and generators take longer.
        self.free = frozenset([tier.id for tier in membership.tiers if tier.is_free])

    def result(self) -> MembershipResult:
        """Judge what is paid for, and then what the site chooses not to count."""
        membership = self.membership
        status, charge = membership.patron_status, membership.last_charge_status
        if self.expires is not None and self.expires <= self.now:
            return MembershipResult(refusal=Reason.TOO_OLD)
        if status not in STATUSES:
            return MembershipResult(refusal=Reason.UNKNOWN_STATUS, detail=str(status))
        if charge not in CHARGES:
            return MembershipResult(refusal=Reason.UNKNOWN_CHARGE, detail=str(charge))
        worth, uncounted = self.listed(), self.uncounted()
        found = self.entitled(worth) if worth.pays else self.blank()
        if uncounted is not None:
            return found if found.refusal is not None else self.refuses(uncounted)
        if worth.pays or len(self.free) == len(membership.tiers):
            return found
        # A tier without a price is held like any other (official); that it is paid for, who knows.
        held = [each._replace(pays=False) for each in self.entitled(worth).standings]
        return found._replace(standings=(*found.standings, *held))

    def uncounted(self) -> Reason | None:
        """Name the kind of membership that this is, if the site chooses not to count it."""
        membership, policy = self.membership, self.policy
        gift, trial = membership.is_gifted, self.is_trial
        if gift and not policy.count_gifted:
            return Reason.GIFT_NOT_COUNTED
        if trial and not policy.count_trial:
            return Reason.TRIAL_NOT_COUNTED
        uncharged = membership.last_charge_status is None and not gift and not trial
        return Reason.UNCHARGED_NOT_COUNTED if uncharged and not policy.count_uncharged else None

    def entitled(self, worth: Worth) -> MembershipResult:
        """Patreon lists a paid tier or an amount, which opens (official); say under which name."""
        membership = self.membership
        status, charge = membership.patron_status, membership.last_charge_status
        if status == FORMER_PATRON:
            end = self.period_end()
            if end is None or end <= membership.fetched_at:
                return self.opens(Reason.CANCELLED, worth)  # it outlived the date: trust the list
            still = self.now < end
            return (
                self.opens(Reason.CANCELLED, worth, end) if still else self.refuses(Reason.FORMER)
            )
        is_gift = membership.is_gifted
        if not is_gift and is_declined(status, charge):
            return self.declined(worth)
        half = self.half_blank(worth)
        if is_gift:
            return self.opens(Reason.GIFT, worth, more=half)
        if self.is_trial:
            return self.opens(Reason.TRIAL, worth, more=half)
        if charge in _LISTED:
            return self.opens(_LISTED[charge], worth, more=half)
        return self.opens(Reason.STILL_ENTITLED, worth, detail=charge or "", more=half)

    def half_blank(self, worth: Worth) -> tuple[Standing, ...]:
        """Keep the tiers that have gone though as much is paid (T12)."""
        membership, known = self.membership, self.membership.remembered
        if known is None or worth.paid_ids or not known.paid_ids:
            return ()
        calm = membership.last_charge_status in CALM_CHARGES
        if not calm or membership.patron_status == DECLINED_PATRON:
            return ()
        return () if known.amount > worth.amount else self.kept_for_a_while(known)  # or it is less

    def blank(self) -> MembershipResult:
        """Patreon lists nothing paid; say whether anything speaks against believing it."""
        membership, known = self.membership, self.membership.remembered
        status, charge = membership.patron_status, membership.last_charge_status
        if charge in RETURNED_CHARGES:
            return self.refuses(Reason.REFUNDED, detail=charge or "")
        if charge == "Fraud":
            return self.refuses(Reason.FRAUD)
        if status is None:
            return self.refuses(Reason.NEVER)
        if status == FORMER_PATRON:
            return self.cancelled()
        if is_declined(status, charge):
            if known is None and self.never_gave:
                return self.refuses(Reason.DECLINED)  # joining with an empty card opens nothing
            return self.declined(known or Worth())
        if charge in ("Other", "Deleted"):
            return self.refuses(Reason.CHARGE_FAILED, detail=charge or "")
        end = None
        if known is None:
            # It is worth paid support and no tier, and only while what was paid for runs.
            end = self.period_end()
            if charge != "Paid" or (end is not None and end <= self.now):
                return self.refuses(Reason.BLANK)
        kept = self.kept_for_a_while(known or Worth(), end)
        return (
            MembershipResult(standings=kept + self.named_free())
            if kept
            else self.refuses(Reason.BLANK)
        )

    def cancelled(self) -> MembershipResult:
        """Cancelling does not end what has been paid for (T8).

        Which tier that was, only our memory knows; without one it is worth paid support, no tier.
        """
        known, charge = self.membership.remembered, self.membership.last_charge_status
        end = self.period_end()
        never_paid = charge == "Deleted" and self.never_gave and known is None
        if end is None or end <= self.now or charge not in PERIOD_CHARGES or never_paid:
            return self.refuses(Reason.FORMER)
        return self.opens(Reason.CANCELLED, known or Worth(), end)

    def declined(self, worth: Worth) -> MembershipResult:
        """Give a grace (T7), the same whether or not Patreon still lists what was paid for."""
        membership = self.membership
        start = grace_start(
            membership.last_charge_status,
            membership.last_charge_date,
            membership.declined_since or membership.fetched_at,
        )
        end = _later(start, self.policy.declined_grace)
        if end is not None and end <= self.now:
            return self.refuses(Reason.DECLINED)
        return self.opens(Reason.DECLINED_GRACE, worth, end)

    def kept_for_a_while(self, worth: Worth, most: datetime | None = None) -> tuple[Standing, ...]:
        """Keep what is blank now for a short time since it became so (T12)."""
        since = self.membership.blank_since or self.membership.fetched_at
        end = _later(since, self.policy.blank_grace)
        if end is not None and end <= self.now:
            return ()
        return (self.paid(Reason.BLANK_GRACE, worth, earlier(end, most)),)

    def period_end(self) -> datetime | None:
        """When the paid period ends: the next charge, or the last one plus its months.

        None when Patreon names neither. A trial ends when Patreon says so and never by sums: its
        length is not a number of months.
        """
        membership = self.membership
        if membership.next_charge_date is not None:
            return membership.next_charge_date
        if membership.last_charge_date is None or self.is_trial:
            return None
        return add_months(membership.last_charge_date, months(membership.pledge_cadence))

    def listed(self) -> Worth:
        membership = self.membership
        return Worth(
            {tier.id: tier.amount_cents for tier in membership.tiers},
            membership.currently_entitled_amount_cents or 0,
            membership.pledge_cadence,
        )

    @property
    def is_trial(self) -> bool:
        return self.membership.is_free_trial or self.membership.last_charge_status == "Free Trial"

    @property
    def never_gave(self) -> bool:
        return self.membership.campaign_lifetime_support_cents == 0

    def opens(
        self,
        reason: Reason,
        worth: Worth,
        until: datetime | None = None,
        *,
        detail: str = "",
        more: tuple[Standing, ...] = (),
    ) -> MembershipResult:
        standing = self.paid(reason, worth, until, detail)
        # Its tiers are those of the free ones, too, which are worth their own only if they last.
        free = () if standing.until == self.expires else self.named_free()
        return MembershipResult(standings=(standing, *more, *free))

    def refuses(self, reason: Reason, *, detail: str = "") -> MembershipResult:
        return MembershipResult(standings=self.named_free(), refusal=reason, detail=detail)

    def paid(
        self, reason: Reason, worth: Worth, until: datetime | None, detail: str = ""
    ) -> Standing:
        return Standing(
            reason=reason,
            until=earlier(until, self.expires),
            pays=True,
            tier_ids=self.free.union(worth.prices),
            monthly_cents=worth.monthly,
            lifetime_cents=self.membership.campaign_lifetime_support_cents or 0,
            member_since=self.membership.pledge_relationship_start,
            detail=detail,
        )

    def named_free(self) -> tuple[Standing, ...]:
        """Naming a free tier on purpose is the only way to let its members in (T6)."""
        if not self.free:
            return ()
        standing = Standing(
            reason=Reason.FREE_TIER,
            until=self.expires,
            tier_ids=self.free,
            lifetime_cents=self.membership.campaign_lifetime_support_cents or 0,
            member_since=self.membership.pledge_relationship_start,
        )
        return (standing,)


_LISTED = {None: Reason.UNCHARGED, "Pending": Reason.PENDING, "Paid": Reason.PAID}


def _later(moment: datetime, span: timedelta) -> datetime | None:
    """Add; None where the calendar ends, so that `timedelta.max` means for ever."""
    try:
        return moment + span
    except OverflowError:
        return None

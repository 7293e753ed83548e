"""What one membership is worth at a moment, and why.

`patron_status` describes the pledge, and the entitled tiers and amount describe what has been paid
for (official). So they differ without a fault: a membership can be cancelled and still entitled, a
gift has an amount of 0, a custom amount has no tier. The entitlement decides. Where Patreon lists
nothing, the statuses decide; in any case they give the reason.
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
from .facts import MembershipFacts, Policy
from .reasons import Reason
from .standing import Standing, earlier
from .worth import Worth, add_months, months

__all__ = ["MembershipResult", "evaluate_membership"]


class MembershipResult(NamedTuple):
    """What memberships are worth."""

    standings: tuple[Standing, ...] = ()
    refusal: Reason | None = None
    """Why none of the standings is paid support. None: one of them is."""
    detail: str = ""


def evaluate_membership(
    membership: MembershipFacts, *, policy: Policy, now: datetime
) -> MembershipResult:
    """Return what `membership` is worth at `now`. Facts that are too old are worth nothing."""
    if membership.last_charge_status in STILL_PAID:
        membership = membership._replace(last_charge_status="Paid")
    return _MembershipEvaluation(membership, policy, now).result()


class _MembershipEvaluation:
    """One membership at one moment."""

    def __init__(self, membership: MembershipFacts, policy: Policy, now: datetime) -> None:
        self.membership = membership
        self.policy = policy
        self.now = now
        self.expires = _later(membership.fetched_at, policy.max_age)
        # Lists, here and in `worth`: this runs at every gate, and generators take longer.
        self.free = frozenset([tier.id for tier in membership.tiers if tier.is_free])

    def result(self) -> MembershipResult:
        """Return what it is worth, without what the site chooses not to count."""
        membership = self.membership
        status, charge = membership.patron_status, membership.last_charge_status
        if self.expires is not None and self.expires <= self.now:
            return MembershipResult(refusal=Reason.TOO_OLD)
        if status not in STATUSES:
            return MembershipResult(refusal=Reason.UNKNOWN_STATUS, detail=str(status))
        if charge not in CHARGES:
            return MembershipResult(refusal=Reason.UNKNOWN_CHARGE, detail=str(charge))
        worth, uncounted = self.membership.listed, self.reason_not_to_count()
        found = self.result_if_listed(worth) if worth.pays else self.result_if_blank()
        if uncounted is not None:
            return found if found.refusal is not None else self.refuse(uncounted)
        if worth.pays or len(self.free) == len(membership.tiers):
            return found
        # A tier without a price is listed like any other (official), but need not be a paid one.
        held = [each._replace(pays=False) for each in self.result_if_listed(worth).standings]
        return found._replace(standings=(*found.standings, *held))

    def reason_not_to_count(self) -> Reason | None:
        """Return why the site does not count this kind of membership; None if it counts."""
        membership, policy = self.membership, self.policy
        gift, trial = membership.is_gifted, self.is_trial
        if gift and not policy.count_gifted:
            return Reason.GIFT_NOT_COUNTED
        if trial and not policy.count_trial:
            return Reason.TRIAL_NOT_COUNTED
        uncharged = membership.last_charge_status is None and not gift and not trial
        return Reason.UNCHARGED_NOT_COUNTED if uncharged and not policy.count_uncharged else None

    def result_if_listed(self, worth: Worth) -> MembershipResult:
        """Return the result if Patreon lists a paid tier or an amount: it opens (official)."""
        membership = self.membership
        status, charge = membership.patron_status, membership.last_charge_status
        if status == FORMER_PATRON:
            end = self.period_end()
            if end is None or end <= membership.fetched_at:
                # It was still listed after that date, so the date says nothing.
                return self.open(Reason.CANCELLED, worth)
            if end <= self.now:
                return self.refuse(Reason.FORMER)
            return self.open(Reason.CANCELLED, worth, end)
        is_gift = membership.is_gifted
        if not is_gift and is_declined(status, charge):
            return self.result_if_declined(worth)
        half = self.missing_tiers(worth)
        if is_gift:
            return self.open(Reason.GIFT, worth, more=half)
        if self.is_trial:
            return self.open(Reason.TRIAL, worth, more=half)
        if charge in _LISTED:
            return self.open(_LISTED[charge], worth, more=half)
        return self.open(Reason.STILL_ENTITLED, worth, detail=charge or "", more=half)

    def missing_tiers(self, worth: Worth) -> tuple[Standing, ...]:
        """Return a grace for tiers that are no longer listed, though as much is paid (T12)."""
        membership, known = self.membership, self.membership.remembered
        if known is None or worth.paid_ids or not known.paid_ids:
            return ()
        calm = membership.last_charge_status in CALM_CHARGES
        if not calm or membership.patron_status == DECLINED_PATRON:
            return ()
        if known.amount > worth.amount:
            return ()  # less is paid than before: the person has changed to a cheaper tier
        return self.blank_grace(known)

    def result_if_blank(self) -> MembershipResult:
        """Return the result where Patreon lists nothing paid: the statuses decide."""
        membership, known = self.membership, self.membership.remembered
        status, charge = membership.patron_status, membership.last_charge_status
        if charge in RETURNED_CHARGES:
            return self.refuse(Reason.REFUNDED, detail=charge or "")
        if charge == "Fraud":
            return self.refuse(Reason.FRAUD)
        if status is None:
            return self.refuse(Reason.NEVER)
        if status == FORMER_PATRON:
            return self.result_if_cancelled()
        if is_declined(status, charge):
            if known is None and self.never_gave:
                return self.refuse(Reason.DECLINED)  # the very first charge was declined
            return self.result_if_declined(known or Worth())
        if charge in ("Other", "Deleted"):
            return self.refuse(Reason.CHARGE_FAILED, detail=charge or "")
        end = None
        if known is None:
            # Nothing is known of its tier. It counts as paid support while the paid period runs.
            end = self.period_end()
            if charge != "Paid" or (end is not None and end <= self.now):
                return self.refuse(Reason.BLANK)
        kept = self.blank_grace(known or Worth(), end)
        return (
            MembershipResult(standings=kept + self.free_standing())
            if kept
            else self.refuse(Reason.BLANK)
        )

    def result_if_cancelled(self) -> MembershipResult:
        """Return the result for a cancelled pledge: it lasts until the paid period ends (T8).

        It is worth what was listed before. If that is not known it counts as paid support.
        """
        known, charge = self.membership.remembered, self.membership.last_charge_status
        end = self.period_end()
        never_paid = charge == "Deleted" and self.never_gave and known is None
        if end is None or end <= self.now or charge not in PERIOD_CHARGES or never_paid:
            return self.refuse(Reason.FORMER)
        return self.open(Reason.CANCELLED, known or Worth(), end)

    def result_if_declined(self, worth: Worth) -> MembershipResult:
        """Return a grace (T7), the same whether or not Patreon still lists what was paid for."""
        membership = self.membership
        start = grace_start(
            membership.last_charge_status,
            membership.last_charge_date,
            membership.declined_since or membership.fetched_at,
        )
        end = _later(start, self.policy.declined_grace)
        if end is not None and end <= self.now:
            return self.refuse(Reason.DECLINED)
        return self.open(Reason.DECLINED_GRACE, worth, end)

    def blank_grace(self, worth: Worth, most: datetime | None = None) -> tuple[Standing, ...]:
        """Return a grace for what Patreon no longer lists, from when it first did not (T12)."""
        since = self.membership.blank_since or self.membership.fetched_at
        end = _later(since, self.policy.blank_grace)
        if end is not None and end <= self.now:
            return ()
        return (self.paid_standing(Reason.BLANK_GRACE, worth, earlier(end, most)),)

    def period_end(self) -> datetime | None:
        """Return when the paid period ends: at the next charge, or the period's months after the
        last one.

        None if Patreon gives neither date. The end of a trial is not computed, because a trial does
        not last a number of months.
        """
        membership = self.membership
        if membership.next_charge_date is not None:
            return membership.next_charge_date
        if membership.last_charge_date is None or self.is_trial:
            return None
        return add_months(membership.last_charge_date, months(membership.pledge_cadence))

    @property
    def is_trial(self) -> bool:
        return self.membership.is_free_trial or self.membership.last_charge_status == "Free Trial"

    @property
    def never_gave(self) -> bool:
        return self.membership.campaign_lifetime_support_cents == 0

    def open(
        self,
        reason: Reason,
        worth: Worth,
        until: datetime | None = None,
        *,
        detail: str = "",
        more: tuple[Standing, ...] = (),
    ) -> MembershipResult:
        standing = self.paid_standing(reason, worth, until, detail)
        # Free tiers are among its tiers. They count by themselves only if they last longer.
        free = () if standing.until == self.expires else self.free_standing()
        return MembershipResult(standings=(standing, *more, *free))

    def refuse(self, reason: Reason, *, detail: str = "") -> MembershipResult:
        return MembershipResult(standings=self.free_standing(), refusal=reason, detail=detail)

    def paid_standing(
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

    def free_standing(self) -> tuple[Standing, ...]:
        """Return what free tiers are worth: they open only rules that name them (T6)."""
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
    """Return `moment + span`; None past the calendar's end, so `timedelta.max` is for ever."""
    try:
        return moment + span
    except OverflowError:
        return None

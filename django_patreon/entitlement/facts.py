"""What the rule is told: plain frozen values, made by whoever has read the database.

What every gate makes anew is a named tuple: a frozen dataclass takes several times as long to make.

Amounts are cents of the campaign's currency. Times are aware; `until` and every other end is the
first moment at which the thing no longer holds. None means that Patreon did not say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from .reasons import Reason
from .worth import Worth

__all__ = [
    "Decision",
    "Facts",
    "GrantFacts",
    "MembershipFacts",
    "Policy",
    "Requirement",
    "Subject",
    "TierFacts",
]


class TierFacts(NamedTuple):
    """What a campaign sells. A price of 0 makes it a free tier; None is a price nobody knows."""

    id: str
    amount_cents: int | None

    @property
    def is_free(self) -> bool:
        return self.amount_cents is not None and self.amount_cents <= 0


class MembershipFacts(NamedTuple):
    """One person's membership of one campaign, in Patreon's own words, as of `fetched_at`."""

    campaign_id: str
    fetched_at: datetime
    patron_status: str | None = None
    last_charge_status: str | None = None
    last_charge_date: datetime | None = None
    next_charge_date: datetime | None = None
    currently_entitled_amount_cents: int | None = None
    """For the whole period of `pledge_cadence` months, not for one (official)."""
    campaign_lifetime_support_cents: int | None = None
    pledge_cadence: int | None = None
    """Months that one payment covers: 1 or 12 (observed); None and 0 count as 1."""
    pledge_relationship_start: datetime | None = None
    is_gifted: bool = False
    is_free_trial: bool = False
    tiers: tuple[TierFacts, ...] = ()
    """The entitled tiers in any order, free one included."""
    blank_since: datetime | None = None
    """The first reading in which Patreon no longer listed what it had listed before."""
    remembered: Worth | None = None
    """What it listed before; None when we never saw anything paid, or see it still."""
    declined_since: datetime | None = None
    """When the card was first declined, as far as we know: the date of the declined charge, or the
    first reading that said so. None while it is not declined; where it is, `fetched_at` counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFacts:
    """A pass given here by hand, or (with `deny`) a ban. Patreon has no say in it.

    It is worth `tier`, or `cents` a month, or the higher of both; one that names neither opens
    nothing. It speaks for tiers and amounts, not for history: no grant satisfies a rule about
    lifetime support or the day of joining. In force from `starts_at` to `until`, None being open.
    """

    tier: TierFacts | None = None
    cents: int | None = None
    deny: bool = False
    starts_at: datetime | None = None
    until: datetime | None = None
    campaign_id: str | None = None
    """The campaign it is about; None is every campaign of this site."""

    def is_in_force(self, now: datetime) -> bool:
        begun = self.starts_at is None or self.starts_at <= now
        return begun and (self.until is None or now < self.until)

    def is_ahead(self, now: datetime) -> bool:
        if self.starts_at is None or self.starts_at <= now:
            return False
        return self.until is None or self.starts_at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a site may choose. The defaults let in whoever has paid or is about to."""

    declined_grace: timedelta = timedelta(days=7)
    """How long a patron whose card was declined keeps what they had, from the declined charge, or
    from when we first heard of it if Patreon does not date it. A week is what peers give
    (observed)."""
    blank_grace: timedelta = timedelta(days=3)
    """How long a patron in good standing keeps what Patreon last named, when it names nothing
    (observed around the first of the month), from the first reading that named nothing."""
    max_age: timedelta = timedelta(days=14)
    """How old facts may be. As long as a Django session lasts by default: a site that hears of
    memberships only at sign-in then hears of them once a session."""
    count_trial: bool = True
    """Do free trials count as paying?"""
    count_gifted: bool = True
    """Do gifted memberships count as paying?"""
    count_uncharged: bool = True
    """Do patrons count before their first charge, as on a campaign that charges on the first?"""
    staff_bypass: bool = True
    """May staff, and the creator of the campaign, see everything? A creator cannot be their own
    patron (observed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a gate asks for. All that is named must hold; naming nothing asks for any paid support.

    Whoever pays the least passes `Requirement()`; a free tier never does. Free tiers pass only
    where a rule names one on purpose, in `tiers` or as `at_least`.
    """

    tiers: frozenset[str] | None = None
    """Ids of which one must be held. Empty (no tier of the rule is known) lets nobody in."""
    at_least: TierFacts | None = None
    """Hold this tier, or any other tier or amount that is worth as much a month. With a price
    nobody knows, only the tier itself will do."""
    cents: int | None = None
    """Give this much a month: the highest tier or the amount for a month, whichever is more."""
    lifetime_cents: int | None = None
    """Be a patron who has given this much in all."""
    since: datetime | None = None
    """Have joined at this moment or earlier."""


class Subject(NamedTuple):
    """Who is asking, as far as this site knows. The default is a user without Patreon."""

    is_anonymous: bool = False
    is_staff: bool = False
    is_creator: bool = False
    """Does the campaign belong to them?"""
    is_linked: bool = False
    needs_reconnect: bool = False
    """Has Patreon refused their token, so that only a new sign-in helps?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything known of one person at one moment, but for what a gate asks.

    `memberships` may be of any campaigns in any order: only those of `campaign_id` count (T4), as
    a rule one, else what is best of each; and of `grants` only those of this campaign or of all.
    No `campaign_id`: this site has not said which campaign it means, and then no membership opens
    anything.
    """

    campaign_id: str | None
    now: datetime
    subject: Subject
    memberships: tuple[MembershipFacts, ...] = ()
    grants: tuple[GrantFacts, ...] = ()
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        if self.now.utcoffset() is None:
            raise ValueError("`now` must be aware, such as datetime.now(UTC).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """May they come in, and why. True in a condition when they may."""

    allowed: bool
    reason: Reason
    until: datetime | None = None
    """Nothing but new facts changes `allowed` before this moment; None: only new facts do."""
    needs: Requirement | None = None
    """The part of the rule that is not met, when closed; None when nothing would help."""
    detail: str = ""
    """Patreon's own word behind the reason, where a word decided: to be logged, not shown."""

    def __bool__(self) -> bool:
        return self.allowed

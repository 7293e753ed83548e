"""The inputs of the rule, and its answer: plain frozen values.

Amounts are cents of the campaign's currency. Times are aware. An end, such as `until`, is the first
moment at which the thing no longer holds. None means that Patreon did not say.

Values that every gate makes anew are named tuples: a frozen dataclass takes several times as long.
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
    """A tier of a campaign. It is free if its price is 0; None is an unknown price."""

    id: str
    amount_cents: int | None

    @property
    def is_free(self) -> bool:
        return self.amount_cents is not None and self.amount_cents <= 0


class MembershipFacts(NamedTuple):
    """One person's membership of one campaign, as Patreon described it at `fetched_at`.

    `fetched_at` and the last three fields are of this site, the others are Patreon's.
    """

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
    """When we first read that Patreon no longer listed what it had listed before."""
    remembered: Worth | None = None
    """What it had listed before. None if nothing paid ever was, or if something paid still is."""
    declined_since: datetime | None = None
    """When the card was declined: the date of the declined charge, or when we first read of it. If
    it is None for a declined membership, `fetched_at` counts."""

    @property
    def listed(self) -> Worth:
        """What Patreon lists: the entitled tiers and the amount."""
        return Worth(
            {tier.id: tier.amount_cents for tier in self.tiers},
            self.currently_entitled_amount_cents or 0,
            self.pledge_cadence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFacts:
    """A pass that the site gave by hand, or with `deny` a ban.

    A pass is worth `tier` or `cents` a month, whichever is more; one with neither opens nothing. It
    does not satisfy rules about lifetime support or the day of joining. It is in force from
    `starts_at` to `until`; None is no limit.
    """

    tier: TierFacts | None = None
    cents: int | None = None
    deny: bool = False
    starts_at: datetime | None = None
    until: datetime | None = None
    campaign_id: str | None = None
    """Id of the campaign it is about; None: all campaigns of this site."""

    def is_in_force(self, now: datetime) -> bool:
        """Return True if it has begun and has not ended."""
        begun = self.starts_at is None or self.starts_at <= now
        return begun and (self.until is None or now < self.until)

    def is_ahead(self, now: datetime) -> bool:
        """Return True if it will begin later."""
        if self.starts_at is None or self.starts_at <= now:
            return False
        return self.until is None or self.starts_at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a site chooses in its settings. The defaults let in who has paid or will soon."""

    declined_grace: timedelta = timedelta(days=7)
    """How long a patron whose card was declined keeps what they had. It counts from the declined
    charge, or from when we first heard of it if Patreon gives no date. A week is what similar
    projects give (observed)."""
    blank_grace: timedelta = timedelta(days=3)
    """How long a patron keeps the tiers that Patreon no longer lists although nothing else has
    changed (observed around the first of the month). It counts from when we first read that."""
    max_age: timedelta = timedelta(days=14)
    """How old facts may be before they open nothing. The default is as long as a Django session
    lasts: a site that reads memberships only at sign-in then reads them once a session."""
    count_trial: bool = True
    """Do free trials count as paying?"""
    count_gifted: bool = True
    """Do gifted memberships count as paying?"""
    count_uncharged: bool = True
    """Do patrons count before their first charge, as on a campaign that charges on the first?"""
    staff_bypass: bool = True
    """Do staff and the creator of the campaign pass every gate? A creator cannot be their own
    patron (observed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a gate asks for. All that is given must hold.

    `Requirement()` asks for any paid support. A free tier meets a requirement only if the
    requirement names a free tier, in `tiers` or as `at_least`.
    """

    tiers: frozenset[str] | None = None
    """Ids of tiers; the person must hold one of them. Empty (no tier of the rule is known): nobody
    meets it."""
    at_least: TierFacts | None = None
    """The person must hold this tier, or a tier or an amount that is worth as much a month. If its
    price is unknown, only the tier itself counts."""
    cents: int | None = None
    """The person must give this much a month, counting the highest tier or the amount for a month,
    whichever is more."""
    lifetime_cents: int | None = None
    """The person must be a patron and have given this much in all."""
    since: datetime | None = None
    """The person must have joined at this moment or earlier."""


class Subject(NamedTuple):
    """What this site knows of the user. The default is a user without a Patreon account."""

    is_anonymous: bool = False
    is_staff: bool = False
    is_creator: bool = False
    """Does the campaign belong to them?"""
    is_linked: bool = False
    needs_reconnect: bool = False
    """Has Patreon refused their token, so that only a new sign-in helps?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the rule has to know of one person at one moment.

    Of `memberships` only those of `campaign_id` count (T4), of `grants` only those of that campaign
    or of all campaigns. Their order does not matter. If `campaign_id` is None, this site has not
    said which campaign it means, and no membership opens anything.
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
    """Whether the person may come in, and why. It is true in a condition if they may."""

    allowed: bool
    reason: Reason
    until: datetime | None = None
    """Before this moment only new facts change `allowed`. None: only new facts ever do."""
    needs: Requirement | None = None
    """The part of the requirement that is not met, if closed. None: nothing would help."""
    detail: str = ""
    """The value of Patreon's that decided, if one did: for the log, not for pages."""

    def __bool__(self) -> bool:
        return self.allowed

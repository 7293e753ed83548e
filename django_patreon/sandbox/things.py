"""What the pretend world is made of: one dataclass for each kind of thing, and the clock.

Amounts are cents of the campaign's currency. Times are aware UTC.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

__all__ = [
    "Address",
    "Attempt",
    "Benefit",
    "Campaign",
    "Clock",
    "Delivery",
    "Hook",
    "Live",
    "LiveAccessRule",
    "Member",
    "OAuthClient",
    "Person",
    "PledgeEvent",
    "Post",
    "Tier",
    "member_id",
    "stamp",
]


_SECONDS_AHEAD = (datetime(9001, 1, 1, tzinfo=UTC) - datetime.now(UTC)).total_seconds()


@dataclass(kw_only=True)
class Clock:
    """The sandbox's own time: real time, plus what it has been moved forward by."""

    ahead_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.ahead_seconds <= _SECONDS_AHEAD:
            raise ValueError("the clock can be ahead by 0 seconds, up to the year 9000")

    def now(self) -> datetime:
        """The sandbox's time, aware UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead_seconds)

    def after(self, seconds: float) -> datetime:
        """The time that many seconds from now.

        Raises `ValueError` for going back, or beyond the year 9000.
        """
        step = timedelta(seconds=seconds) if 0 <= seconds < 1e10 else None
        if step is None or (self.now() + step).year > 9000:
            raise ValueError("the clock moves forward only, and not beyond the year 9000")
        return self.now() + step

    def advance(self, seconds: float) -> None:
        """Move forward. Raises as `after` does."""
        self.after(seconds)
        self.ahead_seconds += seconds

    def move_to(self, moment: datetime) -> None:
        """Move forward to a time; one that has passed changes nothing."""
        self.ahead_seconds += max(0.0, (moment - self.now()).total_seconds())

    @staticmethod
    def tick() -> float:
        """Real seconds, for limits that protect the sandbox itself."""
        return time.monotonic()


@dataclass(kw_only=True)
class Tier:
    """What a campaign sells."""

    id: str
    campaign_id: str
    title: str
    amount_cents: int


@dataclass(kw_only=True)
class Campaign:
    """A creator's page."""

    id: str
    creator_id: str
    name: str
    vanity: str
    currency: str
    tiers: list[Tier] = field(default_factory=list)


@dataclass(kw_only=True)
class Benefit:
    """What a tier comes with."""

    id: str
    campaign_id: str
    title: str
    tier_ids: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Post:
    """What a creator wrote. `tier_ids` empty: for everybody."""

    id: str
    campaign_id: str
    title: str
    content: str
    published_at: datetime
    tier_ids: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Person:
    """Somebody with an account at Patreon. `slug` is how scripts call them."""

    id: str
    slug: str
    says: str
    """What this person is there to show, for the consent page."""
    full_name: str
    first_name: str = ""
    last_name: str = ""
    vanity: str | None = None
    email: str | None = None
    is_email_verified: bool = True


@dataclass(kw_only=True)
class Address:
    """Where a patron wants parcels sent. Its id is the person's."""

    id: str
    addressee: str | None
    line_1: str | None
    city: str
    country: str
    line_2: str | None = None
    postal_code: str | None = None
    state: str | None = None
    phone_number: str | None = None


@dataclass(kw_only=True)
class PledgeEvent:
    """Something that happened to a pledge."""

    id: str
    campaign_id: str
    user_id: str
    date: datetime
    type: str
    amount_cents: int
    currency_code: str
    tier_id: str | None = None
    payment_status: str | None = None
    pledge_payment_status: str | None = "valid"


@dataclass(kw_only=True)
class Live:
    """A live stream of a creator."""

    id: str
    campaign_id: str
    state: str = "pre_live"
    title: str | None = None
    description: str | None = None
    scheduled_for: datetime | None = None
    rule_ids: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class LiveAccessRule:
    """Who may watch."""

    id: str
    campaign_id: str
    access_rule_type: str
    tier_id: str | None = None


@dataclass(kw_only=True)
class Attempt:
    """One try to deliver an event: what the other side answered, or why it did not."""

    at: datetime
    status: int | None
    words: str = ""


@dataclass(kw_only=True)
class Delivery:
    """One event on its way to one hook. `body` is sent, and signed, as it is here."""

    id: str
    hook_id: str
    event: str
    body: str
    happened_at: datetime
    attempts: list[Attempt] = field(default_factory=list)
    delivered: bool = False


@dataclass(kw_only=True)
class Hook:
    """An address that wants to hear of events. Owned by the client, or made on the portal page."""

    id: str
    campaign_id: str
    uri: str
    triggers: list[str]
    secret: str
    owner: str = "client"
    paused: bool = False
    num_consecutive_times_failed: int = 0
    last_attempted_at: datetime | None = None
    next_attempt_at: datetime | None = None
    """When a failed queue is tried again; None: at once, or never while paused."""
    queue: list[Delivery] = field(default_factory=list)


@dataclass(kw_only=True)
class OAuthClient:
    """The one program that is registered here."""

    id: str = "sandbox-client"
    name: str = "A site on this machine"
    description: str = "Whatever you point at the sandbox."
    redirect_uris: str = "http://localhost"


@dataclass(kw_only=True)
class Member:
    """One person's relation to one campaign."""

    user_id: str
    campaign_id: str
    tier_ids: list[str] = field(default_factory=list)
    patron_status: str | None = None
    last_charge_status: str | None = None
    last_charge_date: datetime | None = None
    next_charge_date: datetime | None = None
    pledge_relationship_start: datetime | None = None
    currently_entitled_amount_cents: int | None = 0
    will_pay_amount_cents: int = 0
    campaign_lifetime_support_cents: int = 0
    pledge_cadence: int | None = None
    is_gifted: bool = False
    is_free_trial: bool = False
    note: str = ""
    ends: str = ""
    """What time will bring: the end of a gift, trial, period, of retries, or of a charge under way
    (`gift`, `trial`, `period`, `retries`, `pending`); empty for renewals, or nothing."""
    ends_at: datetime | None = None
    pledged_tier_id: str | None = None
    """What a payment would buy: the tier stays chosen while a card is declined."""
    card_declines: bool = False
    """Will the next charge fail?"""
    history: list[PledgeEvent] = field(default_factory=list)
    given_id: str = ""
    """The id of a generated member, from which the member can be computed."""

    @property
    def id(self) -> str:
        """A UUID of version 4 in form, and the same in every run."""
        if self.given_id:
            return self.given_id
        return member_id(self.user_id, self.campaign_id)


def member_id(user_id: str, campaign_id: str) -> str:
    """The id of one who was not generated."""
    digest = hashlib.sha256(f"{campaign_id}/{user_id}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def stamp(moment: datetime | None) -> str | None:
    """A time as Patreon writes it: `2023-12-29T05:26:19.000+00:00` (observed)."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}.000+00:00"

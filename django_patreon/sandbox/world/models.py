"""The dataclasses of the sandbox's data. State files hold them as JSON, under these names.

Amounts are in cents of the campaign's currency. Times are in UTC.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime

__all__ = [
    "Address",
    "Attempt",
    "Benefit",
    "Campaign",
    "Delivery",
    "Live",
    "LiveAccessRule",
    "Member",
    "OAuthClient",
    "Person",
    "PledgeEvent",
    "Post",
    "Tier",
    "Webhook",
    "member_id",
]


@dataclass(kw_only=True)
class Tier:
    """A tier of a campaign."""

    id: str
    campaign_id: str
    title: str
    amount_cents: int


@dataclass(kw_only=True)
class Campaign:
    """A creator's campaign."""

    id: str
    creator_id: str
    name: str
    vanity: str
    currency: str
    tiers: list[Tier] = field(default_factory=list)

    def tier_called(self, name: str) -> Tier | None:
        """Return the tier with this id or title, in any case; None if there is none."""
        return next(
            (each for each in self.tiers if name == each.id or name.lower() == each.title.lower()),
            None,
        )


@dataclass(kw_only=True)
class Benefit:
    """A benefit of some tiers."""

    id: str
    campaign_id: str
    title: str
    tier_ids: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Post:
    """A post. It is public if `tier_ids` is empty."""

    id: str
    campaign_id: str
    title: str
    content: str
    published_at: datetime
    tier_ids: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Person:
    """A Patreon user. Scripts name them by `slug`."""

    id: str
    slug: str
    says: str
    """What this person is an example of; shown on the consent page."""
    full_name: str
    first_name: str = ""
    last_name: str = ""
    vanity: str | None = None
    email: str | None = None
    is_email_verified: bool = True

    @classmethod
    def of(cls, *, id: str, slug: str, says: str, full_name: str) -> Person:
        """Return a person with an e-mail address, whose first name is the first word."""
        first, _, last = full_name.partition(" ")
        return cls(
            id=id,
            slug=slug,
            says=says,
            full_name=full_name,
            first_name=first,
            last_name=last,
            email=f"{slug}@example.org",
        )


@dataclass(kw_only=True)
class Address:
    """The postal address of a user. Its id is the user's id."""

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
    """An entry of the history of a pledge."""

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

    @classmethod
    def of(
        cls,
        member: Member,
        *,
        id: str,
        date: datetime,
        type: str,
        amount_cents: int,
        currency: str,
        payment_status: str | None,
    ) -> PledgeEvent:
        """Return an event of this member's pledge."""
        return cls(
            id=f"subscription:{id}",
            campaign_id=member.campaign_id,
            user_id=member.user_id,
            date=date,
            type=type,
            amount_cents=amount_cents,
            currency_code=currency,
            tier_id=member.pledged_tier_id,
            payment_status=payment_status,
            pledge_payment_status="declined" if payment_status == "Declined" else "valid",
        )


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
    """A rule that says who may watch a live."""

    id: str
    campaign_id: str
    access_rule_type: str
    tier_id: str | None = None


@dataclass(kw_only=True)
class Attempt:
    """One attempt to deliver an event: the status of the answer, or None and the reason."""

    at: datetime
    status: int | None
    words: str = ""


@dataclass(kw_only=True)
class Delivery:
    """One event for one webhook. `body` is sent and signed exactly as it is stored."""

    id: str
    hook_id: str
    event: str
    body: str
    happened_at: datetime
    attempts: list[Attempt] = field(default_factory=list)
    delivered: bool = False


@dataclass(kw_only=True)
class Webhook:
    """A webhook. `owner` is `client`, or `portal` for one made on Patreon's page for developers."""

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
    """When a failed queue is tried again. None: at once, or never if the webhook is paused."""
    queue: list[Delivery] = field(default_factory=list)


@dataclass(kw_only=True)
class OAuthClient:
    """The only OAuth client of the sandbox."""

    id: str = "sandbox-client"
    name: str = "A site on this machine"
    description: str = "Whatever you point at the sandbox."
    redirect_uris: str = "http://localhost"


@dataclass(kw_only=True)
class Member:
    """The membership of one user in one campaign."""

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
    """What ends at `ends_at`: a `gift`, a `trial`, a paid `period`, the `retries` of a declined
    charge, or a `pending` charge. If it is empty, nothing ends; a pledge then renews."""
    ends_at: datetime | None = None
    pledged_tier_id: str | None = None
    """The tier that the next payment buys. It is kept while a card is declined."""
    card_declines: bool = False
    """Does the next charge fail?"""
    history: list[PledgeEvent] = field(default_factory=list)
    given_id: str = ""
    """The id of a generated member. Empty for others, whose id follows from user and campaign."""

    @property
    def id(self) -> str:
        """A UUID of version 4. It is the same in every run."""
        if self.given_id:
            return self.given_id
        return member_id(self.user_id, self.campaign_id)


def member_id(user_id: str, campaign_id: str) -> str:
    """Return the id of a member who was not generated."""
    digest = hashlib.sha256(f"{campaign_id}/{user_id}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))

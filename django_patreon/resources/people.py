"""People, and what binds them to a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .campaigns import Campaign, Tier
from .resource import Resource, hidden

__all__ = ["Address", "Member", "PledgeEvent", "User"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Resource):
    """A person on Patreon."""

    about: str | None = None
    can_see_nsfw: bool | None = None
    created: datetime | None = None
    email: str | None = hidden()
    first_name: str | None = None
    full_name: str | None = None
    hide_pledges: bool | None = None
    image_url: str | None = hidden()
    is_creator: bool | None = None
    is_email_verified: bool | None = None
    last_name: str | None = None
    like_count: int | None = None
    social_connections: Mapping[str, Any] | None = hidden()
    thumb_url: str | None = hidden()
    url: str | None = None
    vanity: str | None = None

    @property
    def verified_email(self) -> str | None:
        """The address, if Patreon says that the person proved to own it."""
        return self.email if self.is_email_verified is True else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address(Resource):
    """Where a patron wants parcels sent."""

    addressee: str | None = hidden()
    city: str | None = hidden()
    country: str | None = hidden()
    created_at: datetime | None = None
    line_1: str | None = hidden()
    line_2: str | None = hidden()
    phone_number: str | None = hidden()
    postal_code: str | None = hidden()
    state: str | None = hidden()
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PledgeEvent(Resource):
    """Something that happened to a pledge. The amount is in the patron's currency."""

    amount_cents: int | None = None
    currency_code: str | None = None
    date: datetime | None = None
    payment_status: str | None = None
    pledge_payment_status: str | None = None
    tier_id: str | None = None
    tier_title: str | None = None
    type: str | None = None
    campaign_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Resource):
    """One person's relation to one campaign. `id` is the membership's, not the person's."""

    campaign_lifetime_support_cents: int | None = None
    currently_entitled_amount_cents: int | None = None
    email: str | None = hidden()
    """Only with a creator's `campaigns.members[email]`; missing for some members (observed)."""
    full_name: str | None = None
    is_follower: bool | None = None
    """Deprecated, and always false (official)."""
    is_free_trial: bool | None = None
    is_gifted: bool | None = None
    last_charge_date: datetime | None = None
    last_charge_status: str | None = None
    lifetime_support_cents: int | None = None
    """Deprecated (official)."""
    next_charge_date: datetime | None = None
    note: str | None = hidden()
    patron_status: str | None = None
    pledge_cadence: int | None = None
    """Months that one payment covers: 1 or 12 (observed)."""
    pledge_relationship_start: datetime | None = None
    will_pay_amount_cents: int | None = None
    address_id: str | None = None
    campaign_id: str | None = None
    pledge_event_ids: tuple[str, ...] | None = None
    tier_ids: tuple[str, ...] | None = None
    """The tiers that the person is entitled to now, the free one among them."""
    user_id: str | None = None

    @property
    def user(self) -> User | None:
        found: User | None = self.one("user", self.user_id)
        return found

    @property
    def campaign(self) -> Campaign | None:
        found: Campaign | None = self.one("campaign", self.campaign_id)
        return found

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The entitled tiers that came along; `tier_ids` has them all."""
        return self.many("tier", self.tier_ids)

    @property
    def address(self) -> Address | None:
        found: Address | None = self.one("address", self.address_id)
        return found

    @property
    def pledge_history(self) -> tuple[PledgeEvent, ...]:
        return self.many("pledge-event", self.pledge_event_ids)

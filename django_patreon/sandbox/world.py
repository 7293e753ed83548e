"""The pretend world: campaigns, tiers, people, memberships, and a clock that can be moved.

Amounts are cents of the campaign's currency. Times are aware UTC.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

__all__ = [
    "Benefit",
    "Campaign",
    "Clock",
    "Member",
    "Person",
    "Post",
    "Tier",
    "World",
    "stamp",
]


class Clock:
    """The sandbox's own time: real time, plus what it has been moved forward by."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The sandbox's time, aware UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move forward. Raises `ValueError` for going back, or beyond the year 9000."""
        step = timedelta(seconds=seconds) if 0 <= seconds < 1e10 else None
        if step is None or (self.now() + step).year > 9000:
            raise ValueError("the clock moves forward only, and not beyond the year 9000")
        self._ahead += step

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
    currently_entitled_amount_cents: int = 0
    will_pay_amount_cents: int = 0
    campaign_lifetime_support_cents: int = 0
    pledge_cadence: int | None = None
    is_gifted: bool = False
    is_free_trial: bool = False

    @property
    def id(self) -> str:
        """A UUID of version 4 in form, and the same in every run."""
        digest = hashlib.sha256(f"{self.campaign_id}/{self.user_id}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))


@dataclass(kw_only=True)
class World:
    """Everything there is, found by id."""

    clock: Clock = field(default_factory=Clock)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    tiers: dict[str, Tier] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    benefits: dict[str, Benefit] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)
    owner_campaign_id: str = ""
    """The campaign whose creator owns the OAuth client."""

    def add_campaign(self, campaign: Campaign) -> None:
        self.campaigns[campaign.id] = campaign
        self.tiers.update((tier.id, tier) for tier in campaign.tiers)

    def add_person(self, person: Person) -> None:
        self.people[person.id] = person

    def add_member(self, member: Member) -> None:
        self.members[member.id] = member

    def add_benefit(self, benefit: Benefit) -> None:
        self.benefits[benefit.id] = benefit

    def add_post(self, post: Post) -> None:
        self.posts[post.id] = post

    def members_of(self, campaign_id: str) -> list[Member]:
        """Everybody who has a relation to the campaign: free, former and declined ones too."""
        return [each for each in self.members.values() if each.campaign_id == campaign_id]

    def person_called(self, slug: str) -> Person | None:
        """Find somebody by slug or by user id."""
        return self.people.get(slug) or next(
            (each for each in self.people.values() if each.slug == slug), None
        )

    def memberships_of(self, user_id: str) -> list[Member]:
        """In the order in which they were made: not sorted by campaign (observed)."""
        return [each for each in self.members.values() if each.user_id == user_id]

    def campaign_of(self, user_id: str) -> Campaign | None:
        """The campaign that this person runs."""
        return next((each for each in self.campaigns.values() if each.creator_id == user_id), None)


def stamp(moment: datetime | None) -> str | None:
    """A time as Patreon writes it: `2023-12-29T05:26:19.000+00:00` (observed)."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+00:00")

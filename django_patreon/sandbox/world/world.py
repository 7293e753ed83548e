"""All data of one sandbox: found by id, added, removed and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import overload

from .clock import Clock
from .crowd import Crowd
from .models import (
    Address,
    Benefit,
    Campaign,
    Live,
    LiveAccessRule,
    Member,
    OAuthClient,
    Person,
    PledgeEvent,
    Post,
    Tier,
    Webhook,
    member_id,
)

__all__ = ["MemberList", "World", "has_pledge"]

_LONGEST_HISTORY = 200


def has_pledge(member: Member) -> bool:
    """Is this member going to be charged again? API v1 lists only those."""
    return bool(member.will_pay_amount_cents) and member.patron_status != "former_patron"


@dataclass(kw_only=True)
class World:
    """All data of one sandbox, in dicts by id. It is not locked."""

    clock: Clock = field(default_factory=Clock)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    tiers: dict[str, Tier] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    """The stored members. Generated ones are stored when they change; `member` finds all."""
    benefits: dict[str, Benefit] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)
    lives: dict[str, Live] = field(default_factory=dict)
    live_access_rules: dict[str, LiveAccessRule] = field(default_factory=dict)
    hooks: dict[str, Webhook] = field(default_factory=dict)
    client: OAuthClient = field(default_factory=OAuthClient)
    owner_campaign_id: str = ""
    """The campaign whose creator owns the OAuth client."""
    crowd: Crowd = field(default_factory=Crowd)
    crowd_gone: set[str] = field(default_factory=set)
    """Ids of generated members that have been deleted since."""
    last_number: int = 70000000
    """The last id that was given to a new object."""
    _slugs: dict[str, Person] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._slugs = {each.slug: each for each in reversed(self.people.values())}

    def new_number(self) -> str:
        """Return an id for a new object."""
        self.last_number += 1
        return str(self.last_number)

    def add_campaign(self, campaign: Campaign) -> None:
        """Add a campaign and its tiers."""
        self.campaigns[campaign.id] = campaign
        self.tiers.update((tier.id, tier) for tier in campaign.tiers)

    def add_person(self, person: Person) -> None:
        """Add a person. Of two with the same slug, the first one has it."""
        self.people[person.id] = person
        self._slugs.setdefault(person.slug, person)

    def add_member(self, member: Member) -> None:
        """Add a member, or store a generated one."""
        self.members[member.id] = member
        self.crowd_gone.discard(member.id)

    def add_benefit(self, benefit: Benefit) -> None:
        """Add a benefit."""
        self.benefits[benefit.id] = benefit

    def add_post(self, post: Post) -> None:
        """Add a post."""
        self.posts[post.id] = post

    def remove_member(self, member: Member) -> None:
        """Remove a member, stored or generated."""
        self.members.pop(member.id, None)
        if self.crowd.number_of_member(member.id) is not None:
            self.crowd_gone.add(member.id)

    def resize_crowd(self, crowd: Crowd) -> None:
        """Replace the crowd. Members whose person is no longer generated are removed."""
        self.crowd = crowd
        self.crowd_gone.clear()
        for key in [key for key, each in self.members.items() if not self.person(each.user_id)]:
            del self.members[key]

    # -- finding

    def person(self, key: str) -> Person | None:
        """Return the person with this user id, or None."""
        return self.people.get(key) or self.crowd.person(key)

    def person_called(self, slug: str) -> Person | None:
        """Return the person with this slug or user id, or None."""
        return self.person(slug) or self._slugs.get(slug) or self.crowd.person_called(slug)

    def member(self, key: str) -> Member | None:
        """Return the member with this id, stored or generated, or None."""
        found = self.members.get(key)
        if found is not None or key in self.crowd_gone:
            return found
        number = self.crowd.number_of_member(key)
        return None if number is None else self.crowd.member(number, self.clock.now())

    def members_of(self, campaign_id: str) -> MemberList:
        """Return all members of the campaign: free, former and declined ones, too."""
        return MemberList(self, campaign_id)

    def memberships_of(self, user_id: str) -> list[Member]:
        """Return a person's memberships, the oldest first, not sorted by campaign (observed)."""
        stored = [each for each in self.members.values() if each.user_id == user_id]
        number = self.crowd.number_of_user(user_id)
        if number is None:
            return stored
        home = [self.member(self.crowd.member_id(number))]
        return [each for each in home if each is not None and each not in stored] + stored

    def membership(self, user_id: str, campaign_id: str) -> Member | None:
        """Return a person's membership of one campaign, or None."""
        number = self.crowd.number_of_user(user_id)
        if number is not None and campaign_id == self.crowd.campaign_id:
            generated = self.member(self.crowd.member_id(number))
            if generated is not None:
                return generated
        return self.members.get(member_id(user_id, campaign_id))

    def campaign_of(self, user_id: str) -> Campaign | None:
        """Return the campaign of this creator, or None."""
        return next((each for each in self.campaigns.values() if each.creator_id == user_id), None)

    def add_history(
        self, member: Member, when: datetime, event_type: str, status: str | None
    ) -> None:
        """Add an event to the history of a member's pledge. Only the last 200 are kept."""
        member.history.append(
            PledgeEvent.of(
                member,
                id=self.new_number(),
                date=when,
                type=event_type,
                amount_cents=member.will_pay_amount_cents,
                currency=self.campaigns[member.campaign_id].currency,
                payment_status=status,
            )
        )
        del member.history[:-_LONGEST_HISTORY]

    def history_of(self, member: Member) -> list[PledgeEvent]:
        """Return the history of a member's pledge, the oldest event first."""
        return member.history or self.crowd.history(member)

    def pledge_event(self, key: str) -> PledgeEvent | None:
        """Return the pledge event with this id, or None. It looks at all members: slow."""
        number = self.crowd.number_of_event(key)
        if number is not None:
            member = self.member(self.crowd.member_id(number))
            histories = [self.history_of(member)] if member else []
        else:
            histories = [each.history for each in self.members.values()]
        return next((event for each in histories for event in each if event.id == key), None)

    # -- counting

    def patron_count(self, campaign_id: str) -> int:
        """Return how many members pay."""
        return self._count(campaign_id, lambda member: member.patron_status == "active_patron")

    def pledge_count(self, campaign_id: str) -> int:
        """Return how many members will be charged again."""
        return self._count(campaign_id, has_pledge)

    def tier_patron_count(self, tier_id: str) -> int:
        """Return how many members have this tier."""
        return self._count(self.tiers[tier_id].campaign_id, lambda each: tier_id in each.tier_ids)

    def _count(self, campaign_id: str, counts: Callable[[Member], bool]) -> int:
        """Count the stored members one by one, the generated ones by the pattern of the crowd."""
        stored = sum(
            1 for each in self.members.values() if each.campaign_id == campaign_id and counts(each)
        )
        if self.crowd.campaign_id != campaign_id or not self.crowd.size:
            return stored
        now = self.clock.now()
        numbers = (self.crowd.number_of_member(key) for key in {*self.members, *self.crowd_gone})
        changed = [self.crowd.member(number, now) for number in numbers if number is not None]
        return stored + self.crowd.count(counts, now) - sum(map(counts, changed))


class MemberList(Sequence[Member]):
    """The members of a campaign: first the stored ones, then the generated ones.

    A generated member is computed when it is read.
    """

    def __init__(self, world: World, campaign_id: str) -> None:
        self._world = world
        crowd = world.crowd
        has_crowd = crowd.campaign_id == campaign_id
        self._stored = [
            each
            for each in world.members.values()
            if each.campaign_id == campaign_id
            and not (has_crowd and crowd.number_of_member(each.id) is not None)
        ]
        numbers = map(crowd.number_of_member, world.crowd_gone if has_crowd else ())
        self._gone = sorted(number for number in numbers if number is not None)
        self._generated = (crowd.size if has_crowd else 0) - len(self._gone)

    def __len__(self) -> int:
        return len(self._stored) + self._generated

    @overload
    def __getitem__(self, index: int) -> Member: ...
    @overload
    def __getitem__(self, index: slice) -> list[Member]: ...
    def __getitem__(self, index: int | slice) -> Member | list[Member]:
        if isinstance(index, slice):
            return [self._at(each) for each in range(*index.indices(len(self)))]
        return self._at(range(len(self))[index])

    def _at(self, position: int) -> Member:
        if position < len(self._stored):
            return self._stored[position]
        number = position - len(self._stored)
        for gone in self._gone:
            number += gone <= number
        generated = self._world.crowd.member(number, self._world.clock.now())
        return self._world.members.get(generated.id, generated)

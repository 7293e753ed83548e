"""Scenario files: tiers, people and memberships, a crowd, settings and faults, as JSON.

    {"tiers": [{"title": "Platinum", "amount_cents": 2500}],
     "members": [{"slug": "zoe", "full_name": "Zoe Park", "tiers": ["Platinum"]},
                 {"slug": "gold", "patron_status": "declined_patron"}],
     "crowd": 1000, "settings": {"last_page": "no cursor, no links"},
     "faults": [{"kind": "http_500_html", "share": 0.05}]}

It changes the data at the start: a tier or person that exists is changed, others are added.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django_patreon.sandbox.ids import FREE_TIERS, HOME
from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.web.faults import Fault
from django_patreon.sandbox.world.clock import MONTH
from django_patreon.sandbox.world.member_values import check_member_value
from django_patreon.sandbox.world.models import Member, Person, Tier
from django_patreon.sandbox.world.start import new_crowd, starting_world
from django_patreon.sandbox.world.world import World

from .dataclass_json import InvalidValue, Path, line_of, load

__all__ = ["Scenario", "apply_scenario", "read_scenario"]


@dataclass(kw_only=True)
class NewTier:
    """A tier to add, or to change if there is one with this title or id."""

    title: str
    amount_cents: int
    id: str = ""
    campaign: str = HOME


@dataclass(kw_only=True)
class NewMember:
    """A person and their membership. What is not given follows from the tiers."""

    slug: str
    full_name: str | None = None
    email: str | None = None
    is_email_verified: bool | None = None
    says: str = "was added by the scenario"
    campaign: str = HOME
    tiers: list[str] | None = None
    """Titles or ids of tiers."""
    patron_status: str | None = None
    last_charge_status: str | None = None
    last_charge_date: datetime | None = None
    next_charge_date: datetime | None = None
    pledge_relationship_start: datetime | None = None
    currently_entitled_amount_cents: int | None = None
    will_pay_amount_cents: int | None = None
    campaign_lifetime_support_cents: int | None = None
    pledge_cadence: int | None = None
    is_gifted: bool | None = None
    is_free_trial: bool | None = None
    note: str | None = None


@dataclass(kw_only=True)
class Scenario:
    """The content of a scenario file. `apply_scenario` finds what does not fit the data."""

    tiers: list[NewTier] = field(default_factory=list)
    members: list[NewMember] = field(default_factory=list)
    crowd: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    faults: list[Any] = field(default_factory=list)
    given: list[set[str]] = field(default_factory=list, init=False)
    """For each member, the names that the file contains, also those with null."""


def read_scenario(text: str) -> Scenario:
    """Return the content of a file's text. Raises `ValueError` with the number of the line."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("line 1: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from error
    try:
        scenario = load(Scenario, document)
        scenario.given = [set(each) for each in document.get("members", ())]
        apply_scenario(scenario, starting_world(), Settings())  # to find errors before the start
    except InvalidValue as error:
        raise ValueError(f"line {line_of(text, error.path)}: {error}") from error
    return scenario


def apply_scenario(scenario: Scenario, world: World, settings: Settings) -> list[Fault]:
    """Change data and settings, and return the faults of the scenario.

    Raises `ValueError` for what does not fit the data.
    """
    for at, tier in enumerate(scenario.tiers):
        _add_tier(world, tier, ("tiers", at))
    for at, (member, given) in enumerate(zip(scenario.members, scenario.given, strict=True)):
        _add_member(world, member, given, ("members", at))
    try:
        world.crowd = new_crowd(world, scenario.crowd)
    except ValueError as error:
        raise InvalidValue(("crowd",), str(error)) from error
    try:
        settings.read(scenario.settings)
    except ValueError as error:
        raise InvalidValue(("settings",), str(error)) from error
    faults = []
    for at, fault in enumerate(scenario.faults):
        try:
            faults.append(Fault.read(fault))
        except ValueError as error:
            raise InvalidValue(("faults", at), str(error)) from error
    return faults


def _add_tier(world: World, given: NewTier, path: Path) -> None:
    campaign = world.campaigns.get(given.campaign)
    if campaign is None:
        raise InvalidValue((*path, "campaign"), f"there is no campaign {given.campaign}")
    if not 0 <= given.amount_cents <= 10_000_000:
        raise InvalidValue((*path, "amount_cents"), "must be 0 to 10000000")
    for tier in campaign.tiers:
        if given.title.lower() == tier.title.lower() or given.id == tier.id:
            tier.title, tier.amount_cents = given.title, given.amount_cents
            return
    if given.id and (not given.id.isascii() or not given.id.isdecimal() or given.id in world.tiers):
        raise InvalidValue((*path, "id"), "must be a number in quotes that no other tier has")
    tier = Tier(
        id=given.id or world.new_number(),
        campaign_id=campaign.id,
        title=given.title,
        amount_cents=given.amount_cents,
    )
    campaign.tiers.append(tier)
    campaign.tiers.sort(key=lambda each: each.amount_cents)
    world.tiers[tier.id] = tier


def _add_member(world: World, given: NewMember, names: set[str], path: Path) -> None:
    if given.campaign not in world.campaigns:
        raise InvalidValue((*path, "campaign"), f"there is no campaign {given.campaign}")
    person = world.person_called(given.slug) or Person.of(
        id=world.new_number(),
        slug=given.slug,
        says=given.says,
        full_name=given.full_name or given.slug.title(),
    )
    if not given.slug or not all(part.isalnum() for part in given.slug.split("-")):
        raise InvalidValue(
            (*path, "slug"), "must be letters and numbers, with hyphens between them"
        )
    if given.full_name:
        person.full_name = given.full_name
        person.first_name, _, person.last_name = given.full_name.partition(" ")
    if "email" in names:
        person.email = given.email
    if given.is_email_verified is not None:
        person.is_email_verified = given.is_email_verified
    world.add_person(person)
    member = world.membership(person.id, given.campaign)
    changes = names & (_MEMBER_ATTRIBUTES | {"tiers"})
    if not changes:
        return
    if world.campaigns[given.campaign].creator_id == person.id:
        raise InvalidValue(path, "a creator cannot be a member of their own campaign")
    if member is None:
        member = _new_member(world, person, given, path)
    elif given.tiers is not None:
        member.tier_ids = _tier_ids(world, given, path)
    for name in sorted(changes & _MEMBER_ATTRIBUTES):
        value = getattr(given, name)
        try:
            check_member_value(name, value)
        except ValueError as error:
            raise InvalidValue((*path, name), str(error)) from error
        setattr(member, name, value)
    world.add_member(member)


_MEMBER_ATTRIBUTES = {
    "patron_status",
    "last_charge_status",
    "last_charge_date",
    "next_charge_date",
    "pledge_relationship_start",
    "currently_entitled_amount_cents",
    "will_pay_amount_cents",
    "campaign_lifetime_support_cents",
    "pledge_cadence",
    "is_gifted",
    "is_free_trial",
    "note",
}


def _new_member(world: World, person: Person, given: NewMember, path: Path) -> Member:
    """Return a monthly patron who has paid for the tiers; a free member without a paid tier."""
    tier_ids = _tier_ids(world, given, path)
    paid = [world.tiers[key] for key in tier_ids if world.tiers[key].amount_cents]
    now = world.clock.now().replace(microsecond=0)
    member = Member(
        user_id=person.id,
        campaign_id=given.campaign,
        tier_ids=tier_ids,
        pledge_relationship_start=now,
    )
    if paid:
        amount = sum(each.amount_cents for each in paid)
        member.patron_status, member.last_charge_status = "active_patron", "Paid"
        member.last_charge_date, member.pledge_cadence = now, 1
        member.next_charge_date = now + MONTH
        member.currently_entitled_amount_cents = member.will_pay_amount_cents = amount
        member.campaign_lifetime_support_cents = amount
        member.pledged_tier_id = max(paid, key=lambda each: each.amount_cents).id
    return member


def _tier_ids(world: World, given: NewMember, path: Path) -> list[str]:
    campaign = world.campaigns[given.campaign]
    found = []
    for at, name in enumerate(given.tiers or ()):
        tier = campaign.tier_called(name)
        if tier is None:
            titles = ", ".join(each.title for each in campaign.tiers)
            raise InvalidValue(
                (*path, "tiers", at), f"there is no tier {name[:60]!r}; known: {titles}"
            )
        found.append(tier.id)
    free = FREE_TIERS.get(campaign.id)
    return list(dict.fromkeys([*found, *([free] if free else [])]))

"""The controls of people, memberships and the crowd."""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.pledges.actions import ACTIONS
from django_patreon.sandbox.world.clock import format_time
from django_patreon.sandbox.world.models import Member, Person
from django_patreon.sandbox.world.start import new_crowd

from .table import Control, campaign_id_of, person_of, text_of, tier_of

__all__ = ["CONTROLS"]

_SHOWN = 200


def _people(core: Core, given: dict[str, Any]) -> Any:
    world = core.world
    return {
        "people": [
            {
                "slug": each.slug,
                "id": each.id,
                "full_name": each.full_name,
                "says": each.says,
                "memberships": [
                    {"id": member.id, "campaign": member.campaign_id, "tiers": member.tier_ids}
                    for member in world.memberships_of(each.id)
                ],
            }
            for each in world.people.values()
        ]
    }


def _add_person(core: Core, given: dict[str, Any]) -> Any:
    slug, name = text_of(given, "slug"), given.get("full_name") or given.get("slug")
    if not all(part.isalnum() and part.isascii() for part in slug.split("-")):
        raise ValueError("slug must be letters and numbers, with hyphens between them")
    if core.world.person_called(slug) is not None:
        raise ValueError("somebody is called that already")
    if not isinstance(name, str) or len(name) > 200:
        raise ValueError("full_name must be text of at most 200 characters")
    person = Person.of(
        id=core.world.new_number(), slug=slug, says="was added by a control", full_name=name
    )
    core.world.add_person(person)
    return {"id": person.id, "slug": slug}


def _change_person(core: Core, given: dict[str, Any]) -> Any:
    person = person_of(core, given)
    email = given.get("email", person.email)
    if email is not None and (not isinstance(email, str) or not 0 < len(email) <= 320):
        raise ValueError("email must be text of 1 to 320 characters, or null")
    verified = given.get("is_email_verified", person.is_email_verified)
    if not isinstance(verified, bool):
        raise ValueError("is_email_verified must be true or false")
    person.email, person.is_email_verified = email, verified
    core.world.add_person(person)  # a generated person is stored from now on
    return {
        "id": person.id,
        "slug": person.slug,
        "email": email,
        "is_email_verified": verified,
    }


def _member(core: Core, member: Member) -> dict[str, Any]:
    person = core.world.person(member.user_id)
    return {
        "id": member.id,
        "user": person.slug if person else member.user_id,
        "full_name": person.full_name if person else "",
        "patron_status": member.patron_status,
        "last_charge_status": member.last_charge_status,
        "tiers": [core.world.tiers[key].title for key in member.tier_ids],
        "currently_entitled_amount_cents": member.currently_entitled_amount_cents,
        "next_charge_date": format_time(member.next_charge_date),
        "ends": member.ends,
        "ends_at": format_time(member.ends_at),
    }


def _members(core: Core, given: dict[str, Any]) -> Any:
    members = core.world.members_of(HOME)
    return {
        "total": len(members),
        "members": [_member(core, each) for each in members[:_SHOWN]],
        "actions": {name: description for name, (description, _) in ACTIONS.items()},
    }


def _act(core: Core, given: dict[str, Any]) -> Any:
    person = person_of(core, given)
    campaign_id = campaign_id_of(core, given)
    options: dict[str, Any] = {}
    if given.get("tier"):
        options["tier"] = tier_of(core, campaign_id, given["tier"])
    for name, allowed, description in (
        ("days", range(1, 3651), "1 to 3650"),
        ("cadence", (1, 12), "1 or 12"),
    ):
        if given.get(name) is not None:
            if type(given[name]) is not int or given[name] not in allowed:
                raise ValueError(f"{name} must be {description}")
            options[name] = given[name]
    member = core.pledges.act(str(given.get("do")), person, campaign_id, **options)
    return {"member": _member(core, member) if member else None}


def _resize_crowd(core: Core, given: dict[str, Any]) -> Any:
    size = given.get("members")
    if type(size) is not int:
        raise ValueError("members must be a whole number")
    core.world.resize_crowd(new_crowd(core.world, size))
    core.tokens.forget_people(lambda user_id: core.world.person(user_id) is None)
    return {"total": len(core.world.members_of(HOME))}


CONTROLS = [
    Control("GET", "people", "List the people: slug, id, name, memberships.", _people),
    Control(
        "POST", "people", 'Add a person: {"slug": "zoe", "full_name": "Zoe Park"}.', _add_person
    ),
    Control(
        "POST",
        "people/change",
        'Change an e-mail address: {"user": "gold", "email": "new@example.org"}, null for none;'
        ' or "is_email_verified".',
        _change_person,
    ),
    Control("GET", "members", "List the members of the first campaign, and the actions.", _members),
    Control(
        "POST",
        "members",
        'Let a person act: {"do": "pledge", "user": "stranger", "tier": "Gold"}; also "days",'
        ' "cadence" (1 or 12), "campaign".',
        _act,
    ),
    Control("POST", "crowd", 'Generate members: {"members": 100000}.', _resize_crowd),
]

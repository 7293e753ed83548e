"""The switches for people, members, the crowd and posts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .actions import ACTIONS
from .ids import HOME
from .start import crowd_of
from .things import Member, Person, Post, Tier, stamp

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["WORLD", "person_of", "text_of"]

_SHOWN = 200


def _people(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    world = sandbox.world
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


def _new_person(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    slug, name = text_of(given, "slug"), given.get("full_name") or given.get("slug")
    if not all(part.isalnum() and part.isascii() for part in slug.split("-")):
        raise ValueError("slug must be letters and numbers, with hyphens between them")
    if sandbox.world.person_called(slug) is not None:
        raise ValueError("somebody is called that already")
    if not isinstance(name, str) or len(name) > 200:
        raise ValueError("full_name must be text of at most 200 characters")
    first, _, last = name.partition(" ")
    person = Person(
        id=sandbox.world.new_number(),
        slug=slug,
        says="has just come",
        full_name=name,
        first_name=first,
        last_name=last,
        email=f"{slug}@example.org",
    )
    sandbox.world.add_person(person)
    return {"id": person.id, "slug": slug}


def _change_person(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    person = person_of(sandbox, given.get("user"))
    if person is None:
        raise ValueError("user: nobody is called that")
    email = given.get("email", person.email)
    if email is not None and (not isinstance(email, str) or not 0 < len(email) <= 320):
        raise ValueError("email must be text of 1 to 320 characters, or null")
    verified = given.get("is_email_verified", person.is_email_verified)
    if not isinstance(verified, bool):
        raise ValueError("is_email_verified must be true or false")
    person.email, person.is_email_verified = email, verified
    sandbox.world.add_person(person)  # one of the crowd is stored now
    return {
        "id": person.id,
        "slug": person.slug,
        "email": email,
        "is_email_verified": verified,
    }


def _member(sandbox: Sandbox, member: Member) -> dict[str, Any]:
    person = sandbox.world.person(member.user_id)
    return {
        "id": member.id,
        "user": person.slug if person else member.user_id,
        "full_name": person.full_name if person else "",
        "patron_status": member.patron_status,
        "last_charge_status": member.last_charge_status,
        "tiers": [sandbox.world.tiers[key].title for key in member.tier_ids],
        "currently_entitled_amount_cents": member.currently_entitled_amount_cents,
        "next_charge_date": stamp(member.next_charge_date),
        "ends": member.ends,
        "ends_at": stamp(member.ends_at),
    }


def _members(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    roll = sandbox.world.members_of(HOME)
    return {
        "total": len(roll),
        "members": [_member(sandbox, each) for each in roll[:_SHOWN]],
        "actions": {name: says for name, (says, _) in ACTIONS.items()},
    }


def _act(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    person = person_of(sandbox, given.get("user"))
    if person is None:
        raise ValueError("user: nobody is called that")
    campaign_id = given.get("campaign", HOME)
    if not isinstance(campaign_id, str):
        raise ValueError("campaign must be an id")
    options: dict[str, Any] = {}
    if given.get("tier"):
        options["tier"] = _tier(sandbox, campaign_id, given["tier"])
    for name, allowed in (("days", range(1, 3651)), ("cadence", (1, 12))):
        if given.get(name) is not None:
            if type(given[name]) is not int or given[name] not in allowed:
                raise ValueError(
                    f"{name} must be {'1 or 12' if name == 'cadence' else '1 to 3650'}"
                )
            options[name] = given[name]
    member = sandbox.life.act(str(given.get("do")), person, campaign_id, **options)
    return {"member": _member(sandbox, member) if member else None}


def _tier(sandbox: Sandbox, campaign_id: str, name: Any) -> Tier:
    campaign = sandbox.world.campaigns.get(campaign_id)
    tiers = campaign.tiers if campaign else []
    for tier in tiers:
        if isinstance(name, str) and (name == tier.id or name.lower() == tier.title.lower()):
            return tier
    raise ValueError(f"tier must be one of: {', '.join(each.title for each in tiers)}")


def _crowd(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    size = given.get("members")
    if type(size) is not int:
        raise ValueError("members must be a whole number")
    sandbox.world.resize_crowd(crowd_of(sandbox.world, size))
    sandbox.grants.forget_people(lambda user_id: sandbox.world.person(user_id) is None)
    return {"total": len(sandbox.world.members_of(HOME))}


def _price(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Change what a tier costs. Who has it already keeps the old price (observed)."""
    tier = _tier(sandbox, _campaign_id(sandbox, given), given.get("tier"))
    cents = given.get("amount_cents")
    if type(cents) is not int or not 0 <= cents <= 10**9:
        raise ValueError("amount_cents must be a whole number from 0 to 1000000000")
    tier.amount_cents = cents
    return {"id": tier.id, "title": tier.title, "amount_cents": cents}


def _migrate(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Move the charges of a campaign to one day, as at the end of billing on the first."""
    days = given.get("days", 1)
    if type(days) is not int or not 1 <= days <= 366:
        raise ValueError("days must be 1 to 366")
    campaign_id = _campaign_id(sandbox, given)
    when = (sandbox.world.clock.now() + timedelta(days=days)).replace(microsecond=0)
    moved = [
        each
        for each in sandbox.world.members.values()
        if each.campaign_id == campaign_id and each.next_charge_date and not each.ends
    ]
    for member in moved:
        member.next_charge_date = when
        sandbox.life.agenda.note(member)
    sandbox.life.members_changed(campaign_id, moved)
    return {"moved": len(moved), "next_charge_date": stamp(when)}


def _campaign_id(sandbox: Sandbox, given: dict[str, Any]) -> str:
    key = given.get("campaign", HOME)
    if not isinstance(key, str) or key not in sandbox.world.campaigns:
        raise ValueError(f"campaign must be one of: {', '.join(sandbox.world.campaigns)}")
    return key


# -- posts


def _posts(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {
        "posts": [
            {"id": each.id, "title": each.title, "tiers": each.tier_ids}
            for each in sandbox.world.posts.values()
        ]
    }


def _change_post(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    world, what = sandbox.world, given.get("do")
    if what not in ("publish", "update", "delete"):
        raise ValueError("do must be one of: publish, update, delete")
    if what == "publish":
        names = given.get("tiers") or []
        if not isinstance(names, list):
            raise ValueError("tiers must be a list")
        content = given.get("content", "Something new.")
        if not isinstance(content, str):
            raise ValueError("content must be text")
        post = Post(
            id=world.new_number(),
            campaign_id=HOME,
            title=text_of(given, "title"),
            content=f"<p>{content}</p>",
            published_at=world.clock.now(),
            tier_ids=[_tier(sandbox, HOME, each).id for each in names],
        )
        world.add_post(post)
        sandbox.life.post_changed("posts:publish", post)
        return {"id": post.id}
    found = world.posts.get(str(given.get("id")))
    if found is None:
        raise ValueError("id: there is no such post")
    if what == "update":
        found.title = text_of(given, "title")
        sandbox.life.post_changed("posts:update", found)
    else:
        sandbox.life.post_changed("posts:delete", found)
        del world.posts[found.id]
    return {"id": found.id}


def text_of(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError(f"{name} must be text of 1 to 200 characters")
    return value


def person_of(sandbox: Sandbox, slug: Any) -> Person | None:
    return sandbox.world.person_called(slug) if isinstance(slug, str) else None


WORLD = {
    ("GET", "people"): _people,
    ("POST", "people"): _new_person,
    ("POST", "people/change"): _change_person,
    ("GET", "members"): _members,
    ("POST", "members"): _act,
    ("POST", "crowd"): _crowd,
    ("POST", "tiers"): _price,
    ("POST", "migration"): _migrate,
    ("GET", "posts"): _posts,
    ("POST", "posts"): _change_post,
}

"""The sandbox's own switches, as JSON under `/_sandbox/`, for scripts and tests.

GET    /_sandbox/                this list
GET    /_sandbox/openapi.json    API v2 as it is served here, for tools
GET    /_sandbox/people          who there is: slug, id, name, memberships
POST   /_sandbox/people          somebody new: {"slug": "zoe", "full_name": "Zoe Park"}
GET    /_sandbox/members         memberships of the first campaign, and what can be done
POST   /_sandbox/members         {"do": "pledge", "user": "stranger", "tier": "Gold"}; also "days",
                                 "cadence" (1 or 12), "campaign"
POST   /_sandbox/crowd           {"members": 100000}: generated ones besides the others
GET    /_sandbox/posts           what was published
POST   /_sandbox/posts           {"do": "publish", "title": ...}, or "update" or "delete" and "id"
GET    /_sandbox/hooks           every webhook, of the client and of the portal, and its queue
POST   /_sandbox/hooks           make one on the portal page: {"uri": ..., "triggers": [...]}
POST   /_sandbox/hooks/test      {"id": ...}: press the portal's test button
GET    /_sandbox/deliveries      what went out, oldest first, with the answers; and what waits
DELETE /_sandbox/deliveries      forget what went out
POST   /_sandbox/deliveries/again  {"id": ...}: send one that went out once more
GET    /_sandbox/requests        what came in, oldest first: method, path, status, User-Agent
DELETE /_sandbox/requests        forget them
GET    /_sandbox/faults          the kinds there are, and the orders in force
POST   /_sandbox/faults          order one: {"kind": "http_429", "path": "/api/", "times": 1}
DELETE /_sandbox/faults          cancel all
POST   /_sandbox/tokens/expire   {"user": "gold"}, or "all" or {}: access tokens die early
POST   /_sandbox/tokens/kill     the same, refresh tokens too: the person removed the app
GET    /_sandbox/settings        how unknown behaviour is decided
POST   /_sandbox/settings        change it: {"keep_access_on_refresh": true}
GET    /_sandbox/clock           the sandbox's time
POST   /_sandbox/clock           {"advance": 86400} moves it forward, in seconds, through all that
                                 happens on the way; answers when every webhook has been answered
POST   /_sandbox/reset           as it was at start
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .faults import FAULTS, Fault
from .hooks import TRIGGERS, enqueue, new_hook, wrong_uri
from .http import Request, Response, json_response
from .life import ACTIONS
from .openapi import description
from .people import HOME, crowd_of
from .things import Delivery, Hook, Member, Person, Post, Tier, stamp

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["PREFIX", "answer_control", "change"]

PREFIX = "/_sandbox/"
_SHOWN = 200


def answer_control(sandbox: Sandbox, request: Request) -> Response:
    """Answer any request under `/_sandbox/`."""
    name = f"{request.path}/".removeprefix(PREFIX).strip("/")
    handler = _HANDLERS.get((request.method, name))
    if handler is None:
        known = sorted({path for _, path in _HANDLERS})
        status = 405 if name in known else 404
        return json_response({"error": "no such switch", "known": known}, status=status)
    # A web page elsewhere can send a form here, but not this header without being asked.
    if request.method != "GET" and not request.header("Content-Type").startswith(
        "application/json"
    ):
        return json_response({"error": "send Content-Type: application/json"}, status=415)
    try:
        given = json.loads(request.body or b"{}")
        if not isinstance(given, dict):
            raise ValueError("the body must be a JSON object")
    except (ValueError, RecursionError) as error:
        return json_response({"error": str(error)}, status=400)
    if (request.method, name) == ("POST", "clock"):
        return Response(status=200, later=lambda: _answer(_advance, sandbox, given))
    return _answer(handler, sandbox, given)


def change(sandbox: Sandbox, name: str, given: dict[str, Any]) -> Any:
    """What `POST /_sandbox/{name}` does, for the control room. Raises `ValueError`."""
    return _HANDLERS["POST", name](sandbox, given)


def _answer(handler: Any, sandbox: Sandbox, given: dict[str, Any]) -> Response:
    try:
        return json_response(handler(sandbox, given))
    except (ValueError, RecursionError) as error:
        return json_response({"error": str(error)}, status=400)


def _list(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"switches": sorted({f"{method} {PREFIX}{path}" for method, path in _HANDLERS})}


def _openapi(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return description(sandbox.url)


# -- people and what they are


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
    slug, name = _text(given, "slug"), given.get("full_name") or given.get("slug")
    if not all(part.isalnum() and part.isascii() for part in slug.split("-")):
        raise ValueError("slug must be letters and numbers, with hyphens between them")
    if sandbox.world.person_called(slug) is not None:
        raise ValueError("somebody is called that already")
    if not isinstance(name, str) or len(name) > 200:
        raise ValueError("full_name must be text")
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
    person = _person(sandbox, given.get("user"))
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
    sandbox.world.crowd = crowd_of(sandbox.world, size)
    sandbox.world.crowd_gone.clear()
    return {"total": len(sandbox.world.members_of(HOME))}


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
        post = Post(
            id=world.new_number(),
            campaign_id=HOME,
            title=_text(given, "title"),
            content=f"<p>{given.get('content', 'Something new.')}</p>",
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
        found.title = _text(given, "title")
        sandbox.life.post_changed("posts:update", found)
    else:
        sandbox.life.post_changed("posts:delete", found)
        del world.posts[found.id]
    return {"id": found.id}


# -- webhooks


def _hook(hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "owner": hook.owner,
        "uri": hook.uri,
        "secret": hook.secret,
        "triggers": hook.triggers,
        "paused": hook.paused,
        "num_consecutive_times_failed": hook.num_consecutive_times_failed,
        "next_attempt_at": stamp(hook.next_attempt_at),
        "queue": [each.event for each in hook.queue],
    }


def _hooks(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {
        "hooks": [_hook(each) for each in sandbox.world.hooks.values()],
        "triggers": list(TRIGGERS),
    }


def _new_hook(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    reason = wrong_uri(given.get("uri"))
    if reason:
        raise ValueError(reason)
    triggers = given.get("triggers") or [each for each in TRIGGERS if each.startswith("members:")]
    if not isinstance(triggers, list) or not set(map(str, triggers)) <= set(TRIGGERS):
        raise ValueError(f"triggers must be some of: {', '.join(TRIGGERS)}")
    return _hook(new_hook(sandbox.world, HOME, given["uri"], triggers, "portal"))


def _press(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    hook = sandbox.world.hooks.get(str(given.get("id")))
    if hook is None:
        raise ValueError("id: there is no such webhook")
    return {"deliveries": [_delivery(each) for each in sandbox.life.press_test_button(hook)]}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "hook": delivery.hook_id,
        "event": delivery.event,
        "happened_at": stamp(delivery.happened_at),
        "delivered": delivery.delivered,
        "attempts": [
            {"at": stamp(each.at), "status": each.status, "words": each.words}
            for each in delivery.attempts
        ],
        "body": json.loads(delivery.body),
    }


def _deliveries(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    courier = sandbox.courier
    return {
        "pending": courier.pending,
        "deliveries": [_delivery(each) for each in courier.log],
    }


def _forget_deliveries(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.courier.log.clear()
    return _deliveries(sandbox, given)


def _again(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    for each in sandbox.courier.log:
        hook = sandbox.world.hooks.get(each.hook_id)
        if each.id == given.get("id") and hook is not None:
            event = [(each.event, each.body)]
            made = enqueue(sandbox.world, sandbox.switches, hook.campaign_id, event, only=hook)
            return {"deliveries": [_delivery(copy) for copy in made]}
    raise ValueError("id: no such delivery went out, or its webhook is gone")


# -- what came in, and what goes wrong


def _requests(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"requests": list(sandbox.journal)}


def _forget_requests(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.journal.clear()
    return {"requests": []}


def _faults(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    armed = [
        {"kind": each.kind, "path": each.path, "times": each.times, "share": each.share}
        for each in sandbox.faults.armed
    ]
    return {"kinds": FAULTS, "armed": armed}


def _arm(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.faults.arm(Fault.read(given))
    return _faults(sandbox, given)


def _disarm(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.faults.clear()
    return _faults(sandbox, given)


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError(f"{name} must be text of 1 to 200 characters")
    return value


def _person(sandbox: Sandbox, slug: Any) -> Person | None:
    return sandbox.world.person_called(slug) if isinstance(slug, str) else None


def _user_id(sandbox: Sandbox, given: dict[str, Any]) -> str | None:
    slug = given.get("user")
    if slug in (None, "all"):
        return None
    person = _person(sandbox, slug)
    if person is None:
        raise ValueError("nobody is called that")
    return person.id


def _expire(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"expired": sandbox.grants.expire(_user_id(sandbox, given))}


def _kill(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"killed": sandbox.grants.kill(_user_id(sandbox, given))}


def _settings(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return sandbox.switches.plain()


def _change_settings(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.switches.read(given)
    return _settings(sandbox, given)


def _clock(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"now": stamp(sandbox.world.clock.now())}


def _advance(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    seconds = given.get("advance")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError("advance must be a number of seconds")
    return {"now": stamp(sandbox.advance(seconds))}


def _reset(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.reset()
    return {"reset": True}


_HANDLERS = {
    ("GET", ""): _list,
    ("GET", "openapi.json"): _openapi,
    ("GET", "people"): _people,
    ("POST", "people"): _new_person,
    ("GET", "members"): _members,
    ("POST", "members"): _act,
    ("POST", "crowd"): _crowd,
    ("GET", "posts"): _posts,
    ("POST", "posts"): _change_post,
    ("GET", "hooks"): _hooks,
    ("POST", "hooks"): _new_hook,
    ("POST", "hooks/test"): _press,
    ("GET", "deliveries"): _deliveries,
    ("DELETE", "deliveries"): _forget_deliveries,
    ("POST", "deliveries/again"): _again,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _disarm,
    ("POST", "tokens/expire"): _expire,
    ("POST", "tokens/kill"): _kill,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
    ("POST", "reset"): _reset,
}

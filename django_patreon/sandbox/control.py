"""The sandbox's own switches, as JSON under `/_sandbox/`, for scripts and tests.

GET    /_sandbox/                this list
GET    /_sandbox/people          who there is: slug, id, name, memberships
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
POST   /_sandbox/clock           {"advance": 86400} moves it forward, in seconds
POST   /_sandbox/reset           as it was at start
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .faults import FAULTS, Fault
from .http import Request, Response, json_response
from .paging import LAST_PAGES
from .world import stamp

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["answer_control"]

PREFIX = "/_sandbox/"
_SWITCHES = ("one_pair_per_user", "keep_access_on_refresh")


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
        return json_response(handler(sandbox, given))
    except (ValueError, RecursionError) as error:
        return json_response({"error": str(error)}, status=400)


def _list(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"switches": sorted({f"{method} {PREFIX}{path}" for method, path in _HANDLERS})}


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


def _user_id(sandbox: Sandbox, given: dict[str, Any]) -> str | None:
    slug = given.get("user")
    if slug in (None, "all"):
        return None
    person = sandbox.world.person_called(slug) if isinstance(slug, str) else None
    if person is None:
        raise ValueError("nobody is called that")
    return person.id


def _expire(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"expired": sandbox.grants.expire(_user_id(sandbox, given))}


def _kill(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"killed": sandbox.grants.kill(_user_id(sandbox, given))}


def _settings(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    switches = {name: getattr(sandbox.grants, name) for name in _SWITCHES}
    return {**switches, "last_page": sandbox.last_page}


def _change_settings(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    last_page = given.pop("last_page", sandbox.last_page)
    if last_page not in LAST_PAGES:
        raise ValueError(f"last_page must be one of: {'; '.join(LAST_PAGES)}")
    for name, value in given.items():
        if name not in _SWITCHES:
            known = ", ".join([*_SWITCHES, "last_page"])
            raise ValueError(f"unknown setting {name[:40]!r}; known: {known}")
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
    sandbox.last_page = last_page
    for name, value in given.items():
        setattr(sandbox.grants, name, value)
    return _settings(sandbox, given)


def _clock(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {"now": stamp(sandbox.world.clock.now())}


def _advance(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    seconds = given.get("advance")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError("advance must be a number of seconds")
    sandbox.world.clock.advance(seconds)
    return _clock(sandbox, given)


def _reset(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.reset()
    return {"reset": True}


_HANDLERS = {
    ("GET", ""): _list,
    ("GET", "people"): _people,
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

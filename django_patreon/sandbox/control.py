"""The sandbox's own switches, as JSON under `/_sandbox/`, for scripts and tests.

GET    /_sandbox/                this list
GET    /_sandbox/openapi.json    API v2 as it is served here, for tools
GET    /_sandbox/people          who there is: slug, id, name, memberships
POST   /_sandbox/people          somebody new: {"slug": "zoe", "full_name": "Zoe Park"}
POST   /_sandbox/people/change   {"user": "gold", "email": "new@example.org"}, or null for none;
                                 also "is_email_verified"
GET    /_sandbox/members         memberships of the first campaign, and what can be done
POST   /_sandbox/members         {"do": "pledge", "user": "stranger", "tier": "Gold"}; also "days",
                                 "cadence" (1 or 12), "campaign"
POST   /_sandbox/crowd           {"members": 100000}: generated ones besides the others
POST   /_sandbox/tiers           {"tier": "Gold", "amount_cents": 1500}: a new price; who has
                                 the tier keeps the old one
POST   /_sandbox/migration       {"days": 3}: every charge date of a campaign moves to that day;
                                 generated members stay as they are
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
POST   /_sandbox/tokens/issue    {"user": "creator"}: a pair without a sign-in, as the page for
                                 developers shows a creator; {"members": 500}: for generated ones
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

from typing import TYPE_CHECKING, Any

from .control_hooks import HOOKS
from .control_world import WORLD, person_of
from .faults import FAULTS, Fault
from .grants import SCOPES
from .http import Request, Response, json_response
from .openapi import description
from .plain import read_json
from .things import stamp

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["PREFIX", "answer_control", "change"]

PREFIX = "/_sandbox/"
_OF_MEMBERS = frozenset({"identity", "identity[email]", "identity.memberships"})


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
        given = read_json(request.body or b"{}")
        if not isinstance(given, dict):
            raise ValueError("the body must be a JSON object")
    except ValueError as error:
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


def _user_id(sandbox: Sandbox, given: dict[str, Any]) -> str | None:
    slug = given.get("user")
    if slug in (None, "all"):
        return None
    person = person_of(sandbox, slug)
    if person is None:
        raise ValueError("nobody is called that")
    return person.id


def _issue(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    world = sandbox.world
    if "user" in given:
        person = person_of(sandbox, given["user"])
        if person is None:
            raise ValueError("nobody is called that")
        users = [person.id]
    else:
        size = given.get("members")
        if type(size) is not int or not 0 <= size <= world.crowd.size:
            raise ValueError("members must be a number of generated members")
        users = [world.crowd.user_id(each) for each in range(size)]
    owner = world.campaigns[world.owner_campaign_id].creator_id
    pairs = [
        sandbox.grants.issue_pair(each, frozenset(SCOPES) if each == owner else _OF_MEMBERS)
        for each in users
    ]
    return {
        "pairs": [
            {"user": each.user_id, "access": each.access_token, "refresh": each.refresh_token}
            for each in pairs
        ]
    }


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
    **WORLD,
    **HOOKS,
    ("GET", ""): _list,
    ("GET", "openapi.json"): _openapi,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _disarm,
    ("POST", "tokens/expire"): _expire,
    ("POST", "tokens/issue"): _issue,
    ("POST", "tokens/kill"): _kill,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
    ("POST", "reset"): _reset,
}

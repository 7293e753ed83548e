"""The JSON controls under `/_sandbox/`. `CONTROLS` is the list of all of them."""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.api.openapi import description as openapi_description
from django_patreon.sandbox.core import Core
from django_patreon.sandbox.oauth.tokens import SCOPES
from django_patreon.sandbox.web.faults import FAULTS, Fault
from django_patreon.sandbox.web.messages import Request, Response, json_response
from django_patreon.sandbox.web.parsing import read_json
from django_patreon.sandbox.world.clock import format_time

from . import campaigns, people, webhooks
from .table import Control, person_of

__all__ = ["CONTROLS", "PREFIX", "answer", "run"]

PREFIX = "/_sandbox/"
_SCOPES_OF_MEMBERS = frozenset({"identity", "identity[email]", "identity.memberships"})


def answer(core: Core, request: Request) -> Response:
    """Answer a request under `/_sandbox/`."""
    name = f"{request.path}/".removeprefix(PREFIX).strip("/")
    control = _BY_NAME.get((request.method, name))
    if control is None:
        known = sorted({each.path for each in CONTROLS})
        status = 405 if name in known else 404
        return json_response({"error": "no such control", "known": known}, status=status)
    # A page of another site can send a form here, but not with this header.
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
    if control.handler is _advance:  # waits for webhooks, whose receivers may send requests here
        return Response(status=200, later=lambda: _answer(core, control, given))
    return _answer(core, control, given)


def run(core: Core, name: str, given: dict[str, Any]) -> Any:
    """Do what `POST /_sandbox/{name}` does. Raises `ValueError`."""
    return _BY_NAME["POST", name].handler(core, given)


def _answer(core: Core, control: Control, given: dict[str, Any]) -> Response:
    try:
        return json_response(control.handler(core, given))
    except (ValueError, RecursionError) as error:
        return json_response({"error": str(error)}, status=400)


def _list(core: Core, given: dict[str, Any]) -> Any:
    names = {f"{each.method} {PREFIX}{each.path}": each.description for each in CONTROLS}
    return {"controls": names, "switches": sorted(names)}  # the second one for older scripts


def _openapi(core: Core, given: dict[str, Any]) -> Any:
    return openapi_description(core.url)


# -- requests and faults


def _requests(core: Core, given: dict[str, Any]) -> Any:
    return {"requests": list(core.journal)}


def _forget_requests(core: Core, given: dict[str, Any]) -> Any:
    core.journal.clear()
    return {"requests": []}


def _faults(core: Core, given: dict[str, Any]) -> Any:
    armed = [
        {"kind": each.kind, "path": each.path, "times": each.times, "share": each.share}
        for each in core.faults.armed
    ]
    return {"kinds": FAULTS, "armed": armed}


def _add_fault(core: Core, given: dict[str, Any]) -> Any:
    core.faults.arm(Fault.read(given))
    return _faults(core, given)


def _remove_faults(core: Core, given: dict[str, Any]) -> Any:
    core.faults.clear()
    return _faults(core, given)


# -- tokens


def _issue_tokens(core: Core, given: dict[str, Any]) -> Any:
    world = core.world
    if "user" in given:
        users = [person_of(core, given).id]
    else:
        size = given.get("members")
        if type(size) is not int or not 0 <= size <= world.crowd.size:
            raise ValueError("members must be a number of generated members")
        users = [world.crowd.user_id(each) for each in range(size)]
    owner = world.campaigns[world.owner_campaign_id].creator_id
    pairs = [
        core.tokens.issue_pair(each, frozenset(SCOPES) if each == owner else _SCOPES_OF_MEMBERS)
        for each in users
    ]
    return {
        "pairs": [
            {"user": each.user_id, "access": each.access_token, "refresh": each.refresh_token}
            for each in pairs
        ]
    }


def _expire_tokens(core: Core, given: dict[str, Any]) -> Any:
    return {"expired": core.tokens.expire(_user_id(core, given))}


def _kill_tokens(core: Core, given: dict[str, Any]) -> Any:
    return {"killed": core.tokens.kill(_user_id(core, given))}


def _user_id(core: Core, given: dict[str, Any]) -> str | None:
    """Return the id of `user`; None for all people."""
    return None if given.get("user") in (None, "all") else person_of(core, given).id


# -- settings, clock, reset


def _settings(core: Core, given: dict[str, Any]) -> Any:
    return core.settings.plain()


def _change_settings(core: Core, given: dict[str, Any]) -> Any:
    core.settings.read(given)
    return _settings(core, given)


def _clock(core: Core, given: dict[str, Any]) -> Any:
    return {"now": format_time(core.world.clock.now())}


def _advance(core: Core, given: dict[str, Any]) -> Any:
    seconds = given.get("advance")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError("advance must be a number of seconds")
    return {"now": format_time(core.advance(seconds))}


def _reset(core: Core, given: dict[str, Any]) -> Any:
    core.reset()
    return {"reset": True}


CONTROLS = [
    Control("GET", "", "List the controls.", _list),
    Control("GET", "openapi.json", "Describe API v2 as it is served here.", _openapi),
    *people.CONTROLS,
    *campaigns.CONTROLS,
    *webhooks.CONTROLS,
    Control("GET", "requests", "List the last requests: method, path, status.", _requests),
    Control("DELETE", "requests", "Empty the list of requests.", _forget_requests),
    Control("GET", "faults", "List the kinds of faults, and the active faults.", _faults),
    Control(
        "POST",
        "faults",
        'Add a fault: {"kind": "http_429", "path": "/api/", "times": 1}, or "share": 0.1.',
        _add_fault,
    ),
    Control("DELETE", "faults", "Remove all faults.", _remove_faults),
    Control(
        "POST",
        "tokens/issue",
        'Issue tokens without a sign-in: {"user": "creator"}, or {"members": 500} for generated'
        " members.",
        _issue_tokens,
    ),
    Control("POST", "tokens/expire", 'End access tokens: {"user": "gold"}, or {}.', _expire_tokens),
    Control(
        "POST",
        "tokens/kill",
        'End access and refresh tokens: {"user": "gold"}, or {}.',
        _kill_tokens,
    ),
    Control("GET", "settings", "List the settings.", _settings),
    Control("POST", "settings", 'Change settings: {"masked_members": true}.', _change_settings),
    Control("GET", "clock", "Return the time of the sandbox.", _clock),
    Control(
        "POST",
        "clock",
        'Move the clock forward: {"advance": 86400}, in seconds. All that happens on the way'
        " happens, and webhooks are answered, before this is.",
        _advance,
    ),
    Control("POST", "reset", "Return to the data of the start.", _reset),
]
_BY_NAME = {(each.method, each.path): each for each in CONTROLS}

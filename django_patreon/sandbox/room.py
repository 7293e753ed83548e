"""The control room at `/`: the same switches as a page, for people. Works without JavaScript."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import room_sections
from .control import change
from .http import Request, Response, came_from_here, edge_refusal, page
from .markup import escaped
from .oauth import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["answer_room"]

_SCRIPT = (Path(__file__).parent / "room.js").read_bytes()
# Forms of the page: the switch each moves, and which of its fields are numbers or lists.
_SWITCHES: dict[str, dict[str, Callable[[str], Any]]] = {
    "members": {"days": int, "cadence": int},
    "people": {},
    "people/change": {"is_email_verified": lambda word: word == "yes"},
    "crowd": {"members": int},
    "clock": {"advance": float},
    "faults": {"times": int, "share": float, "seconds": float},
    "tokens/expire": {},
    "tokens/kill": {},
    "hooks": {},
    "hooks/test": {},
    "deliveries/again": {},
    "posts": {},
    "settings": {},
    "reset": {},
}


def answer_room(sandbox: Sandbox, request: Request) -> Response:
    """Show the room, or do what one of its forms says and show it again."""
    if request.method in ("GET", "HEAD"):
        if dict(request.query).get("script"):
            headers = [("Content-Type", "text/javascript"), ("Cache-Control", "no-store")]
            return Response(status=200, headers=headers, body=_SCRIPT)
        return _page(sandbox, dict(sandbox.notices).get(dict(request.query).get("notice", ""), ""))
    if request.method != "POST":
        return edge_refusal(405, "The control room is looked at, and its forms are sent.")
    if not came_from_here(request):
        return edge_refusal(403, "Only the control room's own forms are taken here.")
    given: dict[str, Any] = {key: value for key, value in request.form if value != ""}
    name = given.pop("switch", "")
    if name not in _SWITCHES:
        return _back(sandbox, "There is no such switch.")
    try:
        for key, kind in _SWITCHES[name].items():
            if key in given:
                given[key] = kind(given[key])
        if name == "settings":
            given = _settings(sandbox, given)
        if name == "hooks":
            given["triggers"] = [value for key, value in request.form if key == "triggers"]
    except ValueError:
        return _back(sandbox, "That is no number.")
    return Response(status=200, later=lambda: _do(sandbox, name, given))


def _do(sandbox: Sandbox, name: str, given: dict[str, Any]) -> Response:
    # The clock waits for webhooks, which may ask the sandbox something: so it is not locked here.
    try:
        if name == "clock":
            change(sandbox, name, given)
        else:
            with sandbox.locked():
                change(sandbox, name, given)
    except ValueError as error:
        return _back(sandbox, f"Not done: {error}.")
    who, what = given.get("user", ""), given.get("do", "")
    return _back(sandbox, "Done: " + " ".join(each for each in (name, who, what) if each) + ".")


def _back(sandbox: Sandbox, words: str) -> Response:
    """Show the room again, with these words for the tab that sent the form."""
    key = secrets.token_hex(8)
    sandbox.notices.append((key, words))
    return Response(status=303, headers=[("Location", f"/?notice={key}")])


def _settings(sandbox: Sandbox, given: dict[str, Any]) -> dict[str, Any]:
    """A form has words only: find the choice that each stands for."""
    found = {}
    for name, word in given.items():
        _, choices = sandbox.switches.choices().get(name, ("", ()))
        found[name] = next((each for each in choices if room_sections.word(each) == word), word)
    return found


def _page(sandbox: Sandbox, words: str) -> Response:
    notice = f"<p>{escaped(words)}</p>" if words else ""
    sections = [
        room_sections.members(sandbox),
        room_sections.clock(sandbox),
        room_sections.hooks(sandbox),
        room_sections.deliveries(sandbox),
        room_sections.requests(sandbox),
        room_sections.faults(sandbox),
        room_sections.settings(sandbox),
        room_sections.reset(),
    ]
    content = (
        "<h1>Control room</h1>"
        f"<div role=status id=notice>{notice}</div>"
        f"<p>Point a client at <code>{escaped(sandbox.url)}</code> in place of"
        " <code>https://www.patreon.com</code>: client"
        f" <code>{CLIENT_ID}</code>, secret <code>{CLIENT_SECRET}</code>, any redirect URI on"
        " localhost or 127.0.0.1. For scripts there is the same as JSON:"
        ' <a href="/_sandbox/">/_sandbox/</a>, <a href="/_sandbox/openapi.json">OpenAPI</a>.</p>'
        + "".join(sections)
        + '<script src="/?script=1" defer></script>'
    )
    return page(content, title="Control room of the sandbox", wide=True)

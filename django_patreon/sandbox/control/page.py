"""The control room at `/`: a page with the controls as forms. It works without JavaScript."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.oauth.tokens import CLIENT_ID, CLIENT_SECRET
from django_patreon.sandbox.web.errors import edge_page
from django_patreon.sandbox.web.html import escape, page
from django_patreon.sandbox.web.messages import Request, Response, is_same_origin

from . import page_sections
from .endpoints import run

__all__ = ["answer"]

_SCRIPT = (Path(__file__).parent / "page.js").read_bytes()
# The controls that have a form, and how the texts of some of their fields are converted.
_FORMS: dict[str, dict[str, Callable[[str], Any]]] = {
    "members": {"days": int, "cadence": int},
    "people": {},
    "people/change": {"is_email_verified": lambda text: text == "yes"},
    "crowd": {"members": int},
    "clock": {"advance": float},
    "faults": {"times": int, "share": float, "seconds": float},
    "tokens/expire": {},
    "tokens/kill": {},
    "hooks": {},
    "hooks/test": {},
    "deliveries/again": {},
    "settings": {},
    "reset": {},
}


def answer(core: Core, request: Request) -> Response:
    """Show the page, or handle one of its forms and show the page again."""
    if request.method in ("GET", "HEAD"):
        if dict(request.query).get("script"):
            headers = [("Content-Type", "text/javascript"), ("Cache-Control", "no-store")]
            return Response(status=200, headers=headers, body=_SCRIPT)
        return _page(core, dict(core.notices).get(dict(request.query).get("notice", ""), ""))
    if request.method != "POST":
        return edge_page(405, "The control room takes GET, HEAD and POST only.")
    if not is_same_origin(request):
        return edge_page(403, "Only the control room's own forms are taken here.")
    given: dict[str, Any] = {key: value for key, value in request.form if value != ""}
    name = given.pop("control", "")
    if name not in _FORMS:
        return _show_again(core, "There is no such control.")
    try:
        for key, convert in _FORMS[name].items():
            if key in given:
                given[key] = convert(given[key])
        if name == "settings":
            given = _setting_values(core, given)
        if name == "hooks":
            given["triggers"] = [value for key, value in request.form if key == "triggers"]
    except ValueError:
        return _show_again(core, "That is no number.")
    return Response(status=200, later=lambda: _run(core, name, given))


def _run(core: Core, name: str, given: dict[str, Any]) -> Response:
    try:
        if name == "clock":  # waits for webhooks, whose receivers may send requests here
            run(core, name, given)
        else:
            with core.locked():
                run(core, name, given)
    except ValueError as error:
        return _show_again(core, f"Not done: {error}.")
    parts = (name, given.get("user", ""), given.get("do", ""))
    return _show_again(core, f"Done: {' '.join(filter(None, parts))}.")


def _show_again(core: Core, message: str) -> Response:
    """Redirect to the page, with a message for the tab that sent the form."""
    key = secrets.token_hex(8)
    core.notices.append((key, message))
    return Response(status=303, headers=[("Location", f"/?notice={key}")])


def _setting_values(core: Core, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a form with the values that its texts stand for."""
    found = {}
    for name, text in given.items():
        _, choices = core.settings.choices().get(name, ("", ()))
        found[name] = next(
            (each for each in choices if page_sections.value_text(each) == text), text
        )
    return found


def _page(core: Core, message: str) -> Response:
    notice = f"<p>{escape(message)}</p>" if message else ""
    sections = (
        page_sections.members,
        page_sections.clock,
        page_sections.hooks,
        page_sections.deliveries,
        page_sections.requests,
        page_sections.faults,
        page_sections.settings,
        page_sections.reset,
    )
    content = (
        "<h1>Control room</h1>"
        f"<div role=status id=notice>{notice}</div>"
        f"<p>Point a client at <code>{escape(core.url)}</code> in place of"
        " <code>https://www.patreon.com</code>: client"
        f" <code>{CLIENT_ID}</code>, secret <code>{CLIENT_SECRET}</code>, any redirect URI on"
        " localhost or 127.0.0.1. For scripts there is the same as JSON:"
        ' <a href="/_sandbox/">/_sandbox/</a>, <a href="/_sandbox/openapi.json">OpenAPI</a>.</p>'
        + "".join(each(core) for each in sections)
        + '<script src="/?script=1" defer></script>'
    )
    return page(content, title="Control room of the sandbox", wide=True)

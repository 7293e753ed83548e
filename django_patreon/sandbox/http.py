"""Requests, responses, and the few things that every answer needs."""

from __future__ import annotations

import html
import json
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

__all__ = [
    "JSON_API",
    "REQUEST_ID",
    "Request",
    "Response",
    "api_error",
    "came_from_here",
    "edge_refusal",
    "json_response",
    "page",
    "redirect",
]

JSON_API = "application/vnd.api+json"
REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default=str(uuid.UUID(int=0)))
"""The UUID of the request being answered: an error's `id`, and the header x-patreon-uuid."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sent. `target` is path and query as on the request line."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, as sent, without the query. Any target has one, however malformed."""
        path = self.target.partition("?")[0].partition("#")[0]
        if path.lower().startswith(("http://", "https://")):  # as to a proxy
            path = "/" + "".join(path.split("/", 3)[3:])
        return path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's pairs, decoded, in order; brackets may be encoded or raw."""
        return _pairs(self.target.partition("?")[2].partition("#")[0])

    @property
    def form(self) -> list[tuple[str, str]]:
        """The body's pairs, if it is a form."""
        if self.header("Content-Type").partition(";")[0].strip().lower() in (
            "application/x-www-form-urlencoded",
            "",
        ):
            return _pairs(self.body.decode("utf-8", "replace"))
        return []

    def header(self, name: str) -> str:
        """A header's value, whatever the case of its name; empty when absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=500)
    except ValueError:  # more fields than anybody sends in earnest
        return []


def came_from_here(request: Request) -> bool:
    """Browsers say where a form was: another site's page must not move anything of ours."""
    if request.header("Sec-Fetch-Site") not in ("", "same-origin", "none"):
        return False
    origin = request.header("Origin")
    return not origin or urlsplit(origin).netloc == request.header("Host")


@dataclass(kw_only=True)
class Response:
    """What goes back. The last ones are for the server: how a line fails, what takes its time."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    delay: float = 0.0
    """Seconds to wait before the first byte."""
    cut_after: int | None = None
    """Close the connection after that many bytes of the body, though more were promised."""
    reset: bool = False
    """Close the connection without a word."""
    flushes: str = ""
    """A hook whose queue is to be sent before this is answered."""
    later: Callable[[], Response] | None = None
    """What takes its time and must not hold up others: it is called, and its answer sent."""

    def header(self, name: str) -> str:
        """A header's value; empty when absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def json_response(document: Any, *, status: int = 200, kind: str = "application/json") -> Response:
    """Keys sorted and non-ASCII escaped, as Patreon sends them (observed)."""
    body = json.dumps(document, sort_keys=True).encode()
    return Response(status=status, headers=[("Content-Type", kind)], body=body)


def api_error(
    status: int,
    *,
    code_name: str,
    code: int | None = None,
    title: str = "",
    detail: str = "",
    **more: Any,
) -> Response:
    """An error of the API (documented): one object in a list."""
    title = title or HTTPStatus(status).phrase
    error = {
        "code": code,
        "code_name": code_name,
        "detail": detail or title,
        "id": REQUEST_ID.get(),
        "status": str(status),
        "title": title,
        **more,
    }
    return json_response({"errors": [error]}, status=status, kind=JSON_API)


def edge_refusal(status: int, words: str) -> Response:
    """What the edge in front of Patreon says: a web page, not JSON (observed)."""
    return page(f"<h1>{status}</h1><p>{html.escape(words)}</p>", title=words, status=status)


def redirect(location: str) -> Response:
    """Send the browser on. What a header cannot carry is percent-encoded, as browsers do."""
    location = quote(location, safe="%/:=&?~#+!$,;'@()*[]", errors="replace")
    return Response(status=302, headers=[("Location", location), ("Content-Type", "text/html")])


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'"
_STYLE = (Path(__file__).parent / "sandbox.css").read_text()


def page(content: str, *, title: str, status: int = 200, wide: bool = False) -> Response:
    """A web page around trusted `content`; `title` is escaped here."""
    text = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>"
        "<header class=pretend>Sandbox: a pretend Patreon. This is not patreon.com.</header>"
        f"<main{' class=wide' if wide else ''}>{content}</main></body></html>"
    )
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", _POLICY),
        ("X-Frame-Options", "DENY"),
    ]
    # A target that was sent half of a surrogate pair may be shown: that is no character.
    return Response(status=status, headers=headers, body=text.encode("utf-8", "replace"))

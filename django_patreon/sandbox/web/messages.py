"""Requests and responses, independent of the server that carries them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

__all__ = [
    "JSON_API",
    "LARGEST_BODY",
    "REQUEST_ID",
    "Request",
    "Response",
    "is_same_origin",
    "json_response",
    "redirect",
]

JSON_API = "application/vnd.api+json"
LARGEST_BODY = 1024 * 1024
"""Request bodies of more bytes are answered with 413."""

REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default=str(uuid.UUID(int=0)))
"""The UUID of the current request: the `id` of an error, and the header x-patreon-uuid."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A client's request. `target` is the path and query, as on the request line."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as it was sent, without the query. A malformed target has a path, too."""
        path = self.target.partition("?")[0].partition("#")[0]
        if path.lower().startswith(("http://", "https://")):  # the form that proxies receive
            path = "/" + "".join(path.split("/", 3)[3:])
        return path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The decoded pairs of the query, in order. Brackets may be percent-encoded or not."""
        return _pairs(self.target.partition("?")[2].partition("#")[0])

    @property
    def form(self) -> list[tuple[str, str]]:
        """The decoded pairs of the body; empty if the body is not a form."""
        kind = self.header("Content-Type").partition(";")[0].strip().lower()
        if kind in ("application/x-www-form-urlencoded", ""):
            return _pairs(self.body.decode("utf-8", "replace"))
        return []

    @property
    def bearer_token(self) -> str:
        """The token of the Authorization header; empty if there is none, or another scheme."""
        scheme, _, token = self.header("Authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def header(self, name: str) -> str:
        """The value of a header, found whatever the case of its name; empty if absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=500)
    except ValueError:  # more fields than a real client sends
        return []


def is_same_origin(request: Request) -> bool:
    """Was a form sent by a page of the sandbox itself, and not by a page of another site?"""
    if request.header("Sec-Fetch-Site") not in ("", "same-origin", "none"):
        return False
    origin = request.header("Origin")
    return not origin or urlsplit(origin).netloc == request.header("Host")


@dataclass(kw_only=True)
class Response:
    """A response. `delay`, `cut_after` and `reset` tell the server how the connection fails."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    delay: float = 0.0
    """Seconds to wait before the first byte."""
    cut_after: int | None = None
    """Close the connection after that many bytes of the body."""
    reset: bool = False
    """Close the connection without a response."""
    flushes: str = ""
    """The id of a webhook whose queue is sent before this request is answered."""
    later: Callable[[], Response] | None = None
    """Slow work: it is called without the lock, and the response that it returns is sent."""

    def header(self, name: str) -> str:
        """The value of a header; empty if absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)


def json_response(document: Any, *, status: int = 200, kind: str = "application/json") -> Response:
    """Return a JSON response with sorted keys and escaped non-ASCII, as Patreon's (observed)."""
    body = json.dumps(document, sort_keys=True).encode()
    return Response(status=status, headers=[("Content-Type", kind)], body=body)


def redirect(location: str) -> Response:
    """Return a redirect. Characters that a header cannot carry are percent-encoded."""
    location = quote(location, safe="%/:=&?~#+!$,;'@()*[]", errors="replace")
    return Response(status=302, headers=[("Location", location), ("Content-Type", "text/html")])

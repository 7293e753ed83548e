"""Patreon's error responses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from .html import escape, page
from .messages import JSON_API, REQUEST_ID, Response, json_response

__all__ = ["api_error", "edge_block", "edge_page", "throttled", "unauthorized"]

_UNAUTHORIZED = (
    "The server could not verify that you are authorized to access the URL requested.  You either"
    " supplied the wrong credentials (e.g. a bad password), or your browser doesn't understand how"
    " to supply the credentials required."
)


def api_error(
    status: int,
    *,
    code_name: str,
    code: int | None = None,
    title: str = "",
    detail: str = "",
    **more: Any,
) -> Response:
    """Return an error of the API: a list with one error object (documented)."""
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


def unauthorized() -> Response:
    """Return the 401 of a dead token. A missing scope has the same text (observed)."""
    return api_error(401, code=1, code_name="Unauthorized", detail=_UNAUTHORIZED)


def throttled(seconds: int) -> Response:
    """Return the documented 429, with the Retry-After header that some have observed."""
    text = "You have made too many attempts. Please try again later."
    response = api_error(
        429, code_name="RequestThrottled", title=text, detail=text, retry_after_seconds=seconds
    )
    response.headers.append(("Retry-After", str(seconds)))
    return response


def edge_block(seconds: int) -> Response:
    """Return the edge's 429 after too many 401 and 429: no code, id or status (official)."""
    error = {
        "detail": "Too many bad requests. Time to cool down.",
        "retry_after_seconds": seconds,
    }
    return json_response({"errors": [error]}, status=429)


def edge_page(status: int, text: str) -> Response:
    """Return an error of the edge in front of Patreon: a web page, not JSON (observed)."""
    return page(f"<h1>{status}</h1><p>{escape(text)}</p>", title=text, status=status)

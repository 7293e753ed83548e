"""The one place where an answer of Patreon becomes an error."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from django_patreon.exceptions import (
    MalformedAnswer,
    PatreonAPIError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)

if TYPE_CHECKING:
    from .transport import Answer

__all__ = ["code_of", "document_of", "wait_of"]

# Patreon's error codes are identifiers. Anything else in their place (a sentence, a page, a token)
# is dropped, so that it is never part of a message.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")


def document_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON object that the answer carries.

    Raises the error that the answer stands for: `Unauthorized` (401), `RateLimited` (429),
    `Unavailable`
    (5xx), `Refused` (other 4xx), and `MalformedAnswer` for a redirect, for a success that is no
    JSON object, and for one that carries Patreon's error shape.
    """
    document = _parsed(answer.body)
    if 200 <= answer.status < 300 and isinstance(document, dict) and not _reports_error(document):
        return document
    raise _error_of(answer, document)


def wait_of(answer: Answer) -> float | None:
    """Return the seconds that a 429 asks us to wait, from its body or else its header; or None."""
    said = _seconds(_first_error(_parsed(answer.body)).get("retry_after_seconds"))
    return said or _header_seconds(answer.retry_after)


def code_of(answer: Answer) -> str:
    """Return Patreon's error code, such as `invalid_grant`; "" if there is none."""
    document = _parsed(answer.body)
    return _code_of(document, _first_error(document))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (
        ValueError,
        RecursionError,
    ):  # HTML, an empty or a cut body, or JSON that is nested too deeply
        return None


def _reports_error(document: dict[str, Any]) -> bool:
    return bool(document.get("errors")) or bool(document.get("error"))


def _error_of(answer: Answer, document: Any) -> PatreonAPIError:
    status = answer.status
    first = _first_error(document)
    details: dict[str, Any] = {
        "status": status,
        "code": _code_of(document, first),
        "request_id": answer.request_id[:64],
    }
    said = f" ({details['code']})" if details["code"] else ""
    if status == 401:
        return Unauthorized(f"Patreon answered 401{said}.", **details)
    if status == 429:
        return RateLimited(
            "Patreon asks us to slow down (429).", **details, retry_after=wait_of(answer)
        )
    if status >= 500:
        return Unavailable(
            f"Patreon is having trouble ({status}).",
            **details,
            retry_after=_header_seconds(answer.retry_after),
        )
    if status >= 400:
        return Refused(f"Patreon refused the request: {status}{said}.", **details)
    if 300 <= status < 400:
        return MalformedAnswer(f"Patreon answered with a redirect ({status}).", **details)
    if details["code"] or first:
        return MalformedAnswer(f"Patreon reported an error{said} in a {status}.", **details)
    details["code"] = "malformed_response"
    return MalformedAnswer(f"Patreon's answer ({status}) is not a JSON object.", **details)


def _first_error(document: Any) -> dict[str, Any]:
    """Patreon's API errors are `{"errors": [{...}]}` (official)."""
    errors = document.get("errors") if isinstance(document, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


def _code_of(document: Any, first: dict[str, Any]) -> str:
    """OAuth errors are `{"error": "invalid_grant"}` (observed)."""
    found = first.get("code_name") or (isinstance(document, dict) and document.get("error"))
    return found if isinstance(found, str) and _CODE.match(found) else ""


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _header_seconds(value: str) -> float | None:
    """`Retry-After` is seconds or an HTTP date."""
    seconds = _seconds(value)
    if seconds is not None or not value:
        return seconds
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())

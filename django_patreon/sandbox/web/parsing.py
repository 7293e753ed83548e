"""Read JSON and times that came from outside."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

__all__ = ["check_unicode", "read_json", "read_time"]


def check_unicode(text: str) -> None:
    """Raise `ValueError` if the text has half of a surrogate pair, which cannot be encoded."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("has half of a surrogate pair, which is not a character")


def read_json(body: bytes) -> Any:
    """Parse a body as JSON. Raises `ValueError` if it is invalid, or its texts are."""
    try:
        document = json.loads(body)
        text = json.dumps(document, ensure_ascii=False)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    try:
        check_unicode(text)
    except ValueError as error:
        raise ValueError(f"the body {error}") from None
    return document


def read_time(value: Any) -> datetime:
    """Parse a time of ISO 8601, and return it in UTC.

    Raises `ValueError` if it is invalid, or not of the years 1970 to 9100, which the clock of the
    sandbox cannot leave.
    """
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        moment = None
    if moment is None or not 1970 <= moment.year <= 9100:
        raise ValueError(
            "must be a time as in ISO 8601, like 2026-01-31T12:00:00Z, of the years 1970 to 9100"
        )
    return moment

"""Reading single values of a foreign document: what is absent, null or of another type is None."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from django_patreon.secret import Secret

__all__ = [
    "attributes_of",
    "flag",
    "id_of",
    "mapping",
    "moment",
    "number",
    "related_id",
    "related_ids",
    "secret",
    "text",
    "texts",
    "word",
]

LONGEST_ID = 64
"""Ids are digits or a UUID of 36 characters (observed); longer is not one."""


def attributes_of(item: dict[str, Any]) -> dict[str, Any]:
    found = item.get("attributes")
    return found if isinstance(found, dict) else {}


def id_of(item: Any) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    usable = isinstance(found, str) and 0 < len(found) <= LONGEST_ID and found == _clean(found)
    return found if usable and not found.isspace() else None  # type: ignore[union-attr]


def _relation(item: dict[str, Any], name: str) -> Any:
    relations = item.get("relationships")
    relation = relations.get(name) if isinstance(relations, dict) else None
    return relation.get("data") if isinstance(relation, dict) else None


def related_id(item: dict[str, Any], name: str) -> str | None:
    return id_of(_relation(item, name))


def related_ids(item: dict[str, Any], name: str) -> tuple[str, ...] | None:
    found = _relation(item, name)
    if not isinstance(found, list):
        return None
    return tuple(key for each in found if (key := id_of(each)) is not None)


def text(value: Any) -> str | None:
    return _clean(value) if isinstance(value, str) else None


def word(value: Any) -> str | None:
    """A word that decides something. What is no text is none that anybody knows, and no silence."""
    return json.dumps(value) if value is not None and not isinstance(value, str) else text(value)


def _clean(value: str) -> str:
    """Drop what JSON can carry and a database cannot: NUL and half surrogate pairs."""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()


def texts(value: Any) -> tuple[str, ...] | None:
    """A list of words; numbers among them are ids (both have been seen)."""
    if not isinstance(value, list):
        return None
    words = (str(each) if number(each) is not None else text(each) for each in value)
    return tuple(each for each in words if each)


def mapping(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def secret(value: Any) -> Secret:
    return Secret(text(value) or "")


def flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def number(value: Any) -> int | None:
    """Read a whole number. `pledge_cadence` was one before it became text (official)."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: Any) -> datetime | None:
    """Patreon's times have no fraction, three digits or six, and are UTC (observed)."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None

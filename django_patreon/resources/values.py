"""Reading single values of a foreign document: what is absent, null or of another type is None."""

from __future__ import annotations

import json
import math
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
    "names_nobody",
    "number",
    "related_id",
    "related_ids",
    "secret",
    "storable",
    "text",
    "texts",
    "word",
]

_ID = re.compile(r"[!-~]{1,64}")
"""Ids are digits, a UUID or words like `subscription:1` (observed). Others are refused and never
cleaned: what is left of an id is somebody else's."""
_KEPT_ID = re.compile(r"[a-z0-9:_.-]{1,64}")
"""Ids that are kept in columns. MySQL takes `A` for `a` and other digits for ours."""
_KEPT = frozenset({"campaign", "member", "tier", "user"})
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
DEEPEST = 16
"""Levels of a document that are kept; MariaDB refuses JSON of more than 32."""


def attributes_of(item: dict[str, Any]) -> dict[str, Any]:
    found = item.get("attributes")
    return found if isinstance(found, dict) else {}


def id_of(item: Any) -> str | None:
    """Return the id of a resource, or None where it has none that can be kept whole."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return None
    kind = item.get("type")
    shape = _KEPT_ID if isinstance(kind, str) and kind in _KEPT else _ID
    found: str = item["id"]
    return found if shape.fullmatch(found) else None


def _relation(item: dict[str, Any], name: str) -> Any:
    relations = item.get("relationships")
    relation = relations.get(name) if isinstance(relations, dict) else None
    return relation.get("data") if isinstance(relation, dict) else None


def related_id(item: dict[str, Any], name: str) -> str | None:
    return id_of(_relation(item, name))


def names_nobody(item: dict[str, Any], name: str) -> bool:
    """Say whether a relation is there whose id cannot be used: whose it is remains unknown."""
    found = _relation(item, name)
    return found is not None and id_of(found) is None


def related_ids(item: dict[str, Any], name: str) -> tuple[str, ...] | None:
    found = _relation(item, name)
    if not isinstance(found, list):
        return None
    return tuple(key for each in found if (key := id_of(each)) is not None)


def text(value: Any) -> str | None:
    return storable(value) if isinstance(value, str) else None


def word(value: Any) -> str | None:
    """A word that decides something. What is no text is none that anybody knows, and no silence."""
    return json.dumps(value) if value is not None and not isinstance(value, str) else text(value)


def storable(value: Any, depth: int = DEEPEST) -> Any:
    """Return JSON, or a part of it, as every database can hold it.

    NUL and half surrogate pairs become U+FFFD. They are not dropped: what is left of an address or
    of a status could be another one. Numbers that are not finite become None, and so does what is
    nested more than `depth` levels deep.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict | list) and not depth:
        return None
    if isinstance(value, dict):
        return {storable(key): storable(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list):
        return [storable(each, depth - 1) for each in value]
    return value


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

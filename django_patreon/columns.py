"""Fitting values that Patreon sent to the columns that store them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models, router

from .moments import to_stored

__all__ = ["SHORT", "fit", "three_byte_columns"]

SHORT = 150
"""Characters kept of a text whose model has no such column, or a column without a limit."""
LARGEST = 2**53
"""Numbers from here on are dropped: no pledge is so large, and JSON does not carry them exactly."""
_FOUR_BYTES = re.compile("[\U00010000-\U0010ffff]")
_three_byte: dict[tuple[str, str], dict[str, list[str]]] = {}


def fit(model: type[models.Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as the columns of `model` can store them.

    Texts are cut to the length of the column. An e-mail address, a number or a time that does not
    fit becomes None: a part of an address could be another person's. Ids are not passed here: one
    that does not fit is refused when it is read (`resources.values.id_of`).
    """
    alias = router.db_for_write(model)
    no_emoji = three_byte_columns(alias).get(model._meta.db_table, ())
    return {name: _fitted(model, name, value, alias, no_emoji) for name, value in values.items()}


def _fitted(
    model: type[models.Model], name: str, value: Any, alias: str, no_emoji: Collection[str]
) -> Any:
    try:
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return value[:SHORT] if isinstance(value, str) else value
    if isinstance(value, str):
        return _text(field, _FOUR_BYTES.sub("\ufffd", value) if field.column in no_emoji else value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(field, value, alias)
    return value


def _text(field: Any, value: str) -> str | None:
    if field.max_length is None or len(value) <= field.max_length:
        return value
    return None if isinstance(field, models.EmailField) else value[: field.max_length]


def _number(field: Any, value: int, alias: str) -> int | None:
    least, most = _limits(alias, field.get_internal_type())
    return value if least <= value <= most else None


@cache
def _limits(alias: str, kind: str) -> tuple[int, int]:
    """Return the least and the largest number that a column of this kind takes."""
    limits: Any = connections[alias].ops.integer_field_range(kind)
    least, most = limits
    if kind.startswith("Positive"):
        least = 0
    return (
        1 - LARGEST if least is None else max(least, 1 - LARGEST),
        LARGEST - 1 if most is None else min(most, LARGEST - 1),
    )


def _moment(value: datetime) -> datetime | None:
    """Return the time as this site stores it; None for a year that not every database can store."""
    return to_stored(value) if 1970 <= value.year <= 9998 else None


def three_byte_columns(alias: str) -> dict[str, list[str]]:
    """Return the text columns, by table, that take no characters of four bytes, such as emoji.

    Only MySQL and MariaDB have such columns: those in the character set utf8mb3 (once "utf8"), and
    all of them while the connection itself speaks utf8mb3. Asked once in the life of a process.
    """
    connection = connections[alias]
    if connection.vendor != "mysql":
        return {}
    key = alias, str(connection.settings_dict["NAME"])
    if key not in _three_byte:
        _three_byte[key] = {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = DATABASE() AND character_set_name IS NOT NULL"
                " AND (character_set_name <> 'utf8mb4' OR @@character_set_client <> 'utf8mb4')"
            )
            for table, column in cursor.fetchall():
                _three_byte[key].setdefault(table, []).append(column)
    return _three_byte[key]

"""Writing many rows of one table with one statement.

Django's bulk methods spend several times as long on making the SQL, and the SQL of a thousand rows
is long: here the statement is written once and the driver repeats it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connections, models

from django_patreon.models import Membership

__all__ = ["insert", "update_memberships"]


def insert(model: type[models.Model], rows: Sequence[Mapping[str, Any]], using: str) -> None:
    """Insert rows that all have the same columns. One statement."""
    connection = connections[using]
    quote = connection.ops.quote_name
    names = [*rows[0]]
    columns = ", ".join(quote(_column(model, name)) for name in names)
    places = ", ".join(["%s"] * len(names))
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(sql, _stored(model, names, rows, using))


def update_memberships(
    rows: Sequence[tuple[dict[str, Any], Membership | None]], using: str
) -> None:
    """Bring memberships up to date. One statement."""
    connection = connections[using]
    quote = connection.ops.quote_name
    # Not every reading has every column: what it does not speak of stays as it is.
    names = list(dict.fromkeys(name for columns, _ in rows for name in columns))
    full = [
        {name: columns[name] if name in columns else getattr(row, name) for name in names}
        | {"id": row.pk if row else None}
        for columns, row in rows
    ]
    assignments = ", ".join(f"{quote(_column(Membership, name))} = %s" for name in names)
    table = quote(Membership._meta.db_table)
    sql = f"UPDATE {table} SET {assignments} WHERE id = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(sql, _stored(Membership, [*names, "id"], full, using))


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)


def _stored(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Mapping[str, Any]], using: str
) -> list[list[Any]]:
    """Return the values as the database takes them."""
    connection = connections[using]
    fields = [model._meta.get_field(name) for name in names]
    # The others are text, numbers and flags, which every driver takes as they are.
    adapted: list[Any] = [
        each if isinstance(each, (models.DateTimeField, models.JSONField)) else None
        for each in fields
    ]
    pairs = list(zip(names, adapted, strict=True))
    return [
        [
            row[name]
            if field is None or row[name] is None
            else field.get_db_prep_save(row[name], connection)
            for name, field in pairs
        ]
        for row in rows
    ]

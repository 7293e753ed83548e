"""Writing many rows of one table with one statement.

Django's bulk methods spend several times as long on making the SQL, and the SQL of a thousand rows
is long: here the statement is written once and the driver repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from django.db import connections, models

from django_patreon.models import Membership

__all__ = ["insert", "update_memberships"]

WORTH_COPYING = 50
"""Rows from which on COPY is quicker than INSERT, on PostgreSQL."""


def insert(model: type[models.Model], rows: Sequence[Mapping[str, Any]], using: str) -> None:
    """Insert rows that all have the same columns. One statement."""
    connection = connections[using]
    quote = connection.ops.quote_name
    names = [*rows[0]]
    columns = ", ".join(quote(_column(model, name)) for name in names)
    target = f"{quote(model._meta.db_table)} ({columns})"
    stored = _stored(model, names, rows, using)
    with connection.cursor() as cursor:
        if len(rows) >= WORTH_COPYING and _can_copy(cursor):
            # The server plans a repeated INSERT once a row.
            with (
                connection.wrap_database_errors,
                cursor.copy(f"COPY {target} FROM STDIN") as copy,
            ):
                for row in stored:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(names))
            _run(cursor, f"INSERT INTO {target} VALUES ({places})", stored)  # noqa: S608


def _can_copy(cursor: Any) -> bool:
    """Is this PostgreSQL by psycopg 3?"""
    return hasattr(cursor, "copy")


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
        _run(cursor, sql, _stored(Membership, [*names, "id"], full, using))


def _run(cursor: Any, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run a statement for each row; a single one, as at a sign-in, needs no preparation."""
    if len(rows) == 1:
        cursor.execute(sql, rows[0])
    else:
        cursor.executemany(sql, rows)


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)


def _stored(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Mapping[str, Any]], using: str
) -> list[list[Any]]:
    """Return the values as the database takes them."""
    adapters = _adapters(model, using)
    adapted = [(place, adapters[name]) for place, name in enumerate(names) if name in adapters]
    values_of = itemgetter(*names)
    stored = []
    for row in rows:
        values = list(values_of(row))
        for place, adapt in adapted:
            if values[place] is not None:
                values[place] = adapt(values[place])
        stored.append(values)
    return stored


def _adapters(model: type[models.Model], using: str) -> dict[str, Callable[[Any], Any]]:
    """Return what makes a value fit for the driver, by the names of the columns that need it.

    The others are text, numbers and flags, which every driver takes as they are.
    """
    ops = connections[using].ops
    moment = lru_cache(ops.adapt_datetimefield_value)  # "as of" is the same in all rows of a page
    found: dict[str, Callable[[Any], Any]] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.DateTimeField):
            found[field.attname] = moment
        elif isinstance(field, models.JSONField):
            found[field.attname] = partial(ops.adapt_json_value, encoder=field.encoder)
    return found

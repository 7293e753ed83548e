"""Asking PostgreSQL a statement it has planned before.

PostgreSQL plans a statement each time it is sent, which takes longer than running the gate's. So
on a connection that stays open it is prepared, the second time that it is asked. Not inside a
transaction, where an error would undo what others have done; and not where Django has been told of
a pooler that hands out another connection each time (`DISABLE_SERVER_SIDE_CURSORS`), or that
statements are bound by the server, which has its own setting for this.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.db import ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["ask"]

_FRESH, _PREPARED, _NEVER = range(3)
_connections: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""The state of each connection of the driver: asked once, prepared, or not to be prepared."""


def ask(connection: BaseDatabaseWrapper, sql: str, params: Mapping[str, Any]) -> Any:
    """Return the one value that a statement gives. One query, prepared or not."""
    with connection.cursor() as cursor:
        state = _state(connection)
        if state is not None:
            try:
                cursor.execute(_calls(sql, tuple(params))[state], params)
                if state == _FRESH:
                    cursor.nextset()
                    _connections[connection.connection] = _PREPARED
                return cursor.fetchone()[0]
            except ProgrammingError:
                # A pooler has given us another connection than last time: ask without the prepared
                # statement.
                _connections[connection.connection] = _NEVER
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


@lru_cache
def _calls(sql: str, names: tuple[str, ...]) -> tuple[str, str]:
    """Return the SQL that prepares a statement and runs it, and the SQL that only runs it."""
    statement = f"django_patreon_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
    call = f"EXECUTE {statement} ({', '.join(f'%({name})s' for name in names)})"
    numbered = sql % {name: f"${place}" for place, name in enumerate(names, 1)}
    return f"PREPARE {statement} AS {numbered}; {call}", call


def _state(connection: BaseDatabaseWrapper) -> int | None:
    """Return the state of this connection; None where nothing is to be prepared."""
    chosen = connection.settings_dict
    if (
        connection.vendor != "postgresql"
        or connection.in_atomic_block
        or not connection.get_autocommit()
        or chosen.get("DISABLE_SERVER_SIDE_CURSORS")
        or chosen["OPTIONS"].get("server_side_binding")
        or not hasattr(connection.connection, "prepare_threshold")  # psycopg 2
    ):
        return None
    state = _connections.get(connection.connection)
    if state is None:
        _connections[connection.connection] = _FRESH
    return None if state == _NEVER else state

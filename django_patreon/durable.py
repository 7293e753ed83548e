"""Commit now, even when the caller is in the middle of a transaction that may be rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DatabaseError, Error, connections, transaction

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["NoSecondConnection", "in_callers_transaction", "run_durably", "short_locks"]

T = TypeVar("T")

LOCK_SECONDS = 3
"""Seconds to wait for a lock: enough for a short transaction of another process. The caller itself
may hold the lock and wait for us, so it must not be much longer."""


class NoSecondConnection(DatabaseError):
    """The caller's session could not be read, so no second one like it was opened."""


def in_callers_transaction(using: str) -> bool:
    """Return True if a write here would be undone by a rollback of the caller.

    This is so inside `atomic`, and where autocommit is switched off. The transaction that Django's
    TestCase wraps around each test does not count, as for Django's own `durable=True`.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        return not connection.get_autocommit()
    return not getattr(connection.atomic_blocks[0], "_from_testcase", False)


def run_durably(work: Callable[[], T], *, using: str) -> T:
    """Run `work`, whose writes are committed when this returns.

    Inside a caller's transaction `work` runs in another thread, on another connection, in a session
    like the caller's (see `_Session`). Raises `NoSecondConnection`, before `work` begins,
    when the caller's session cannot be read because its transaction is broken.
    """
    if not in_callers_transaction(using):
        return work()
    session = _Session(connections[using])

    def apart() -> T:
        connections[using] = session.connect(using)
        try:
            return work()
        finally:
            connections[using].close()

    with ThreadPoolExecutor(1, thread_name_prefix="django_patreon") as pool:
        return pool.submit(copy_context().run, apart).result()


# The settings that policies of row-level security read. PostgreSQL lists no setting of an
# application's own, so their names are taken from the policies.
_STATE = """
SELECT current_user,
       current_setting('search_path'),
       (SELECT reset_val FROM pg_settings WHERE name = 'search_path'),
       ARRAY(
           SELECT DISTINCT (regexp_matches(
               coalesce(qual, '') || ' ' || coalesce(with_check, ''),
               'current_setting\\(''([A-Za-z_]\\w*\\.\\w+)''', 'g'
           ))[1] FROM pg_policies
       )
"""
_VALUES = "SELECT name, current_setting(name, true) FROM unnest(%s::text[]) AS name"


class _Session:
    """What a second session must have in common with the caller's to see the same tables and rows.

    On PostgreSQL: role, search path and the settings that policies read, where they differ from
    what a new session has; and the tenant of django-tenants. They are given when the session
    starts, which a pooler in front of the database refuses (the connection then fails), and not
    with SET, which such a pooler would pass on to other people's sessions.
    """

    def __init__(self, caller: BaseDatabaseWrapper) -> None:
        self._tenant = getattr(caller, "tenant", None)
        self._with_public = getattr(caller, "include_public_schema", True)
        self._role: str | None = None
        self._settings: dict[str, str] = {}
        if caller.vendor == "postgresql":
            self._read(caller)

    def _read(self, caller: BaseDatabaseWrapper) -> None:
        try:
            with caller.cursor() as cursor:
                cursor.execute(_STATE)
                self._role, path, usual_path, names = cursor.fetchone()
                if names:
                    cursor.execute(_VALUES, [names])
                    self._settings = {name: value for name, value in cursor.fetchall() if value}
        except Error as error:
            raise NoSecondConnection("The caller's transaction is broken.") from error
        if path != usual_path:
            self._settings["search_path"] = path
        self._login: str = caller.connection.info.user

    def connect(self, using: str) -> BaseDatabaseWrapper:
        """Return a new connection that commits, and does not come from a pool.

        A request that holds a connection of a pool and waits for a second one could wait for ever.
        """
        connection = connections.create_connection(using)
        given = connection.settings_dict
        options: dict[str, Any] = {**given["OPTIONS"]}
        options.pop("pool", None)
        settings = dict(self._settings)
        if self._role is not None:
            usual = options.pop("assume_role", None) or self._login
            if self._role != self._login:
                settings["role"] = self._role
            if self._role == usual != self._login:
                options["assume_role"] = settings.pop("role")  # as the site's settings say
        if settings:
            words = [f"-c {name}={_escaped(value)}" for name, value in settings.items()]
            options["options"] = " ".join([*filter(None, [options.get("options")]), *words])
        connection.settings_dict = {**given, "AUTOCOMMIT": True, "OPTIONS": options}
        if self._tenant is not None and hasattr(connection, "set_tenant"):
            connection.set_tenant(self._tenant, self._with_public)
        return connection


def _escaped(value: str) -> str:
    """Write a value as PostgreSQL's command line wants it."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


# By database: how to ask for the limit on waiting for a lock, and how to set it.
_LOCK_TIMEOUT = {
    "mysql": (
        "SELECT @@SESSION.innodb_lock_wait_timeout",
        "SET SESSION innodb_lock_wait_timeout = {}",
        LOCK_SECONDS,
    ),
    "sqlite": ("PRAGMA busy_timeout", "PRAGMA busy_timeout = {}", LOCK_SECONDS * 1000),
}


@contextmanager
def short_locks(using: str) -> Iterator[None]:
    """Inside `run_durably`: begin a transaction in which no lock is waited for longer than
    `LOCK_SECONDS`; then Django's `OperationalError` is raised.

    The caller may hold that lock, and waits for us. Afterwards the session's own limit is back.
    """
    connection = connections[using]
    if connection.vendor not in _LOCK_TIMEOUT:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # until the end of the transaction
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            yield
        return
    ask, change, limit = _LOCK_TIMEOUT[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(ask)
        before = cursor.fetchone()[0]
        cursor.execute(change.format(limit))
    try:
        with transaction.atomic(using=using):
            yield
    finally:
        # A connection that was lost has lost its limit, too.
        with suppress(Error), connection.cursor() as cursor:
            cursor.execute(change.format(before))

"""Commit now, even when the caller is in the middle of a transaction that may be rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from django.db import connections, transaction

__all__ = ["in_callers_transaction", "run_durably", "short_locks"]

T = TypeVar("T")

LOCK_SECONDS = 3
"""Long enough for other people's short transactions; short enough not to look dead when the row is
locked by the very caller who waits for us."""


def in_callers_transaction(using: str) -> bool:
    """Would a write here be undone by somebody else's rollback?

    So it is inside `atomic`, and where autocommit has been switched off. Django's TestCase wraps
    each test in a transaction that plays the committed state: nothing in it counts, as it does not
    for Django's own `durable=True`.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        return not connection.get_autocommit()
    return not getattr(connection.atomic_blocks[0], "_from_testcase", False)


def run_durably(work: Callable[[], T], *, using: str) -> T:
    """Run `work`, whose writes are committed when this returns.

    Inside a caller's transaction it runs in a thread of its own, on a connection of its own.
    """
    if not in_callers_transaction(using):
        return work()

    def apart() -> T:
        _connect_apart(using)
        try:
            return work()
        finally:
            connections[using].close()

    with ThreadPoolExecutor(1, thread_name_prefix="django_patreon") as pool:
        return pool.submit(copy_context().run, apart).result()


def _connect_apart(using: str) -> None:
    """Give this thread a connection that commits, and is none of a pool: a request that holds one
    of them already would wait for another, and all the others with it."""
    connection = connections.create_connection(using)
    given = connection.settings_dict
    options = {name: value for name, value in given["OPTIONS"].items() if name != "pool"}
    connection.settings_dict = {**given, "AUTOCOMMIT": True, "OPTIONS": options}
    connections[using] = connection


@contextmanager
def short_locks(using: str) -> Iterator[None]:
    """Inside `run_durably`: let waiting for a lock end in Django's `OperationalError` soon.

    The caller may hold that lock, and waits for us.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        elif connection.vendor == "mysql":
            cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}")
        elif connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}")
        yield

"""Commit now, even when the caller is in the middle of a transaction that may be rolled back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

__all__ = ["in_callers_transaction", "run_durably"]

T = TypeVar("T")

# Long enough for other people's short transactions; short enough not to look dead when the row is
# locked by the very caller who waits for us.
LOCK_SECONDS = 3


def in_callers_transaction(using: str) -> bool:
    """Would a write here be undone by somebody else's rollback?

    So it is inside `atomic`, and where autocommit has been switched off. Django's TestCase wraps
    each test in a transaction that plays the committed state; it does not count, as it does not for
    Django's own `durable=True`.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        return not connection.get_autocommit()
    blocks = connection.atomic_blocks
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def run_durably(work: Callable[[], T], *, using: str) -> T:
    """Run `work`, whose writes are committed when this returns.

    Inside a caller's transaction it runs on a connection of its own, in a thread of its own; there
    a lock that the caller holds ends in Django's `OperationalError` after a few seconds.
    """
    if not in_callers_transaction(using):
        return work()

    def apart() -> T:
        try:
            _limit_lock_waits(using)
            return work()
        finally:
            connections[using].close()

    with ThreadPoolExecutor(1, thread_name_prefix="django_patreon") as pool:
        return pool.submit(apart).result()


def _limit_lock_waits(using: str) -> None:
    connection = connections[using]
    statement = {
        "postgresql": f"SET lock_timeout = '{LOCK_SECONDS}s'",
        "mysql": f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}",
        "sqlite": f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}",
    }.get(connection.vendor)
    if statement is not None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

"""Writing again, when another transaction was in the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, OperationalError

__all__ = ["retried"]

T = TypeVar("T")

TRIES = 4
PAUSE = 0.05
"""Seconds before the second try; longer before each other."""


def retried(write: Callable[[], T]) -> T:
    """Return what `write` returns. It is called again if the database refuses a transaction.

    Somebody's sign-in may have written the same row, or there was a deadlock; SQLite refuses a
    transaction that wants to write when another has written since it began. Raises the last error.
    Not to be used inside a transaction, which cannot go on after an error.
    """
    for tries in range(1, TRIES):
        try:
            return write()
        except (IntegrityError, OperationalError):
            time.sleep(PAUSE * tries)
    return write()

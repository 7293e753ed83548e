"""Arrivals in this process's memory: for a site of one process, and as a spare."""

from __future__ import annotations

import os
import threading
import time
from weakref import WeakSet

from .rates import Rate, taken

__all__ = ["ProcessStore"]


class ProcessStore:
    """A `Store` for the threads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _stores.add(self)
        self._arrivals: dict[str, int] = {}

    def take(self, key: str, rate: Rate) -> float:
        with self._lock:
            now = _now()
            if len(self._arrivals) > 10_000:  # drop the buckets that are empty by now
                self._arrivals = {each: at for each, at in self._arrivals.items() if at > now}
            self._arrivals[key], wait = taken(self._arrivals.get(key, 0), rate, now)
            return wait / 1e6

    def wait(self, key: str, rate: Rate) -> float:
        return max(0.0, taken(self._arrivals.get(key, 0), rate, _now())[1] / 1e6)

    def push(self, key: str, rate: Rate, seconds: float) -> None:
        with self._lock:
            until = _now() + int(seconds * 1e6) + rate.slack
            self._arrivals[key] = max(self._arrivals.get(key, 0), until)


def _now() -> int:
    """Return microseconds of a clock that is never adjusted."""
    return time.monotonic_ns() // 1000


_stores: WeakSet[ProcessStore] = WeakSet()


def _unlock() -> None:
    """Make a new lock in a forked process: the thread that held the old one does not exist
    there."""
    for each in _stores:
        each._lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock)

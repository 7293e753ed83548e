"""What every request passes first: a gate that keeps Patreon's limits for the whole site.

This floor knows no database, so a floor above installs the gate; without one all pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Gate", "gate", "install_gate"]


class Gate(Protocol):
    """The rate limits that requests pass, shared by all processes that share its store."""

    def enter(self, bucket: str, *, renews: bool = False) -> None:
        """Wait for room, or raise `RateLimited` with `retry_after` when that takes too long.

        Requests with the same `bucket` count together against the limit of one token. If it is
        empty, only the client's limit counts. `renews`: the request spends a refresh token.
        """

    def told_to_wait(self, seconds: float | None) -> None:
        """Stop all requests after a 429, for so many seconds, or for a moment if Patreon named
        none."""

    def refused(self, status: int, code: str, *, renews: bool = False) -> None:
        """Count an answer of 4xx: after too many of those, Patreon's edge shuts the site out.

        `code`: Patreon's error code, or "".
        """


class _Open:
    def enter(self, bucket: str, *, renews: bool = False) -> None:
        """Do nothing."""

    def told_to_wait(self, seconds: float | None) -> None:
        """Do nothing."""

    def refused(self, status: int, code: str, *, renews: bool = False) -> None:
        """Do nothing."""


def _none() -> Gate | None:
    return None


_OPEN = _Open()
_find: Callable[[], Gate | None] = _none


def install_gate(find: Callable[[], Gate | None]) -> None:
    """Use the gate that `find` returns before each request; None stands for no limits."""
    global _find
    _find = find


def gate() -> Gate:
    """Return the gate in force."""
    return _find() or _OPEN

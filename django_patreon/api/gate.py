"""What every request passes first: a gate that keeps Patreon's limits for the whole site.

This floor knows no database, so a floor above installs the gate; without one all pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Gate", "gate", "install_gate"]


class Gate(Protocol):
    """Shared by all processes of a site, as far as its store is."""

    def enter(self, bucket: str, *, renews: bool = False) -> None:
        """Wait for room, or raise `RateLimited` with `retry_after` when that takes too long.

        `bucket` names whose calls count together against the limit of one token; empty: only the
        client's own limit counts. `renews`: the request spends a refresh token.
        """

    def told_to_wait(self, seconds: float | None) -> None:
        """Patreon has answered 429: nobody goes for so long, or for a moment if it did not say."""

    def refused(self, status: int, code: str, *, renews: bool = False) -> None:
        """Count an answer of 4xx: after too many of those, Patreon's edge shuts the site out.

        `code`: Patreon's word for it, "" for none.
        """


class _Open:
    def enter(self, bucket: str, *, renews: bool = False) -> None:
        """Let pass."""

    def told_to_wait(self, seconds: float | None) -> None:
        """Let pass all the same."""

    def refused(self, status: int, code: str, *, renews: bool = False) -> None:
        """Take no notice."""


def _none() -> Gate | None:
    return None


_OPEN = _Open()
_find: Callable[[], Gate | None] = _none


def install_gate(find: Callable[[], Gate | None]) -> None:
    """From now on ask `find` for the gate, before each request; None lets all pass."""
    global _find
    _find = find


def gate() -> Gate:
    """The gate in force."""
    return _find() or _OPEN

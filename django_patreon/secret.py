"""Secret: text that `repr` does not show."""

from __future__ import annotations

__all__ = ["Secret"]


class Secret(str):
    """Text whose `repr` is masked: tracebacks, debug pages and error trackers show stars.

    Everywhere else it is plain text, so that `f"Bearer {token}"` works. Never log one.
    """

    def __repr__(self) -> str:
        return "Secret('********')"

    # Compared as plain text, so that `Sealed`, a `str` with its own comparison, is asked.
    def __eq__(self, other: object) -> bool:
        return str(self) == other

    def __ne__(self, other: object) -> bool:
        return str(self) != other

    __hash__ = str.__hash__

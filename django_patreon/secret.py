"""Secret: text that `repr` does not show."""

from __future__ import annotations

__all__ = ["Secret"]


class Secret(str):
    """Text whose `repr` is masked: tracebacks, debug pages and error trackers show stars.

    It is plain text everywhere else, so that `f"Bearer {token}"` works: never log one.
    """

    def __repr__(self) -> str:
        return "Secret('********')"

    # As plain text, so that a subclass of `str` with a comparison of its own (`Sealed`) is asked.
    def __eq__(self, other: object) -> bool:
        return str(self) == other

    def __ne__(self, other: object) -> bool:
        return str(self) != other

    __hash__ = str.__hash__

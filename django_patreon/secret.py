"""Secret: text that keeps itself out of sight."""

from __future__ import annotations

__all__ = ["Secret"]


class Secret(str):
    """Text whose `repr` is masked: tracebacks, debug pages and error trackers show stars.

    It is plain text everywhere else, so that `f"Bearer {token}"` works: never log one.
    """

    sealed: object | None = None
    """The ciphertext this was read from, if any: storing the Secret again changes nothing."""

    def __repr__(self) -> str:
        return "Secret('********')"

    @property
    def lost(self) -> bool:
        """Was something stored here that no key opens any more? The text is empty then."""
        return self.sealed is not None and not self

"""What everything at Patreon has: an id, and what came along with it.

All of these are frozen dataclasses with every documented attribute. Amounts are cents of the
campaign's currency; for a pledge of twelve months, of all twelve. Times are aware UTC. None is
"Patreon did not say", be it that nobody asked; an empty tuple is "there are none". Words such as
`patron_status` are text: Patreon may have others tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Included", "Resource", "hidden"]

Included = Mapping[str, Mapping[str, Any]]
"""Resources by type and id."""


def hidden() -> Any:
    """A personal value: there, but not in a repr."""
    return field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One object of Patreon's."""

    id: str
    included: Included = field(default_factory=dict, repr=False, compare=False)
    """What came along in the same document."""

    def one(self, kind: str, key: str | None) -> Any:
        """Return what came along under this id; None when it did not."""
        return self.included.get(kind, {}).get(key or "")

    def many(self, kind: str, keys: tuple[str, ...] | None) -> tuple[Any, ...]:
        """Return those that came along, in the order of `keys`."""
        found = self.included.get(kind, {})
        return tuple(found[key] for key in keys or () if key in found)

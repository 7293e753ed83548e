"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Level"]


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. It never contains a token or a secret."""

    id: str
    """Stable: that of a system check, or D001 and so on. docs/doctor.md lists them."""
    level: Level
    what: str
    why: str = ""
    """Why it matters."""
    cure: str = ""
    """The one thing to do."""

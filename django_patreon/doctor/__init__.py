"""The doctor: every fault of a set-up that can be found, and what to do about each.

    examine(online=False)    return the findings: those of the system checks, of settings and
    database Finding                  one of them

`online` asks Patreon, too. Nothing is spent and nothing is changed by it.
"""

from .examining import examine
from .findings import Finding, Level

__all__ = ["Finding", "Level", "examine"]

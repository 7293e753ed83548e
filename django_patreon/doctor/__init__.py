"""The doctor: every fault of a set-up that can be found, and what to do about each.

    examine(online=False)    return the findings: those of the system checks, of settings and of
                             the database
    Finding                  one of them
    problems()               what `patreon:health` answers, in a few cheap statements

`online` asks Patreon, too. Nothing is spent and nothing is changed by it.
"""

from .examining import examine
from .findings import Finding, Level
from .health import problems

__all__ = ["Finding", "Level", "examine", "problems"]

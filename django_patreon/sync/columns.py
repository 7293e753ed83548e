"""Values of Patreon's answers, made fit for the columns that hold them.

A value that no column can hold is dropped (None), as if Patreon had not said it.
"""

from __future__ import annotations

from datetime import datetime

from django_patreon.moments import to_stored

__all__ = ["storable_amount", "storable_moment", "storable_months", "storable_text"]

LARGEST_AMOUNT = 2**53
MOST_MONTHS = 1200


def storable_text(text: str | None, length: int) -> str | None:
    """Return the first `length` characters."""
    return None if text is None else text[:length]


def storable_amount(cents: int | None) -> int | None:
    """Return the amount in cents; None if it is too large to be an amount of money."""
    return cents if cents is not None and abs(cents) < LARGEST_AMOUNT else None


def storable_months(count: int | None) -> int | None:
    """Return the number of months; None if it is negative or longer than a century."""
    return count if count is not None and 0 <= count <= MOST_MONTHS else None


def storable_moment(moment: datetime | None) -> datetime | None:
    """Return the time as this site stores times; None for a year that not every database holds."""
    if moment is None or not 1970 <= moment.year <= 9998:
        return None
    return to_stored(moment)

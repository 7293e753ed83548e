"""What an entitlement is worth: the sums that every rule about money uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["Worth", "add_months", "months"]


@dataclass(frozen=True, slots=True)
class Worth:
    """Tiers with their prices in cents (None: nobody knows), and an amount for a period."""

    prices: Mapping[str, int | None] = field(default_factory=dict)
    period_cents: int = 0
    cadence: int | None = None
    """Months that the amount is for."""

    @property
    def paid_ids(self) -> frozenset[str]:
        """A free tier is worth nothing, however many there are (T6)."""
        return frozenset([key for key, price in self.prices.items() if (price or 0) > 0])

    @property
    def amount(self) -> int:
        """The amount for one month: a year's is not a month's (T10)."""
        return max(self.period_cents, 0) // months(self.cadence)

    @property
    def monthly(self) -> int:
        """The highest tier, or the amount where that is more (T5, T11): never the sum."""
        return max([self.amount, *[price or 0 for price in self.prices.values()]])

    @property
    def pays(self) -> bool:
        return self.period_cents > 0 or bool(self.paid_ids)


def months(cadence: int | None) -> int:
    return cadence if cadence is not None and cadence > 0 else 1


def add_months(moment: datetime, count: int) -> datetime | None:
    """The same day of a later month, or that month's last; None past the calendar's end."""
    years, month = divmod(moment.month - 1 + count, 12)
    for day in (moment.day, 30, 29, 28):
        try:
            return moment.replace(year=moment.year + years, month=month + 1, day=day)
        except (ValueError, OverflowError):
            continue
    return None

"""What an entitlement is worth in money: all sums of the rule are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["Worth", "add_months", "months"]


@dataclass(frozen=True, slots=True)
class Worth:
    """Prices of tiers in cents by id (None: unknown), and an amount for a period."""

    prices: Mapping[str, int | None] = field(default_factory=dict)
    period_cents: int = 0
    cadence: int | None = None
    """Months in the period. None and 0 count as 1."""

    @property
    def paid_ids(self) -> frozenset[str]:
        """Ids of the tiers that have a price above 0 (T6)."""
        return frozenset([key for key, price in self.prices.items() if (price or 0) > 0])

    @property
    def amount(self) -> int:
        """The amount for one month (T10)."""
        return max(self.period_cents, 0) // months(self.cadence)

    @property
    def monthly(self) -> int:
        """The price of the highest tier, or the amount if that is more (T5, T11); never the sum."""
        return max([self.amount, *[price or 0 for price in self.prices.values()]])

    @property
    def pays(self) -> bool:
        return self.period_cents > 0 or bool(self.paid_ids)


def months(cadence: int | None) -> int:
    """Return the number of months in a period of Patreon's `pledge_cadence`."""
    return cadence if cadence is not None and cadence > 0 else 1


def add_months(moment: datetime, count: int) -> datetime | None:
    """Return the same day `count` months later, or the last day of that month.

    None if that is past the calendar's end.
    """
    years, month = divmod(moment.month - 1 + count, 12)
    for day in (moment.day, 30, 29, 28):
        try:
            return moment.replace(year=moment.year + years, month=month + 1, day=day)
        except (ValueError, OverflowError):
            continue
    return None

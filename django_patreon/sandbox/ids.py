"""The ids of the two campaigns, their tiers and creators. Scripts depend on them."""

from __future__ import annotations

__all__ = [
    "BRONZE",
    "CREATOR",
    "FOREIGN",
    "FOREIGN_CREATOR",
    "FOREIGN_FREE",
    "FOREIGN_GOLD",
    "FREE",
    "FREE_TIERS",
    "GOLD",
    "HOME",
    "SILVER",
]

HOME = "4410027"
FOREIGN = "5120934"
FREE, BRONZE, SILVER, GOLD = "9100000", "9100001", "9100002", "9100003"
FOREIGN_FREE, FOREIGN_GOLD = "9300417", "9300418"
FREE_TIERS = {HOME: FREE, FOREIGN: FOREIGN_FREE}
CREATOR, FOREIGN_CREATOR = "30400001", "30400002"

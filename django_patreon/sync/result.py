"""CampaignSync: what a sync of a campaign did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django_patreon.models import Campaign, SyncRun

__all__ = ["COUNTS", "CampaignSync"]

COUNTS = (
    "pages",
    "total",
    "seen",
    "added",
    "changed",
    "same",
    "ended",
    "demoted",
    "unmatched",
    "bad",
)


@dataclass
class CampaignSync:
    """What a sync did, or with `dry_run` would do. The counts are those of `SyncRun`."""

    campaign: Campaign
    dry_run: bool = False
    run: SyncRun | None = None
    """The row that keeps this; None for a dry run, and when another process was at it."""
    state: str = SyncRun.State.INCOMPLETE.value
    pages: int = 0
    total: int | None = None
    seen: int = 0
    added: int = 0
    changed: int = 0
    same: int = 0
    ended: int = 0
    demoted: int = 0
    unmatched: int = 0
    bad: int = 0
    message: str = ""
    is_busy: bool = False
    """Another process is syncing the campaign, so this one did nothing."""
    is_paused: bool = False
    """Its time was up. The next sync goes on where this one stopped."""
    people: list[tuple[str, str]] = field(default_factory=list)
    """In a dry run: what would happen ("added", "changed", "demoted") and to which member."""

    @property
    def complete(self) -> bool:
        """Were all members read, and everything done that follows from it?"""
        return self.state == SyncRun.State.COMPLETE

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
        names = ("dry_run", "state", *COUNTS, "message", "is_busy", "is_paused")
        return {"campaign": self.campaign.patreon_id} | {n: getattr(self, n) for n in names}

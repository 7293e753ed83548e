"""Who syncs a campaign now, how far they have come, and where the next one goes on.

A campaign has one place. A process holds it for as long as it writes pages: `LEASE` after its last
one another process may take over and go on from there. Times are the database's, so machines with
wrong clocks agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from django_patreon.api import SeenIds
from django_patreon.models import Campaign, SyncPage, SyncRun
from django_patreon.moments import DatabaseNow

__all__ = ["LEASE", "Busy", "PlaceLost", "Progress", "begin", "finish", "pause", "record"]

LEASE = timedelta(minutes=5)
"""Longer than a page can take: one request with all its tries, and writing it."""
RESUMABLE = timedelta(hours=1)
"""A run that stopped longer ago than this starts over: its list is another one by now."""


class Busy(Exception):
    """Another process syncs the campaign."""


class PlaceLost(Exception):
    """Another process has taken over this run."""


@dataclass
class Progress:
    """Where a run goes on."""

    run: SyncRun
    seen: SeenIds
    cursor: str | None = None
    skipped: int = 0
    """Members without an id: nobody knows who was not seen."""
    is_at_end: bool = False
    """All pages are written; what is left is the end of the run."""


def begin(campaign: Campaign, *, force: bool) -> Progress:
    """Take the campaign's place, for a new run or one that was cut off. Raises `Busy`."""
    using = router.db_for_write(SyncRun)
    runs = SyncRun.objects.using(using)
    for _ in range(3):
        left = runs.filter(place=campaign.patreon_id).first()
        if left is None:
            try:
                with transaction.atomic(using=using):
                    run = runs.create(
                        campaign=campaign,
                        place=campaign.patreon_id,
                        started_at=timezone.now(),
                        taken_at=DatabaseNow(),
                        is_forced=force,
                    )
            except IntegrityError:
                continue  # somebody else has just begun
            return Progress(run, SeenIds())
        if not _take_over(left, using):
            raise Busy
        resumed = _resumed(left, using)
        if resumed is not None and (left.is_forced or not force):
            return resumed
        left.message = left.message or "It was cut off, and was not resumed in time."
        finish(left, SyncRun.State.INCOMPLETE)
    raise Busy


def _take_over(run: SyncRun, using: str) -> bool:
    """Take the place of a run whose process has ended. Return False while it lives."""
    ended = DatabaseNow() - LEASE
    alive = SyncPage.objects.filter(run=OuterRef("pk"), at__gt=ended)
    free = Q(taken_at=None) | Q(~Exists(alive), taken_at__lte=ended)
    found = SyncRun.objects.using(using).filter(free, pk=run.pk, attempt=run.attempt)
    # Two statements, since MySQL does not let an UPDATE look into another table in this way.
    if not found.exists():
        return False
    taken = SyncRun.objects.using(using).filter(pk=run.pk, attempt=run.attempt)
    run.attempt += 1
    return bool(
        taken.update(
            attempt=run.attempt, taken_at=DatabaseNow(), state=SyncRun.State.RUNNING, message=""
        )
    )


def _resumed(run: SyncRun, using: str) -> Progress | None:
    """Return where the run was cut off; None when it should start over."""
    progress = Progress(run, SeenIds())
    pages = SyncPage.objects.using(using).filter(run=run).order_by("number")
    latest: datetime = run.started_at
    _reset(run)
    for page in pages.iterator(chunk_size=50):
        progress.seen.unpack(bytes(page.members))
        progress.skipped += page.counts.pop("skipped")
        run.add(page.counts)
        run.pages, run.total, latest = page.number, page.total, page.at
        progress.cursor, progress.is_at_end = page.next_cursor or None, not page.next_cursor
    run.seen = len(progress.seen)
    if run.pages == 0:
        # Nothing was read. As of when memberships are confirmed is when the first page is asked.
        run.started_at = timezone.now()
        run.save(using=using, update_fields=["started_at"])
        return progress
    return None if timezone.now() - latest > RESUMABLE else progress


def _reset(run: SyncRun) -> None:
    run.pages = run.seen = run.added = run.changed = run.same = run.ended = run.bad = 0


def hold(run: SyncRun) -> None:
    """Lock the run, as the first statement of the transaction that writes a page.

    On SQLite this makes the transaction the writer, before it has read anything. Raises
    `PlaceLost` when another process has taken over.
    """
    using = router.db_for_write(SyncRun)
    mine = SyncRun.objects.using(using).filter(pk=run.pk, attempt=run.attempt)
    if not mine.update(pages=run.pages + 1):
        raise PlaceLost


def record(
    run: SyncRun, *, next_cursor: str, total: int | None, members: bytes, counts: dict[str, int]
) -> None:
    """Write down a page, in the transaction that writes its members.

    `members` are the ids, packed; `counts` are by the names of the run's columns, and `skipped`.
    Raises `PlaceLost` when another process has written this page of the run.
    """
    using = router.db_for_write(SyncPage)
    page = SyncPage(
        run=run,
        number=run.pages + 1,
        next_cursor=next_cursor,
        total=total,
        counts=counts,
        members=members,
        at=DatabaseNow(),
    )
    try:
        page.save(using=using, force_insert=True)
    except IntegrityError:
        raise PlaceLost from None


def pause(run: SyncRun, message: str) -> None:
    """Give the place back, to be resumed, and say why."""
    _end(run, state=SyncRun.State.INCOMPLETE, message=message, taken_at=None)


def finish(run: SyncRun, state: SyncRun.State, message: str = "") -> None:
    """End the run for good."""
    _end(
        run,
        state=state,
        message=message or run.message,
        taken_at=None,
        place=None,
    )
    SyncPage.objects.using(router.db_for_write(SyncPage)).filter(run=run).delete()


def _end(run: SyncRun, **columns: Any) -> None:
    using = router.db_for_write(SyncRun)
    names = ("pages", "total", "seen", "added", "changed", "same", "ended", "demoted")
    columns |= {name: getattr(run, name) for name in (*names, "unmatched", "bad")}
    columns["finished_at"] = timezone.now()
    for name, value in columns.items():
        setattr(run, name, value)
    mine = SyncRun.objects.using(using).filter(pk=run.pk, attempt=run.attempt)
    if not mine.update(**columns):
        raise PlaceLost

"""Reading a campaign whole: every member, page by page, and in the end who is no longer listed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, router, transaction
from django.db.models import Q
from django.utils import timezone

from django_patreon import tokens
from django_patreon.api import SeenIds
from django_patreon.exceptions import PatreonError, Refused
from django_patreon.models import Campaign, PatreonAccount, SyncRun, Tier

from .catalogue import read_campaigns, save_campaigns, save_tiers
from .departures import are_too_many, demote, join_accounts, members_of, unlisted
from .members import sync_member
from .ours import NOT_CONNECTED, OurCampaign, connected_creator
from .pages import PageWriter
from .result import COUNTS, CampaignSync
from .runs import Busy, PlaceLost, Progress, begin, finish, pause

__all__ = ["sync_campaign"]

logger = logging.getLogger("django_patreon")

LOOKS = 50
"""Patrons whom Patreon is asked for one by one before they are demoted; more are a minute of calls,
and `REVOKE_LIMIT` guards against most mistakes."""
PATIENCE = 120.0
"""Seconds for which one page is asked for again when Patreon does not answer."""

OnPage = Callable[[CampaignSync], None]


def sync_campaign(
    campaign: Campaign,
    dry_run: bool = False,
    force: bool = False,
    *,
    seconds: float | None = None,
    on_page: OnPage | None = None,
    page_size: int = 1000,
) -> CampaignSync:
    """Read all members of a campaign from Patreon, and bring memberships up to date.

    Raises nothing for what Patreon answers or the database refuses: the result's `state` and
    `message` say how far it came. A sync that was cut off goes on at the next call, within an hour.
    Nobody is demoted unless every page was read and there were as many members as Patreon counts;
    and if more than `REVOKE_LIMIT` of the patrons would be, nobody is without `force`.

    After `seconds` it stops behind the page that it is at, one at least, and the next call goes on.

    A dry run reads the same pages and writes nothing. `on_page` is called after each page.
    """
    result = CampaignSync(campaign, dry_run=dry_run)
    end = None if seconds is None else time.monotonic() + seconds
    creator = connected_creator(campaign)
    if creator is None:
        result.message = NOT_CONNECTED
        return result
    if dry_run:
        run = SyncRun(campaign=campaign, started_at=timezone.now())
        progress = Progress(run, SeenIds())
    else:
        try:
            progress = begin(campaign, force=force)
        except Busy:
            result.is_busy = True
            result.message = "Another process is syncing this campaign now."
            return result
        result.run = progress.run
        force = progress.run.is_forced  # also if it goes on with one that was
    try:
        _Sync(result, progress, creator, on_page, page_size, end).go(force=force)
    except PlaceLost:
        result.message = "Another process has taken over: this one was silent for too long."
        logger.warning("Campaign %s: %s", campaign.patreon_id, result.message)
    return result


class _OutOfTime(Exception):
    """The sync may take no more time."""


class _Sync:
    """One run, from the page where it begins."""

    def __init__(
        self,
        result: CampaignSync,
        progress: Progress,
        creator: PatreonAccount,
        on_page: OnPage | None,
        page_size: int,
        end: float | None,
    ) -> None:
        self.result, self.progress, self.on_page = result, progress, on_page
        self.campaign, self.run = result.campaign, progress.run
        self.client = tokens.client_for(creator, patience=PATIENCE)
        self.page_size, self.end = page_size, end
        self.tiers: dict[str, Tier] = {}
        self.writer: PageWriter | None = None

    def go(self, *, force: bool) -> None:
        try:
            if self._read_all():
                self._finish(force=force)
            else:
                self._end(SyncRun.State.INCOMPLETE, self._why_incomplete())
        except _OutOfTime:
            self.result.is_paused = True
            self._stop(
                f"Its time was up after {self.run.pages} pages. The next sync goes on from there."
            )
        except (PatreonError, DatabaseError) as error:
            # The text of a database's error may show what was to be written.
            said = str(error) if isinstance(error, PatreonError) else type(error).__name__
            self._stop(f"Cut off after {self.run.pages} pages: {said}")
            logger.warning("Campaign %s: %s", self.campaign.patreon_id, self.result.message)

    def _stop(self, message: str) -> None:
        """Stop before the end, so that another sync can go on."""
        self._copy_counts()
        self.result.message = message
        if not self.result.dry_run:
            pause(self.run, message)

    # -- reading

    def _read_all(self) -> bool:
        """Read and write all pages. Return whether these were all members."""
        if self.progress.is_at_end:
            return not self.progress.skipped and self.run.total in (None, self.run.seen)
        self._read_campaign()
        resumed_at = self.run.pages
        try:
            return self._walk()
        except Refused as error:
            is_first_page = self.run.pages == resumed_at and self.progress.cursor is not None
            if error.status != 400 or not is_first_page:
                raise
        # The cursor that was kept is stale: the list has changed since.
        finish(self.run, SyncRun.State.INCOMPLETE, "Its cursor was stale; it started over.")
        self.progress = begin(self.campaign, force=False)
        self.result.run = self.run = self.progress.run
        return self._walk()

    def _read_campaign(self) -> None:
        """Bring the campaign and its tiers up to date."""
        fetched_at = timezone.now()
        key = self.campaign.patreon_id
        news = self.client.campaign(key)
        on_sale = {each.id: each for each in news.tiers}
        if self.result.dry_run:
            self.tiers = {
                each.id: Tier(patreon_id=each.id, amount_cents=each.amount_cents)
                for each in news.tiers
            }
            return
        with transaction.atomic(using=router.db_for_write(Campaign)):
            save_campaigns({key: news}, OurCampaign(), fetched_at, read_campaigns([key]))
            listed = dict.fromkeys((*on_sale, *(news.tier_ids or ())), key)
            self.tiers = save_tiers(listed, on_sale, fetched_at)

    def _walk(self) -> bool:
        walk = self.client.listed_members(
            self.campaign.patreon_id,
            page_size=self.page_size,
            cursor=self.progress.cursor,
            seen=self.progress.seen,
            skipped=self.progress.skipped,
        )
        self.writer = writer = PageWriter(
            self.campaign, self.progress, self.tiers, dry_run=self.result.dry_run
        )
        fetched_at = timezone.now()
        for page in walk.pages():
            writer.write(page, fetched_at)
            is_last = page.next_cursor is None
            # Two pages at once would be twice the memory.
            del page
            if self.on_page is not None:
                self._copy_counts()
                self.on_page(self.result)
            if self.end is not None and time.monotonic() >= self.end and not is_last:
                raise _OutOfTime
            fetched_at = timezone.now()
        return walk.complete

    # -- the end of a complete walk

    def _finish(self, *, force: bool) -> None:
        """Demote who is no longer listed, and confirm all the others."""
        run, started_at = self.run, self.run.started_at
        patrons, others = unlisted(self.campaign, self.progress.seen, started_at)
        paying = members_of(self.campaign).paying().count()
        if are_too_many(len(patrons), paying) and not force:
            run.demoted = len(patrons) if self.result.dry_run else 0
            self._end(SyncRun.State.STOPPED, _stopped(len(patrons), paying))
        elif self.result.dry_run:
            run.demoted = len(patrons)
            self._end(SyncRun.State.COMPLETE)
        else:
            self._demote(patrons, others)
            join_accounts(self.campaign)
            self._confirm()
            self._end(SyncRun.State.COMPLETE)
        if self.result.dry_run:
            rows = members_of(self.campaign).filter(patreon_id__in=patrons)
            names = dict(rows.values_list("patreon_id", "full_name"))
            added = self.writer.people if self.writer else []
            self.result.people = added + [("demoted", names[key] or key) for key in patrons]

    def _demote(self, patrons: list[str], others: list[str]) -> None:
        """Demote who is no longer listed; a few patrons are first asked for one by one.

        Somebody who leaves while the list is read may move the others up by one place, and then
        one of them is on no page.
        """
        if len(patrons) <= LOOKS:
            for key in patrons:
                self.run.demoted += sync_member(self.campaign, key).ended
        else:
            self.run.demoted += demote(patrons, self.run.started_at)
        demote(others, self.run.started_at)

    def _confirm(self) -> None:
        """Keep that all memberships of the campaign were as they are when the run began."""
        using = router.db_for_write(Campaign)
        started_at = self.run.started_at
        earlier = Q(synced_at=None) | Q(synced_at__lt=started_at)
        campaign = Campaign.objects.using(using).filter(earlier, pk=self.campaign.pk)
        campaign.update(synced_at=started_at)
        self.campaign.refresh_from_db(using=using, fields=["synced_at"])

    def _end(self, state: SyncRun.State, message: str = "") -> None:
        without = members_of(self.campaign).paying().without_account().count()
        self.run.unmatched = without
        if self.writer is not None:
            self.run.unmatched += self.writer.new_patrons_without_account
        if not self.result.dry_run:
            finish(self.run, state, message)
        self.result.state, self.result.message = state.value, message
        if message:
            logger.warning("Campaign %s: %s", self.campaign.patreon_id, message)
        self._copy_counts()

    def _why_incomplete(self) -> str:
        if self.progress.skipped or self.run.bad:
            return f"{self.run.bad} members could not be read, so nobody was demoted."
        return (
            f"Patreon counts {self.run.total} members and its list had {self.run.seen}, so nobody"
            " was demoted. The next sync may find them all."
        )

    def _copy_counts(self) -> None:
        for name in COUNTS:
            setattr(self.result, name, getattr(self.run, name))


def _stopped(gone: int, paying: int) -> str:
    return (
        f"Patreon no longer lists {gone} of {paying} patrons, which is more than"
        " PATREON['REVOKE_LIMIT'] allows, so nobody was demoted. If it is true, run the sync"
        " with --force."
    )

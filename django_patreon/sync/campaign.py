"""Reading a campaign whole: every member, page by page, and in the end who is no longer listed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, IntegrityError, OperationalError, router, transaction
from django.db.models import Q
from django.utils import timezone

from django_patreon import tokens
from django_patreon.api import SeenIds
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import PatreonError, Refused
from django_patreon.models import Campaign, Membership, PatreonAccount, Source, SyncRun, Tier
from django_patreon.resources import Listed, Page, read_listed

from .catalogue import read_campaigns, save_campaigns, save_tiers
from .changes import Change
from .departures import are_too_many, demote, join_accounts, members_of, unlisted
from .ours import OurCampaign
from .readings import Reading, reading_of
from .runs import Busy, PlaceLost, Progress, begin, finish, hold, pause, record
from .writing import Saved, apply, plan

__all__ = ["CampaignSync", "sync_campaign"]

logger = logging.getLogger("django_patreon")

MEMBERS_SCOPE = "campaigns.members"
PATIENCE = 120.0
"""Seconds for which one page is asked for again when Patreon does not answer."""
TRIES = 4
"""Of writing a page, when another transaction is in the way."""
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
    people: list[tuple[str, str]] = field(default_factory=list)
    """In a dry run: what would happen ("added", "changed", "demoted") and to which member."""

    @property
    def complete(self) -> bool:
        """Were all members read, and everything done that follows from it?"""
        return self.state == SyncRun.State.COMPLETE

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
        names = ("dry_run", "state", *COUNTS, "message")
        return {"campaign": self.campaign.patreon_id} | {n: getattr(self, n) for n in names}


OnPage = Callable[[CampaignSync], None]


def sync_campaign(
    campaign: Campaign,
    dry_run: bool = False,
    force: bool = False,
    *,
    on_page: OnPage | None = None,
    page_size: int = 1000,
) -> CampaignSync:
    """Read all members of a campaign from Patreon, and bring memberships up to date.

    Raises nothing for what Patreon answers or the database refuses: the result's `state` and
    `message` say how far it came. A sync that was cut off goes on at the next call, within an hour.
    Nobody is demoted unless every page was read and there were as many members as Patreon counts;
    and if more than `REVOKE_LIMIT` of the patrons would be, nobody is without `force`.

    A dry run reads the same pages and writes nothing. `on_page` is called after each page.
    """
    result = CampaignSync(campaign, dry_run=dry_run)
    creator = campaign.creator
    if creator is None or MEMBERS_SCOPE not in creator.scopes:
        result.message = (
            "The campaign is not connected: its creator has to connect it in the admin, or an"
            " operator has to bring their tokens with patreon_import_tokens."
        )
        return result
    if dry_run:
        run = SyncRun(campaign=campaign, started_at=timezone.now())
        progress = Progress(run, SeenIds())
    else:
        try:
            progress = begin(campaign, force=force)
        except Busy:
            result.message = "Another process is syncing this campaign now."
            return result
        result.run = progress.run
    try:
        _Sync(result, progress, creator, on_page, page_size).go(force=force)
    except PlaceLost:
        result.message = "Another process has taken over: this one was silent for too long."
        logger.warning("Campaign %s: %s", campaign.patreon_id, result.message)
    return result


class _Sync:
    """One run, from the page where it begins."""

    def __init__(
        self,
        result: CampaignSync,
        progress: Progress,
        creator: PatreonAccount,
        on_page: OnPage | None,
        page_size: int,
    ) -> None:
        self.result, self.progress, self.on_page = result, progress, on_page
        self.campaign, self.run = result.campaign, progress.run
        self.client = tokens.client_for(creator, patience=PATIENCE)
        self.page_size = page_size
        self.tiers: dict[str, Tier] = {}
        self.is_news = self.campaign.synced_at is not None
        self.new_patrons_without_account = 0  # of a dry run, which writes none

    def go(self, *, force: bool) -> None:
        try:
            if self._read_all():
                self._finish(force=force)
            else:
                self._end(SyncRun.State.INCOMPLETE, self._why_incomplete())
        except (PatreonError, DatabaseError) as error:
            # The text of a database's error may show what was to be written.
            said = str(error) if isinstance(error, PatreonError) else type(error).__name__
            self._copy_counts()
            self.result.message = f"Cut off after {self.run.pages} pages: {said}"
            logger.warning("Campaign %s: %s", self.campaign.patreon_id, self.result.message)
            if not self.result.dry_run:
                pause(self.run, self.result.message)

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
        fetched_at = timezone.now()
        for page in walk.pages():
            self._write(page, fetched_at)
            # Two pages at once would be twice the memory.
            del page
            if self.on_page is not None:
                self._copy_counts()
                self.on_page(self.result)
            fetched_at = timezone.now()
        return walk.complete

    # -- writing a page

    def _write(self, page: Page[Listed], fetched_at: datetime) -> None:
        """Write one page in one transaction; members that are as they were are not even read."""
        run, digests = self.run, {each.id: each.digest() for each in page}
        same = self._same(digests)
        readings, foreign = self._readings(page, digests, same)
        if page.skipped + foreign:
            logger.warning(
                "Campaign %s: %d members have no id, and %d are of another campaign",
                self.campaign.patreon_id,
                page.skipped,
                foreign,
            )
        for left in reversed(range(TRIES)):
            counts = {"same": len(same), "bad": page.skipped + foreign, "skipped": page.skipped}
            try:
                self._write_once(page, readings, counts, digests, fetched_at)
            except (IntegrityError, OperationalError):
                # Somebody's sign-in wrote the same row, or a deadlock.
                if not left:
                    raise
            else:
                break
        del counts["skipped"]
        run.add(counts)
        run.pages, run.total, run.seen = run.pages + 1, page.total, len(self.progress.seen)

    def _same(self, digests: dict[str, str]) -> set[str]:
        """Return the ids of members that are as we know them, and known to be so lately."""
        using = router.db_for_write(Membership)
        recent = timezone.now() - patreon_settings().MAX_AGE / 4
        synced_at = self.campaign.synced_at
        is_confirmed = synced_at is not None and synced_at > recent
        found = Membership.objects.using(using).filter(patreon_id__in=digests)
        return {
            key
            for key, digest, at in found.values_list("patreon_id", "digest", "fetched_at")
            if digest == digests[key] and (is_confirmed or at > recent)
        }

    def _readings(
        self, page: Iterable[Listed], digests: dict[str, str], same: set[str]
    ) -> tuple[list[Reading], int]:
        """Read the members that may have changed. Return also how many are of another campaign."""
        readings, foreign = [], 0
        own = self.campaign.patreon_id
        for each in page:
            if each.id in same:
                continue
            member = read_listed(each)
            if member.campaign_id in (None, own):
                readings.append(reading_of(member, campaign_id=own, digest=digests[each.id]))
            else:
                foreign += 1
        return readings, foreign

    def _write_once(
        self,
        page: Page[Listed],
        readings: list[Reading],
        counts: dict[str, int],
        digests: dict[str, str],
        fetched_at: datetime,
    ) -> None:
        if self.result.dry_run:
            changes = self._plan(page, readings, counts, fetched_at)
            self._note(changes)
            return
        end, members = page.next_cursor or "", SeenIds.pack(digests)
        if not readings:
            record(self.run, next_cursor=end, total=page.total, members=members, counts=counts)
            return
        with transaction.atomic(using=router.db_for_write(Membership)):
            hold(self.run)
            changes = self._plan(page, readings, counts, fetched_at)
            record(self.run, next_cursor=end, total=page.total, members=members, counts=counts)
            apply(
                changes,
                self.tiers,
                fetched_at=fetched_at,
                source=Source.SYNC,
                is_news=self.is_news,
            )

    def _plan(
        self,
        page: Page[Listed],
        readings: list[Reading],
        counts: dict[str, int],
        fetched_at: datetime,
    ) -> list[Change]:
        self._save_tiers(page, readings, fetched_at)
        saved = Saved()
        rows = self._rows(readings) if self.result.dry_run else None
        changes = plan(readings, self.tiers, fetched_at=fetched_at, saved=saved, rows=rows)
        counts["same"] += saved.unchanged + saved.ignored
        counts |= {"added": saved.created, "changed": saved.changed, "ended": saved.ended}
        return changes

    def _rows(self, readings: list[Reading]) -> dict[str, Membership]:
        """Return the rows of these members, not locked: a dry run writes none."""
        ids = [each.patreon_id for each in readings]
        rows = members_of(self.campaign).filter(patreon_id__in=ids)
        return {each.patreon_id: each for each in rows}

    def _save_tiers(
        self, page: Page[Listed], readings: list[Reading], fetched_at: datetime
    ) -> None:
        """Save the tiers that members hold and the campaign did not list, such as old ones."""
        held = {key for each in readings for key in each.tier_ids or ()} - self.tiers.keys()
        if not held:
            return
        came = page.included.get("tier", {})
        if self.result.dry_run:
            self.tiers |= {
                key: Tier(patreon_id=key, amount_cents=getattr(came.get(key), "amount_cents", None))
                for key in held
            }
        else:
            listed = dict.fromkeys(held, self.campaign.patreon_id)
            self.tiers |= save_tiers(listed, came, fetched_at)

    def _note(self, changes: Iterable[Change]) -> None:
        """Keep who would be added or changed."""
        for each in changes:
            if each.changed:
                name = each.columns.get("full_name") or (each.row and each.row.full_name)
                what = "added" if each.is_new else "changed"
                self.result.people.append((what, name or each.reading.patreon_id))
            if each.is_new and each.pays and each.columns.get("account_id") is None:
                self.new_patrons_without_account += 1

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
            run.demoted += demote(patrons + others, started_at)
            join_accounts(self.campaign)
            self._confirm()
            self._end(SyncRun.State.COMPLETE)
        if self.result.dry_run:
            rows = members_of(self.campaign).filter(patreon_id__in=patrons)
            names = dict(rows.values_list("patreon_id", "full_name"))
            self.result.people += [("demoted", names[key] or key) for key in patrons]

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
        self.run.unmatched = without + self.new_patrons_without_account
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

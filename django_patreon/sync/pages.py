"""Writing one page of a campaign's members, and what a dry run keeps of it instead."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import router, transaction
from django.utils import timezone

from django_patreon.api import SeenIds
from django_patreon.conf import patreon_settings
from django_patreon.models import Campaign, Membership, Source, Tier
from django_patreon.resources import Listed, Page, read_listed

from .catalogue import save_tiers
from .changes import Change
from .departures import members_of
from .readings import Reading, reading_of
from .retrying import retried
from .runs import Progress, hold, record
from .writing import Saved, apply, plan

__all__ = ["PageWriter"]

logger = logging.getLogger("django_patreon")


class PageWriter:
    """Writes the pages of one run. `tiers` are those of the campaign, by Patreon's id."""

    def __init__(
        self,
        campaign: Campaign,
        progress: Progress,
        tiers: Mapping[str, Tier],
        *,
        dry_run: bool,
    ) -> None:
        self.campaign, self.progress, self.run = campaign, progress, progress.run
        self.tiers, self.dry_run = dict(tiers), dry_run
        self.is_news = campaign.synced_at is not None
        self.people: list[tuple[str, str]] = []
        """In a dry run: "added" or "changed", and whom."""
        self.new_patrons_without_account = 0
        """In a dry run, which does not write them."""

    def write(self, page: Page[Listed], fetched_at: datetime) -> None:
        """Write one page in one transaction; members that are as they were are not even read."""
        digests = {each.id: each.digest() for each in page}
        same = self._same(digests)
        readings, foreign = self._readings(page, digests, same)
        if page.skipped + foreign:
            logger.warning(
                "Campaign %s: %d members have no id, and %d are of another campaign",
                self.campaign.patreon_id,
                page.skipped,
                foreign,
            )

        def write() -> dict[str, int]:
            counts = {"same": len(same), "bad": page.skipped + foreign, "skipped": page.skipped}
            self._write_once(page, readings, counts, digests, fetched_at)
            return counts

        counts = retried(write)
        del counts["skipped"]
        run = self.run
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
        if self.dry_run:
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
        rows = self._rows(readings) if self.dry_run else None
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
        if self.dry_run:
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
                self.people.append((what, name or each.reading.patreon_id))
            if each.is_new and each.pays and each.columns.get("account_id") is None:
                self.new_patrons_without_account += 1

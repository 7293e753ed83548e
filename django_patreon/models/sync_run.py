"""SyncRun: one walk over all members of a campaign. SyncPage: a page that it has written."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .campaign import Campaign

__all__ = ["SyncPage", "SyncRun"]


class SyncRun(models.Model):
    """A sync of a campaign: one walk over all its members, and the result. Written by `sync`
    alone."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETE = "complete", _("complete")
        INCOMPLETE = "incomplete", _("incomplete")
        STOPPED = "stopped", _("stopped: too many would have been demoted")

    campaign = models.ForeignKey(
        Campaign,
        to_field="patreon_id",
        on_delete=models.CASCADE,
        related_name="sync_runs",
        verbose_name=_("campaign"),
    )
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.RUNNING, db_index=True
    )
    # Unique, so that a campaign has one run at a time; null after the run has ended.
    place = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001
    attempt = models.PositiveIntegerField(_("attempts"), default=1)
    taken_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    is_forced = models.BooleanField(_("forced"), default=False)
    pages = models.PositiveIntegerField(_("pages"), default=0)
    total = models.PositiveIntegerField(_("members, as Patreon counts them"), null=True, blank=True)
    seen = models.PositiveIntegerField(_("members seen"), default=0)
    added = models.PositiveIntegerField(_("added"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    same = models.PositiveIntegerField(_("unchanged"), default=0)
    ended = models.PositiveIntegerField(
        _("ended"), default=0, help_text=_("Patreon says that they no longer pay.")
    )
    demoted = models.PositiveIntegerField(
        _("demoted"), default=0, help_text=_("Patreon no longer lists them.")
    )
    unmatched = models.PositiveIntegerField(_("patrons without an account here"), default=0)
    bad = models.PositiveIntegerField(_("unreadable"), default=0)
    message = models.TextField(_("message"), blank=True)

    class Meta:
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        ordering: ClassVar = ["-started_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["campaign", "started_at"], name="patreon_runs_of_campaign")
        ]

    def __str__(self) -> str:
        return f"{self.campaign}, {self.started_at:%Y-%m-%d %H:%M}"

    def add(self, counts: dict[str, Any]) -> None:
        """Add the counts of a page, by the names of the columns above."""
        for name, count in counts.items():
            setattr(self, name, getattr(self, name) + count)


class SyncPage(models.Model):
    """A page that an unfinished run has written. Deleted when the run ends."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="page_rows")
    number = models.PositiveIntegerField()
    next_cursor = models.TextField(blank=True)
    total = models.PositiveIntegerField(null=True)
    counts = models.JSONField(default=dict)
    # Eight bytes a member: what `SeenIds` keeps of the ids on this page.
    members = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        # Two processes cannot both write the next page of one run.
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="patreon_page_of_run")
        ]

    def __str__(self) -> str:
        return f"page {self.number} of run {self.run_id}"

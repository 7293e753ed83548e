from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_patreon import sync
from django_patreon.models import Campaign
from django_patreon.sync import CampaignSync


class Command(BaseCommand):
    help = (
        "Read all members of the connected campaigns from Patreon. Exits with 1 when a sync was"
        " incomplete, or stopped because too many patrons would have been demoted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--campaign", metavar="ID", help="Patreon's id of one campaign")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and write nothing"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="demote all who are no longer listed, however many, and start from the beginning",
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        results = []
        for campaign in _campaigns(options["campaign"]):
            with ExitStack() as stack:
                on_page = None
                if not options["json"] and options["verbosity"] > 0:
                    on_page = stack.enter_context(_Progress(self, campaign))
                result = sync.sync_campaign(
                    campaign,
                    dry_run=options["dry_run"],
                    force=options["force"],
                    on_page=on_page,
                )
            results.append(result)
            if not options["json"]:
                if options["verbosity"] > 0 or options["dry_run"]:
                    self._say(result)
                if result.message:
                    self.stderr.write(result.message)
        if options["json"]:
            self.stdout.write(json.dumps([each.as_dict() for each in results], indent=2))
        if not all(each.complete for each in results):
            # The reasons have been said.
            raise CommandError("Not everything was done.", returncode=1)

    def _say(self, result: CampaignSync) -> None:
        for what, name in result.people:
            self.stdout.write(f"  would be {what}: {name}")
        self.stdout.write(
            f"{result.campaign}: {result.seen} members seen on {result.pages} pages; {result.added}"
            f" added, {result.changed} changed, {result.same} the same, {result.ended} ended,"
            f" {result.demoted} demoted; {result.unmatched} patrons have no account here."
            + (f" {result.bad} could not be read." if result.bad else "")
        )


def _campaigns(chosen: str | None) -> list[Campaign]:
    """Return the campaign with this id, or all of ours whose creator has connected them.

    Raises `CommandError` when there is none.
    """
    if chosen is not None:
        campaign = Campaign.objects.filter(patreon_id=chosen).first()
        if campaign is None:
            raise CommandError(f"This site knows no campaign {chosen!r}.")
        return [campaign]
    connected = list(Campaign.objects.filter(is_ours=True).exclude(creator=None).order_by("pk"))
    if not connected:
        raise CommandError(
            "No campaign is connected. Its creator connects it in the admin, or bring their tokens"
            " with patreon_import_tokens."
        )
    return connected


class _Progress:
    """Says how far a sync has come: a bar on a terminal, a line a page elsewhere."""

    def __init__(self, command: BaseCommand, campaign: Campaign) -> None:
        self.command, self.campaign = command, campaign
        self.bar: Any = None
        self.began = time.monotonic()

    def __enter__(self) -> _Progress:
        if sys.stdout.isatty():
            try:
                from rich.progress import Progress, TimeRemainingColumn  # noqa: PLC0415
            except ImportError:
                return self
            self.bar = Progress(*Progress.get_default_columns()[:-1], TimeRemainingColumn())
            self.bar.start()
            self.task = self.bar.add_task(str(self.campaign), total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, result: CampaignSync) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=result.seen, total=result.total)
            return
        of = f" of {result.total}" if result.total else ""
        rate = result.seen / max(time.monotonic() - self.began, 0.001)
        self.command.stdout.write(
            f"{self.campaign}: page {result.pages}, {result.seen}{of} members, {rate:.0f} a second"
        )

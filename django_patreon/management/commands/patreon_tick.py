from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_patreon import sync, tasks, webhooks
from django_patreon.exceptions import MalformedAnswer, PatreonError, Refused, Unauthorized
from django_patreon.models import Campaign
from django_patreon.webhooks import health

logger = logging.getLogger("django_patreon")

Line = tuple[bool, str]
"""Whether a job went well, and what to say of it."""


class Command(BaseCommand):
    help = (
        "Do what is due: look again at members whose facts are old, sync campaigns, renew tokens,"
        " keep groups, delete old events. For cron, every few minutes; safe to run twice at once."
        " With --verbosity 0 it prints only what went wrong. Exits with 1 if something did."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--seconds",
            type=float,
            default=240,
            help="begin no look and no page of a sync after this time; the next run goes on (240)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["seconds"] <= 86400:
            raise CommandError("--seconds must be 1 to 86400.")
        end = time.monotonic() + options["seconds"]
        failures = 0
        # People wait for looks. Half of the time stays for syncs.
        looks_end = end - options["seconds"] / 2
        jobs: list[tuple[str, Callable[[], Iterator[Line]]]] = [
            ("Webhooks", lambda: _apply_deliveries(looks_end)),
            ("Looks", lambda: _look(looks_end)),
            ("Syncs", lambda: _sync(end)),
            ("Tokens", _refresh_tokens),
            ("Groups", _keep_groups),
            ("Webhooks' health", _webhooks_health),
            ("Old rows", _prune),
        ]
        for name, job in jobs:
            try:
                for went_well, said in job():
                    self._say(name, went_well, said, options["verbosity"])
                    failures += not went_well
            except Exception as error:  # one job must not stop the others
                logger.error("patreon_tick: %s failed", name, exc_info=error)
                said = f"failed ({type(error).__name__}, see the log)."
                self._say(name, False, said, options["verbosity"])
                failures += 1
        if failures:
            raise CommandError("Not everything was done. The next run tries again.", returncode=1)

    def _say(self, name: str, went_well: bool, said: str, verbosity: int) -> None:
        if verbosity > 0 or not went_well:
            (self.stdout if went_well else self.stderr).write(f"{name}: {said}")


def _apply_deliveries(end: float) -> Iterator[Line]:
    done = webhooks.apply_waiting(seconds=max(1.0, end - time.monotonic()))
    said = f"{done.done} deliveries applied, {done.ignored} set aside, {done.put_off} put off,"
    yield not done.failed, f"{said} {done.failed} failed."


def _look(end: float) -> Iterator[Line]:
    looked = 0
    problems: list[str] = []
    for campaign in sync.our_connected_campaigns():
        try:
            for member in sync.wanted_looks(campaign):
                if time.monotonic() >= end:
                    break
                looked += _looked_at(campaign, member, problems)
        except PatreonError as error:
            # It would be the same for the next member.
            problems.append(f"campaign {campaign.patreon_id}: {error}")
    yield not problems, " ".join([f"{looked} members were looked at.", *problems])


def _looked_at(campaign: Campaign, member: str, problems: list[str]) -> bool:
    try:
        return sync.look_if_wanted(campaign, member) is not None
    except Unauthorized:
        raise
    except (Refused, MalformedAnswer) as error:
        problems.append(f"member {member}: {error}")
        return False


def _sync(end: float) -> Iterator[Line]:
    due = sync.campaigns_due()
    if not due:
        yield True, "no campaign is due."
    for campaign in due:
        # Also when time is up: of each campaign one page at least is read.
        result = sync.sync_campaign(campaign, seconds=max(0.0, end - time.monotonic()))
        said = f"{campaign}: {result.seen} members seen"
        said += f", {result.added} added, {result.changed} changed, {result.demoted} demoted."
        went_well = result.complete or result.is_busy or result.is_paused
        yield went_well, f"{said} {result.message}".rstrip()


def _refresh_tokens() -> Iterator[Line]:
    done = tasks.refresh_tokens.call()
    reconnect, failed = done["reconnect"], done["failed"]
    said = f"{done['renewed']} renewed, {len(reconnect)} must reconnect, {len(failed)} failed."
    yield not failed, said


def _keep_groups() -> Iterator[Line]:
    yield True, f"those of {tasks.keep_groups.call()['changed']} users changed."


def _webhooks_health() -> Iterator[Line]:
    """Look once a day whether Patreon still sends."""
    for campaign in health.due_for_a_look():
        try:
            problems = health.look(campaign)
        except PatreonError as error:  # the other campaigns are looked at all the same
            problems = [f"the webhooks could not be checked: {error}"]
        for each in problems:
            logger.warning("Campaign %s: %s", campaign.patreon_id, each)
        yield not problems, f"{campaign}: {' '.join(problems) or 'all is well.'}"


def _prune() -> Iterator[Line]:
    events, runs = sync.prune()
    yield True, f"{events} events and {runs} sync runs were deleted."
    emptied, deleted = webhooks.prune()
    yield True, f"{emptied} webhook deliveries were emptied, {deleted} deleted."

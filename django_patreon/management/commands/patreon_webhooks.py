from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from django_patreon import webhooks
from django_patreon.exceptions import PatreonError
from django_patreon.models import Campaign, Webhook
from django_patreon.moments import to_aware
from django_patreon.webhooks import health, hooks


class Command(BaseCommand):
    help = (
        "Webhooks: register them at Patreon, look after them, and apply stored deliveries again."
        " Needs a connected campaign, except for replay. health exits with 0 if all is well, 1 if"
        " something is wrong, and 2 if Patreon could not be asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        one = {
            "register": "make a webhook at Patreon for this site, or bring its events up to date",
            "list": "show the webhooks, with failures and pauses",
            "test": "send a signed test to each address from here",
            "unpause": "let Patreon send what has waited since a webhook failed",
            "delete": "delete the webhooks at Patreon and here",
            "rotate": "replace the webhooks by one with a new secret",
            "health": "say what is wrong, for monitoring",
        }
        for verb, said in one.items():
            each = verbs.add_parser(verb, help=said)
            each.add_argument("--campaign", metavar="ID", help="Patreon's id of one campaign")
            if verb == "register":
                each.add_argument(
                    "--url", required=True, help="the address of this site: https://example.org"
                )
                each.add_argument(
                    "--events",
                    nargs="+",
                    metavar="EVENT",
                    choices=hooks.EVENTS,
                    default=list(hooks.EVENTS),
                    help=f"all unless given: {', '.join(hooks.EVENTS)}",
                )
        replay = verbs.add_parser("replay", help="apply stored deliveries once more")
        replay.add_argument(
            "--since", metavar="WHEN", help="received since: 2026-07-01, a full time, or 3d, 12h"
        )
        replay.add_argument("--failed", action="store_true", help="only those that failed")

    def handle(self, *args: Any, **options: Any) -> None:
        verb = options["verb"]
        if verb == "replay":
            self._replay(_moment(options["since"]), failed=options["failed"])
            return
        if verb == "register" and not options["url"].startswith(("https://", "http://")):
            raise CommandError("--url must be an address such as https://example.org")
        code, said = 0, []
        for campaign in _campaigns(options["campaign"]):
            try:
                if not getattr(self, f"_{verb}")(campaign, options):
                    code = max(code, 1)
            except (PatreonError, CommandError) as error:  # the other campaigns come all the same
                code = max(code, 2 if verb == "health" else 1)
                said.append(f"{campaign}: {error}")
        if code:
            raise CommandError("\n".join(said) or "Not everything is well.", returncode=code)

    def _register(self, campaign: Campaign, options: dict[str, Any]) -> bool:
        hook = hooks.register(campaign, options["url"], options["events"])
        self.stdout.write(f"{campaign}: webhook {hook.patreon_id} sends to {hook.uri}")
        return True

    def _list(self, campaign: Campaign, options: dict[str, Any]) -> bool:
        found = hooks.read_from_patreon(campaign)
        for each in found:
            state = "paused" if each.is_paused else "active"
            last = each.last_attempted_at
            self.stdout.write(
                f"{campaign}: webhook {each.patreon_id}, {state}, {each.failures} failures in a"
                f" row, last attempt {last:%Y-%m-%d %H:%M}, {each.uri}"
                if last
                else f"{campaign}: webhook {each.patreon_id}, {state}, not used yet, {each.uri}"
            )
            self.stdout.write(f"  {', '.join(each.triggers)}")
        if not found:
            self.stdout.write(f"{campaign}: no webhook is registered.")
        return True

    def _test(self, campaign: Campaign, options: dict[str, Any]) -> bool:
        well = True
        for each in self._known(campaign):
            status, has_arrived = hooks.send_test(each)
            well &= status == 200 and has_arrived
            if has_arrived:
                said = ", and the test has arrived."
            elif status in (403, 503):
                said = ": it has another secret, or none."
            else:
                said = ", and the test has not arrived: a proxy or another server is in the way."
            self.stdout.write(f"{each.uri} answers {status}{said}")
        return well

    def _unpause(self, campaign: Campaign, options: dict[str, Any]) -> bool:
        well = True
        for each in self._known(campaign):
            hooks.unpause(each)
            well &= not each.failures
            said = "sends again" if not each.failures else f"still fails ({each.failures} times)"
            self.stdout.write(f"{campaign}: webhook {each.patreon_id} {said}.")
        return well

    def _delete(self, campaign: Campaign, options: dict[str, Any]) -> bool:
        for each in self._known(campaign):
            key = each.patreon_id
            hooks.delete(each)
            self.stdout.write(f"{campaign}: webhook {key} is deleted.")
        return True

    def _rotate(self, campaign: Campaign, options: dict[str, Any]) -> bool:
        old = ", ".join(each.patreon_id or "?" for each in self._known(campaign))
        new = ", ".join(each.patreon_id or "?" for each in hooks.rotate(campaign))
        self.stdout.write(f"{campaign}: webhook {old} is replaced by {new}.")
        return True

    def _health(self, campaign: Campaign, options: dict[str, Any]) -> bool:
        problems = health.look(campaign)
        for each in problems:
            self.stderr.write(f"{campaign}: {each}")
        if not problems and options["verbosity"] > 0:
            self.stdout.write(f"{campaign}: all is well.")
        return not problems

    def _known(self, campaign: Campaign) -> list[Webhook]:
        found = hooks.read_from_patreon(campaign)
        if not found:
            raise CommandError("no webhook is registered.")
        return found

    def _replay(self, since: datetime | None, *, failed: bool) -> None:
        count = webhooks.replay(since=since, failed=failed)
        done = webhooks.apply_waiting(seconds=3600)
        self.stdout.write(
            f"{count} deliveries are replayed: {done.done} applied, {done.ignored} set aside,"
            f" {done.put_off} put off, {done.failed} failed."
        )


def _campaigns(chosen: str | None) -> list[Campaign]:
    rows = Campaign.objects.select_related("creator")
    if chosen is not None:
        campaign = rows.filter(patreon_id=chosen).first()
        if campaign is None:
            raise CommandError(f"This site knows no campaign {chosen!r}.")
        return [campaign]
    connected = list(rows.filter(is_ours=True).exclude(creator=None).order_by("pk"))
    if not connected:
        raise CommandError(
            "No campaign is connected. Its creator connects it in the admin, or bring their tokens"
            " with patreon_import_tokens."
        )
    return connected


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    unit = {"d": "days", "h": "hours", "m": "minutes"}.get(given[-1:])
    try:
        if unit and given[:-1].isdecimal():
            return timezone.now() - timedelta(**{unit: int(given[:-1])})
        found = parse_datetime(given)
        day = parse_date(given) if found is None else None
    except (ValueError, OverflowError):
        found = day = None
    if day is not None:
        found = datetime(day.year, day.month, day.day)  # noqa: DTZ001  (made aware below)
    if found is None:
        raise CommandError("--since must be a date, a time, or a span such as 3d, 12h or 30m.")
    return to_aware(found)

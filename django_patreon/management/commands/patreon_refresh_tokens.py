from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_patreon import tasks


class Command(BaseCommand):
    help = "Renew the tokens that expire soon. For cron, once a day; safe to run twice at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=float, default=7, help="renew what has less than this left (7)"
        )
        parser.add_argument("--workers", type=int, default=4, help="at once (4)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["days"] <= 3650 or not 1 <= options["workers"] <= 32:
            raise CommandError("--days must be 0 to 3650, and --workers 1 to 32.")
        done = tasks.refresh_tokens.call(days=options["days"], workers=options["workers"])
        reconnect, failed = done["reconnect"], done["failed"]
        self.stdout.write(
            f"{done['renewed']} renewed, {len(reconnect)} must reconnect, {len(failed)} failed."
        )
        for patreon_id in reconnect:
            self.stdout.write(f"  {patreon_id}: must sign in with Patreon again")
        for patreon_id, reason in failed.items():
            self.stdout.write(f"  {patreon_id}: {reason}")
        if failed:
            raise CommandError("Some tokens were not renewed. They are tried again next time.")

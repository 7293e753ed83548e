from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from django_patreon.groups import keep_all


class Command(BaseCommand):
    help = (
        "Bring the groups of PATREON['TIER_GROUPS'] in step with what has ended by itself."
        " For cron, as often as it matters; changes that Patreon tells are followed at once."
        " A group that the setting no longer names keeps whoever is in it: empty it by hand."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for user, added, removed in keep_all(dry_run=options["dry_run"]):
            count += 1
            words = [f"+{name}" for name in sorted(added)] + [
                f"-{name}" for name in sorted(removed)
            ]
            self.stdout.write(f"  {user.get_username()}: {' '.join(words)}")
        would = "would change" if options["dry_run"] else "changed"
        self.stdout.write(f"The groups of {count} users {would}.")

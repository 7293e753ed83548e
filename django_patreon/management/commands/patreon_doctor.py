from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_patreon.doctor import Finding, Level, examine


class Command(BaseCommand):
    help = (
        "Find what is wrong with the set-up, and say what to do. With --online it asks Patreon,"
        " too, and spends nothing. Exits with 0 if all is well, with 1 if there are warnings only,"
        " and with 2 if there are errors."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012  (as in the base class)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--online", action="store_true", help="ask Patreon, too")
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = examine(online=options["online"])
        if options["json"]:
            self.stdout.write(json.dumps([asdict(each) for each in found], indent=2))
        else:
            for each in found:
                self._say(each)
        errors = sum(each.level is Level.ERROR for each in found)
        warnings = sum(each.level is Level.WARNING for each in found)
        if errors or warnings:
            raise CommandError(
                f"{errors} errors and {warnings} warnings.", returncode=2 if errors else 1
            )
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS("All is well."))

    def _say(self, finding: Finding) -> None:
        styles = {
            Level.GOOD: self.style.SUCCESS,
            Level.NOTE: self.style.NOTICE,
            Level.WARNING: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
        }
        label = styles[finding.level](f"{finding.level.upper():7} {finding.id}")
        self.stdout.write(f"{label}  {finding.what}")
        if finding.why:
            self.stdout.write(f"               {finding.why}")
        if finding.cure:
            self.stdout.write(f"               Do: {finding.cure}")

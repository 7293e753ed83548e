from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_patreon.models import export_person

from ._people import nobody


class Command(BaseCommand):
    help = (
        "Print as JSON everything that is kept about a person: their Patreon account, without"
        " tokens, memberships, events and passes. Also for people who have never signed in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("patreon_id", metavar="PATREON_ID", help="Patreon's id of the person")
        parser.add_argument("--output", metavar="FILE", help="write it to a new file instead")

    def handle(self, *args: Any, **options: Any) -> None:
        found = export_person(options["patreon_id"])
        if found is None:
            raise nobody(options["patreon_id"])
        text = json.dumps(found, indent=2, ensure_ascii=False, default=str)
        if options["output"] is None:
            self.stdout.write(text)
            return
        path = Path(options["output"])
        try:
            # For the one who runs this alone, and never over another file.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError as error:
            raise CommandError(f"{path} was not written: {error.strerror}.") from None
        self.stdout.write(f"Written to {path}, which only you can read.")

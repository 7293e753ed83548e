from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_patreon import webhooks
from django_patreon.tokens import Rotation, rotate_keys


class Command(BaseCommand):
    help = (
        "Encrypt all tokens and the secrets of webhooks under the first of PATREON['TOKEN_KEYS']"
        " (or SECRET_KEY). Safe while the site runs, and to run again after an interruption."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        def report(rotation: Rotation) -> None:
            if options["verbosity"] > 0:
                # A newcomer may have signed in since they were counted.
                total = max(rotation.total, rotation.looked_at)
                self.stdout.write(f"{rotation.looked_at} of {total} accounts looked at")
                self.stdout.flush()

        rotation = rotate_keys(progress=report)
        self.stdout.write(
            f"{rotation.rotated} tokens encrypted anew, {rotation.current} were current."
        )
        secrets, unreadable = webhooks.rotate_keys()
        if secrets:
            self.stdout.write(f"{secrets} secrets of webhooks encrypted anew.")
        if unreadable:
            self.stderr.write(
                f"No key opens the secrets of these webhooks: {', '.join(unreadable)}. Run"
                " patreon_webhooks health, which asks Patreon for them."
            )
        if rotation.unreadable:
            raise CommandError(
                f"No key opens the tokens of {len(rotation.unreadable)} Patreon accounts:"
                f" {', '.join(rotation.unreadable[:20])}"
                f"{', ...' if len(rotation.unreadable) > 20 else ''}. Put the lost key behind the"
                " others and run this again, or let their owners sign in with Patreon."
            )
        if not unreadable:
            self.stdout.write("The older keys are no longer needed.")

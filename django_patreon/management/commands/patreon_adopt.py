from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_patreon.adopting.from_allauth import FromAllauth
from django_patreon.adopting.from_social import FromSocialAuth
from django_patreon.adopting.judging import Fate, Person
from django_patreon.adopting.rows import CannotAdopt, Source
from django_patreon.adopting.takeover import take_over

SOURCES: dict[str, Callable[[], Source]] = {"social-auth": FromSocialAuth, "allauth": FromAllauth}


class Command(BaseCommand):
    help = (
        "Take over who has connected Patreon through another login app: their connections and"
        " tokens. The tokens are encrypted, and the app's copies in clear are emptied. Safe while"
        " the site runs, and to run again. Does not ask Patreon."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            choices=SOURCES,
            required=True,
            help="the app that people signed in with before: social-core's own Patreon backend,"
            " or django-allauth",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        verbosity = options["verbosity"]

        def report(person: Person) -> None:
            is_news = person.fate is not Fate.ALREADY or person.is_cleared
            if verbosity > 1 or (verbosity and is_news):
                self.stdout.write(_line(person))

        if options["dry_run"]:
            self.stdout.write("Dry run: nothing is written.")
        try:
            done = take_over(
                SOURCES[options["source"]](), dry_run=options["dry_run"], report=report
            )
        except CannotAdopt as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"{done.adopted} adopted, {done.already} already, {done.skipped} skipped,"
            f" {done.cleared} cleared."
        )
        if done.must_reconnect:
            self.stdout.write(
                f"{done.must_reconnect} of the adopted have no refresh token: they are connected"
                " again when they next sign in with Patreon."
            )
        if done.adopted:
            self.stdout.write(
                "Patreon was not asked. What people support is known when they next sign in, or"
                " press “check again” on the account page."
            )
        if done.skipped:
            raise CommandError(
                f"{done.skipped} could not be taken over, and their tokens are still in clear."
                " Do what stands beside each, and run this again."
            )


def _line(person: Person) -> str:
    said = f"{person.username}: Patreon account {person.patreon_id[:80]}"
    if person.fate is Fate.SKIPPED:
        return f"{said} skipped: {person.reason}"
    said += " adopted" if person.fate is Fate.ADOPTED else " was adopted already"
    if person.must_reconnect:
        said += ", without a refresh token"
    return f"{said}, tokens in clear emptied" if person.is_cleared else said

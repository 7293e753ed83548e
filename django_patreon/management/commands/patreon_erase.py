from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import router, transaction

from django_patreon import sync, webhooks
from django_patreon.models import Membership, MembershipEvent, PatreonAccount
from django_patreon.sign_in.disconnecting import disconnect, is_last_way_in

from ._people import nobody


class Command(BaseCommand):
    help = (
        "Forget who a person on Patreon is: disconnect their account, and take name, e-mail and"
        " note out of their memberships for good. Also for people who have never signed in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("patreon_id", metavar="PATREON_ID", help="Patreon's id of the person")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        key, dry_run = options["patreon_id"], options["dry_run"]
        using = router.db_for_write(Membership)
        accounts = PatreonAccount.objects.using(using).select_related("user")
        account = accounts.filter(patreon_id=key).first()
        rows = Membership.objects.using(using).filter(patreon_user_id=key)
        count = rows.count()
        if account is None and not count:
            raise nobody(key)
        name = account.user.get_username() if account else ""
        if account is not None and is_last_way_in(None, account.user):
            raise CommandError(
                f"Nothing was erased: Patreon is the only way that user {name} has to sign in."
                " Delete the user, in the admin for example, or give them a password first. Then"
                " run this again."
            )
        if not dry_run:
            with transaction.atomic(using=using):
                if account is not None:
                    disconnect(None, account.user)
                sync.erase_person(key)
                webhooks.forget_person(key)
        events = MembershipEvent.objects.using(using).filter(membership__in=rows).count()
        would = "Would do" if dry_run else "Done"
        self._say(f"{would}:")
        if account is not None:
            self._say(f"  Disconnect the account of user {name}, and delete it with its tokens.")
        if count:
            self._say(f"  Take name, e-mail and note out of {_of(count, 'membership')}.")
        self._say("What stays:")
        if count:
            self._say(
                f"  {_of(count, 'membership')} and {_of(events, 'event')} with status, tiers and"
                f" amounts under the Patreon id {key}, without a name. The next sync brings the"
                " memberships up to date, but not the name, until the person signs in again."
            )
        if account is not None:
            self._say(
                f"  User {name} of this site, with what the site itself keeps about them. Delete"
                " the user to remove that, with passes and bans."
            )
        self._say("  What Patreon has: the person is in the campaign's own list there.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)


def _of(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

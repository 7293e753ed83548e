from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from django_patreon.api import PatreonClient, TokenGrant
from django_patreon.exceptions import CampaignNotChosen, PatreonError
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret
from django_patreon.sign_in.adopt import AccountTaken, adopt
from django_patreon.tokens import client_for

ACCESS, REFRESH = "PATREON_ACCESS_TOKEN", "PATREON_REFRESH_TOKEN"
# The portal's token has every scope of API v2 (official); the answer does not list them.
SCOPES = (
    "identity",
    "identity[email]",
    "identity.memberships",
    "campaigns",
    "w:campaigns.webhook",
    "campaigns.members",
    "campaigns.members[email]",
    "campaigns.members.address",
    "campaigns.posts",
)


class Command(BaseCommand):
    help = (
        "Give a user the creator's tokens from Patreon's page for developers. They are asked for,"
        f" or read from the environment ({ACCESS} and {REFRESH}); never from the command line,"
        " which others can see."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user name here of the campaign's creator")

    def handle(self, *args: Any, **options: Any) -> None:
        model = get_user_model()
        try:
            user = model._default_manager.get_by_natural_key(options["user"])
        except model.DoesNotExist:
            raise CommandError(f"There is no user {options['user']!r}.") from None
        access, refresh = _token("access", ACCESS), _token("refresh", REFRESH)
        if access == refresh:
            raise CommandError("Nothing was stored: that is the same token twice.")
        client = PatreonClient(access)
        try:
            document = client.identity_document()
            campaigns = client.campaigns()
        except PatreonError as error:
            raise CommandError(
                f"Nothing was stored: {error} Copy both tokens from the page anew; signing in as"
                " the creator replaces them there. Tokens of other origin need the scope"
                " `campaigns`."
            ) from None
        owned = ", ".join(each.vanity or each.id for each in campaigns) or "no campaign"
        known = PatreonAccount.objects.filter(patreon_id=document["data"]["id"], user=user).first()
        if _is_alive(known):
            self.stdout.write(
                f"The Patreon account that runs {owned} is connected already, and its tokens work:"
                " they are kept. Those on Patreon's page may be older."
            )
            return
        grant = TokenGrant(
            access_token=access, refresh_token=refresh, expires_in=None, scopes=SCOPES
        )
        try:
            account = adopt(user, document, grant)
        except (AccountTaken, CampaignNotChosen) as error:
            raise CommandError(f"Nothing was stored: {error}") from None
        self.stdout.write(
            f"User {options['user']} is connected to Patreon account {account.patreon_id}"
            f" ({account}), which runs {owned}."
        )


def _is_alive(account: PatreonAccount | None) -> bool:
    """Has the site got tokens of this creator that work? These were renewed, perhaps, since the
    others were copied, and then a refresh token of the others is spent."""
    if account is None or "campaigns.members" not in account.scopes:
        return False
    try:
        client_for(account).identity()
    except PatreonError:
        return False
    return True


def _token(which: str, variable: str) -> Secret:
    """From the environment, else from whoever sits there."""
    found = os.environ.get(variable, "")
    if not found:
        if not sys.stdin.isatty():
            raise CommandError(f"Set {variable}, or run this where it can ask.")
        found = getpass(f"Creator's {which} token: ")
    token = found.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise CommandError(f"That is no {which} token.")
    return Secret(token)

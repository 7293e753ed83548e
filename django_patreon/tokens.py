"""The only writer of token columns."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from .models import PatreonAccount

if TYPE_CHECKING:
    from .api import TokenGrant

__all__ = ["store"]

_COLUMNS = (
    "access_token",
    "refresh_token",
    "token_expires_at",
    "scopes",
    "state",
    "last_refresh_message",
)


def store(account: PatreonAccount, grant: TokenGrant, *, also: Collection[str] = ()) -> None:
    """Keep the tokens that Patreon just granted, and save the account: them and the fields `also`.

    A pair is kept whole or not at all. When the grant has no refresh token, the stored pair stays;
    an account that has none is marked for reconnecting, because one access token is no connection.
    """
    if grant.access_token and grant.refresh_token:
        account.access_token = grant.access_token
        account.refresh_token = grant.refresh_token
        account.token_expires_at = (
            None
            if grant.expires_in is None
            else timezone.now() + timedelta(seconds=grant.expires_in)
        )
        account.scopes = list(grant.scopes)
        account.state = PatreonAccount.State.CONNECTED
        account.last_refresh_message = ""
    elif not account.refresh_token:
        account.state = PatreonAccount.State.RECONNECT
        account.last_refresh_message = "Patreon sent no refresh token at sign-in."
    account.save(update_fields=None if account._state.adding else {*_COLUMNS, *also})

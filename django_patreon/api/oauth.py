"""The token endpoint: a code or a refresh token in, a pair of live tokens out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer
from django_patreon.secret import Secret

from .errors import document_of
from .transport import send

__all__ = [
    "OAuthClient",
    "TokenGrant",
    "authorize_url",
    "exchange_code",
    "read_grant",
    "refresh_tokens",
    "revoke_token",
    "token_url",
]

AUTHORIZE_PATH = "/oauth2/authorize"
TOKEN_PATH = "/api/oauth2/token"  # noqa: S105
REVOKE_PATH = "/api/oauth2/token/revoke"
LONGEST_CONNECT, LONGEST_READ = 10.0, 20.0
"""Seconds to wait for the token endpoint at most, also where `TIMEOUT` is longer."""
MOST_SCOPES = 100
_SCOPE = re.compile(r"[!#-\[\]-~]{1,100}")
_LONGEST_LIFE = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Client id and secret of this site at Patreon."""

    id: str
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """An answer of the token endpoint: both tokens, their life in seconds, the scopes, and the
    time.

    `refresh_token` is empty and `expires_in` None when Patreon left them out. Scopes are sticky at
    Patreon, so the grant may be larger than what was asked (observed).
    """

    access_token: Secret
    refresh_token: Secret
    expires_in: int | None
    scopes: tuple[str, ...]
    obtained_at: datetime = field(default_factory=partial(datetime.now, UTC))
    client_id: str = ""
    """The client that got them; "" if it is not known."""


def authorize_url() -> str:
    """Return the address to which the browser is sent, where the person consents."""
    return patreon_settings().browser_url + AUTHORIZE_PATH


def token_url() -> str:
    """Return the address where codes and refresh tokens are exchanged."""
    return patreon_settings().base_url + TOKEN_PATH


def exchange_code(code: Secret, *, client: OAuthClient, redirect_uri: str) -> TokenGrant:
    """Exchange a single-use authorization code for tokens. Never repeated.

    Raises the errors of `document_of` and `send`, and `MalformedAnswer` without an access token.
    """
    return _grant_of(
        _ask(
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            client_id=client.id,
            client_secret=client.secret,
        ),
        client,
    )


def refresh_tokens(refresh_token: Secret, *, client: OAuthClient) -> TokenGrant:
    """Exchange a single-use refresh token for a new pair. Never repeated, since it may be spent.

    Raises the errors of `document_of` and `send`, and `MalformedAnswer` unless both tokens came.
    """
    grant = _grant_of(
        _ask(
            grant_type="refresh_token",
            renews=True,
            refresh_token=refresh_token,
            client_id=client.id,
            client_secret=client.secret,
        ),
        client,
    )
    if not grant.refresh_token:
        raise MalformedAnswer(
            "Patreon's answer to the refresh has no refresh token.", code="missing_claim"
        )
    return grant


def revoke_token(token: Secret, *, client: OAuthClient) -> None:
    """Ask Patreon to revoke a token. Patreon documents no way to do it, so it may have no effect.

    Other clients use this address; whether it works is unknown. Raises as `document_of` and `send`
    do.
    """
    form = {"token": token, "client_id": client.id, "client_secret": client.secret}
    answer = send(
        "POST",
        patreon_settings().base_url + REVOKE_PATH,
        data=form,
        timeout=(1.0, 2.0),
        counts_refusals=False,  # Patreon may have no such address, and then answers 404 each time
    )
    if answer.status >= 300:
        document_of(answer)


def _ask(*, renews: bool = False, **form: str) -> dict[str, Any]:
    connect, read = patreon_settings().TIMEOUT
    answer = send(
        "POST",
        token_url(),
        data=form,  # not in the query string: URLs are logged on the way
        renews=renews,
        headers={"Accept": "application/json"},
        # The caller holds a lease on the pair, which must not end before this request does.
        timeout=(min(connect, LONGEST_CONNECT), min(read, LONGEST_READ)),
    )
    return document_of(answer)


def read_grant(document: Mapping[str, Any]) -> TokenGrant:
    """Read the fields of a token answer. A token that is no valid header value becomes empty."""
    return TokenGrant(
        access_token=_token(document.get("access_token")),
        refresh_token=_token(document.get("refresh_token")),
        expires_in=_seconds(document.get("expires_in")),
        scopes=_words(document.get("scope")),
    )


def _grant_of(document: dict[str, Any], client: OAuthClient) -> TokenGrant:
    grant = replace(read_grant(document), client_id=client.id)
    document.clear()  # so that no frame of the error below shows a token in clear
    if not grant.access_token:
        raise MalformedAnswer(
            "Patreon's answer to the token request has no access token.", code="missing_claim"
        )
    return grant


def _token(value: Any) -> Secret:
    # A token is sent in a header, so a text that is no valid header value is no token.
    usable = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    return Secret(value) if usable else Secret()


def _seconds(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = int(float(value))
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds <= _LONGEST_LIFE else None


def _words(value: Any) -> tuple[str, ...]:
    """Read scopes. Those that are not valid (RFC 6749, 3.3) or too long are left out."""
    found = value.split() if isinstance(value, str) else []
    return tuple(each for each in found if _SCOPE.fullmatch(each))[:MOST_SCOPES]

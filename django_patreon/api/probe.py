"""Single requests that try something out: this site's own address, and Patreon's consent page."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import requests

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import Unavailable

from .oauth import authorize_url

__all__ = ["AuthorizeAnswer", "post_to_self", "try_authorize"]


def post_to_self(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post to an address of this site, and return the status. Redirects are not followed.

    Raises `Unavailable` if there is no answer.
    """
    try:
        with requests.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=patreon_settings().TIMEOUT,
            allow_redirects=False,
        ) as response:
            return response.status_code
    except (requests.RequestException, ValueError) as error:
        kind = type(error).__name__
    raise Unavailable(f"The address {url} does not answer ({kind}).", code="connection_failed")


@dataclass(frozen=True, slots=True)
class AuthorizeAnswer:
    """How Patreon's consent page answers a visitor who is not signed in there."""

    status: int
    error: str
    """The error that Patreon's page of errors shows; "" if it does not show any."""
    skew: float | None
    """Seconds by which this machine's clock is ahead of Patreon's; None if Patreon gave no time."""


def try_authorize(client_id: str, redirect_uri: str, scopes: Iterable[str]) -> AuthorizeAnswer:
    """Ask for the consent page as a browser would, without following where it leads.

    Raises `Unavailable` if there is no answer.
    """
    given = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": "doctor",
    }
    url = authorize_url()
    try:
        with requests.get(
            url,
            params=given,
            headers={"User-Agent": "django-patreon doctor"},
            timeout=patreon_settings().TIMEOUT,
            allow_redirects=False,
        ) as response:
            where = urlsplit(response.headers.get("Location", ""))
            named = parse_qs(where.query)
            said = named.get("error_description") or named.get("error") or [""]
            return AuthorizeAnswer(
                status=response.status_code,
                error=said[0][:200],
                skew=_skew(response.headers.get("Date", "")),
            )
    except (requests.RequestException, ValueError) as error:
        kind = type(error).__name__
    raise Unavailable(f"{url} does not answer ({kind}).", code="connection_failed")


def _skew(date: str) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return None

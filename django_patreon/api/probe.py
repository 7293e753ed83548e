"""One request to an address of this site itself, to find out whether it can be reached."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import Unavailable

__all__ = ["post_to_self"]


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

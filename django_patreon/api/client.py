"""PatreonClient: Patreon's API v2 with one access token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer, Unauthorized
from django_patreon.resources import (
    IDENTITY_FIELDS,
    IDENTITY_INCLUDE,
    Identity,
    MalformedDocument,
    parse_identity,
)
from django_patreon.secret import Secret

from .errors import document_of
from .transport import send

__all__ = ["PatreonClient"]

API_PATH = "/api/oauth2/v2"


class PatreonClient:
    """Asks Patreon on behalf of whoever the access token belongs to.

    `live_token` is asked before each call, and `renew` after the first 401, whose call is then
    repeated once. A 401 that survives that is a missing scope, and is reported: the text of both
    is the same (observed), and refreshing again would change nothing.
    """

    def __init__(
        self,
        access_token: Secret | None = None,
        *,
        live_token: Callable[[], Secret] | None = None,
        renew: Callable[[], Secret] | None = None,
    ) -> None:
        if live_token is None:
            if access_token is None:
                raise TypeError("PatreonClient needs an access token, or a way to get one.")
            fixed = access_token

            def live_token() -> Secret:
                return fixed

        self._live_token = live_token
        self._renew = renew

    def __repr__(self) -> str:
        return "PatreonClient(...)"

    def identity(self) -> Identity:
        """Return the person, with the memberships, campaigns and tiers that the scopes show.

        One request. Raises the errors of `document_of` and `send`, and `MalformedAnswer` when the
        answer is not a person.
        """
        return parse_identity(self.identity_document())

    def identity_document(self) -> dict[str, Any]:
        """Like `identity`, but return Patreon's JSON:API document, known to parse."""
        document = self._get("/identity", include=IDENTITY_INCLUDE, fields=IDENTITY_FIELDS)
        try:
            parse_identity(document)
        except MalformedDocument as error:
            raise MalformedAnswer(
                f"Patreon's answer about the person makes no sense: {error}",
                status=200,
                code="malformed_response",
            ) from None
        return document

    def _get(
        self, path: str, *, include: tuple[str, ...] = (), fields: dict[str, tuple[str, ...]]
    ) -> dict[str, Any]:
        # Nothing but id and type comes unasked (official); requests percent-encodes the brackets.
        params = {f"fields[{kind}]": ",".join(names) for kind, names in fields.items()}
        if include:
            params["include"] = ",".join(include)
        try:
            return _ask(path, params, self._live_token())
        except Unauthorized:
            if self._renew is None:
                raise
            renew, self._renew = self._renew, None
        return _ask(path, params, renew())


def _ask(path: str, params: dict[str, str], token: Secret) -> dict[str, Any]:
    answer = send(
        "GET",
        patreon_settings().base_url + API_PATH + path,
        params=params,
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.api+json, application/json",
        },
    )
    return document_of(answer)

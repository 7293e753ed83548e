"""PatreonClient: Patreon's API v2 with one access token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer, Unauthorized
from django_patreon.resources import (
    CAMPAIGN_FIELDS,
    IDENTITY_FIELDS,
    IDENTITY_INCLUDE,
    MEMBER_FIELDS,
    MEMBER_INCLUDE,
    Campaign,
    Identity,
    MalformedDocument,
    Member,
    Page,
    parse_campaigns,
    parse_identity,
    parse_member,
    parse_members_page,
)
from django_patreon.secret import Secret

from .errors import document_of
from .paging import Walk
from .retry import NEVER, Patience
from .transport import send

__all__ = ["PatreonClient"]

API_PATH = "/api/oauth2/v2"
T = TypeVar("T")


class PatreonClient:
    """Asks Patreon on behalf of whoever the access token belongs to.

    `live_token` is asked before each call, and `renew` after the first 401, whose call is then
    repeated once. A 401 that survives that is a missing scope, and is reported: the text of both
    is the same (observed), and refreshing again would change nothing. `patience` says for how long
    an answer that failed is asked for again.
    """

    def __init__(
        self,
        access_token: Secret | None = None,
        *,
        live_token: Callable[[], Secret] | None = None,
        renew: Callable[[], Secret] | None = None,
        patience: Patience = NEVER,
    ) -> None:
        if live_token is None:
            if access_token is None:
                raise TypeError("PatreonClient needs an access token, or a way to get one.")
            fixed = access_token

            def live_token() -> Secret:
                return fixed

        self._live_token = live_token
        self._renew = renew
        self._patience = patience

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
        _read(parse_identity, document)
        return document

    def campaigns(self) -> Page[Campaign]:
        """Return the campaigns of the token's owner, with their tiers: none, or practically one.

        Needs the scope `campaigns`. Raises as `identity` does.
        """
        return _read(
            parse_campaigns, self._get("/campaigns", include=("tiers",), fields=CAMPAIGN_FIELDS)
        )

    def members(self, campaign_id: str, *, page_size: int = 1000) -> Walk[Member]:
        """Return a walk over all members of a campaign, payers or not; each page is one request.

        Needs the scope `campaigns.members`. Walking raises as `identity` does.
        """

        def fetch(cursor: str | None) -> Page[Member]:
            # Built from the cursor: a link in an answer could lead a token anywhere.
            paging = {"page[count]": str(page_size)}
            if cursor is not None:
                paging["page[cursor]"] = cursor
            document = self._get(
                f"/campaigns/{quote(campaign_id, safe='')}/members",
                include=MEMBER_INCLUDE,
                fields=MEMBER_FIELDS,
                more=paging,
            )
            return _read(parse_members_page, document)

        return Walk(fetch)

    def member(self, member_id: str) -> Member:
        """Return one member. Needs the scope `campaigns.members`. Raises as `identity` does."""
        path = f"/members/{quote(member_id, safe='')}"
        return _read(parse_member, self._get(path, include=MEMBER_INCLUDE, fields=MEMBER_FIELDS))

    def _get(
        self,
        path: str,
        *,
        include: tuple[str, ...],
        fields: Mapping[str, tuple[str, ...]],
        more: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        # Nothing but id and type comes unasked (official); requests percent-encodes the brackets.
        params = {f"fields[{kind}]": ",".join(names) for kind, names in fields.items()}
        params |= {"include": ",".join(include), **(more or {})}
        try:
            return self._patience.run(lambda: _ask(path, params, self._live_token()))
        except Unauthorized:
            if self._renew is None:
                raise
            renew, self._renew = self._renew, None
        token = renew()
        return self._patience.run(lambda: _ask(path, params, token))


def _read(parse: Callable[[Any], T], document: dict[str, Any]) -> T:
    try:
        return parse(document)
    except MalformedDocument as error:
        raise MalformedAnswer(
            f"Patreon's answer makes no sense: {error}.", status=200, code="malformed_response"
        ) from None


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

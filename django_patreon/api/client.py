"""PatreonClient: Patreon's API v2 with one access token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer, Refused, Unauthorized
from django_patreon.resources import (
    ADDRESS_FIELDS,
    CAMPAIGN_FIELDS,
    HISTORY_FIELDS,
    IDENTITY_FIELDS,
    IDENTITY_INCLUDE,
    MEMBER_FIELDS,
    MEMBER_INCLUDE,
    POST_FIELDS,
    WEBHOOK_FIELDS,
    Campaign,
    Identity,
    MalformedDocument,
    Member,
    Page,
    Post,
    Webhook,
    parse_campaign,
    parse_campaigns,
    parse_identity,
    parse_member,
    parse_members_page,
    parse_post,
    parse_posts_page,
    parse_webhook,
    parse_webhooks,
)
from django_patreon.secret import Secret

from .errors import document_of
from .paging import Walk
from .retry import BRIEFLY, NEVER, Patience
from .transport import send

__all__ = ["PatreonClient"]

API_PATH = "/api/oauth2/v2"
T = TypeVar("T")
Fields = Mapping[str, Collection[str]]
"""Attributes by the type of resource that has them."""


class PatreonClient:
    """Asks Patreon on behalf of whoever the access token belongs to.

    `live_token` is asked before each call, and `renew` after the first 401, whose call is then
    repeated once. A 401 that survives that is a missing scope, and is reported: the text of both
    is the same (observed), and refreshing again would change nothing. `patience` says for how long
    an answer that failed is asked for again. `bucket` names whose calls are counted together
    against the limit of one token: by default those with this token; "" keeps only the limit of
    the site's client.
    """

    def __init__(
        self,
        access_token: Secret | None = None,
        *,
        live_token: Callable[[], Secret] | None = None,
        renew: Callable[[], Secret] | None = None,
        patience: Patience = BRIEFLY,
        bucket: str | None = None,
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
        self._bucket = bucket

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
        _parsed(parse_identity, document)
        return document

    def campaigns(
        self, *, include: Collection[str] = (), more: Fields | None = None
    ) -> Page[Campaign]:
        """Return the campaigns of the token's owner, with their tiers: none, or practically one.

        `include` names relations to bring along beside those that we use ourselves, and `more`
        attributes, by type: `include=["benefits"], more={"benefit": ["title"]}`. What came along
        is found through what it belongs to (`campaign.benefits`) and in `included`. A name that
        Patreon does not know, or has dropped, makes the call `Refused`. Needs the scope
        `campaigns`. Raises as `identity` does.
        """
        return self._read(
            parse_campaigns,
            "/campaigns",
            include=("tiers", *include),
            fields=CAMPAIGN_FIELDS,
            more=more,
        )

    def campaign(
        self, campaign_id: str, *, include: Collection[str] = (), more: Fields | None = None
    ) -> Campaign:
        """Return one campaign. Otherwise as `campaigns`."""
        return self._read(
            parse_campaign,
            f"/campaigns/{quote(campaign_id, safe='')}",
            include=("tiers", *include),
            fields=CAMPAIGN_FIELDS,
            more=more,
        )

    def members(
        self,
        campaign_id: str,
        *,
        page_size: int = 1000,
        history: bool = False,
        addresses: bool = False,
        more: Fields | None = None,
    ) -> Walk[Member]:
        """Return a walk over all members of a campaign, payers or not; each page is one request.

        Each has its `user`, `campaign` and `tiers`. `history` brings the `pledge_history`, at 500
        a page at most; `addresses` the `address`, which needs the scope
        `campaigns.members.address`. Otherwise needs `campaigns.members`; `more` as in `campaigns`.
        Walking raises as `identity` does.
        """
        include: tuple[str, ...] = MEMBER_INCLUDE
        fields: dict[str, Collection[str]] = dict(MEMBER_FIELDS)
        if history:
            include, fields["pledge-event"] = (*include, "pledge_history"), HISTORY_FIELDS
            page_size = min(page_size, 500)
        if addresses:
            include, fields["address"] = (*include, "address"), ADDRESS_FIELDS
        path = f"/campaigns/{quote(campaign_id, safe='')}/members"

        def fetch(cursor: str | None) -> Page[Member]:
            paging = _paging(cursor, page_size)
            return self._read(
                parse_members_page, path, include=include, fields=fields, more=more, query=paging
            )

        return Walk(fetch)

    def member(self, member_id: str, *, more: Fields | None = None) -> Member:
        """Return one member, with `user`, `campaign` and `tiers`.

        Needs the scope `campaigns.members`. Raises as `identity` does.
        """
        path = f"/members/{quote(member_id, safe='')}"
        return self._read(
            parse_member, path, include=MEMBER_INCLUDE, fields=MEMBER_FIELDS, more=more
        )

    def posts(self, campaign_id: str, *, more: Fields | None = None) -> Walk[Post]:
        """Return a walk over a campaign's posts, without their content unless `more` asks for it.

        A page holds 20, whatever is asked, in no promised order (observed). Needs the scope
        `campaigns.posts`. Walking raises as `identity` does.
        """
        path = f"/campaigns/{quote(campaign_id, safe='')}/posts"

        def fetch(cursor: str | None) -> Page[Post]:
            return self._read(
                parse_posts_page,
                path,
                include=("campaign", "user"),
                fields=POST_FIELDS,
                more=more,
                query=_paging(cursor, None),
            )

        return Walk(fetch)

    def post(self, post_id: str) -> Post:
        """Return one post, with its content. Needs the scope `campaigns.posts`."""
        path = f"/posts/{quote(post_id, safe='')}"
        fields = {"post": (*POST_FIELDS["post"], "content")}
        return self._read(parse_post, path, include=("campaign", "user"), fields=fields)

    # -- webhooks: all of these need the scope w:campaigns.webhook

    def webhooks(self) -> Page[Webhook]:
        """Return the webhooks that this client has made; those of the portal page are not shown."""
        return self._read(parse_webhooks, "/webhooks", include=("campaign",), fields=WEBHOOK_FIELDS)

    def create_webhook(self, campaign_id: str, *, uri: str, triggers: Collection[str]) -> Webhook:
        """Register an address, which must be https. Not tried again when no answer comes: it may
        have been made, and `webhooks` says so."""
        campaign = {"data": {"type": "campaign", "id": campaign_id}}
        return self._write(
            "POST",
            "/webhooks",
            attributes={"triggers": [*triggers], "uri": uri},
            relationships={"campaign": campaign},
        )

    def update_webhook(
        self,
        webhook_id: str,
        *,
        uri: str | None = None,
        triggers: Collection[str] | None = None,
        paused: bool | None = None,
    ) -> Webhook:
        """Change what is given, and return the webhook as it is then."""
        given = {
            "uri": uri,
            "triggers": None if triggers is None else [*triggers],
            "paused": paused,
        }
        attributes = {name: value for name, value in given.items() if value is not None}
        path = f"/webhooks/{quote(webhook_id, safe='')}"
        return self._write("PATCH", path, attributes=attributes, id=webhook_id)

    def unpause_webhook(self, webhook_id: str) -> Webhook:
        """Let Patreon send again what has failed; the answer says how that went (official)."""
        return self.update_webhook(webhook_id, paused=False)

    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a webhook. One that is not there is removed already."""
        try:
            self._ask("DELETE", f"/webhooks/{quote(webhook_id, safe='')}")
        except Refused as error:
            if error.status != 404:
                raise

    # -- asking

    def _read(
        self,
        parse: Callable[[Any], T],
        path: str,
        *,
        include: tuple[str, ...],
        fields: Fields,
        more: Fields | None = None,
        query: Mapping[str, str] | None = None,
    ) -> T:
        names = dict(fields)
        for kind, extra in (more or {}).items():
            names[kind] = tuple(dict.fromkeys((*names.get(kind, ()), *extra)))
        document = self._get(path, include=include, fields=names, query=query)
        return _parsed(parse, document)

    def _write(self, method: str, path: str, **data: Any) -> Webhook:
        body = {"data": {"type": "webhook", **data}}
        return _parsed(parse_webhook, self._ask(method, path, json=body))

    def _get(
        self,
        path: str,
        *,
        include: tuple[str, ...],
        fields: Fields,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        # Nothing but id and type comes unasked (official); requests percent-encodes the brackets.
        params = {f"fields[{kind}]": ",".join(names) for kind, names in fields.items()}
        params |= {"include": ",".join(dict.fromkeys(include)), **(query or {})}
        return self._ask("GET", path, params=params)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: Any = None,
    ) -> dict[str, Any]:
        # Only what changes nothing is tried again.
        patience = self._patience if method == "GET" else NEVER

        def ask(token: Secret) -> dict[str, Any]:
            bucket = _bucket_of(token) if self._bucket is None else self._bucket
            return _ask(method, path, token, params=params, json=json, bucket=bucket)

        token = self._live_token()  # out here: a refresh token is not spent again in haste
        try:
            return patience.run(lambda: ask(token))
        except Unauthorized:
            if self._renew is None:
                raise
        token = self._renew()
        try:
            return patience.run(lambda: ask(token))
        except Unauthorized:
            self._renew = None  # a scope is missing, and renewing brings none
            raise


def _bucket_of(token: Secret) -> str:
    """Name a token without telling it."""
    return hashlib.sha256(token.encode()).hexdigest()[:24]


def _paging(cursor: str | None, size: int | None) -> dict[str, str]:
    # Built from the cursor: a link in an answer could lead a token anywhere.
    paging = {} if size is None else {"page[count]": str(size)}
    return paging if cursor is None else {**paging, "page[cursor]": cursor}


def _parsed(parse: Callable[[Any], T], document: dict[str, Any]) -> T:
    try:
        return parse(document)
    except MalformedDocument as error:
        raise MalformedAnswer(
            f"Patreon's answer makes no sense: {error}.", status=200, code="malformed_response"
        ) from None


def _ask(
    method: str,
    path: str,
    token: Secret,
    *,
    params: dict[str, str] | None,
    json: Any,
    bucket: str,
) -> dict[str, Any]:
    answer = send(
        method,
        patreon_settings().base_url + API_PATH + path,
        params=params,
        json=json,
        bucket=bucket,
        headers={
            "Authorization": Secret(f"Bearer {token}"),  # masked in tracebacks, too
            "Accept": "application/vnd.api+json, application/json",
        },
    )
    return {} if answer.status == 204 else document_of(answer)

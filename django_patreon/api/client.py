"""PatreonClient: Patreon's API v2 with one access token."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from django_patreon.exceptions import Refused
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
    Listed,
    Member,
    Page,
    Post,
    Webhook,
    parse_campaign,
    parse_campaigns,
    parse_identity,
    parse_listed_members,
    parse_member,
    parse_members_page,
    parse_post,
    parse_posts_page,
    parse_webhook,
    parse_webhooks,
)

from .authorized import AuthorizedRequests, Fields, parsed
from .paging import SeenIds, Walk

__all__ = ["PatreonClient"]


class PatreonClient(AuthorizedRequests):
    """Calls Patreon's API with one access token. `AuthorizedRequests` has its arguments."""

    def identity(self) -> Identity:
        """Return the person, with the memberships, campaigns and tiers that the scopes show.

        One request. Raises the errors of `document_of` and `send`, and `MalformedAnswer` when the
        answer is not a person.
        """
        return self.identity_and_document()[0]

    def identity_and_document(self) -> tuple[Identity, dict[str, Any]]:
        """Like `identity`, and return Patreon's JSON:API document as well."""
        document = self._get("/identity", include=IDENTITY_INCLUDE, fields=IDENTITY_FIELDS)
        return parsed(parse_identity, document), document

    def identity_document(self) -> dict[str, Any]:
        """Like `identity`, but return Patreon's JSON:API document, which could be read."""
        return self.identity_and_document()[1]

    def campaigns(
        self, *, include: Collection[str] = (), more: Fields | None = None
    ) -> Page[Campaign]:
        """Return the campaigns of the token's owner with their tiers: none, or in practice one.

        `include` names further relations, and `more` further attributes by type:
        `include=["benefits"], more={"benefit": ["title"]}`. They are found at the resource they
        belong to (`campaign.benefits`) and in `included`. Raises `Refused` for a name that Patreon
        does not know, or has dropped. Needs the scope
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
        """Return one campaign. Arguments, scope and errors are those of `campaigns`."""
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
        """Return a walk over all members of a campaign, also those who do not pay. One request a
        page.

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

        def fetch(cursor: str | None) -> Page[Member]:
            return self._read(
                parse_members_page,
                _members_of(campaign_id),
                include=include,
                fields=fields,
                more=more,
                query=_paging(cursor, page_size),
            )

        return Walk(fetch)

    def listed_members(
        self,
        campaign_id: str,
        *,
        page_size: int = 1000,
        cursor: str | None = None,
        seen: SeenIds | None = None,
        skipped: int = 0,
    ) -> Walk[Listed]:
        """Like `members`, but the members are not parsed, for callers that skip unchanged ones.

        The walk can go on where another one ended: see `Walk` for `cursor`, `seen` and `skipped`.
        """

        def fetch(cursor: str | None) -> Page[Listed]:
            return self._read(
                parse_listed_members,
                _members_of(campaign_id),
                include=MEMBER_INCLUDE,
                fields={kind: names for kind, names in MEMBER_FIELDS.items() if kind != "user"},
                query=_paging(cursor, page_size),
            )

        return Walk(fetch, cursor=cursor, seen=seen, skipped=skipped)

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
        """Register an address, which must be https. Not repeated when no answer comes: the webhook
        may have been made, which `webhooks` shows."""
        campaign = {"data": {"type": "campaign", "id": campaign_id}}
        return self._write(
            parse_webhook,
            "POST",
            "/webhooks",
            type="webhook",
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
        return self._write(
            parse_webhook, "PATCH", path, type="webhook", attributes=attributes, id=webhook_id
        )

    def unpause_webhook(self, webhook_id: str) -> Webhook:
        """Let Patreon send again what has failed; the answer says how that went (official)."""
        return self.update_webhook(webhook_id, paused=False)

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook. Does nothing if Patreon does not know it."""
        try:
            self._ask("DELETE", f"/webhooks/{quote(webhook_id, safe='')}")
        except Refused as error:
            if error.status != 404:
                raise


def _members_of(campaign_id: str) -> str:
    return f"/campaigns/{quote(campaign_id, safe='')}/members"


def _paging(cursor: str | None, size: int | None) -> dict[str, str]:
    # Built from the cursor: following a link of the answer could send the token to another host.
    paging = {} if size is None else {"page[count]": str(size)}
    return paging if cursor is None else {**paging, "page[cursor]": cursor}

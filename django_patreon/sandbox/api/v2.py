"""API v2: the endpoints, the scope that each needs, and what it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.resources.jsonapi import (
    InvalidParameter,
    document,
    list_document,
    read_query,
)
from django_patreon.sandbox.resources.paging import InvalidCursor, cut_page
from django_patreon.sandbox.resources.schema import Related
from django_patreon.sandbox.web.errors import api_error, unauthorized
from django_patreon.sandbox.web.messages import Request, Response

from . import lives, webhooks
from .call import Call, forbidden, not_found
from .request_body import InvalidBody

__all__ = ["PREFIX", "ROUTES", "Route", "answer"]

PREFIX = "/api/oauth2/v2"
# The largest pages: 1000 members, 500 with pledge_history (official), 20 posts (observed).
MEMBERS, MEMBERS_WITH_HISTORY, POSTS = 1000, 500, 20


def answer(core: Core, request: Request) -> Response:
    """Answer a request of API v2. Other paths under `/api/` are answered with 404."""
    path = request.path.rstrip("/")
    method = "GET" if request.method == "HEAD" else request.method
    allowed: list[str] = []
    for route in ROUTES:
        found = re.fullmatch(PREFIX + route.pattern, path)
        if found is None:
            continue
        allowed.append(route.method)
        if route.method != method:
            continue
        pair = core.tokens.pair_of(request.bearer_token)
        if pair is None or route.scope not in pair.scopes:
            return unauthorized()  # the same for a missing scope (observed)
        try:
            requested = read_query(request.query, root=route.kind)
            call = Call(core=core, request=request, pair=pair, requested=requested)
            return route.handler(call, *found.groups())
        except (InvalidParameter, InvalidCursor, InvalidBody) as error:
            return error.response()
    if allowed:
        response = api_error(405, code_name="MethodNotAllowed")
        response.headers.append(("Allow", ", ".join(allowed)))
        return response
    return api_error(404, code_name="NotFound")


def _identity(call: Call) -> Response:
    return document(call.context(as_creator=False), ("user", call.pair.user_id), call.requested)


def _campaigns(call: Call) -> Response:
    own = call.world.campaign_of(call.pair.user_id)
    roots: list[Related] = [("campaign", own.id)] if own else []
    return list_document(call.context(), roots, call.requested, meta={"total": len(roots)})


def _campaign(call: Call, key: str) -> Response:
    return _refusal(call, "campaign", key) or document(
        call.context(), ("campaign", key), call.requested
    )


def _members(call: Call, key: str) -> Response:
    refusal = _refusal(call, "campaign", key)
    if refusal is not None:
        return refusal
    most = MEMBERS_WITH_HISTORY if "pledge_history" in call.requested.include else MEMBERS
    return _list(call, "member", call.world.members_of(key), most)


def _member(call: Call, key: str) -> Response:
    member = call.world.member(key)
    if member is None:
        return not_found("Member", key)
    return _refusal(call, "member", key, member.campaign_id) or document(
        call.context(), ("member", key), call.requested
    )


def _posts(call: Call, key: str) -> Response:
    # For a campaign of another creator the list is empty, with a 200 (observed).
    is_own = call.is_creator_of(key)
    posts = [each for each in call.world.posts.values() if is_own and each.campaign_id == key]
    return _list(call, "post", posts, POSTS)


def _post(call: Call, key: str) -> Response:
    post = call.world.posts.get(key)
    if post is None:
        return not_found("Post", key)
    return _refusal(call, "post", key, post.campaign_id) or document(
        call.context(), ("post", key), call.requested
    )


def _webhooks(call: Call, key: str | None = None) -> Response:
    return webhooks.answer(call, key)


def _lives(call: Call, key: str | None = None) -> Response:
    return lives.answer(call, key)


def _list(call: Call, kind: str, items: Sequence[Any], most: int) -> Response:
    """Return the requested page of a list."""
    core = call.core
    if core.settings.count_above_most == "refuse":
        count = dict(call.request.query).get("page[count]", "")
        if re.fullmatch("[0-9]{1,9}", count) and int(count) > most:
            raise InvalidParameter("page[count]", count)
    page = cut_page(
        items,
        call.request,
        url=core.url,
        most=most,
        last_page=core.settings.last_page,
        next_link=core.settings.next_link,
    )
    return list_document(
        call.context(),
        [(kind, each.id) for each in page.items],
        call.requested,
        meta=page.meta,
        links=page.links,
        items=page.items,
    )


def _refusal(call: Call, kind: str, key: str, campaign_id: str | None = None) -> Response | None:
    """Return a 404 for an unknown campaign, a 403 for another creator's, None for the own one."""
    if (campaign_id or key) not in call.world.campaigns:
        return not_found("Campaign", key)
    if call.is_creator_of(campaign_id or key):
        return None
    return forbidden(f"You do not have permission to view {kind} with id {key}.")


@dataclass(frozen=True)
class Route:
    """One endpoint: the scope that it needs, and the resource type that it returns."""

    method: str
    pattern: str
    scope: str
    kind: str
    handler: Callable[..., Response]


_ID = "([^/]{1,64})"
ROUTES = [
    Route("GET", r"/identity", "identity", "user", _identity),
    Route("GET", r"/campaigns", "campaigns", "campaign", _campaigns),
    Route("GET", rf"/campaigns/{_ID}", "campaigns", "campaign", _campaign),
    Route("GET", rf"/campaigns/{_ID}/members", "campaigns.members", "member", _members),
    Route("GET", rf"/members/{_ID}", "campaigns.members", "member", _member),
    Route("GET", rf"/campaigns/{_ID}/posts", "campaigns.posts", "post", _posts),
    Route("GET", rf"/posts/{_ID}", "campaigns.posts", "post", _post),
    Route("GET", r"/webhooks", "w:campaigns.webhook", "webhook", _webhooks),
    Route("POST", r"/webhooks", "w:campaigns.webhook", "webhook", _webhooks),
    Route("GET", rf"/webhooks/{_ID}", "w:campaigns.webhook", "webhook", _webhooks),
    Route("PATCH", rf"/webhooks/{_ID}", "w:campaigns.webhook", "webhook", _webhooks),
    Route("DELETE", rf"/webhooks/{_ID}", "w:campaigns.webhook", "webhook", _webhooks),
    Route("POST", r"/lives", "w:campaigns.lives", "live", _lives),
    Route("GET", rf"/lives/{_ID}", "campaigns.lives", "live", _lives),
    Route("PATCH", rf"/lives/{_ID}", "w:campaigns.lives", "live", _lives),
    Route("DELETE", rf"/lives/{_ID}", "w:campaigns.lives", "live", _lives),
]

"""API v2: who is asking, may they, and the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .faults import unauthorized
from .grants import Grants, Pair
from .http import Request, Response, api_error
from .jsonapi import Asked, InvalidParameter, Sight, document, list_document, read_query
from .lives import Lives
from .paging import InvalidCursor, cut
from .schema import Related, Viewer
from .switches import Switches
from .webhooks import InvalidBody, Webhooks
from .world import World

__all__ = ["PREFIX", "ROUTES", "Api", "Route"]

PREFIX = "/api/oauth2/v2"
# Members: 1000 a page, 500 with pledge_history (official). Posts: 20 (observed).
MEMBERS, MEMBERS_WITH_HISTORY, POSTS = 1000, 500, 20


@dataclass
class Api:
    """Patreon's resources, for whoever holds a token."""

    world: World
    grants: Grants
    switches: Switches
    url: str

    def answer(self, request: Request) -> Response:
        """Answer any request under `/api/`."""
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
            pair = self._pair(request)
            if pair is None or route.scope not in pair.scopes:
                return unauthorized()  # the same for a missing scope (observed)
            try:
                asked = read_query(request.query, root=route.kind)
                return route.handler(self, request, pair, asked, *found.groups())
            except (InvalidParameter, InvalidCursor, InvalidBody) as error:
                return error.response()
        if allowed:
            response = api_error(405, code_name="MethodNotAllowed")
            response.headers.append(("Allow", ", ".join(allowed)))
            return response
        return api_error(404, code_name="NotFound")

    # -- the person

    def _identity(self, request: Request, pair: Pair, asked: Asked) -> Response:
        viewer = Viewer(user_id=pair.user_id, scopes=pair.scopes)
        return document(self._sight(viewer), ("user", pair.user_id), asked)

    # -- the creator

    def _campaigns(self, request: Request, pair: Pair, asked: Asked) -> Response:
        own = self.world.campaign_of(pair.user_id)
        roots: list[Related] = [("campaign", own.id)] if own else []
        return list_document(self._creator(pair), roots, asked, meta={"total": len(roots)})

    def _campaign(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        return self._refusal(pair, "campaign", key) or document(
            self._creator(pair), ("campaign", key), asked
        )

    def _members(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        refusal = self._refusal(pair, "campaign", key)
        if refusal is not None:
            return refusal
        most = MEMBERS_WITH_HISTORY if "pledge_history" in asked.include else MEMBERS
        return self._page(request, pair, asked, "member", self.world.members_of(key), most)

    def _member(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        member = self.world.member(key)
        if member is None:
            return _missing("Member", key)
        return self._refusal(pair, "member", key, member.campaign_id) or document(
            self._creator(pair), ("member", key), asked
        )

    def _posts(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        # Of a campaign that is not one's own: 200, and nothing (observed).
        own = self.world.campaign_of(pair.user_id)
        theirs = own is not None and own.id == key
        posts = [each for each in self.world.posts.values() if theirs and each.campaign_id == key]
        return self._page(request, pair, asked, "post", posts, POSTS)

    def _post(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        post = self.world.posts.get(key)
        if post is None:
            return _missing("Post", key)
        return self._refusal(pair, "post", key, post.campaign_id) or document(
            self._creator(pair), ("post", key), asked
        )

    def _webhooks(
        self, request: Request, pair: Pair, asked: Asked, key: str | None = None
    ) -> Response:
        return Webhooks(self._creator(pair), pair).answer(request, asked, key)

    def _lives(
        self, request: Request, pair: Pair, asked: Asked, key: str | None = None
    ) -> Response:
        return Lives(self._creator(pair), pair).answer(request, asked, key)

    def _page(
        self,
        request: Request,
        pair: Pair,
        asked: Asked,
        kind: str,
        items: Sequence[Any],
        most: int,
    ) -> Response:
        if self.switches.count_above_most == "refuse":
            count = dict(request.query).get("page[count]", "")
            if re.fullmatch("[0-9]{1,9}", count) and int(count) > most:
                raise InvalidParameter("page[count]", count)
        page = cut(
            items,
            request,
            url=self.url,
            most=most,
            last_page=self.switches.last_page,
            next_link=self.switches.next_link,
        )
        roots = [(kind, each.id) for each in page.items]
        sight = self._creator(pair)
        return list_document(
            sight, roots, asked, meta=page.meta, links=page.links, items=page.items
        )

    def _refusal(
        self, pair: Pair, kind: str, key: str, campaign_id: str | None = None
    ) -> Response | None:
        """Say no to who does not run the campaign; 404 where there is none."""
        campaign = self.world.campaigns.get(campaign_id or key)
        if campaign is None:
            return _missing("Campaign", key)
        if campaign.creator_id == pair.user_id:
            return None
        words = f"You do not have permission to view {kind} with id {key}."
        return api_error(403, code_name="ViewForbidden", title=words, detail=words)

    def _creator(self, pair: Pair) -> Sight:
        return self._sight(
            Viewer(user_id=pair.user_id, scopes=pair.scopes, email_scope="campaigns.members[email]")
        )

    def _sight(self, viewer: Viewer) -> Sight:
        return Sight(world=self.world, url=self.url, viewer=viewer, switches=self.switches)

    def _pair(self, request: Request) -> Pair | None:
        scheme, _, token = request.header("Authorization").partition(" ")
        return self.grants.pair_of(token.strip()) if scheme.lower() == "bearer" else None


def _missing(kind: str, key: str) -> Response:
    return api_error(404, code_name="NotFound", detail=f"{kind} with id {key} was not found.")


@dataclass(frozen=True)
class Route:
    """One endpoint: who may call it, and what kind of document it is about."""

    method: str
    pattern: str
    scope: str
    kind: str
    handler: Callable[..., Response]


_ID = "([^/]{1,64})"
ROUTES = [
    Route("GET", r"/identity", "identity", "user", Api._identity),
    Route("GET", r"/campaigns", "campaigns", "campaign", Api._campaigns),
    Route("GET", rf"/campaigns/{_ID}", "campaigns", "campaign", Api._campaign),
    Route("GET", rf"/campaigns/{_ID}/members", "campaigns.members", "member", Api._members),
    Route("GET", rf"/members/{_ID}", "campaigns.members", "member", Api._member),
    Route("GET", rf"/campaigns/{_ID}/posts", "campaigns.posts", "post", Api._posts),
    Route("GET", rf"/posts/{_ID}", "campaigns.posts", "post", Api._post),
    Route("GET", r"/webhooks", "w:campaigns.webhook", "webhook", Api._webhooks),
    Route("POST", r"/webhooks", "w:campaigns.webhook", "webhook", Api._webhooks),
    Route("GET", rf"/webhooks/{_ID}", "w:campaigns.webhook", "webhook", Api._webhooks),
    Route("PATCH", rf"/webhooks/{_ID}", "w:campaigns.webhook", "webhook", Api._webhooks),
    Route("DELETE", rf"/webhooks/{_ID}", "w:campaigns.webhook", "webhook", Api._webhooks),
    Route("POST", r"/lives", "w:campaigns.lives", "live", Api._lives),
    Route("GET", rf"/lives/{_ID}", "campaigns.lives", "live", Api._lives),
    Route("PATCH", rf"/lives/{_ID}", "w:campaigns.lives", "live", Api._lives),
    Route("DELETE", rf"/lives/{_ID}", "w:campaigns.lives", "live", Api._lives),
]

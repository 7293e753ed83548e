"""API v2: who is asking, may they, and the document."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .faults import unauthorized
from .grants import Grants, Pair
from .http import Request, Response, api_error
from .jsonapi import Asked, InvalidParameter, document, list_document, read_query
from .paging import LAST_PAGES, InvalidCursor, cut
from .schema import Related, Viewer
from .world import World

__all__ = ["PREFIX", "Api"]

PREFIX = "/api/oauth2/v2"
# Members: 1000 a page, 500 with pledge_history (official). Posts: 20 (observed).
MEMBERS, MEMBERS_WITH_HISTORY, POSTS = 1000, 500, 20


@dataclass
class Api:
    """Patreon's resources, for whoever holds a token."""

    world: World
    grants: Grants
    url: str
    last_page: str = LAST_PAGES[0]

    def answer(self, request: Request) -> Response:
        """Answer any request under `/api/`."""
        path = request.path.rstrip("/")
        for pattern, scope, root, handler in _ROUTES:
            found = re.fullmatch(PREFIX + pattern, path)
            if found is None:
                continue
            if request.method not in ("GET", "HEAD"):
                return api_error(405, code_name="MethodNotAllowed")
            pair = self._pair(request)
            if pair is None or scope not in pair.scopes:
                return unauthorized()  # the same for a missing scope (observed)
            try:
                asked = read_query(request.query, root=root)
                return handler(self, request, pair, asked, *found.groups())
            except (InvalidParameter, InvalidCursor) as error:
                return error.response()
        return api_error(404, code_name="NotFound")

    # -- the person

    def _identity(self, request: Request, pair: Pair, asked: Asked) -> Response:
        viewer = Viewer(user_id=pair.user_id, scopes=pair.scopes)
        return document(self.world, self.url, ("user", pair.user_id), asked, viewer)

    # -- the creator

    def _campaigns(self, request: Request, pair: Pair, asked: Asked) -> Response:
        own = self.world.campaign_of(pair.user_id)
        roots: list[Related] = [("campaign", own.id)] if own else []
        viewer, meta = self._creator(pair), {"total": len(roots)}
        return list_document(self.world, self.url, roots, asked, viewer, meta=meta)

    def _campaign(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        return self._refusal(pair, "campaign", key) or document(
            self.world, self.url, ("campaign", key), asked, self._creator(pair)
        )

    def _members(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        refusal = self._refusal(pair, "campaign", key)
        if refusal is not None:
            return refusal
        roots: list[Related] = [("member", each.id) for each in self.world.members_of(key)]
        most = MEMBERS_WITH_HISTORY if "pledge_history" in asked.include else MEMBERS
        return self._page(request, pair, asked, roots, most)

    def _member(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        member = self.world.members.get(key)
        if member is None:
            return _missing("Member", key)
        return self._refusal(pair, "member", key, member.campaign_id) or document(
            self.world, self.url, ("member", key), asked, self._creator(pair)
        )

    def _posts(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        # Of a campaign that is not one's own: 200, and nothing (observed).
        own = self.world.campaign_of(pair.user_id)
        theirs = own is not None and own.id == key
        roots: list[Related] = [
            ("post", each.id)
            for each in self.world.posts.values()
            if theirs and each.campaign_id == key
        ]
        return self._page(request, pair, asked, roots, POSTS)

    def _post(self, request: Request, pair: Pair, asked: Asked, key: str) -> Response:
        post = self.world.posts.get(key)
        if post is None:
            return _missing("Post", key)
        return self._refusal(pair, "post", key, post.campaign_id) or document(
            self.world, self.url, ("post", key), asked, self._creator(pair)
        )

    def _page(
        self, request: Request, pair: Pair, asked: Asked, roots: list[Related], most: int
    ) -> Response:
        page = cut(roots, request, url=self.url, most=most, last_page=self.last_page)
        viewer = self._creator(pair)
        return list_document(
            self.world, self.url, page.items, asked, viewer, meta=page.meta, links=page.links
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

    @staticmethod
    def _creator(pair: Pair) -> Viewer:
        return Viewer(
            user_id=pair.user_id, scopes=pair.scopes, email_scope="campaigns.members[email]"
        )

    def _pair(self, request: Request) -> Pair | None:
        scheme, _, token = request.header("Authorization").partition(" ")
        return self.grants.pair_of(token.strip()) if scheme.lower() == "bearer" else None


def _missing(kind: str, key: str) -> Response:
    return api_error(404, code_name="NotFound", detail=f"{kind} with id {key} was not found.")


_ROUTES: list[tuple[str, str, str, Callable[..., Response]]] = [
    (r"/identity", "identity", "user", Api._identity),
    (r"/campaigns", "campaigns", "campaign", Api._campaigns),
    (r"/campaigns/([^/]{1,64})", "campaigns", "campaign", Api._campaign),
    (r"/campaigns/([^/]{1,64})/members", "campaigns.members", "member", Api._members),
    (r"/members/([^/]{1,64})", "campaigns.members", "member", Api._member),
    (r"/campaigns/([^/]{1,64})/posts", "campaigns.posts", "post", Api._posts),
    (r"/posts/([^/]{1,64})", "campaigns.posts", "post", Api._post),
]

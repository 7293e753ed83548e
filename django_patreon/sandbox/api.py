"""API v2: who is asking, may they, and the document."""

from __future__ import annotations

from dataclasses import dataclass

from .faults import unauthorized
from .grants import Grants, Pair
from .http import Request, Response, api_error
from .jsonapi import InvalidParameter, document, read_query
from .schema import Viewer
from .world import World

__all__ = ["PREFIX", "Api"]

PREFIX = "/api/oauth2/v2"


@dataclass
class Api:
    """Patreon's resources, for whoever holds a token."""

    world: World
    grants: Grants
    url: str

    def answer(self, request: Request) -> Response:
        """Answer any request under `/api/`."""
        if request.path.rstrip("/") != f"{PREFIX}/identity":
            return api_error(404, code_name="NotFound")
        if request.method not in ("GET", "HEAD"):
            return api_error(405, code_name="MethodNotAllowed")
        pair = self._pair(request)
        if pair is None or "identity" not in pair.scopes:
            return unauthorized()
        try:
            asked = read_query(request.query, root="user")
        except InvalidParameter as error:
            return error.response()
        viewer = Viewer(user_id=pair.user_id, scopes=pair.scopes)
        return document(self.world, self.url, ("user", pair.user_id), asked, viewer)

    def _pair(self, request: Request) -> Pair | None:
        scheme, _, token = request.header("Authorization").partition(" ")
        return self.grants.pair_of(token.strip()) if scheme.lower() == "bearer" else None

"""A call of API v2: the request and its token."""

from __future__ import annotations

from dataclasses import dataclass

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.oauth.tokens import TokenPair
from django_patreon.sandbox.resources.jsonapi import RenderContext, Requested
from django_patreon.sandbox.resources.schema import Viewer
from django_patreon.sandbox.web.errors import api_error
from django_patreon.sandbox.web.messages import Request, Response
from django_patreon.sandbox.world.world import World

__all__ = ["Call", "forbidden", "not_found"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request with a valid token of the right scope, and what its query asks for."""

    core: Core
    request: Request
    pair: TokenPair
    requested: Requested

    @property
    def world(self) -> World:
        """The data of the sandbox."""
        return self.core.world

    def context(self, *, as_creator: bool = True) -> RenderContext:
        """Return the context of a document for the creator, or else for the user themselves."""
        scope = "campaigns.members[email]" if as_creator else "identity[email]"
        return RenderContext(
            world=self.core.world,
            url=self.core.url,
            viewer=Viewer(user_id=self.pair.user_id, scopes=self.pair.scopes, email_scope=scope),
            settings=self.core.settings,
        )

    def is_creator_of(self, campaign_id: str) -> bool:
        """Is the user the creator of this campaign?"""
        campaign = self.world.campaigns.get(campaign_id)
        return campaign is not None and campaign.creator_id == self.pair.user_id


def not_found(kind: str, key: str) -> Response:
    """Return the 404 for an unknown id."""
    return api_error(404, code_name="NotFound", detail=f"{kind} with id {key} was not found.")


def forbidden(text: str) -> Response:
    """Return the 403 for an object of another creator."""
    return api_error(403, code_name="ViewForbidden", title=text, detail=text)

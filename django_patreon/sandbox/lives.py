"""Lives: early access in 2026, known from client code only (observed); no more than that shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .grants import Pair
from .http import Request, Response, api_error
from .jsonapi import Asked, Sight, document
from .kinds import KINDS
from .kinds.posts import LIVE_STATES
from .plain import read_time
from .things import Live
from .webhooks import InvalidBody, data_of

__all__ = ["Lives"]


class Lives:
    """What `/lives` answers, for one viewer. There is no list."""

    def __init__(self, sight: Sight, pair: Pair) -> None:
        self.sight, self.pair = sight, pair

    def answer(self, request: Request, asked: Asked, key: str | None) -> Response:
        """Answer. Writing answers with everything about the live."""
        if request.method != "GET" and request.method != "HEAD":
            asked.fields.setdefault("live", list(KINDS["live"].attributes))
        campaign = self.sight.world.campaign_of(self.pair.user_id)
        if key is None:
            if campaign is None:
                words = "You do not have permission to create a live."
                return api_error(403, code_name="ViewForbidden", title=words, detail=words)
            return self._create(request, asked, campaign.id)
        live = self.sight.world.lives.get(key)
        if live is None or campaign is None or live.campaign_id != campaign.id:
            return api_error(404, code_name="NotFound", detail=f"Live with id {key} was not found.")
        if request.method == "DELETE":
            del self.sight.world.lives[live.id]
            return Response(status=204)
        if request.method == "PATCH":
            self._apply(live, data_of(request, "live")["attributes"])
        return document(self.sight, ("live", live.id), asked)

    def _create(self, request: Request, asked: Asked, campaign_id: str) -> Response:
        given = data_of(request, "live")["attributes"]
        live = Live(id="", campaign_id=campaign_id)
        self._apply(live, given)
        live.id = self.sight.world.new_number()
        self.sight.world.lives[live.id] = live
        response = document(self.sight, ("live", live.id), asked)
        response.status = 201
        return response

    def _apply(self, live: Live, given: dict[str, Any]) -> None:
        """Change all of it, or raise `InvalidBody` and change nothing."""
        state = given.get("state")
        if state not in LIVE_STATES:
            raise InvalidBody("/data/attributes/state", f"state: one of {', '.join(LIVE_STATES)}.")
        if LIVE_STATES.index(state) < LIVE_STATES.index(live.state):
            raise InvalidBody("/data/attributes/state", f"A {live.state} cannot become {state}.")
        texts = {name: given.get(name, getattr(live, name)) for name in ("title", "description")}
        for name, value in texts.items():
            if value is not None and not isinstance(value, str):
                raise InvalidBody(f"/data/attributes/{name}", f"{name} must be text.")
        scheduled_for = live.scheduled_for
        if "scheduled_for" in given:
            scheduled_for = _time(given["scheduled_for"])
        rules = given.get("live_access_rule_ids", live.rule_ids)
        known = self.sight.world.live_access_rules
        if not isinstance(rules, list) or any(
            not isinstance(each, str)
            or each not in known
            or known[each].campaign_id != live.campaign_id
            for each in rules
        ):
            pointer = "/data/attributes/live_access_rule_ids"
            raise InvalidBody(pointer, "live_access_rule_ids must be ids of rules of the campaign.")
        live.state, live.scheduled_for, live.rule_ids = state, scheduled_for, list(rules)
        live.title, live.description = texts["title"], texts["description"]


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return read_time(value)
    except ValueError as error:
        pointer = "/data/attributes/scheduled_for"
        raise InvalidBody(pointer, f"scheduled_for {error}.") from None

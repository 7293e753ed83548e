"""The live endpoints of API v2: early access in 2026, known from client code only (observed)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django_patreon.sandbox.resources.jsonapi import document
from django_patreon.sandbox.resources.kinds import KINDS
from django_patreon.sandbox.resources.kinds.posts import LIVE_STATES
from django_patreon.sandbox.web.messages import Response
from django_patreon.sandbox.web.parsing import read_time
from django_patreon.sandbox.world.models import Live

from .call import Call, forbidden, not_found
from .request_body import InvalidBody, data_of

__all__ = ["answer"]


def answer(call: Call, key: str | None = None) -> Response:
    """Answer a request for the live with this id, or a POST of a new one. There is no list.

    Answers to writing requests have all attributes, unless `fields` names some.
    """
    if call.request.method not in ("GET", "HEAD"):
        call.requested.fields.setdefault("live", list(KINDS["live"].attributes))
    campaign = call.world.campaign_of(call.pair.user_id)
    if key is None:
        if campaign is None:
            return forbidden("You do not have permission to create a live.")
        return _create(call, campaign.id)
    live = call.world.lives.get(key)
    if live is None or campaign is None or live.campaign_id != campaign.id:
        return not_found("Live", key)
    if call.request.method == "DELETE":
        del call.world.lives[live.id]
        return Response(status=204)
    if call.request.method == "PATCH":
        _change(call, live, data_of(call.request, "live")["attributes"])
    return document(call.context(), ("live", live.id), call.requested)


def _create(call: Call, campaign_id: str) -> Response:
    live = Live(id="", campaign_id=campaign_id)
    _change(call, live, data_of(call.request, "live")["attributes"])
    live.id = call.world.new_number()
    call.world.lives[live.id] = live
    response = document(call.context(), ("live", live.id), call.requested)
    response.status = 201
    return response


def _change(call: Call, live: Live, given: dict[str, Any]) -> None:
    """Change the attributes that are given. Raises `InvalidBody` and then changes nothing."""
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
    known = call.world.live_access_rules
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

"""The webhook endpoints of API v2: the client's own hooks, read and written."""

from __future__ import annotations

from typing import Any

from .grants import Pair
from .hooks import TRIGGERS, new_hook, wrong_uri
from .http import Request, Response, api_error
from .jsonapi import Asked, Sight, document, list_document
from .kinds import KINDS
from .plain import read_json
from .things import Hook

__all__ = ["InvalidBody", "Webhooks", "data_of"]


class InvalidBody(Exception):
    """A body that makes no sense; `response()` is the 400 for it."""

    def __init__(self, pointer: str, words: str) -> None:
        super().__init__(words)
        self.pointer = pointer

    def response(self) -> Response:
        """The shape is documented; names, numbers and texts are unknown."""
        return api_error(
            400,
            code_name="BadRequest",
            title="Invalid request body.",
            detail=str(self),
            source={"pointer": self.pointer},
        )


def data_of(request: Request, kind: str) -> dict[str, Any]:
    """The `data` of a JSON:API body about this kind. Raises `InvalidBody`."""
    try:
        body = read_json(request.body)
    except ValueError:
        raise InvalidBody("", "The body is not JSON.") from None
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise InvalidBody("/data", "data must be an object.")
    if data.get("type") != kind:
        raise InvalidBody("/data/type", f"type must be {kind}.")
    if not isinstance(data.get("attributes"), dict):
        raise InvalidBody("/data/attributes", "attributes must be an object.")
    return data


def campaign_id_of(data: dict[str, Any]) -> str:
    """The campaign that a body relates to. Raises `InvalidBody`."""
    node: Any = data
    for step in ("relationships", "campaign", "data", "id"):
        node = node.get(step) if isinstance(node, dict) else None
    if not isinstance(node, str):
        raise InvalidBody("/data/relationships/campaign", "campaign must name a campaign.")
    return node


class Webhooks:
    """What `/webhooks` answers, for one viewer."""

    def __init__(self, sight: Sight, pair: Pair) -> None:
        self.sight, self.pair = sight, pair

    def answer(self, request: Request, asked: Asked, key: str | None) -> Response:
        """Answer. Attributes come unasked here, too: the samples of hooks have all of them."""
        asked.fields.setdefault("webhook", list(KINDS["webhook"].attributes))
        if key is None:
            return self._create(request, asked) if request.method == "POST" else self._list(asked)
        hook = self._own(key)
        if hook is None:
            return api_error(
                404, code_name="NotFound", detail=f"Webhook with id {key} was not found."
            )
        if request.method == "DELETE":
            del self.sight.world.hooks[hook.id]
            return Response(status=204)
        if request.method == "PATCH":
            return self._change(request, asked, hook)
        return document(self.sight, ("webhook", hook.id), asked)

    def _own(self, key: str) -> Hook | None:
        """A hook that this client made; one of the portal is as good as none (official)."""
        hook = self.sight.world.hooks.get(key)
        return hook if hook and hook.owner == "client" and self._runs(hook.campaign_id) else None

    def _runs(self, campaign_id: str) -> bool:
        campaign = self.sight.world.campaigns.get(campaign_id)
        return campaign is not None and campaign.creator_id == self.pair.user_id

    def _list(self, asked: Asked) -> Response:
        keys = [key for key in self.sight.world.hooks if self._own(key)]
        roots = [("webhook", key) for key in keys]
        return list_document(self.sight, roots, asked, meta={"total": len(roots)})

    def _create(self, request: Request, asked: Asked) -> Response:
        data = data_of(request, "webhook")
        given = data["attributes"]
        triggers, uri = _triggers(given), _uri(given)
        campaign_id = campaign_id_of(data)
        if not self._runs(campaign_id):
            words = f"You do not have permission to view campaign with id {campaign_id}."
            return api_error(403, code_name="ViewForbidden", title=words, detail=words)
        hook = new_hook(self.sight.world, campaign_id, uri, triggers, "client")
        response = document(self.sight, ("webhook", hook.id), asked)
        response.status = self.sight.switches.webhook_created_status
        return response

    def _change(self, request: Request, asked: Asked, hook: Hook) -> Response:
        data = data_of(request, "webhook")
        if str(data.get("id", hook.id)) != hook.id:
            raise InvalidBody("/data/id", "id must be that of the address.")
        given = data["attributes"]
        triggers = _triggers(given) if "triggers" in given else hook.triggers
        uri = _uri(given) if "uri" in given else hook.uri
        paused = hook.paused
        if "paused" in given:
            # The documentation shows the text "false", clients send a truth value: both are taken.
            words = {"true": True, "false": False, True: True, False: False}
            wanted = given["paused"]
            if not isinstance(wanted, str | bool) or wanted not in words:
                raise InvalidBody("/data/attributes/paused", "paused must be true or false.")
            paused = words[wanted]
        hook.triggers, hook.uri, hook.paused = triggers, uri, paused
        response = document(self.sight, ("webhook", hook.id), asked)
        if "paused" in given and not paused and hook.num_consecutive_times_failed:
            # Un-pausing sends the queue again, and the answer says how it went (official).
            hook.next_attempt_at = None
            response.flushes = hook.id
        return response


def _triggers(given: dict[str, Any]) -> list[str]:
    triggers = given.get("triggers")
    if (
        not isinstance(triggers, list)
        or not triggers
        or not set(map(str, triggers)) <= set(TRIGGERS)
    ):
        raise InvalidBody(
            "/data/attributes/triggers", f"triggers must be some of: {', '.join(TRIGGERS)}."
        )
    return [str(each) for each in triggers]


def _uri(given: dict[str, Any]) -> str:
    reason = wrong_uri(given.get("uri"))
    if reason:
        raise InvalidBody("/data/attributes/uri", reason)
    return str(given["uri"])

"""The webhook endpoints of API v2. They show the webhooks of the client, not the portal's."""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.resources.jsonapi import document, list_document
from django_patreon.sandbox.resources.kinds import KINDS
from django_patreon.sandbox.web.messages import Response
from django_patreon.sandbox.webhooks.addresses import why_invalid_uri
from django_patreon.sandbox.webhooks.queue import TRIGGERS, new_webhook
from django_patreon.sandbox.world.models import Webhook

from .call import Call, forbidden, not_found
from .request_body import InvalidBody, campaign_id_of, data_of

__all__ = ["answer"]

# The documentation shows the text "false"; clients send true or false.
_PAUSED = {"true": True, "false": False, True: True, False: False}


def answer(call: Call, key: str | None = None) -> Response:
    """Answer a request for the list, or for the webhook with this id.

    Without `fields`, all attributes are returned: the published samples have all of them.
    """
    call.requested.fields.setdefault("webhook", list(KINDS["webhook"].attributes))
    if key is None:
        return _create(call) if call.request.method == "POST" else _list(call)
    hook = _find(call, key)
    if hook is None:
        return not_found("Webhook", key)
    if call.request.method == "DELETE":
        del call.world.hooks[hook.id]
        return Response(status=204)
    if call.request.method == "PATCH":
        return _change(call, hook)
    return document(call.context(), ("webhook", hook.id), call.requested)


def _find(call: Call, key: str) -> Webhook | None:
    """Return a webhook of the client, or None. Those of the portal are not shown (official)."""
    hook = call.world.hooks.get(key)
    is_own = hook and hook.owner == "client" and call.is_creator_of(hook.campaign_id)
    return hook if is_own else None


def _list(call: Call) -> Response:
    roots = [("webhook", key) for key in call.world.hooks if _find(call, key)]
    return list_document(call.context(), roots, call.requested, meta={"total": len(roots)})


def _create(call: Call) -> Response:
    data = data_of(call.request, "webhook")
    triggers, uri = _triggers(data["attributes"]), _uri(data["attributes"])
    campaign_id = campaign_id_of(data)
    if not call.is_creator_of(campaign_id):
        return forbidden(f"You do not have permission to view campaign with id {campaign_id}.")
    hook = new_webhook(call.world, campaign_id, uri, triggers, "client")
    response = document(call.context(), ("webhook", hook.id), call.requested)
    response.status = call.core.settings.webhook_created_status
    return response


def _change(call: Call, hook: Webhook) -> Response:
    data = data_of(call.request, "webhook")
    if str(data.get("id", hook.id)) != hook.id:
        raise InvalidBody("/data/id", "id must be that of the address.")
    given = data["attributes"]
    triggers = _triggers(given) if "triggers" in given else hook.triggers
    uri = _uri(given) if "uri" in given else hook.uri
    paused = given.get("paused", hook.paused)
    if not isinstance(paused, str | bool) or paused not in _PAUSED:
        raise InvalidBody("/data/attributes/paused", "paused must be true or false.")
    hook.triggers, hook.uri, hook.paused = triggers, uri, _PAUSED[paused]
    response = document(call.context(), ("webhook", hook.id), call.requested)
    if "paused" in given and not hook.paused and hook.num_consecutive_times_failed:
        # Un-pausing sends the queue again, and the answer has the state after it (official).
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
    reason = why_invalid_uri(given.get("uri"))
    if reason:
        raise InvalidBody("/data/attributes/uri", reason)
    return str(given["uri"])

"""The controls of webhooks and their deliveries."""

from __future__ import annotations

import json
from typing import Any

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.webhooks.addresses import why_invalid_uri
from django_patreon.sandbox.webhooks.queue import TRIGGERS, enqueue, new_webhook
from django_patreon.sandbox.world.clock import format_time
from django_patreon.sandbox.world.models import Delivery, Webhook

from .table import Control

__all__ = ["CONTROLS"]


def _hook(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "owner": hook.owner,
        "uri": hook.uri,
        "secret": hook.secret,
        "triggers": hook.triggers,
        "paused": hook.paused,
        "num_consecutive_times_failed": hook.num_consecutive_times_failed,
        "next_attempt_at": format_time(hook.next_attempt_at),
        "queue": [each.event for each in hook.queue],
    }


def _hooks(core: Core, given: dict[str, Any]) -> Any:
    return {
        "hooks": [_hook(each) for each in core.world.hooks.values()],
        "triggers": list(TRIGGERS),
    }


def _add_hook(core: Core, given: dict[str, Any]) -> Any:
    reason = why_invalid_uri(given.get("uri"))
    if reason:
        raise ValueError(reason)
    triggers = given.get("triggers") or [each for each in TRIGGERS if each.startswith("members:")]
    if not isinstance(triggers, list) or not set(map(str, triggers)) <= set(TRIGGERS):
        raise ValueError(f"triggers must be some of: {', '.join(TRIGGERS)}")
    return _hook(new_webhook(core.world, HOME, given["uri"], triggers, "portal"))


def _test_hook(core: Core, given: dict[str, Any]) -> Any:
    hook = core.world.hooks.get(str(given.get("id")))
    if hook is None:
        raise ValueError("id: there is no such webhook")
    return {"deliveries": [_delivery(each) for each in core.announcements.portal_test(hook)]}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "hook": delivery.hook_id,
        "event": delivery.event,
        "happened_at": format_time(delivery.happened_at),
        "delivered": delivery.delivered,
        "attempts": [
            {"at": format_time(each.at), "status": each.status, "words": each.words}
            for each in delivery.attempts
        ],
        "body": json.loads(delivery.body),
    }


def _deliveries(core: Core, given: dict[str, Any]) -> Any:
    return {
        "pending": core.sender.pending,
        "deliveries": [_delivery(each) for each in core.sender.log],
    }


def _forget_deliveries(core: Core, given: dict[str, Any]) -> Any:
    core.sender.log.clear()
    return _deliveries(core, given)


def _send_again(core: Core, given: dict[str, Any]) -> Any:
    for each in core.sender.log:
        hook = core.world.hooks.get(each.hook_id)
        if each.id == given.get("id") and hook is not None:
            events = [(each.event, each.body)]
            copies = enqueue(core.world, core.settings, hook.campaign_id, events, only=hook)
            return {"deliveries": [_delivery(copy) for copy in copies]}
    raise ValueError("id: no such delivery was sent, or its webhook was deleted")


CONTROLS = [
    Control("GET", "hooks", "List all webhooks, of client and portal, with queues.", _hooks),
    Control(
        "POST",
        "hooks",
        'Make a webhook on the portal: {"uri": "http://localhost:8000/hook", "triggers": [...]}.',
        _add_hook,
    ),
    Control("POST", "hooks/test", 'Press the test button of the portal: {"id": ...}.', _test_hook),
    Control(
        "GET", "deliveries", "List what was sent, with answers, and how much waits.", _deliveries
    ),
    Control("DELETE", "deliveries", "Empty the list of what was sent.", _forget_deliveries),
    Control("POST", "deliveries/again", 'Send a copy of a delivery: {"id": ...}.', _send_again),
]

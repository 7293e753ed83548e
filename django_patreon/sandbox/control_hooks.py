"""The switches for webhooks and what was sent to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .hooks import TRIGGERS, enqueue, new_hook, wrong_uri
from .ids import HOME
from .things import Delivery, Hook, stamp

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["HOOKS"]


def _hook(hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "owner": hook.owner,
        "uri": hook.uri,
        "secret": hook.secret,
        "triggers": hook.triggers,
        "paused": hook.paused,
        "num_consecutive_times_failed": hook.num_consecutive_times_failed,
        "next_attempt_at": stamp(hook.next_attempt_at),
        "queue": [each.event for each in hook.queue],
    }


def _hooks(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    return {
        "hooks": [_hook(each) for each in sandbox.world.hooks.values()],
        "triggers": list(TRIGGERS),
    }


def _new_hook(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    reason = wrong_uri(given.get("uri"))
    if reason:
        raise ValueError(reason)
    triggers = given.get("triggers") or [each for each in TRIGGERS if each.startswith("members:")]
    if not isinstance(triggers, list) or not set(map(str, triggers)) <= set(TRIGGERS):
        raise ValueError(f"triggers must be some of: {', '.join(TRIGGERS)}")
    return _hook(new_hook(sandbox.world, HOME, given["uri"], triggers, "portal"))


def _press(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    hook = sandbox.world.hooks.get(str(given.get("id")))
    if hook is None:
        raise ValueError("id: there is no such webhook")
    return {"deliveries": [_delivery(each) for each in sandbox.life.press_test_button(hook)]}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "hook": delivery.hook_id,
        "event": delivery.event,
        "happened_at": stamp(delivery.happened_at),
        "delivered": delivery.delivered,
        "attempts": [
            {"at": stamp(each.at), "status": each.status, "words": each.words}
            for each in delivery.attempts
        ],
        "body": json.loads(delivery.body),
    }


def _deliveries(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    courier = sandbox.courier
    return {
        "pending": courier.pending,
        "deliveries": [_delivery(each) for each in courier.log],
    }


def _forget_deliveries(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    sandbox.courier.log.clear()
    return _deliveries(sandbox, given)


def _again(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    for each in sandbox.courier.log:
        hook = sandbox.world.hooks.get(each.hook_id)
        if each.id == given.get("id") and hook is not None:
            event = [(each.event, each.body)]
            made = enqueue(sandbox.world, sandbox.switches, hook.campaign_id, event, only=hook)
            return {"deliveries": [_delivery(copy) for copy in made]}
    raise ValueError("id: no such delivery went out, or its webhook is gone")


HOOKS = {
    ("GET", "hooks"): _hooks,
    ("POST", "hooks"): _new_hook,
    ("POST", "hooks/test"): _press,
    ("GET", "deliveries"): _deliveries,
    ("DELETE", "deliveries"): _forget_deliveries,
    ("POST", "deliveries/again"): _again,
}

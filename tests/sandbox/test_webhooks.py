"""The sending of webhooks: signed, immediate, in order, retried, paused, repeated."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.pledges.actions import ACTIONS

from .client import act, control, patch_body, send, send_all, webhook_body, webhook_state
from .conftest import Receiver

HOUR, DAY = 3600, 86400


def test_a_delivery_is_signed_over_the_bytes_that_are_sent(
    sandbox: Sandbox, receiver: Receiver, hook: Any
) -> None:
    act(sandbox, "emoji", "decline")
    send_all(sandbox)
    [delivery] = receiver.received
    secret = hook["attributes"]["secret"].encode()
    expected = hmac.new(secret, delivery.body, hashlib.md5).hexdigest()
    assert delivery.headers["X-Patreon-Signature"] == expected
    assert delivery.headers["Content-Type"] == "application/json"
    assert delivery.headers["User-Agent"] == "Patreon HTTP Robot"
    assert b"\\u" in delivery.body  # non-ASCII is escaped (observed)
    assert delivery.body != json.dumps(delivery.document, separators=(",", ":")).encode()


def test_a_new_patron_fires_the_pledge_before_the_update(
    sandbox: Sandbox, receiver: Receiver, hook: Any
) -> None:
    act(sandbox, "stranger", "pledge", tier="Gold")
    send_all(sandbox)
    assert receiver.events == ["members:create", "members:pledge:create", "members:update"]
    created, pledged, updated = (each.document["data"]["attributes"] for each in receiver.received)
    assert (created["patron_status"], created["currently_entitled_amount_cents"]) == (None, 0)
    assert (pledged["patron_status"], pledged["campaign_lifetime_support_cents"]) == (
        "active_patron",
        0,
    )
    assert updated["campaign_lifetime_support_cents"] == 1000


def test_only_what_a_hook_asked_for_is_sent(
    sandbox: Sandbox, creator: str, receiver: Receiver
) -> None:
    send(
        sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri, ["members:pledge:create"])
    )
    act(sandbox, "stranger", "pledge", tier="Gold")
    send_all(sandbox)
    assert receiver.events == ["members:pledge:create"]


def test_a_receiver_may_ask_the_sandbox_while_it_is_called(
    sandbox: Sandbox, creator: str, receiver: Receiver, hook: Any
) -> None:
    seen: list[int] = []
    receiver.calls_back = lambda: seen.append(send(sandbox, creator, "GET", "/campaigns").status)
    act(sandbox, "gold", "decline")
    send_all(sandbox)
    control(sandbox, "POST", "clock", {"advance": 20 * DAY})
    assert len(seen) > 1
    assert set(seen) == {200}


def test_a_failure_is_tried_again_by_the_schedule_and_then_pauses(
    sandbox: Sandbox, creator: str, receiver: Receiver, hook: Any
) -> None:
    receiver.always = 500
    act(sandbox, "declined-out", "cancel_now")
    send_all(sandbox)
    assert webhook_state(sandbox, creator, hook)["num_consecutive_times_failed"] == 1
    tried = []
    for seconds in (30, 5 * 60, 15 * 60, HOUR, 3 * HOUR, DAY, 7 * DAY):
        before = len(receiver.received)
        control(sandbox, "POST", "clock", {"advance": seconds - 20})
        tried.append(len(receiver.received) - before)
        control(sandbox, "POST", "clock", {"advance": 21})
        tried.append(len(receiver.received) - before)
    assert tried == [0, 1] * 7
    assert webhook_state(sandbox, creator, hook)["paused"] is True
    assert webhook_state(sandbox, creator, hook)["num_consecutive_times_failed"] == 8
    assert {each.event for each in receiver.received} == {"members:pledge:delete"}


def test_a_success_sends_the_whole_queue(
    sandbox: Sandbox, creator: str, receiver: Receiver, hook: Any
) -> None:
    receiver.answers = [503]
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    act(sandbox, "gold", "decline")
    act(sandbox, "gold", "pay")
    send_all(sandbox)
    assert receiver.events == ["members:create"]  # what fails holds back what comes after it
    control(sandbox, "POST", "clock", {"advance": HOUR})
    assert receiver.events == ["members:create", "members:create", *["members:update"] * 2]
    assert webhook_state(sandbox, creator, hook)["num_consecutive_times_failed"] == 0
    statuses = [each.document["data"]["attributes"]["patron_status"] for each in receiver.received]
    assert statuses == [None, None, "declined_patron", "active_patron"]


def test_a_failing_hook_may_be_tried_with_each_new_event(
    sandbox: Sandbox, receiver: Receiver, hook: Any
) -> None:
    control(sandbox, "POST", "settings", {"webhook_holds_back": False})
    receiver.answers = [503]
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    act(sandbox, "gold", "decline")
    send_all(sandbox)
    assert receiver.events == ["members:create", "members:update", "members:create"]


@pytest.mark.parametrize("word", [False, "false"])
def test_unpausing_sends_the_queue_and_says_how_it_went(
    sandbox: Sandbox, creator: str, receiver: Receiver, hook: Any, word: Any
) -> None:
    control(sandbox, "POST", "settings", {"webhook_pauses_after": 3})
    receiver.answers = [500] * 4
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    control(sandbox, "POST", "clock", {"advance": 5 * DAY})
    assert webhook_state(sandbox, creator, hook)["paused"] is True
    body = patch_body(hook["id"], paused=word)
    failed = send(sandbox, creator, "PATCH", f"/webhooks/{hook['id']}", body).json()
    assert failed["data"]["attributes"]["num_consecutive_times_failed"] == 4
    healed = send(sandbox, creator, "PATCH", f"/webhooks/{hook['id']}", body).json()
    assert healed["data"]["attributes"]["num_consecutive_times_failed"] == 0
    assert healed["data"]["attributes"]["paused"] is False
    assert control(sandbox, "GET", "deliveries").json()["pending"] == 0


def test_a_paused_hook_keeps_its_events(
    sandbox: Sandbox, creator: str, receiver: Receiver, hook: Any
) -> None:
    path = f"/webhooks/{hook['id']}"
    send(sandbox, creator, "PATCH", path, patch_body(hook["id"], paused=True))
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    assert receiver.events == []
    send(sandbox, creator, "PATCH", path, patch_body(hook["id"], paused="false"))
    send_all(sandbox)
    assert receiver.events == ["members:create"]


@pytest.mark.parametrize(("status", "delivered"), [(200, True), (201, False), (302, False)])
def test_only_200_counts(
    sandbox: Sandbox, receiver: Receiver, hook: Any, status: int, delivered: bool
) -> None:
    receiver.always = status
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    [entry] = control(sandbox, "GET", "deliveries").json()["deliveries"]
    assert (entry["delivered"], entry["attempts"][0]["status"]) == (delivered, status)


def test_any_2xx_can_count(sandbox: Sandbox, receiver: Receiver, hook: Any) -> None:
    control(sandbox, "POST", "settings", {"webhook_success": "any 2xx"})
    receiver.always = 204
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    assert control(sandbox, "GET", "deliveries").json()["pending"] == 0


def test_events_can_be_doubled_held_and_turned_round(
    sandbox: Sandbox, receiver: Receiver, hook: Any
) -> None:
    control(sandbox, "POST", "settings", {"webhook_hold": True, "webhook_order": "reversed"})
    act(sandbox, "stranger", "pledge", tier="Gold")
    send_all(sandbox)
    assert receiver.events == []
    control(sandbox, "POST", "settings", {"webhook_hold": False})
    send_all(sandbox)
    assert receiver.events == ["members:update", "members:pledge:create", "members:create"]
    control(sandbox, "POST", "settings", {"webhook_copies": 2})
    act(sandbox, "gold", "decline")
    send_all(sandbox)
    assert receiver.received[-1].body == receiver.received[-2].body


def test_shuffled_events_all_arrive(sandbox: Sandbox, receiver: Receiver, hook: Any) -> None:
    control(sandbox, "POST", "settings", {"webhook_hold": True, "webhook_order": "shuffled"})
    for _ in range(5):
        act(sandbox, "gold", "decline")
        act(sandbox, "gold", "pay")
    control(sandbox, "POST", "settings", {"webhook_hold": False})
    send_all(sandbox)
    statuses = [each.document["data"]["attributes"]["patron_status"] for each in receiver.received]
    assert sorted(statuses) == ["active_patron"] * 5 + ["declined_patron"] * 5
    assert statuses != ["declined_patron", "active_patron"] * 5


def test_a_delivery_can_be_sent_again(sandbox: Sandbox, receiver: Receiver, hook: Any) -> None:
    act(sandbox, "gold", "decline")
    send_all(sandbox)
    [entry] = control(sandbox, "GET", "deliveries").json()["deliveries"]
    assert control(sandbox, "POST", "deliveries/again", {"id": entry["id"]}).status == 200
    send_all(sandbox)
    assert receiver.received[0].body == receiver.received[1].body
    assert control(sandbox, "POST", "deliveries/again", {"id": "x"}).status == 400


def test_posts_are_told_of(sandbox: Sandbox, creator: str, receiver: Receiver) -> None:
    triggers = ["posts:publish", "posts:update", "posts:delete"]
    send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri, triggers))
    given = {"do": "publish", "title": "The ferry", "tiers": ["Gold"]}
    key = control(sandbox, "POST", "posts", given).json()["id"]
    control(sandbox, "POST", "posts", {"do": "update", "id": key, "title": "The last ferry"})
    control(sandbox, "POST", "posts", {"do": "delete", "id": key})
    send_all(sandbox)
    assert receiver.events == triggers
    assert receiver.received[1].document["data"]["attributes"]["title"] == "The last ferry"
    assert send(sandbox, creator, "GET", f"/posts/{key}").status == 404


def test_the_portals_test_button_sends_the_old_shape(
    sandbox: Sandbox, receiver: Receiver, hook: Any
) -> None:
    assert control(sandbox, "POST", "hooks/test", {"id": hook["id"]}).status == 200
    send_all(sandbox)
    assert receiver.received[0].document["data"]["id"] is None


def test_masked_members_and_absent_tiers_reach_the_hooks(
    sandbox: Sandbox, receiver: Receiver, hook: Any
) -> None:
    control(sandbox, "POST", "settings", {"masked_members": True, "entitled_tiers": "absent"})
    act(sandbox, "gold", "decline")
    send_all(sandbox)
    data = receiver.received[0].document["data"]
    assert data["attributes"]["email"] is None
    assert data["relationships"]["user"] == {"data": None}
    assert "currently_entitled_tiers" not in data["relationships"]


def test_a_reset_sends_nothing_more(sandbox: Sandbox, receiver: Receiver, hook: Any) -> None:
    control(sandbox, "POST", "settings", {"webhook_hold": True})
    act(sandbox, "gold", "decline")
    control(sandbox, "POST", "reset")
    send_all(sandbox)
    assert receiver.events == []
    assert control(sandbox, "GET", "hooks").json()["hooks"] == []


EVENTS = {
    # action: (who, events in their order)
    "join": ("stranger", ["create"]),
    "pledge": ("stranger", ["create", "pledge:create", "update"]),
    "change": ("silver", ["pledge:update", "update"]),
    "cancel": ("gold", ["pledge:delete", "update"]),
    "cancel_now": ("gold", ["pledge:delete", "update"]),
    "decline": ("gold", ["update"]),
    "pay": ("declined", ["update"]),
    "gift": ("stranger", ["create", "update"]),
    "trial": ("stranger", ["create", "update"]),
    "refund": ("gold", ["update"]),
    "delete": ("free", ["delete"]),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_sends_its_events(
    sandbox: Sandbox, receiver: Receiver, hook: Any, action: str
) -> None:
    user, events = EVENTS[action]
    more = {"tier": "Gold"} if ACTIONS[action][1] else {}
    act(sandbox, user, action, **more)
    send_all(sandbox)
    assert receiver.events == [f"members:{each}" for each in events]


def test_events_are_sent_by_themselves_after_a_request(
    sandbox: Sandbox, receiver: Receiver, hook: Any
) -> None:
    act(sandbox, "gold", "decline")
    assert receiver.came.wait(timeout=5)
    assert receiver.events == ["members:update"]

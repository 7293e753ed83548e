"""The webhook endpoints of API v2: made, listed, changed, deleted, refused."""

from __future__ import annotations

from typing import Any

import pytest

from django_patreon.sandbox import Sandbox

from .client import (
    act,
    control,
    patch_body,
    send,
    send_all,
    tokens_for,
    webhook_body,
    webhook_state,
)
from .conftest import Receiver


def test_a_hook_is_made_listed_changed_and_deleted(sandbox: Sandbox, creator: str) -> None:
    made = send(sandbox, creator, "POST", "/webhooks", webhook_body("https://example.org/hook"))
    key = made.json()["data"]["id"]
    assert made.json()["data"]["attributes"]["secret"]
    listed = send(sandbox, creator, "GET", "/webhooks").json()
    assert [each["id"] for each in listed["data"]] == [key]
    assert listed["meta"]["pagination"]["total"] == 1
    changed = send(
        sandbox, creator, "PATCH", f"/webhooks/{key}", patch_body(key, triggers=["posts:publish"])
    )
    assert changed.json()["data"]["attributes"]["triggers"] == ["posts:publish"]
    assert changed.json()["data"]["attributes"]["uri"] == "https://example.org/hook"
    assert send(sandbox, creator, "DELETE", f"/webhooks/{key}").status == 204
    assert send(sandbox, creator, "DELETE", f"/webhooks/{key}").status == 404
    assert send(sandbox, creator, "GET", "/webhooks").json()["data"] == []


def test_a_hook_brings_campaign_and_client_along(sandbox: Sandbox, creator: str, hook: Any) -> None:
    target = f"/webhooks/{hook['id']}?include=campaign,client&fields[campaign]=vanity"
    document = send(sandbox, creator, "GET", target).json()
    assert {each["type"] for each in document["included"]} == {"campaign", "client"}


def test_a_status_for_a_new_hook_can_be_200(sandbox: Sandbox, creator: str) -> None:
    control(sandbox, "POST", "settings", {"webhook_created_status": 200})
    made = send(sandbox, creator, "POST", "/webhooks", webhook_body("https://example.org/hook"))
    assert made.status == 200


def test_hooks_need_their_scope_and_their_campaign(sandbox: Sandbox, creator: str) -> None:
    gold = tokens_for(sandbox, "gold")["access_token"]
    assert send(sandbox, gold, "GET", "/webhooks").status == 401
    other = tokens_for(sandbox, "gold", scope="identity w:campaigns.webhook")["access_token"]
    assert (
        send(sandbox, other, "POST", "/webhooks", webhook_body("https://example.org/")).status
        == 403
    )
    foreign = webhook_body("https://example.org/", campaign="5120934")
    assert send(sandbox, creator, "POST", "/webhooks", foreign).status == 403


def test_a_hook_of_the_portal_is_not_shown_to_the_client(
    sandbox: Sandbox, creator: str, receiver: Receiver
) -> None:
    made = control(sandbox, "POST", "hooks", {"uri": receiver.uri}).json()
    assert send(sandbox, creator, "GET", "/webhooks").json()["data"] == []
    assert send(sandbox, creator, "DELETE", f"/webhooks/{made['id']}").status == 404
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    assert receiver.events == ["members:create"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        [],
        {"data": []},
        {"data": {"type": "member", "attributes": {}}},
        {"data": {"type": "webhook"}},
        {"data": {"type": "webhook", "attributes": {"uri": "https://example.org/"}}},
        webhook_body("https://example.org/", triggers=[]),
        webhook_body("https://example.org/", triggers=["members:sneeze"]),
        webhook_body("https://example.org/", triggers=[["members:create"]]),
        webhook_body("http://example.org/"),
        webhook_body("ftp://localhost/"),
        webhook_body("https://[::1/"),
        webhook_body("https:///path"),
        webhook_body("https://example.org/a b"),
        webhook_body(7),  # type: ignore[arg-type]
        {
            "data": {
                "type": "webhook",
                "attributes": webhook_body("https://a.example/")["data"]["attributes"],
            }
        },
    ],
)
def test_an_invalid_webhook_is_refused_in_patreons_shape(
    sandbox: Sandbox, creator: str, body: Any
) -> None:
    response = send(sandbox, creator, "POST", "/webhooks", body)
    assert response.status == 400
    assert response.json()["errors"][0]["status"] == "400"
    assert sandbox.world.hooks == {}


@pytest.mark.parametrize(
    "attributes",
    [{"paused": "maybe"}, {"paused": 0}, {"paused": []}, {"uri": None}, {"triggers": "all"}],
)
def test_an_invalid_change_changes_nothing(
    sandbox: Sandbox, creator: str, hook: Any, attributes: Any
) -> None:
    body = patch_body(hook["id"], **{"triggers": ["posts:publish"], **attributes})
    assert send(sandbox, creator, "PATCH", f"/webhooks/{hook['id']}", body).status == 400
    assert webhook_state(sandbox, creator, hook) == hook["attributes"]

"""Lives, in the early access of 2026."""

from __future__ import annotations

from typing import Any

import pytest

from django_patreon.sandbox import Sandbox

from .client import send, tokens_for


def webhook_body(**attributes: Any) -> Any:
    return {"data": {"type": "live", "attributes": attributes}}


def test_a_live_is_made_goes_on_air_ends_and_is_deleted(sandbox: Sandbox, creator: str) -> None:
    given = webhook_body(
        state="pre_live",
        title="Reading",
        scheduled_for="2030-01-01T20:00:00Z",
        live_access_rule_ids=["8800002"],
    )
    made = send(sandbox, creator, "POST", "/lives", given)
    assert made.status == 201
    assert made.json()["data"]["attributes"]["scheduled_for"] == "2030-01-01T20:00:00.000+00:00"
    path = f"/lives/{made.json()['data']['id']}"
    for state in ("live", "live_ended"):
        changed = send(sandbox, creator, "PATCH", path, webhook_body(state=state))
        assert changed.json()["data"]["attributes"]["state"] == state
    assert send(sandbox, creator, "PATCH", path, webhook_body(state="live")).status == 400
    query = "?include=live_access_rules,live_access_rules.tier&fields[live]=title"
    shown = send(sandbox, creator, "GET", path + query).json()
    assert {each["type"] for each in shown["included"]} == {"live-access-rule", "tier"}
    assert send(sandbox, creator, "DELETE", path).status == 204
    assert send(sandbox, creator, "GET", path).status == 404


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"state": "on_fire"},
        {"state": "live", "title": 7},
        {"state": "live", "scheduled_for": "soon"},
        {"state": "live", "scheduled_for": 7},
        {"state": "live", "live_access_rule_ids": "8800002"},
        {"state": "live", "live_access_rule_ids": ["1"]},
        {"state": "live", "live_access_rule_ids": [[]]},
    ],
)
def test_an_invalid_live_is_refused(sandbox: Sandbox, creator: str, attributes: Any) -> None:
    assert send(sandbox, creator, "POST", "/lives", webhook_body(**attributes)).status == 400
    assert sandbox.world.lives == {}


def test_lives_need_their_scopes_and_a_campaign(sandbox: Sandbox) -> None:
    reader = tokens_for(sandbox, "gold", scope="identity campaigns.lives")["access_token"]
    assert send(sandbox, reader, "POST", "/lives", webhook_body(state="live")).status == 401
    writer = tokens_for(sandbox, "silver", scope="identity w:campaigns.lives")["access_token"]
    assert send(sandbox, writer, "POST", "/lives", webhook_body(state="live")).status == 403

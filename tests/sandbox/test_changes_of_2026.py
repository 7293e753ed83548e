"""What Patreon documents since 2026: the edge's 429, cadence as text, statuses, gifts, prices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_patreon.sandbox import Request, Sandbox
from django_patreon.sandbox.files.scenario import read_scenario

from .client import AGENT, act, control, get, send, send_all, tokens_for, webhook_body
from .conftest import Receiver

EDGE = {
    "errors": [
        {"detail": "Too many bad requests. Time to cool down.", "retry_after_seconds": 1800},
    ]
}


def member_of(sandbox: Sandbox, access: str) -> Any:
    query = (
        "include=memberships&fields[member]=pledge_cadence,last_charge_status,next_charge_date,"
        "currently_entitled_amount_cents,will_pay_amount_cents"
    )
    return get(sandbox, access, query=query).json()["included"][0]["attributes"]


def test_the_edge_closes_after_2000_refusals_and_says_until_when() -> None:
    sandbox = Sandbox(rate_limit=True)
    for _ in range(2001):
        sandbox.limits.count_error()
    answer = sandbox.handle(
        Request(method="GET", target="/api/oauth2/v2/identity", headers=dict(AGENT))
    )
    assert (answer.status, answer.json()) == (429, EDGE)


def test_the_edges_429_can_be_ordered(sandbox: Sandbox, creator: str) -> None:
    control(sandbox, "POST", "faults", {"kind": "http_429_edge"})
    answer = get(sandbox, creator)
    assert (answer.status, answer.json()) == (429, EDGE)


def test_the_cadence_can_be_text_in_the_api_and_in_webhooks(
    sandbox: Sandbox, creator: str, receiver: Receiver
) -> None:
    send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri))
    access = tokens_for(sandbox, "gold-annual")["access_token"]
    assert member_of(sandbox, access)["pledge_cadence"] == 12
    control(sandbox, "POST", "settings", {"pledge_cadence": "text"})
    assert member_of(sandbox, access)["pledge_cadence"] == "12"
    act(sandbox, "gold-annual", "decline")
    send_all(sandbox)
    assert receiver.received[0].document["data"]["attributes"]["pledge_cadence"] == "12"
    gifted = tokens_for(sandbox, "gifted")["access_token"]
    assert member_of(sandbox, gifted)["pledge_cadence"] is None


@pytest.mark.parametrize("status", ["Refund Pending", "Refund Declined"])
def test_a_scenario_can_have_the_new_statuses(status: str) -> None:
    members = [{"slug": "gold", "last_charge_status": status}]
    sandbox = Sandbox(scenario=read_scenario(json.dumps({"members": members})))
    access = tokens_for(sandbox, "gold")["access_token"]
    assert member_of(sandbox, access)["last_charge_status"] == status


@pytest.mark.parametrize("what", [{"do": "gift", "tier": "Gold"}, {"do": "join"}])
def test_neither_a_gift_nor_a_free_join_is_a_new_pledge(
    sandbox: Sandbox, creator: str, receiver: Receiver, what: dict[str, str]
) -> None:
    send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri))
    act(sandbox, "stranger", **what)
    send_all(sandbox)
    assert receiver.events[0] == "members:create"
    assert "members:pledge:create" not in receiver.events


def test_patrons_keep_the_old_price_of_a_tier(sandbox: Sandbox) -> None:
    answer = control(sandbox, "POST", "tiers", {"tier": "Gold", "amount_cents": 1500})
    assert answer.status == 200, answer.json()
    control(sandbox, "POST", "clock", {"advance": 40 * 86400})  # renewed meanwhile
    access = tokens_for(sandbox, "gold")["access_token"]
    assert member_of(sandbox, access)["currently_entitled_amount_cents"] == 1000
    act(sandbox, "stranger", "pledge", tier="Gold")
    newer = tokens_for(sandbox, "stranger")["access_token"]
    assert member_of(sandbox, newer)["currently_entitled_amount_cents"] == 1500
    for wrong in (-1, "9", True, None, 10**13):
        refused = control(sandbox, "POST", "tiers", {"tier": "Gold", "amount_cents": wrong})
        assert refused.status == 400


def test_on_migration_day_everybody_is_charged_at_one_time(
    sandbox: Sandbox, creator: str, receiver: Receiver
) -> None:
    send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri, ["members:update"]))
    answer = control(sandbox, "POST", "migration", {"days": 3}).json()
    access = {slug: tokens_for(sandbox, slug)["access_token"] for slug in ("bronze", "gold")}
    dates = {slug: member_of(sandbox, each)["next_charge_date"] for slug, each in access.items()}
    assert set(dates.values()) == {answer["next_charge_date"]}
    assert answer["moved"] > 2
    send_all(sandbox)
    assert receiver.events == ["members:update"] * answer["moved"]
    before = {slug: member_of(sandbox, each) for slug, each in access.items()}
    control(sandbox, "POST", "clock", {"advance": 3 * 86400 + 60})
    for slug, each in access.items():
        assert member_of(sandbox, each)["next_charge_date"] > before[slug]["next_charge_date"]
    for wrong in ({"days": 0}, {"days": "3"}, {"campaign": "1"}, {"campaign": []}):
        assert control(sandbox, "POST", "migration", wrong).status == 400

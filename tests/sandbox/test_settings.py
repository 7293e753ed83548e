"""Every setting changes what a client sees, and each of its values differently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.settings import Settings

from .client import act, control, get, refresh, send, send_all, tokens_for, webhook_body
from .conftest import Receiver

HOME = "4410027"


def creator_of(sandbox: Sandbox) -> str:
    return str(tokens_for(sandbox, "creator")["access_token"])


def members(sandbox: Sandbox, query: str) -> Any:
    return get(sandbox, creator_of(sandbox), f"/campaigns/{HOME}/members", query).json()


def member_of(sandbox: Sandbox, slug: str, query: str) -> Any:
    """The first membership of a person, as their own token shows it."""
    access = tokens_for(sandbox, slug)["access_token"]
    return get(sandbox, access, query=f"include=memberships&{query}").json()["included"][0]


# -- what a client sees of each setting. `receiver` is a site with a webhook.


def older_token_after_another_sign_in(sandbox: Sandbox, receiver: Receiver) -> Any:
    older = tokens_for(sandbox)["access_token"]
    tokens_for(sandbox)
    return get(sandbox, older).status


def older_token_after_a_refresh(sandbox: Sandbox, receiver: Receiver) -> Any:
    older = tokens_for(sandbox)
    refresh(sandbox, older["refresh_token"])
    return get(sandbox, older["access_token"]).status


def end_of_a_list(sandbox: Sandbox, receiver: Receiver) -> Any:
    page = members(sandbox, "")
    return page["meta"]["pagination"]["cursors"], page.get("links")


def link_to_the_next_page(sandbox: Sandbox, receiver: Receiver) -> Any:
    page = members(sandbox, "page[count]=1&fields[member]=full_name&include=user")
    query = parse_qs(urlsplit(page["links"]["next"]).query)
    assert query.pop("page[cursor]") == [page["meta"]["pagination"]["cursors"]["next"]]
    return sorted(query)


def count_above_the_largest_page(sandbox: Sandbox, receiver: Receiver) -> Any:
    access = creator_of(sandbox)
    largest = get(sandbox, access, f"/campaigns/{HOME}/posts", "page[count]=20")
    assert (largest.status, len(largest.json()["data"])) == (200, 20)
    above = get(sandbox, access, f"/campaigns/{HOME}/posts", "page[count]=21")
    if above.status == 400:
        return above.json()["errors"][0]["source"]
    return len(above.json()["data"])


def email_without_its_scope(sandbox: Sandbox, receiver: Receiver) -> Any:
    access = tokens_for(sandbox, scope="identity")["access_token"]
    return get(sandbox, access, query="fields[user]=email").json()["data"]["attributes"]


def name_and_user_of_a_member(sandbox: Sandbox, receiver: Receiver) -> Any:
    first = members(sandbox, "fields[member]=full_name,email&include=user")["data"][0]
    return first["attributes"], first["relationships"]["user"]["data"]


def entitled_tiers_of_a_member(sandbox: Sandbox, receiver: Receiver) -> Any:
    member = members(sandbox, "include=user,currently_entitled_tiers")["data"][0]
    return member["relationships"].get("currently_entitled_tiers", "absent")


def cadence_of_a_member(sandbox: Sandbox, receiver: Receiver) -> Any:
    return member_of(sandbox, "gold", "fields[member]=pledge_cadence")["attributes"]


def attributes_of_every_resource(sandbox: Sandbox, receiver: Receiver) -> Any:
    page = members(sandbox, "fields[member]=note&fields[user]=vanity&include=user,campaign")
    shown = {
        (each["type"], *sorted(each["attributes"])) for each in page["data"] + page["included"]
    }
    asked = {("member", "note"), ("user", "vanity"), ("campaign",)}
    more = {each for each in shown if each not in asked}
    assert len(more) in (0, len(asked))  # all types have it, or none
    return len(more)


def status_after_cancelling(sandbox: Sandbox, receiver: Receiver) -> Any:
    return act(sandbox, "gold", "cancel")["patron_status"]


def tiers_after_a_declined_charge(sandbox: Sandbox, receiver: Receiver) -> Any:
    return act(sandbox, "gold", "decline")["tiers"]


def status_of_a_new_webhook(sandbox: Sandbox, receiver: Receiver) -> Any:
    body = webhook_body("https://example.org/hook")
    return send(sandbox, creator_of(sandbox), "POST", "/webhooks", body).status


def hooked(sandbox: Sandbox, receiver: Receiver) -> str:
    body = webhook_body(receiver.uri, ["members:create", "members:update", "members:pledge:create"])
    made = send(sandbox, creator_of(sandbox), "POST", "/webhooks", body)
    return str(made.json()["data"]["id"])


def order_of_waiting_events(sandbox: Sandbox, receiver: Receiver) -> Any:
    hooked(sandbox, receiver)
    control(sandbox, "POST", "settings", {"webhook_hold": True})
    for slug in ("gold", "silver", "bronze", "custom", "two-tiers"):
        act(sandbox, slug, "decline")
    control(sandbox, "POST", "settings", {"webhook_hold": False})
    send_all(sandbox)
    return [each.document["data"]["id"] for each in receiver.received]


def events_received(sandbox: Sandbox, receiver: Receiver) -> Any:
    hooked(sandbox, receiver)
    act(sandbox, "stranger", "pledge", tier="Gold")
    send_all(sandbox)
    return receiver.events


def events_left_after_a_204(sandbox: Sandbox, receiver: Receiver) -> Any:
    receiver.answers = [204]
    hooked(sandbox, receiver)
    act(sandbox, "gold", "decline")
    send_all(sandbox)
    return control(sandbox, "GET", "deliveries").json()["pending"]


def events_sent_after_a_failure(sandbox: Sandbox, receiver: Receiver) -> Any:
    receiver.answers = [500]
    hooked(sandbox, receiver)
    act(sandbox, "gold", "decline")
    send_all(sandbox)
    act(sandbox, "silver", "decline")
    send_all(sandbox)
    return len(receiver.events)


def paused_after_three_failures(sandbox: Sandbox, receiver: Receiver) -> Any:
    receiver.always = 500
    hook = hooked(sandbox, receiver)
    act(sandbox, "gold", "decline")
    control(sandbox, "POST", "clock", {"advance": 30 + 5 * 60 + 10})  # and two retries
    [state] = control(sandbox, "GET", "hooks").json()["hooks"]
    assert (state["id"], state["num_consecutive_times_failed"]) == (hook, 3)
    return state["paused"]


SEEN: dict[str, Callable[[Sandbox, Receiver], Any]] = {
    "one_pair_per_user": older_token_after_another_sign_in,
    "keep_access_on_refresh": older_token_after_a_refresh,
    "last_page": end_of_a_list,
    "next_link": link_to_the_next_page,
    "count_above_most": count_above_the_largest_page,
    "email_without_scope": email_without_its_scope,
    "masked_members": name_and_user_of_a_member,
    "entitled_tiers": entitled_tiers_of_a_member,
    "pledge_cadence": cadence_of_a_member,
    "extra_fields": attributes_of_every_resource,
    "cancelled_status": status_after_cancelling,
    "declined_keeps_tiers": tiers_after_a_declined_charge,
    "webhook_created_status": status_of_a_new_webhook,
    "webhook_order": order_of_waiting_events,
    "webhook_copies": events_received,
    "webhook_hold": events_received,
    "webhook_success": events_left_after_a_204,
    "webhook_holds_back": events_sent_after_a_failure,
    "webhook_pauses_after": paused_after_three_failures,
}


@pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
def test_each_value_of_a_setting_is_seen(name: str, receiver: Receiver) -> None:
    _, choices = Settings().choices()[name]
    seen = []
    for choice in choices:
        receiver.received, receiver.answers, receiver.always = [], [], 200
        sandbox = Sandbox()
        assert control(sandbox, "POST", "settings", {name: choice}).status == 200
        seen.append(SEEN[name](sandbox, receiver))
    assert len(choices) > 1
    assert not any(each in seen[:at] for at, each in enumerate(seen)), seen


def test_an_email_without_its_scope_is_absent_or_null() -> None:
    sandbox = Sandbox()
    access = tokens_for(sandbox, scope="identity identity.memberships")["access_token"]
    query = "fields[user]=email,vanity&fields[member]=email,note&include=memberships"
    for setting, shown in (("absent", {}), ("null", {"email": None})):
        control(sandbox, "POST", "settings", {"email_without_scope": setting})
        document = get(sandbox, access, query=query).json()
        assert document["data"]["attributes"] == {"vanity": None, **shown}
        assert document["included"][0]["attributes"] == {"note": "", **shown}


def test_a_count_above_the_largest_page_is_refused_as_an_unknown_value_is() -> None:
    sandbox = Sandbox()
    control(sandbox, "POST", "settings", {"count_above_most": "refuse"})
    answer = get(sandbox, creator_of(sandbox), f"/campaigns/{HOME}/members", "page[count]=1001")
    [error] = answer.json()["errors"]
    assert (answer.status, error["source"]) == (400, {"parameter": "page[count]"})
    assert error["code_name"] == "ParameterInvalidOnType"

"""API v2: identity returns what was requested, and errors have the shape of Patreon."""

from __future__ import annotations

import json

import pytest

from django_patreon.sandbox import Request, Sandbox

from .client import AGENT, get, tokens_for

ALL = (
    "include=memberships.currently_entitled_tiers,memberships.campaign,campaign"
    "&fields%5Buser%5D=full_name,email,is_email_verified"
    "&fields%5Bmember%5D=patron_status,email&fields%5Btier%5D=amount_cents&fields%5Bcampaign%5D=vanity"
)


def test_only_requested_attributes_are_returned(sandbox: Sandbox) -> None:
    body = get(sandbox, tokens_for(sandbox)["access_token"]).json()
    assert body["data"]["attributes"] == {}
    assert body.keys() == {"data", "links"}
    assert "relationships" not in body["data"]
    assert body["links"]["self"].endswith(f"/api/oauth2/v2/user/{body['data']['id']}")


@pytest.mark.parametrize("name", ["fields[user]", "fields%5Buser%5D"])
def test_brackets_may_be_raw_or_encoded(sandbox: Sandbox, name: str) -> None:
    body = get(sandbox, tokens_for(sandbox)["access_token"], query=f"{name}=full_name").json()
    assert body["data"]["attributes"] == {"full_name": "Alma Reyes"}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("fields[user]=full_name,pledge_sum", "fields[user]"),
        ("fields[campaign]=pledge_sum", "fields[campaign]"),
        ("fields[nonsense]=x", "fields[nonsense]"),
        ("include=campaigns", "include"),
        ("include=memberships.nothing", "include"),
        ("include=memberships..", "include"),
    ],
)
def test_an_unknown_field_is_a_400(sandbox: Sandbox, query: str, parameter: str) -> None:
    response = get(sandbox, tokens_for(sandbox)["access_token"], query=query)
    (error,) = response.json()["errors"]
    assert response.status == 400
    assert error["code_name"] == "ParameterInvalidOnType"
    assert error["source"] == {"parameter": parameter}
    assert error["status"] == "400"


def test_included_resources_come_once_and_have_their_relations(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "foreign-first", scope="identity identity.memberships")
    body = get(sandbox, access["access_token"], query=ALL).json()
    keys = [(each["type"], each["id"]) for each in body["included"]]
    assert len(keys) == len(set(keys))
    members = [each for each in body["included"] if each["type"] == "member"]
    campaigns = [each["relationships"]["campaign"]["data"]["id"] for each in members]
    assert campaigns == ["5120934", "4410027"]
    assert body["data"]["relationships"]["campaign"] == {"data": None}
    assert members[1]["relationships"]["currently_entitled_tiers"]["data"] == [
        {"id": "9100001", "type": "tier"},
        {"id": "9100000", "type": "tier"},
    ]


def test_other_campaigns_need_a_scope(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "foreign-only")["access_token"]
    assert "included" not in get(sandbox, access, query=ALL).json()


def test_addresses_need_a_scope(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "gold", scope="identity")["access_token"]
    text = get(sandbox, access, query=ALL).body.decode()
    assert "gold@example.org" not in text
    assert "email" not in text
    access = tokens_for(sandbox, "gold")["access_token"]
    assert text.count("@") == 0 < get(sandbox, access, query=ALL).body.decode().count("@")


def test_a_creator_has_a_campaign_and_no_membership(sandbox: Sandbox) -> None:
    body = get(sandbox, tokens_for(sandbox, "creator")["access_token"], query=ALL).json()
    assert body["data"]["relationships"]["campaign"]["data"]["id"] == "4410027"
    assert body["data"]["relationships"]["memberships"]["data"] == []


def test_every_reason_for_a_401_has_the_same_text(sandbox: Sandbox) -> None:
    no_scope = tokens_for(sandbox, "silver", scope="identity.memberships")["access_token"]
    texts = []
    for response in (get(sandbox, "made-up"), get(sandbox, no_scope), get(sandbox, "")):
        (error,) = response.json()["errors"]
        assert (response.status, error["code"], error["code_name"]) == (401, 1, "Unauthorized")
        texts.append(error["detail"])
    assert len(set(texts)) == 1


def test_answers_are_json_api_sorted_and_escaped(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "emoji")["access_token"]
    response = get(sandbox, access, query="fields[user]=vanity,full_name")
    assert response.header("Content-Type") == "application/vnd.api+json"
    assert response.body.isascii()
    assert response.body == json.dumps(response.json(), sort_keys=True).encode()


def test_answers_have_the_observed_headers_and_cookies(sandbox: Sandbox) -> None:
    response = get(sandbox, tokens_for(sandbox)["access_token"])
    names = {name.lower() for name, _ in response.headers}
    assert {"x-patreon-uuid", "x-patreon-sha", "cf-ray"} <= names
    assert response.header("CF-Cache-Status") == "DYNAMIC"
    assert response.header("Cache-Control") == "private"
    cookies = [value.partition("=")[0] for name, value in response.headers if name == "Set-Cookie"]
    assert cookies == ["patreon_device_id", "__cf_bm", "a_csrf"]


def test_an_errors_id_is_the_requests(sandbox: Sandbox) -> None:
    answers = [get(sandbox, "dead") for _ in range(2)]
    ids = [answer.json()["errors"][0]["id"] for answer in answers]
    assert ids == [answer.header("x-patreon-uuid") for answer in answers]
    assert len(set(ids)) == 2
    again = Sandbox()  # deterministic
    assert [get(again, "dead").body for _ in range(2)] == [answer.body for answer in answers]


@pytest.mark.parametrize("path", ["/api/oauth2/v2/nothing", "/api/", "/api/oauth2/api/nothing"])
def test_what_is_not_there_says_so(sandbox: Sandbox, path: str) -> None:
    response = sandbox.handle(Request(method="GET", target=path, headers=AGENT))
    assert (response.status, "errors" in response.json()) == (404, True)


def test_a_client_without_a_name_is_shown_a_page(sandbox: Sandbox) -> None:
    response = sandbox.handle(Request(method="GET", target="/api/oauth2/v2/identity"))
    assert (response.status, response.header("Content-Type")) == (403, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "target", ["http://[/x", "http://ex\u2100mple/", "*", "", "?", "//", "http://", "HTTP://h"]
)
def test_a_malformed_target_is_answered(sandbox: Sandbox, target: str) -> None:
    response = sandbox.handle(Request(method="GET", target=target, headers=AGENT))
    assert response.status in (200, 404)


def test_an_absolute_target_is_taken_as_a_proxy_would(sandbox: Sandbox) -> None:
    headers = {**AGENT, "Authorization": f"Bearer {tokens_for(sandbox)['access_token']}"}
    target = "https://www.patreon.com/api/oauth2/v2/identity?fields[user]=full_name"
    response = sandbox.handle(Request(method="GET", target=target, headers=headers))
    assert response.json()["data"]["attributes"] == {"full_name": "Alma Reyes"}

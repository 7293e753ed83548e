"""Controls, faults and limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from django_patreon.sandbox import Request, Response, Sandbox
from django_patreon.sandbox.control.endpoints import CONTROLS
from django_patreon.sandbox.web.faults import FAULTS

from .client import control, get, refresh, tokens_for


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_changes_one_answer(sandbox: Sandbox, kind: str) -> None:
    access = tokens_for(sandbox)["access_token"]
    options = {"status": 418} if kind == "custom" else {}
    assert control(sandbox, "POST", "faults", {"kind": kind, **options}).status == 200
    struck, after = get(sandbox, access), get(sandbox, access)

    def arrives(response: Response) -> tuple[object, ...]:
        return (response.status, response.body, response.delay, response.reset, response.cut_after)

    healthy = get(sandbox, access)
    assert arrives(after) == arrives(healthy)
    assert arrives(struck) != arrives(healthy)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("empty", b""), ("null", b"null"), ("list", b"[]"), ("html_200", b"<!doctype html>")],
)
def test_a_200_can_have_a_wrong_body(sandbox: Sandbox, kind: str, body: bytes) -> None:
    access = tokens_for(sandbox)["access_token"]
    control(sandbox, "POST", "faults", {"kind": kind})
    struck = get(sandbox, access)
    assert (struck.status, struck.body[: len(body)]) == (200, body)
    assert bool(body) == bool(struck.body)


def test_a_200_can_hold_errors_or_megabytes(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox)["access_token"]
    control(sandbox, "POST", "faults", {"kind": "errors_200"})
    struck = get(sandbox, access)
    assert (struck.status, struck.json().keys()) == (200, {"errors"})
    control(sandbox, "POST", "faults", {"kind": "big_body", "megabytes": 6})
    assert len(get(sandbox, access).body) > 6_000_000


def test_a_share_of_all_requests_can_fail(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox)["access_token"]
    control(sandbox, "POST", "faults", {"kind": "http_500_html", "share": 0.5})
    failed = sum(get(sandbox, access).status == 500 for _ in range(200))
    assert 60 < failed < 140
    control(sandbox, "DELETE", "faults")
    assert get(sandbox, access).status == 200


def test_a_fault_keeps_to_its_path(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "faults", {"kind": "http_401", "path": "/api/oauth2/token"})
    assert get(sandbox, "x").json()["errors"]
    assert control(sandbox, "GET", "faults").json()["armed"][0]["times"] == 1


def test_a_lost_answer_has_spent_the_refresh_token_and_a_refusal_has_not(sandbox: Sandbox) -> None:
    given = tokens_for(sandbox)
    control(sandbox, "POST", "faults", {"kind": "http_500_html", "path": "/api/oauth2/token"})
    assert refresh(sandbox, given["refresh_token"]).status == 500
    control(sandbox, "POST", "faults", {"kind": "reset", "path": "/api/oauth2/token"})
    assert refresh(sandbox, given["refresh_token"]).reset
    assert refresh(sandbox, given["refresh_token"]).status == 401


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"kind": "nonsense"},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "seconds": "x"},
        {"kind": "http_500_html", "times": 0},
        {"kind": "http_500_html", "times": True},
        {"kind": "http_500_html", "share": 2},
        {"kind": "http_500_html", "path": "api"},
        {"kind": "custom", "status": 99},
        {"kind": "custom", "headers": []},
        {"kind": "custom", "headers": {"X-Name": "line\nline"}},
        {"kind": "custom", "headers": {"X Name": "x"}},
        {"kind": "custom", "headers": {"X-Name": "\u2728"}},
        {"kind": "big_body", "megabytes": 51},
        {"kind": "custom", "body_base64": 7},
        [],
        "x",
    ],
)
def test_an_invalid_fault_is_refused_with_a_reason(sandbox: Sandbox, order: Any) -> None:
    response = control(sandbox, "POST", "faults", order)
    assert response.status == 400
    assert response.json()["error"]
    assert control(sandbox, "GET", "faults").json()["armed"] == []


def test_tokens_can_be_expired_and_killed(sandbox: Sandbox) -> None:
    gold, silver = tokens_for(sandbox), tokens_for(sandbox, "silver")
    assert control(sandbox, "POST", "tokens/expire", {"user": "gold"}).json() == {"expired": 1}
    assert get(sandbox, gold["access_token"]).status == 401
    assert get(sandbox, silver["access_token"]).status == 200
    assert refresh(sandbox, gold["refresh_token"]).status == 200
    assert control(sandbox, "POST", "tokens/expire", {"user": "all"}).json()["expired"] >= 2
    assert control(sandbox, "POST", "tokens/kill", {}).json()["killed"] >= 2
    assert refresh(sandbox, silver["refresh_token"]).status == 401
    assert control(sandbox, "POST", "tokens/kill", {"user": "nobody"}).status == 400


@pytest.mark.parametrize(
    ("slug", "path", "status"),
    [
        ("creator", "/campaigns/4410027/members", 200),
        ("gold", "/identity", 200),
        ("gold", "/campaigns/4410027/members", 401),
    ],
)
def test_a_named_person_is_given_a_pair_without_a_sign_in(
    sandbox: Sandbox, slug: str, path: str, status: int
) -> None:
    answer = control(sandbox, "POST", "tokens/issue", {"user": slug})
    [pair] = answer.json()["pairs"]
    assert pair["user"] == sandbox.world.person_called(slug).id
    assert get(sandbox, pair["access"], path).status == status
    assert refresh(sandbox, pair["refresh"]).status == 200


@pytest.mark.parametrize("given", [{"user": "nobody"}, {"user": 1}, {"members": 1}, {}])
def test_an_unknown_person_is_issued_no_tokens(sandbox: Sandbox, given: Any) -> None:
    assert control(sandbox, "POST", "tokens/issue", given).status == 400


def test_the_journal_says_what_came_in_and_nothing_secret(sandbox: Sandbox) -> None:
    given = tokens_for(sandbox)
    get(sandbox, given["access_token"], query="fields[user]=email")
    text = control(sandbox, "GET", "requests").body.decode()
    assert [each["path"] for each in json.loads(text)["requests"]] == [
        "/oauth2/authorize",
        "/api/oauth2/token",
        "/api/oauth2/v2/identity",
    ]
    for secret in (given["access_token"], given["refresh_token"], "sandbox-secret"):
        assert secret not in text


def test_settings_clock_and_reset(sandbox: Sandbox) -> None:
    changed = control(sandbox, "POST", "settings", {"keep_access_on_refresh": True}).json()
    assert changed["keep_access_on_refresh"] is True
    for wrong in ({"nonsense": True}, {"one_pair_per_user": 1}):
        assert control(sandbox, "POST", "settings", wrong).status == 400
    before = control(sandbox, "GET", "clock").json()["now"]
    assert control(sandbox, "POST", "clock", {"advance": 86400}).json()["now"] > before
    for wrong in ({"advance": -1}, {"advance": 1e30}, {}):
        assert control(sandbox, "POST", "clock", wrong).status == 400
    control(sandbox, "POST", "reset")
    assert control(sandbox, "GET", "settings").json()["keep_access_on_refresh"] is False


def test_a_page_of_another_site_cannot_use_the_controls(sandbox: Sandbox) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request(method="POST", target="/_sandbox/reset", headers=form)
    assert sandbox.handle(request).status == 415


def test_there_is_a_list(sandbox: Sandbox) -> None:
    assert "POST /_sandbox/reset" in control(sandbox, "GET", "").json()["switches"]
    without_slash = sandbox.handle(Request(method="GET", target="/_sandbox"))
    assert without_slash.body == control(sandbox, "GET", "").body
    assert control(sandbox, "GET", "nothing").status == 404
    assert control(sandbox, "DELETE", "clock").status == 405
    assert len(control(sandbox, "GET", "people").json()["people"]) >= 23


def test_a_hundred_requests_in_two_seconds_are_the_limit() -> None:
    sandbox = Sandbox(rate_limit=True)
    access = [tokens_for(sandbox, slug)["access_token"] for slug in ("gold", "silver")]
    answers = [get(sandbox, access[turn % 2]) for turn in range(110)]
    assert [each.status for each in answers[:98]] == [200] * 98
    (error,) = answers[-1].json()["errors"]
    assert error["code_name"] == "RequestThrottled"
    assert error["retry_after_seconds"] == int(answers[-1].header("Retry-After")) >= 1


def test_too_many_errors_block_the_client() -> None:
    sandbox = Sandbox(rate_limit=True)
    for _ in range(2100):
        answer = get(sandbox, "made-up")
    (error,) = answer.json()["errors"]
    assert (answer.status, error.keys()) == (429, {"detail", "retry_after_seconds"})


def test_every_control_is_listed_described_and_documented(sandbox: Sandbox) -> None:
    listed = control(sandbox, "GET", "").json()["controls"]
    assert listed.keys() == {f"{each.method} /_sandbox/{each.path}" for each in CONTROLS}
    assert all(text.endswith(".") for text in listed.values())
    docs = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
    table = docs.partition("## Controls")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(?:GET|POST|DELETE) ([a-z./]+)`(?:, `([a-z./]+)`)?", table, re.M))
    assert {path for pair in named for path in pair if path} == {
        each.path for each in CONTROLS if each.path
    }

"""The control room: a page whose forms do what the JSON controls do."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from django_patreon.sandbox import Request, Response, Sandbox

from .client import act, authorize, control, tokens_for
from .conftest import Receiver


def show(sandbox: Sandbox, target: str = "/") -> str:
    response = sandbox.handle(Request(method="GET", target=target))
    assert response.status == 200
    return response.body.decode()


def submit(sandbox: Sandbox, name: str, /, _headers: Any = None, **fields: Any) -> Response:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Host": "127.0.0.1:8001",
        "Origin": "http://127.0.0.1:8001",
        **(_headers or {}),
    }
    body = urlencode({"control": name, **fields}, doseq=True).encode()
    return sandbox.handle(Request(method="POST", target="/", headers=headers, body=body))


def test_a_person_is_declined_and_the_page_says_so(sandbox: Sandbox) -> None:
    answer = submit(sandbox, "members", user="gold", do="decline", tier="")
    assert answer.status == 303
    assert "Done:" not in show(sandbox)  # another tab
    assert "Done: members gold decline." in show(sandbox, answer.header("Location"))
    person = sandbox.world.person_called("gold")
    assert person is not None
    assert sandbox.world.memberships_of(person.id)[0].patron_status == "declined_patron"


@pytest.mark.parametrize(
    ("name", "fields", "path"),
    [
        ("clock", {"advance": "86400"}, "clock"),
        ("faults", {"kind": "slow", "path": "/api/", "times": "2", "seconds": "0.5"}, "faults"),
        ("faults", {"kind": "http_429", "share": "0.5"}, "faults"),
        ("crowd", {"members": "12"}, "members"),
        ("people", {"slug": "zoe", "full_name": ""}, "people"),
        ("settings", {"keep_access_on_refresh": "yes", "webhook_copies": "2"}, "settings"),
        ("hooks", {"uri": "http://127.0.0.1:1/", "triggers": ["members:create"]}, "hooks"),
        ("members", {"user": "stranger", "do": "gift", "tier": "9100002", "days": "3"}, "members"),
    ],
)
def test_each_form_calls_its_control(
    sandbox: Sandbox, name: str, fields: dict[str, str], path: str
) -> None:
    before = control(sandbox, "GET", path).json()
    answer = submit(sandbox, name, **fields)
    assert "Done: " in show(sandbox, answer.header("Location"))
    assert control(sandbox, "GET", path).json() != before


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("", {}),
        ("nonsense", {}),
        ("clock", {"advance": "x"}),
        ("clock", {"advance": "-1"}),
        ("clock", {"advance": "nan"}),
        ("members", {"user": "gold", "do": "<b>"}),
        ("members", {"user": "<script>", "do": "pay"}),
        ("crowd", {"members": "9" * 5000}),
        ("faults", {"kind": "rain"}),
        ("settings", {"last_page": "x"}),
        ("hooks", {"uri": "ftp://x"}),
        ("hooks/test", {"id": "x"}),
    ],
)
def test_an_error_is_shown_on_the_page(sandbox: Sandbox, name: str, fields: dict[str, str]) -> None:
    answer = submit(sandbox, name, **fields)
    assert answer.status == 303
    page = show(sandbox, answer.header("Location"))
    assert "Done:" not in page
    assert "<b>" not in page
    assert "<script>" not in page.replace('<script src="/?script=1" defer></script>', "")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_changes_nothing(sandbox: Sandbox, headers: dict[str, str]) -> None:
    before = control(sandbox, "GET", "members").json()
    assert submit(sandbox, "members", headers, user="gold", do="decline").status == 403
    assert control(sandbox, "GET", "members").json() == before


def test_deliveries_are_shown_with_their_answers(sandbox: Sandbox, receiver: Receiver) -> None:
    submit(sandbox, "hooks", uri=receiver.uri, triggers=["members:update"])
    act(sandbox, "emoji", "decline")
    assert sandbox.sender.send_all(seconds=10)
    page = show(sandbox)
    assert "members:update" in page
    assert "delivered" in page
    assert "declined_patron" in page
    [delivery] = sandbox.sender.log
    submit(sandbox, "deliveries/again", id=delivery.id)
    assert sandbox.sender.send_all(seconds=10)
    assert len(receiver.received) == 2


def test_no_token_is_on_the_page(sandbox: Sandbox) -> None:
    given = tokens_for(sandbox)
    page = show(sandbox)
    assert given["access_token"] not in page
    assert given["refresh_token"] not in page


def test_the_page_is_whole_and_brings_nothing_from_elsewhere(sandbox: Sandbox) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.ids: list[str] = []
            self.sources: list[str] = []
            self.labelled = 0
            self.fields = 0
            self.open_labels = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            self.ids += [str(given["id"])] if "id" in given else []
            self.sources += [str(given["src"])] if "src" in given else []
            self.open_labels += tag == "label"
            if tag in ("input", "select") and given.get("type") != "hidden":
                self.fields += 1
                self.labelled += bool(self.open_labels)

        def handle_endtag(self, tag: str) -> None:
            self.open_labels -= tag == "label"

    reader = Reader()
    reader.feed(show(sandbox))
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.sources == ["/?script=1"]
    assert reader.labelled == reader.fields > 10
    script = sandbox.handle(Request(method="GET", target="/?script=1"))
    assert script.header("Content-Type") == "text/javascript"
    assert sandbox.handle(Request(method="PUT", target="/")).status == 405


def test_a_crowded_page_stays_small() -> None:
    sandbox = Sandbox()
    submit(sandbox, "crowd", members="100000")
    page = show(sandbox)
    assert len(page) < 200_000
    assert "more." in page


def test_half_a_character_is_refused_and_the_pages_go_on(sandbox: Sandbox) -> None:
    half = json.loads('"\\ud83e"')
    for path, body in (
        ("people", {"slug": "zoe", "full_name": half}),
        ("posts", {"do": "publish", "title": half}),
        ("posts", {"do": "publish", "title": "Fox", "content": half}),
        ("posts", {"do": "publish", "title": "Fox", "content": 7}),
    ):
        assert control(sandbox, "POST", path, body).status == 400
    assert sandbox.world.person_called("zoe") is None
    show(sandbox)
    assert authorize(sandbox).status == 200


def test_an_address_is_changed_by_hand(sandbox: Sandbox) -> None:
    submit(sandbox, "people/change", user="gold", email="new@example.org", is_email_verified="no")
    gold = sandbox.world.person_called("gold")
    assert gold is not None
    assert (gold.email, gold.is_email_verified) == ("new@example.org", False)
    submit(sandbox, "people/change", user="gold", email="", is_email_verified="")
    assert (gold.email, gold.is_email_verified) == ("new@example.org", False)

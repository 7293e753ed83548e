"""The checkout page, in a browser: the page, its form, and what joining changes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from django_patreon.sandbox import Request, Response, Sandbox

from .client import act, authorize, control, get, tokens_for
from .conftest import Receiver

SILVER = "/checkout/lanternhouse?rid=9100002"
FREE = "/checkout/lanternhouse?rid=9100000"


def visit(sandbox: Sandbox, target: str = SILVER, cookie: str = "") -> Response:
    return sandbox.handle(Request(method="GET", target=target, headers={"Cookie": cookie}))


def join(sandbox: Sandbox, user: str, target: str = SILVER, **headers: str) -> Response:
    given = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Host": "127.0.0.1:8001",
        "Origin": "http://127.0.0.1:8001",
        **headers,
    }
    body = urlencode({"user": user}).encode()
    return sandbox.handle(Request(method="POST", target=target, headers=given, body=body))


def membership(sandbox: Sandbox, user: str) -> Any:
    members = control(sandbox, "GET", "members").json()["members"]
    return next((each for each in members if each["user"] == user), None)


@pytest.mark.parametrize("name", ["lanternhouse", "4410027", "4410027/"])
def test_the_page_names_the_tier_its_price_and_who_can_join(sandbox: Sandbox, name: str) -> None:
    page = visit(sandbox, f"/checkout/{name}?rid=9100002")
    text = page.body.decode()
    assert page.status == 200
    assert "Silver</strong>, 5.00 EUR a month" in text
    assert "is no member" in text  # the stranger
    assert "has Gold and Free (active_patron)" in text
    assert 'value="creator"' not in text


def test_the_address_that_the_api_gives_leads_there(sandbox: Sandbox, creator: str) -> None:
    query = "include=tiers&fields[tier]=url,title&fields[campaign]=pledge_url"
    document = get(sandbox, creator, "/campaigns/4410027", query).json()
    addresses = [each["attributes"]["url"] for each in document["included"]]
    addresses.append(document["data"]["attributes"]["pledge_url"])
    assert len(addresses) == 5
    assert all(visit(sandbox, each).status == 200 for each in addresses)


def test_without_a_tier_one_is_to_be_chosen(sandbox: Sandbox) -> None:
    text = visit(sandbox, "/checkout/lanternhouse").body.decode()
    assert '<a href="?rid=9100003">Gold</a>, 10.00 EUR a month' in text


@pytest.mark.parametrize(
    "target",
    [
        "/checkout/nobody?rid=9100002",
        "/checkout/?rid=9100002",
        "/checkout/lanternhouse?rid=9300418",  # another creator's
        "/checkout/lanternhouse?rid=",
    ],
)
def test_what_is_not_sold_is_not_there(sandbox: Sandbox, target: str) -> None:
    assert visit(sandbox, target).status == 404
    assert join(sandbox, "free", target).status == 404


@pytest.mark.parametrize("user", ["stranger", "free", "former", "cancelled", "gifted", "trial"])
def test_a_free_member_begins_to_pay(sandbox: Sandbox, user: str) -> None:
    answer = join(sandbox, user)
    assert answer.status == 303
    now = membership(sandbox, user)
    assert (now["patron_status"], now["last_charge_status"]) == ("active_patron", "Paid")
    assert now["currently_entitled_amount_cents"] == 500
    done = visit(sandbox, answer.header("Location")).body.decode()
    assert "now has Silver and Free (active_patron)" in done
    assert "check again" in done


def test_a_patron_changes_the_tier(sandbox: Sandbox) -> None:
    join(sandbox, "gold")
    assert membership(sandbox, "gold")["tiers"] == ["Silver", "Free"]


def test_a_cancelled_pledge_is_continued(sandbox: Sandbox) -> None:
    act(sandbox, "silver", "cancel")
    assert membership(sandbox, "silver")["ends"] == "period"
    join(sandbox, "silver")
    assert membership(sandbox, "silver")["ends"] == ""


@pytest.mark.parametrize("user", ["declined", "declined-out"])
def test_a_declined_card_is_made_good(sandbox: Sandbox, user: str) -> None:
    join(sandbox, user)
    now = membership(sandbox, user)
    assert (now["patron_status"], now["last_charge_status"]) == ("active_patron", "Paid")
    assert now["tiers"] == ["Silver", "Free"]


def test_a_free_tier_makes_a_free_member(sandbox: Sandbox) -> None:
    join(sandbox, "stranger", FREE)
    assert membership(sandbox, "stranger")["tiers"] == ["Free"]
    assert "for nothing" in visit(sandbox, FREE).body.decode()


@pytest.mark.parametrize(
    ("user", "target", "words"),
    [
        ("silver", SILVER, "silver has Silver already."),
        ("free", FREE, "free has Free already."),
        ("creator", SILVER, "a creator cannot be a member"),
        ("<b>", SILVER, "Nobody is called that."),
    ],
)
def test_an_impossible_choice_is_explained_and_changes_nothing(
    sandbox: Sandbox, user: str, target: str, words: str
) -> None:
    before = control(sandbox, "GET", "members").json()
    answer = join(sandbox, user, target)
    assert answer.status == 400
    assert words in answer.body.decode()
    assert control(sandbox, "GET", "members").json() == before


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_form_on_another_page_pledges_nothing(sandbox: Sandbox, headers: Any) -> None:
    assert join(sandbox, "free", **headers).status == 403
    assert membership(sandbox, "free")["patron_status"] is None


def test_joining_is_sent_to_the_webhooks(sandbox: Sandbox, receiver: Receiver) -> None:
    triggers = ["members:create", "members:pledge:create", "members:update"]
    control(sandbox, "POST", "hooks", {"uri": receiver.uri, "triggers": triggers})
    join(sandbox, "stranger")
    assert sandbox.sender.send_all(seconds=10)
    assert receiver.events == triggers


def test_whoever_was_here_last_is_the_first_choice(sandbox: Sandbox) -> None:
    consent = authorize(sandbox, sandbox_user="pending")
    cookie = consent.header("Set-Cookie").partition(";")[0]
    assert "Path=/checkout/" in consent.header("Set-Cookie")
    page = visit(sandbox, cookie=cookie).body.decode()
    assert page.index('value="pending" autofocus') < page.index('value="bronze"')
    assert page.count('value="pending"') == 1
    cookie = join(sandbox, "stranger").header("Set-Cookie").partition(";")[0]
    assert 'value="stranger" autofocus' in visit(sandbox, cookie=cookie).body.decode()


@pytest.mark.parametrize(
    "cookie", ["sandbox_person=1", "sandbox_person", "a=b; =;;", "\u2728=1", "a/b=1"]
)
def test_an_invalid_cookie_is_ignored(sandbox: Sandbox, cookie: str) -> None:
    page = visit(sandbox, cookie=cookie)
    assert page.status == 200
    assert b"autofocus" not in page.body


def test_the_creator_is_not_listed(sandbox: Sandbox) -> None:
    cookie = authorize(sandbox, sandbox_user="creator").header("Set-Cookie").partition(";")[0]
    assert b"autofocus" not in visit(sandbox, cookie=cookie).body


def test_a_link_to_an_unknown_person_shows_the_form(sandbox: Sandbox) -> None:
    assert b"Join, as" in visit(sandbox, f"{SILVER}&joined=<b>").body


def test_the_pages_hold_no_token(sandbox: Sandbox) -> None:
    given = tokens_for(sandbox)
    assert given["access_token"].encode() not in visit(sandbox).body

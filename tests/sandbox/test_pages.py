"""The pages of campaigns, people and posts, and the form that pays a declined payment."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from django_patreon.sandbox import Request, Response, Sandbox

from .client import control, get, tokens_for

HOME = "4410027"


def show(sandbox: Sandbox, address: str) -> Response:
    """What the sandbox has at an address of Patreon's, or at a path."""
    parts = urlsplit(address)
    target = quote(parts.path) + (f"?{parts.query}" if parts.query else "")
    return sandbox.handle(Request(method="GET", target=target))


def pay(sandbox: Sandbox, slug: str, **headers: str) -> Response:
    body = urlencode({"user": slug}).encode()
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return sandbox.handle(Request(method="POST", target="/lanternhouse", headers=sent, body=body))


def urls_of(document: Any) -> set[str]:
    """Every `url` and `pledge_url` in an answer."""
    if isinstance(document, list):
        return set().union(*map(urls_of, document))
    if not isinstance(document, dict):
        return set()
    found = {value for name, value in document.items() if name in ("url", "pledge_url") and value}
    return found.union(*map(urls_of, document.values()))


def test_every_url_that_the_api_names_leads_to_a_page(sandbox: Sandbox, creator: str) -> None:
    fields = "fields[campaign]=url,pledge_url&fields[tier]=url&fields[user]=url&fields[post]=url"
    include = "include=user,currently_entitled_tiers,campaign"
    members = get(sandbox, creator, f"/campaigns/{HOME}/members", f"{include}&{fields}")
    posts = get(sandbox, creator, f"/campaigns/{HOME}/posts", fields)
    urls = urls_of(members.json()) | urls_of(posts.json())
    assert len(urls) > 40
    for url in urls:
        assert show(sandbox, url).status == 200, url


@pytest.mark.parametrize("slug", ["declined", "declined-out"])
def test_a_declined_payment_is_made_good_on_the_campaigns_page(sandbox: Sandbox, slug: str) -> None:
    assert f'value="{slug}"' in show(sandbox, "/lanternhouse").body.decode()
    assert pay(sandbox, slug).status == 200
    person = sandbox.world.person_called(slug)
    assert person is not None
    member = sandbox.world.membership(person.id, HOME)
    assert member is not None
    assert (member.patron_status, member.last_charge_status) == ("active_patron", "Paid")
    assert member.currently_entitled_amount_cents == 500
    assert pay(sandbox, slug).status == 400  # a page that is loaded again does not pay again
    assert f'value="{slug}"' not in show(sandbox, "/lanternhouse").body.decode()


def test_the_campaigns_page_takes_its_own_form_only(sandbox: Sandbox) -> None:
    assert pay(sandbox, "declined", Origin="https://elsewhere.example").status == 403
    assert pay(sandbox, "nobody").status == 400
    assert pay(sandbox, "gold").status == 400


@pytest.mark.parametrize("path", ["/nobody", "/user", "/user?u=1", "/posts/x-1", "/posts/", "//"])
def test_what_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    assert sandbox.handle(Request(method="GET", target=path)).status == 404


@pytest.mark.parametrize("slug", ["gold", "member-3"])
def test_an_address_changes_and_is_told_at_the_next_question(sandbox: Sandbox, slug: str) -> None:
    control(sandbox, "POST", "crowd", {"members": 5})
    access = tokens_for(sandbox, slug)["access_token"]
    for email in ("new@example.org", None):
        given = {"user": slug, "email": email, "is_email_verified": False}
        assert control(sandbox, "POST", "people/change", given).status == 200
        answer = get(sandbox, access, query="fields[user]=email,is_email_verified").json()
        assert answer["data"]["attributes"] == {"email": email, "is_email_verified": False}


@pytest.mark.parametrize(
    "given", [{"email": ""}, {"email": 7}, {"is_email_verified": "no"}, {"user": "nobody"}]
)
def test_an_invalid_email_changes_nothing(sandbox: Sandbox, given: Any) -> None:
    gold = sandbox.world.person_called("gold")
    assert gold is not None
    kept = (gold.email, gold.is_email_verified)
    assert control(sandbox, "POST", "people/change", {"user": "gold", **given}).status == 400
    assert (gold.email, gold.is_email_verified) == kept

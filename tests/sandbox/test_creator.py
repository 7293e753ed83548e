"""What a creator's token reads: campaigns, members in pages, posts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from django_patreon.sandbox import Request, Sandbox
from django_patreon.sandbox.settings import LAST_PAGES
from django_patreon.sandbox.world.models import Member, Person

from .client import AGENT, get, tokens_for

HOME, FOREIGN = "4410027", "5120934"
MEMBERS = f"/campaigns/{HOME}/members"


@pytest.fixture
def creator(sandbox: Sandbox) -> str:
    return str(tokens_for(sandbox, "creator")["access_token"])


def pages(sandbox: Sandbox, access: str, path: str, query: str) -> Iterator[dict[str, Any]]:
    cursor = ""
    for _ in range(50):
        body = get(sandbox, access, path, f"{query}{cursor and f'&page[cursor]={cursor}'}").json()
        yield body
        cursor = body["meta"]["pagination"].get("cursors", {}).get("next") or ""
        if not cursor:
            return
    raise AssertionError("endless")


def test_the_creator_sees_their_campaign_with_tiers_and_benefits(sandbox, creator) -> None:
    query = (
        "include=tiers,creator,benefits,goals&fields[campaign]=name,currency&fields[tier]=title"
        "&fields[benefit]=title,tiers_count"
    )
    body = get(sandbox, creator, "/campaigns", query).json()
    (campaign,) = body["data"]
    assert campaign["attributes"] == {"name": "Lanternhouse", "currency": "EUR"}
    assert campaign["relationships"]["goals"] == {"data": []}
    assert body["meta"] == {"pagination": {"total": 1}}
    kinds = [each["type"] for each in body["included"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"tier": 4, "user": 1, "benefit": 2}


def test_somebody_without_a_campaign_has_an_empty_list(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "gold", scope="identity campaigns")["access_token"]
    assert get(sandbox, access, "/campaigns").json() == {
        "data": [],
        "meta": {"pagination": {"total": 0}},
    }


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_pages_cover_everybody_once(sandbox: Sandbox, creator: str, count: int) -> None:
    seen, total = [], 0
    for body in pages(sandbox, creator, MEMBERS, f"page[count]={count}"):
        assert len(body["data"]) <= count
        seen += [each["id"] for each in body["data"]]
        total = body["meta"]["pagination"]["total"]
    assert len(seen) == len(set(seen)) == total == len(sandbox.world.members_of(HOME))


def test_a_page_holds_1000_and_500_with_history_and_posts_20(sandbox, creator) -> None:
    for number in range(1200):
        person = Person(id=str(500000 + number), slug=f"p{number}", says="", full_name="P")
        sandbox.world.add_person(person)
        sandbox.world.add_member(Member(user_id=person.id, campaign_id=HOME))
    for query, most in (("", 1000), ("page[count]=9999", 1000), ("include=pledge_history", 500)):
        assert len(get(sandbox, creator, MEMBERS, query).json()["data"]) == most
    posts = f"/campaigns/{HOME}/posts"
    assert len(get(sandbox, creator, posts, "page[count]=100").json()["data"]) == 20


@pytest.mark.parametrize("shape", LAST_PAGES)
def test_a_last_page_has_four_shapes(sandbox: Sandbox, creator: str, shape: str) -> None:
    sandbox.settings.last_page = shape
    body = get(sandbox, creator, MEMBERS).json()
    assert ("next" in body["meta"]["pagination"]["cursors"]) is shape.startswith("null")
    assert ("links" in body) is shape.endswith("null link")


def test_the_next_link_leads_on(sandbox: Sandbox, creator: str) -> None:
    first = get(sandbox, creator, MEMBERS, "page[count]=5&fields[member]=full_name").json()
    link = urlsplit(first["links"]["next"])
    headers = {**AGENT, "Authorization": f"Bearer {creator}"}
    target = f"{link.path}?{link.query}"
    second = sandbox.handle(Request(method="GET", target=target, headers=headers)).json()
    assert len(second["data"]) == 5
    assert second["data"][0]["attributes"]["full_name"]
    assert second["data"][0]["id"] not in [each["id"] for each in first["data"]]


@pytest.mark.parametrize("cursor", ["nonsense", "MC8x", "%00", "!!!!"])
def test_a_cursor_that_is_not_ours_is_refused(sandbox, creator, cursor: str) -> None:
    response = get(sandbox, creator, MEMBERS, f"page[cursor]={cursor}")
    (error,) = response.json()["errors"]
    assert (response.status, error["code"]) == (400, 3)
    assert error["source"] == {"parameter": "page[cursor]"}


def test_a_cursor_goes_stale_when_the_list_changes(sandbox: Sandbox, creator: str) -> None:
    first = get(sandbox, creator, MEMBERS, "page[count]=5").json()
    cursor = first["meta"]["pagination"]["cursors"]["next"]
    sandbox.world.members.popitem()
    assert get(sandbox, creator, MEMBERS, f"page[cursor]={cursor}").status == 400


def test_members_addresses_need_their_own_scope(sandbox: Sandbox, creator: str) -> None:
    query = "fields[member]=email,full_name"
    members = get(sandbox, creator, MEMBERS, query).json()["data"]
    emails = [each["attributes"]["email"] for each in members]
    assert "gold@example.org" in emails
    assert None in emails  # somebody whose address Patreon does not tell
    person = sandbox.world.person_called("creator")
    pair = sandbox.tokens.issue_pair(person.id, frozenset({"identity[email]", "campaigns.members"}))
    for each in get(sandbox, pair.access_token, MEMBERS, query).json()["data"]:
        assert each["attributes"].keys() == {"full_name"}


def test_one_member_and_one_post(sandbox: Sandbox, creator: str) -> None:
    member = sandbox.world.members_of(HOME)[0]
    path = f"/members/{member.id}"
    include = "include=user,campaign,address,currently_entitled_tiers"
    body = get(sandbox, creator, path, include).json()
    assert body["data"]["relationships"]["address"] == {"data": None}
    assert body["data"]["relationships"]["user"]["data"]["id"] == member.user_id
    assert body["links"]["self"].endswith(path)
    post = get(sandbox, creator, "/posts/98800100", "fields[post]=url,tiers,is_public").json()
    assert post["data"]["attributes"] == {
        "is_public": False,
        "tiers": [9100002, 9100003],
        "url": "/posts/episode-98800100",
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/campaigns/{FOREIGN}", 403),
        (f"/campaigns/{FOREIGN}/members", 403),
        (f"/campaigns/{FOREIGN}/posts", 200),
        ("/campaigns/1", 404),
        ("/members/00000000-0000-4000-8000-000000000000", 404),
        ("/posts/1", 404),
    ],
)
def test_what_is_not_ones_own(sandbox: Sandbox, creator: str, path: str, status: int) -> None:
    response = get(sandbox, creator, path)
    assert response.status == status
    if status == 200:
        assert response.json()["data"] == []


@pytest.mark.parametrize("path", ["/campaigns", MEMBERS, "/posts/98800100"])
def test_each_needs_its_scope(sandbox: Sandbox, path: str) -> None:
    assert get(sandbox, tokens_for(sandbox)["access_token"], path).status == 401

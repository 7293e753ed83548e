"""The crowd: generated members, the same in every run, and stored only when they change."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from django_patreon.sandbox import Sandbox

from .client import act, control, get, refresh, tokens_for

HOME = "4410027"
FIELDS = "fields[member]=full_name,patron_status&include=user,currently_entitled_tiers"


def crowded(size: int) -> tuple[Sandbox, str]:
    sandbox = Sandbox()
    assert control(sandbox, "POST", "crowd", {"members": size}).status == 200
    return sandbox, tokens_for(sandbox, "creator")["access_token"]


def pages_of(sandbox: Sandbox, access: str, query: str = FIELDS) -> Iterator[Any]:
    """The pages of the members, asked for over the API one after another."""
    cursor = ""
    while True:
        more = f"&page[cursor]={quote(cursor)}" if cursor else ""
        page = get(sandbox, access, f"/campaigns/{HOME}/members", query + more).json()
        yield page
        cursor = page["meta"]["pagination"]["cursors"].get("next")
        if not cursor:
            return


def walk(sandbox: Sandbox, access: str) -> list[str]:
    found = []
    for page in pages_of(sandbox, access):
        assert page["meta"]["pagination"]["total"] == len(sandbox.world.members_of(HOME))
        found += [each["id"] for each in page["data"]]
    return found


def test_a_walk_meets_everybody_once() -> None:
    sandbox, access = crowded(2500)
    found = walk(sandbox, access)
    assert len(found) == len(set(found)) == len(sandbox.world.members_of(HOME)) > 2500


def test_a_walk_of_many_pages_keeps_memory_flat() -> None:
    sandbox, access = crowded(100_000)
    pages = pages_of(sandbox, access, "fields[member]=full_name,patron_status")
    tracemalloc.start()
    try:
        sizes, kept = [], []
        for page in itertools.islice(pages, 6):
            sizes.append(len(page["data"]))
            kept.append(tracemalloc.get_traced_memory()[0])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sizes == [1000] * 6
    assert peak < 20_000_000  # of 100,000 members at once it would be more than 100 MB
    assert max(kept[3:]) - max(kept[:3]) < 1_000_000  # the second half leaves nothing behind


def test_each_one_is_found_by_id_and_is_the_same_in_every_run() -> None:
    (one, access), (other, _) = crowded(300), crowded(300)
    for number in (0, 1, 19, 20, 299):
        key = one.world.crowd.member_id(number)
        assert key == other.world.crowd.member_id(number)
        found = get(one, access, f"/members/{key}", "fields[member]=full_name&include=user").json()
        assert found["data"]["id"] == key
        user = found["data"]["relationships"]["user"]["data"]["id"]
        assert one.world.memberships_of(user)[0].id == key
    assert get(one, access, f"/members/{one.world.crowd.member_id(300)}").status == 404


@pytest.mark.parametrize("size", [0, 1, 19, 20, 21, 57])
def test_counts_agree_with_counting(size: int) -> None:
    sandbox, _ = crowded(size)
    if size:
        act(sandbox, "member-0", "cancel_now")
        act(sandbox, f"member-{size - 1}", "pledge", tier="Gold")
    if size > 15:
        act(sandbox, "member-14", "delete")
    roll = list(sandbox.world.members_of(HOME))
    active = sum(each.patron_status == "active_patron" for each in roll)
    assert sandbox.world.patron_count(HOME) == active
    for tier in sandbox.world.campaigns[HOME].tiers:
        holders = sum(tier.id in each.tier_ids for each in roll)
        assert sandbox.world.tier_patron_count(tier.id) == holders


def test_one_of_the_crowd_can_sign_in_and_change() -> None:
    sandbox, access = crowded(100)
    before = walk(sandbox, access)
    given = tokens_for(sandbox, "member-7", scope="identity identity.memberships")
    query = "include=memberships&fields[member]=patron_status"
    [member] = get(sandbox, given["access_token"], query=query).json()["included"]
    act(sandbox, "member-7", "cancel_now")
    [after] = get(sandbox, given["access_token"], query=query).json()["included"]
    assert member["id"] == after["id"]
    assert member["attributes"] != after["attributes"]
    assert walk(sandbox, access) == before  # in the same place


def test_a_generated_member_keeps_the_history_of_the_pledge_when_it_changes() -> None:
    sandbox, _ = crowded(100)
    member = sandbox.world.member(sandbox.world.crowd.member_id(7))
    assert member is not None
    [start] = sandbox.world.history_of(member)
    act(sandbox, "member-7", "cancel_now")
    stored = sandbox.world.members[member.id]
    assert stored.history[0] == start
    assert [each.type for each in stored.history] == ["pledge_start", "pledge_delete"]


def test_a_generated_member_who_left_is_not_listed() -> None:
    sandbox, access = crowded(100)
    key = sandbox.world.crowd.member_id(14)  # free: can be deleted
    act(sandbox, "member-14", "delete")
    assert key not in walk(sandbox, access)
    assert get(sandbox, access, f"/members/{key}").status == 404
    again = {"do": "join", "user": "member-14"}
    assert control(sandbox, "POST", "members", again).status == 400


def test_pages_with_pledge_history_have_500_members() -> None:
    sandbox, access = crowded(600)
    query = (
        "include=pledge_history,pledge_history.tier&fields[pledge-event]=type,tier_title"
        "&fields[tier]=title"
    )
    page = get(sandbox, access, f"/campaigns/{HOME}/members", query).json()
    assert len(page["data"]) == 500
    events = [each for each in page["included"] if each["type"] == "pledge-event"]
    assert len(events) > 300
    assert {each["attributes"]["type"] for each in events} >= {"pledge_start", "subscription"}


@pytest.mark.parametrize("is_stored", [False, True])
def test_generated_members_who_cancelled_end_and_are_counted(is_stored: bool) -> None:
    sandbox, _ = crowded(57)
    key = sandbox.world.crowd.member_id(18)
    if is_stored:
        act(sandbox, "member-18", "change", tier="Gold")
        act(sandbox, "member-18", "cancel")
    member = sandbox.world.member(key)
    assert member is not None
    assert (member.ends, len(member.tier_ids)) == ("period", 2)
    control(sandbox, "POST", "clock", {"advance": 31 * 86400})
    member = sandbox.world.member(key)
    assert member is not None
    assert (member.patron_status, member.ends) == ("former_patron", "")
    assert (member.currently_entitled_amount_cents, len(member.tier_ids)) == (0, 1)
    roll = list(sandbox.world.members_of(HOME))
    active = sum(each.patron_status == "active_patron" for each in roll)
    assert sandbox.world.patron_count(HOME) == active


def test_a_smaller_crowd_removes_tokens_and_members_of_the_others() -> None:
    sandbox, access = crowded(100)
    given = tokens_for(sandbox, "member-70")
    act(sandbox, "member-70", "cancel_now")
    act(sandbox, "member-7", "cancel_now")
    assert control(sandbox, "POST", "crowd", {"members": 10}).status == 200
    assert control(sandbox, "GET", "members").status == 200
    assert get(sandbox, access, f"/campaigns/{HOME}/members", FIELDS).status == 200
    assert get(sandbox, given["access_token"]).status == 401
    assert refresh(sandbox, given["refresh_token"]).status == 401
    [still] = sandbox.world.memberships_of(sandbox.world.crowd.user_id(7))
    assert still.patron_status == "former_patron"  # who is still there stays as they are


@pytest.mark.parametrize("size", [-1, 10_000_001, "many", True, None])
def test_an_invalid_size_is_refused(sandbox: Sandbox, size: object) -> None:
    assert control(sandbox, "POST", "crowd", {"members": size}).status == 400

"""Unusual includes and fields: circles, long paths, addresses of other people."""

from __future__ import annotations

import pytest

from django_patreon.sandbox import Sandbox

from .client import get, tokens_for

EVERYTHING = "identity identity[email] identity.memberships"
MEMBERS = "/campaigns/4410027/members"


@pytest.fixture
def creator(sandbox: Sandbox) -> str:
    return str(tokens_for(sandbox, "creator")["access_token"])


@pytest.mark.parametrize("turns", [1, 30, 2000])
def test_a_path_may_turn_in_circles(sandbox: Sandbox, creator: str, turns: int) -> None:
    """Each turn would be four times the work, if every path were walked anew."""
    response = get(sandbox, creator, query="include=campaign" + ".tiers.campaign" * turns)
    assert response.status == 200
    kinds = [each["type"] for each in response.json()["included"]]
    assert sorted(kinds) == ["campaign", "tier", "tier", "tier", "tier"]


def test_what_leads_back_to_the_root_is_linked_there(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "gold", scope=EVERYTHING)["access_token"]
    body = get(sandbox, access, query="include=memberships.user.campaign").json()
    assert body["data"]["relationships"].keys() == {"campaign", "memberships"}
    assert [each["type"] for each in body["included"]] == ["member"]


def test_different_paths_to_one_thing_are_merged(sandbox: Sandbox, creator: str) -> None:
    query = "include=campaign.creator,campaign.tiers.campaign.benefits"
    body = get(sandbox, creator, query=query).json()
    (campaign,) = [each for each in body["included"] if each["type"] == "campaign"]
    assert campaign["relationships"].keys() == {"benefits", "creator", "tiers"}


def test_included_things_follow_the_includes(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "foreign-first", scope=EVERYTHING)["access_token"]
    query = "include=memberships.campaign,memberships.currently_entitled_tiers"
    body = get(sandbox, access, query=query).json()
    kinds = [each["type"] for each in body["included"]]
    assert kinds == ["member", "campaign", "tier", "tier"] * 2


@pytest.mark.parametrize(
    "path", ["memberships.campaign.creator", "memberships.user,memberships.campaign.creator"]
)
def test_the_address_of_another_user_is_never_shown(sandbox: Sandbox, path: str) -> None:
    access = tokens_for(sandbox, "gold", scope=EVERYTHING)["access_token"]
    body = get(sandbox, access, query=f"include={path}&fields[user]=email,full_name").json()
    assert body["data"]["attributes"]["email"] == "gold@example.org"
    (other,) = [each for each in body["included"] if each["type"] == "user"]
    assert other["attributes"] == {"full_name": "Clara Ember"}


def test_a_creator_reads_addresses_on_members_not_on_users(sandbox: Sandbox, creator: str) -> None:
    query = "include=user&fields[member]=email&fields[user]=email"
    body = get(sandbox, creator, MEMBERS, query).json()
    assert "gold@example.org" in [each["attributes"]["email"] for each in body["data"]]
    assert [each["attributes"] for each in body["included"]] == [{}] * len(body["included"])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("address", "postal_code"),
        ("benefit", "rule_type"),
        ("client", "redirect_uris"),
        ("deliverable", "due_at"),
        ("goal", "reached_at"),
        ("live", "state"),
        ("live-access-rule", "access_rule_type"),
        ("media", "download_url"),
        ("member", "note"),
        ("pledge-event", "payment_status"),
        ("post", "is_paid"),
        ("tier", "remaining"),
        ("webhook", "num_consecutive_times_failed"),
    ],
)
def test_every_type_knows_its_own_fields(sandbox: Sandbox, kind: str, name: str) -> None:
    access = tokens_for(sandbox)["access_token"]
    assert get(sandbox, access, query=f"fields[{kind}]={name}").status == 200
    wrong = get(sandbox, access, query=f"fields[{kind}]={name},pledge_sum")
    assert (wrong.status, wrong.json()["errors"][0]["code_name"]) == (400, "ParameterInvalidOnType")


@pytest.mark.parametrize("count", ["9" * 5000, "0", "-1", "x", "²"])
def test_an_invalid_count_returns_a_full_page(sandbox: Sandbox, creator: str, count: str) -> None:
    everybody = len(sandbox.world.members_of("4410027"))
    response = get(sandbox, creator, MEMBERS, f"page[count]={count}")
    assert (response.status, len(response.json()["data"])) == (200, everybody)

"""API v1: the three documents that Patreon's own libraries read."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

import pytest

from django_patreon.sandbox import Request, Response, Sandbox
from django_patreon.sandbox.world.crowd import Crowd
from django_patreon.sandbox.world.models import Member
from django_patreon.sandbox.world.start import new_crowd

from .client import AGENT, act, tokens_for

HOME = "4410027"


def ask(sandbox: Sandbox, access: str, path: str, method: str = "GET") -> Response:
    headers = {**AGENT, "Authorization": f"Bearer {access}"}
    return sandbox.handle(Request(method=method, target=f"/api/oauth2/api/{path}", headers=headers))


def test_a_patron_sees_their_pledge_and_address_by_scope(sandbox: Sandbox) -> None:
    access = tokens_for(sandbox, "gold")["access_token"]
    user = ask(sandbox, access, "current_user").json()
    assert user["data"]["attributes"]["email"] == "gold@example.org"
    assert [each["attributes"]["amount_cents"] for each in user["included"]] == [1000]
    other = Sandbox()
    least = tokens_for(other, "gold", scope="identity")["access_token"]
    assert "email" not in ask(other, least, "current_user").json()["data"]["attributes"]


def test_a_creator_sees_pledges_of_the_own_campaign_only(sandbox: Sandbox, creator: str) -> None:
    page = ask(sandbox, creator, f"campaigns/{HOME}/pledges?page[count]=3").json()
    assert len(page["data"]) == 3
    assert page["meta"]["count"] > 3
    assert "page%5Bcursor%5D" in page["links"]["next"]
    assert ask(sandbox, creator, "campaigns/5120934/pledges").status == 403
    stale = ask(sandbox, creator, f"campaigns/{HOME}/pledges?page[cursor]=x")
    assert stale.json()["errors"][0]["code"] == 3


def test_fields_can_be_sparse(sandbox: Sandbox, creator: str) -> None:
    asked = "current_user/campaigns?fields[campaign]=is_monthly&fields[reward]="
    document = ask(sandbox, creator, asked).json()
    assert document["data"][0]["attributes"] == {"is_monthly": True}
    rewards = [each for each in document["included"] if each["type"] == "reward"]
    assert [each["attributes"] for each in rewards] == [{}] * 4


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("current_user", "POST", 405),
        ("nothing", "GET", 404),
        ("current_user/campaigns", "GET", 401),
        (f"campaigns/{HOME}/pledges", "GET", 401),
    ],
)
def test_what_is_not_allowed_is_refused(
    sandbox: Sandbox, path: str, method: str, status: int
) -> None:
    access = tokens_for(sandbox, "gold")["access_token"]
    assert ask(sandbox, access, path, method).status == status


class CountingCrowd(Crowd):
    """A crowd that counts how often a member is computed."""

    computed = 0

    def member(self, number: int, now: datetime) -> Member:
        self.computed += 1
        return super().member(number, now)


def test_a_page_of_pledges_computes_its_own_members_only(sandbox: Sandbox, creator: str) -> None:
    plain = new_crowd(sandbox.world, 1_000_000)
    names = [each.name for each in fields(plain) if each.init]
    crowd = CountingCrowd(**{name: getattr(plain, name) for name in names})
    sandbox.world.resize_crowd(crowd)
    act(sandbox, "member-5", "cancel_now")
    act(sandbox, "member-14", "delete")  # free: gone for good
    crowd.computed = 0
    page = ask(sandbox, creator, f"campaigns/{HOME}/pledges").json()
    assert len(page["data"]) == 100
    assert page["meta"]["count"] > 700_000
    assert crowd.computed < 1000


def test_all_pages_of_pledges_together_are_all_pledges(sandbox: Sandbox, creator: str) -> None:
    sandbox.world.resize_crowd(new_crowd(sandbox.world, 300))
    act(sandbox, "member-5", "cancel_now")
    act(sandbox, "member-14", "delete")
    target, seen, pages = f"campaigns/{HOME}/pledges", [], 0
    while target:
        page = ask(sandbox, creator, target).json()
        seen += [each["id"] for each in page["data"]]
        pages += 1
        target = page["links"].get("next", "").partition("/api/oauth2/api/")[2]
    expected = [
        each.user_id
        for each in sandbox.world.members_of(HOME)
        if each.will_pay_amount_cents and each.patron_status != "former_patron"
    ]
    assert pages == 3
    assert seen == expected
    assert page["meta"]["count"] == len(expected)


def test_two_sandboxes_in_one_process_know_nothing_of_each_other() -> None:
    one, other = Sandbox(), Sandbox()
    access = tokens_for(one, "gold")["access_token"]
    one.advance(3600)
    one.settings.last_page = "no cursor, no links"
    assert ask(other, access, "current_user").status == 401
    assert other.world.clock.ahead_seconds == 0
    assert other.settings.last_page != one.settings.last_page
    assert other.world.people.keys() == one.world.people.keys()
    assert all(other.world.people[key] is not each for key, each in one.world.people.items())

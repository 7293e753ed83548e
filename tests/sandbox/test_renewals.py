"""Many renewals: the work grows with the number of members, and requests are answered meanwhile."""

from __future__ import annotations

import json
import sys
import threading
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.files.scenario import read_scenario

from .client import act, control

MONTH = 31 * 86400


def patrons(many: int, *, apart: int = 0) -> Sandbox:
    """A sandbox with that many more patrons, whose charges are due some seconds apart."""
    sandbox = Sandbox()
    first = sandbox.world.clock.now() + timedelta(days=20)
    members = [
        {
            "slug": f"new-{number}",
            "tiers": ["Gold"],
            "next_charge_date": (first + timedelta(seconds=apart * number)).isoformat(),
        }
        for number in range(many)
    ]
    return Sandbox(scenario=read_scenario(json.dumps({"members": members})))


def renewed(sandbox: Sandbox) -> int:
    return sum(
        each.campaign_lifetime_support_cents == 2000
        for each in sandbox.world.members.values()
        if (person := sandbox.world.person(each.user_id)) and person.slug.startswith("new-")
    )


def calls_for_a_month(sandbox: Sandbox) -> int:
    """How many Python functions are called while the clock moves forward by 31 days."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        sandbox.advance(MONTH)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("apart", [0, 7])
def test_ten_times_the_members_are_ten_times_the_work(apart: int) -> None:
    few, many = patrons(30, apart=apart), patrons(300, apart=apart)
    once = calls_for_a_month(Sandbox())
    of_few, of_many = calls_for_a_month(few) - once, calls_for_a_month(many) - once
    assert (renewed(few), renewed(many)) == (30, 300)
    assert of_many < 15 * of_few


@pytest.mark.parametrize("apart", [0, 1])
def test_requests_are_answered_between_the_charges_of_a_month(apart: int) -> None:
    sandbox = patrons(1000, apart=apart)
    moving = threading.Thread(target=sandbox.advance, args=(MONTH,))
    seen = set()
    moving.start()
    while moving.is_alive():
        assert control(sandbox, "GET", "clock").status == 200
        seen.add(renewed(sandbox))
    moving.join()
    assert seen - {0, 1000}  # a request was answered when some had renewed, and others had not
    assert renewed(sandbox) == 1000


def test_a_date_that_an_action_has_changed_is_the_one_that_counts(sandbox: Sandbox) -> None:
    act(sandbox, "gold", "cancel")
    act(sandbox, "gold", "change", tier="Gold")
    sandbox.advance(17 * 86400)
    act(sandbox, "gold", "pay")
    sandbox.advance(29 * 86400)  # the charge that was due on day 18 does not come as well
    gold = sandbox.world.person_called("gold")
    assert gold is not None
    [member] = sandbox.world.memberships_of(gold.id)
    assert member.campaign_lifetime_support_cents == 10_000

"""How memberships change, by actions of people and by time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.pledges.actions import ACTIONS

from .client import act, control, get, send, send_all, tokens_for, webhook_body
from .conftest import Receiver

DAY = 86400


def member_of(sandbox: Sandbox, slug: str) -> Any:
    person = sandbox.world.person_called(slug)
    assert person is not None
    return sandbox.world.membership(person.id, "4410027")


def pass_days(sandbox: Sandbox, days: float) -> None:
    assert control(sandbox, "POST", "clock", {"advance": days * DAY}).status == 200


def standing(sandbox: Sandbox, slug: str) -> tuple[Any, ...]:
    member = member_of(sandbox, slug)
    titles = sorted(sandbox.world.tiers[key].title for key in member.tier_ids)
    return (member.patron_status, member.last_charge_status, titles)


def test_a_pledge_renews_every_month(sandbox: Sandbox) -> None:
    before = member_of(sandbox, "gold").campaign_lifetime_support_cents
    pass_days(sandbox, 18.5)
    gold = member_of(sandbox, "gold")
    assert standing(sandbox, "gold") == ("active_patron", "Paid", ["Free", "Gold"])
    assert gold.campaign_lifetime_support_cents == before + 1000
    pass_days(sandbox, 60)
    assert gold.campaign_lifetime_support_cents == before + 3000
    assert [each.type for each in gold.history][-3:] == ["subscription"] * 3


def test_a_year_is_charged_once_in_a_year(sandbox: Sandbox) -> None:
    annual = member_of(sandbox, "gold-annual")
    pass_days(sandbox, 270)
    assert annual.campaign_lifetime_support_cents == 12000
    pass_days(sandbox, 10)
    assert annual.campaign_lifetime_support_cents == 24000


def test_a_card_that_declines_is_tried_and_then_opens_nothing(sandbox: Sandbox) -> None:
    act(sandbox, "gold", "decline")
    assert standing(sandbox, "gold") == ("declined_patron", "Declined", ["Free", "Gold"])
    pass_days(sandbox, 15)
    assert standing(sandbox, "gold") == ("declined_patron", "Declined", [])
    act(sandbox, "gold", "pay")
    assert standing(sandbox, "gold") == ("active_patron", "Paid", ["Free", "Gold"])


def test_a_declined_card_may_lose_its_tiers_at_once(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "settings", {"declined_keeps_tiers": False})
    act(sandbox, "gold", "decline")
    assert standing(sandbox, "gold") == ("declined_patron", "Declined", [])


def test_a_cancelled_member_stays_entitled_until_the_period_ends(sandbox: Sandbox) -> None:
    act(sandbox, "gold", "cancel")
    assert standing(sandbox, "gold") == ("former_patron", "Paid", ["Free", "Gold"])
    assert member_of(sandbox, "gold").will_pay_amount_cents == 0
    pass_days(sandbox, 19)
    assert standing(sandbox, "gold") == ("former_patron", "Paid", ["Free"])


def test_cancelling_leads_to_the_state_of_the_person_called_cancelled(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "crowd", {"members": 20})
    act(sandbox, "silver", "cancel")
    acted, seeded = member_of(sandbox, "silver"), member_of(sandbox, "cancelled")
    generated = sandbox.world.member(sandbox.world.crowd.member_id(18))
    assert generated is not None
    assert standing(sandbox, "silver") == standing(sandbox, "cancelled")
    for each in (acted, seeded, generated):
        assert (each.patron_status, each.ends) == ("former_patron", "period")
        assert each.will_pay_amount_cents == 0
        assert each.currently_entitled_amount_cents


def test_the_status_of_the_cancelled_is_a_setting(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "settings", {"cancelled_status": "active_patron"})
    act(sandbox, "gold", "cancel")
    assert standing(sandbox, "gold") == ("active_patron", "Paid", ["Free", "Gold"])
    pass_days(sandbox, 19)
    assert standing(sandbox, "gold") == ("former_patron", "Paid", ["Free"])


def test_a_cancelled_member_changes_tier_and_renews(sandbox: Sandbox) -> None:
    act(sandbox, "gold", "cancel")
    again = {"do": "cancel", "user": "gold"}
    assert control(sandbox, "POST", "members", again).status == 400
    act(sandbox, "gold", "change", tier="Silver")
    assert standing(sandbox, "gold") == ("active_patron", "Paid", ["Free", "Silver"])
    pass_days(sandbox, 19)
    assert standing(sandbox, "gold") == ("active_patron", "Paid", ["Free", "Silver"])


def test_cancelling_at_once_leads_to_the_state_of_the_observed_webhook(sandbox: Sandbox) -> None:
    act(sandbox, "gold", "cancel_now")
    assert standing(sandbox, "gold") == ("former_patron", "Deleted", [])


def test_a_gift_ends(sandbox: Sandbox) -> None:
    act(sandbox, "stranger", "gift", tier="Silver", days=10)
    gifted = member_of(sandbox, "stranger")
    assert (gifted.is_gifted, gifted.currently_entitled_amount_cents) == (True, 0)
    assert standing(sandbox, "stranger") == ("active_patron", None, ["Free", "Silver"])
    pass_days(sandbox, 11)
    assert (gifted.is_gifted, gifted.patron_status) == (False, "former_patron")


def test_a_trial_becomes_a_pledge_or_ends(sandbox: Sandbox) -> None:
    act(sandbox, "stranger", "trial", tier="Silver")
    assert member_of(sandbox, "stranger").is_free_trial
    pass_days(sandbox, 8)
    assert standing(sandbox, "stranger") == ("active_patron", "Paid", ["Free", "Silver"])
    trial = member_of(sandbox, "trial")
    assert (trial.is_free_trial, trial.patron_status) == (False, "active_patron")


def test_a_pending_charge_is_paid(sandbox: Sandbox) -> None:
    assert standing(sandbox, "pending")[1] == "Pending"
    pass_days(sandbox, 3)
    assert standing(sandbox, "pending") == ("active_patron", "Paid", ["Bronze", "Free"])


def test_a_pledge_can_move_up_and_down(sandbox: Sandbox) -> None:
    act(sandbox, "silver", "change", tier="Gold")
    assert standing(sandbox, "silver")[2] == ["Free", "Gold"]
    act(sandbox, "silver", "change", tier="9100001")
    history = member_of(sandbox, "silver").history
    assert [each.type for each in history[-2:]] == ["pledge_upgrade", "pledge_downgrade"]


def test_a_refund_takes_the_payment_back(sandbox: Sandbox) -> None:
    before = member_of(sandbox, "gold").campaign_lifetime_support_cents
    act(sandbox, "gold", "refund")
    assert standing(sandbox, "gold") == ("former_patron", "Refunded", ["Free"])
    assert member_of(sandbox, "gold").campaign_lifetime_support_cents == before - 1000


def test_leaving_removes_only_members_who_never_paid(sandbox: Sandbox) -> None:
    assert act(sandbox, "free", "delete") is None
    assert member_of(sandbox, "free") is None
    assert act(sandbox, "gold", "delete")["patron_status"] == "former_patron"


@pytest.mark.parametrize(
    ("slug", "days", "before", "after"),
    [
        ("gold", 19, ("active_patron", "Paid"), ("declined_patron", "Declined", ["Free", "Gold"])),
        (
            "pending",
            3,
            ("active_patron", "Pending"),
            ("declined_patron", "Declined", ["Bronze", "Free"]),
        ),
        ("trial", 6, ("active_patron", None), ("former_patron", None, ["Free"])),
    ],
)
def test_a_card_that_declines_when_it_is_charged(
    sandbox: Sandbox, slug: str, days: int, before: Any, after: Any
) -> None:
    member = member_of(sandbox, slug)
    paid = member.campaign_lifetime_support_cents
    member.card_declines = True
    assert standing(sandbox, slug)[:2] == before  # until it is charged
    pass_days(sandbox, days)
    assert standing(sandbox, slug) == after
    assert member.campaign_lifetime_support_cents == paid


def test_a_renewal_that_declines_is_sent_and_tried_again_for_two_weeks(
    sandbox: Sandbox, creator: str, receiver: Receiver
) -> None:
    send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri))
    member_of(sandbox, "gold").card_declines = True
    pass_days(sandbox, 19)
    person = sandbox.world.person_called("gold").id
    mine = [
        each.document["data"]["attributes"]["last_charge_status"]
        for each in receiver.received
        if each.document["data"]["relationships"]["user"]["data"]["id"] == person
    ]
    assert mine == ["Declined"]
    assert member_of(sandbox, "gold").history[-1].pledge_payment_status == "declined"
    pass_days(sandbox, 14)
    assert standing(sandbox, "gold") == ("declined_patron", "Declined", [])


def test_a_cancelled_gift_is_no_deleted_pledge(
    sandbox: Sandbox, creator: str, receiver: Receiver
) -> None:
    send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri))
    act(sandbox, "gifted", "cancel")
    act(sandbox, "stranger", "gift", tier="Gold")
    act(sandbox, "stranger", "cancel_now")
    act(sandbox, "free", "delete")
    send_all(sandbox)
    assert "members:pledge:delete" not in receiver.events
    act(sandbox, "gold", "cancel")
    send_all(sandbox)
    assert receiver.events[-2:] == ["members:pledge:delete", "members:update"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"do": "sneeze", "user": "gold"},
        {"do": "pay", "user": "nobody"},
        {"do": "pay", "user": 7},
        {"do": "pay", "user": "stranger"},
        {"do": "join", "user": "gold"},
        {"do": "join", "user": "creator"},
        {"do": "join", "user": "stranger", "campaign": "1"},
        {"do": "join", "user": "stranger", "campaign": []},
        {"do": "pledge", "user": "gold"},
        {"do": "pledge", "user": "gold", "tier": "Tin"},
        {"do": "pledge", "user": "gold", "tier": "Free"},
        {"do": "pledge", "user": "gold", "tier": ["Gold"]},
        {"do": "pledge", "user": "gold", "tier": "Gold", "cadence": 3},
        {"do": "gift", "user": "gold", "tier": "Gold", "days": 0},
        {"do": "gift", "user": "gold", "tier": "Gold", "days": "x"},
        {"do": "change", "user": "free", "tier": "Gold"},
    ],
)
def test_an_impossible_action_is_refused_with_a_reason(sandbox: Sandbox, given: Any) -> None:
    before = control(sandbox, "GET", "members").json()
    response = control(sandbox, "POST", "members", given)
    assert (response.status, bool(response.json()["error"])) == (400, True)
    assert control(sandbox, "GET", "members").json() == before


def test_a_new_person_can_pledge_and_sign_in(sandbox: Sandbox) -> None:
    assert (
        control(sandbox, "POST", "people", {"slug": "zoe", "full_name": "Zoe Park"}).status == 200
    )
    act(sandbox, "zoe", "pledge", tier="Gold", cadence=12)
    access = tokens_for(sandbox, "zoe")["access_token"]
    assert get(sandbox, access, query="fields[user]=full_name").json()["data"]["attributes"] == {
        "full_name": "Zoe Park"
    }
    for body in ({"slug": "zoe"}, {"slug": ""}, {"slug": "a b"}, {}, {"slug": "x", "full_name": 7}):
        assert control(sandbox, "POST", "people", body).status == 400


deeds = st.lists(
    st.tuples(
        st.sampled_from(sorted(ACTIONS)),
        st.sampled_from(["gold", "stranger", "free", "trial", "declined", "member-5", "two-tiers"]),
        st.sampled_from(["Bronze", "Gold"]),
        st.integers(0, 40),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(deeds)
def test_no_actions_lead_to_an_impossible_state(deeds: Any) -> None:
    sandbox = Sandbox()
    control(sandbox, "POST", "crowd", {"members": 20})
    for what, who, tier, days in deeds:
        response = control(sandbox, "POST", "members", {"do": what, "user": who, "tier": tier})
        assert response.status in (200, 400)
        pass_days(sandbox, days)
        now = sandbox.world.clock.now()
        for member in sandbox.world.members_of("4410027"):
            assert member.campaign_lifetime_support_cents >= 0
            assert len(member.tier_ids) == len(set(member.tier_ids))
            assert not (member.is_gifted and member.is_free_trial)
            assert not member.ends_at or member.ends_at > now
            if member.patron_status == "former_patron":
                assert not member.will_pay_amount_cents
                assert not member.is_gifted

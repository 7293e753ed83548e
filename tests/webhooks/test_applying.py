"""What a delivery changes: in any order, again and again, with a token of the creator and
without."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_patreon import access, webhooks
from django_patreon.models import (
    Campaign,
    Membership,
    MembershipEvent,
    WebhookDelivery,
)
from django_patreon.sandbox.ids import GOLD, HOME
from tests.dance import Dance
from tests.sandbox.client import act, control

from .conftest import Robot, deliver, sample, status_of

Apply = Callable[[], webhooks.Applied]
State = WebhookDelivery.State
MEMBER = json.loads(sample("members_pledge_create"))["data"]["id"]
API = "/api/oauth2/v2/members/"


def looks(dance: Dance) -> int:
    return sum(each["path"].startswith(API) for each in dance.sandbox.journal)


class TestAConnectedCampaign:
    def test_the_gate_follows(self, hooked: Dance, robot: Robot, applied: Apply) -> None:
        hooked.sign_in("bronze")
        user = hooked.user
        assert not access.check(user, tier=GOLD)
        act(hooked.sandbox, "bronze", "change", tier="Gold")
        deliver(hooked, robot)
        applied()
        assert access.check(user, tier=GOLD)
        act(hooked.sandbox, "bronze", "change", tier="Silver")
        deliver(hooked, robot)
        applied()
        assert not access.check(user, tier=GOLD)
        assert MembershipEvent.objects.first().source == "webhook"

    def test_the_body_is_not_believed(self, hooked: Dance, robot: Robot, applied: Apply) -> None:
        """Patreon is asked: a body may be weeks old."""
        hooked.sign_in("gold")
        person = hooked.sandbox.world.person_called("gold")
        [member] = hooked.sandbox.world.memberships_of(person.id)
        document = json.loads(sample("members_pledge_delete"))
        document["data"]["id"] = member.id
        document["data"]["relationships"]["user"]["data"]["id"] = person.id
        for event in ("members:pledge:delete", "members:delete", "members:update"):
            assert robot.send(json.dumps(document).encode(), event) == 200
        assert applied().done == 3
        assert access.check(hooked.user, tier=GOLD)

    def test_fifty_events_in_a_burst_cost_one_call(
        self, hooked: Dance, robot: Robot, applied: Apply
    ) -> None:
        for cents in range(50):
            robot.send_sample(
                "members_pledge_create", "members:update", will_pay_amount_cents=cents
            )
        before = looks(hooked)
        assert applied() == webhooks.Applied(done=50, looks=1)
        assert looks(hooked) == before + 1

    def test_replays_change_nothing(self, hooked: Dance, robot: Robot, applied: Apply) -> None:
        act(hooked.sandbox, "silver", "decline")
        queue = [each for hook in hooked.sandbox.world.hooks.values() for each in hook.queue]
        deliver(hooked, robot)
        applied()
        events = MembershipEvent.objects.count()
        before = looks(hooked)
        for _ in range(100):
            for each in queue:
                hook = hooked.sandbox.world.hooks[each.hook_id]
                assert robot.send(each.body.encode(), each.event, secret=hook.secret) == 200
        assert applied().done == 0  # within seconds of the last look
        assert MembershipEvent.objects.count() == events
        assert looks(hooked) == before
        assert_known_is_true(hooked)

    def test_the_same_state_twice_is_looked_at_twice(
        self, hooked: Dance, robot: Robot, applied: Apply, time_machine_at: Any
    ) -> None:
        """Gold, Silver and Gold again within a month: the first body and the third are the same."""
        hooked.sign_in("gold")
        for tier in ("Silver", "Gold", "Silver", "Gold"):
            act(hooked.sandbox, "gold", "change", tier=tier)
            deliver(hooked, robot)
            time_machine_at(seconds=10)
            applied()
            assert_known_is_true(hooked)
        assert access.check(hooked.user, tier=GOLD)

    def test_a_member_who_is_deleted_is_ended(
        self, hooked: Dance, robot: Robot, applied: Apply
    ) -> None:
        call_command("patreon_sync", verbosity=0)
        person = hooked.sandbox.world.person_called("free")
        [member] = hooked.sandbox.world.memberships_of(person.id)
        act(hooked.sandbox, "free", "delete")
        assert deliver(hooked, robot)
        applied()
        row = Membership.objects.get(patreon_id=member.id)
        assert (row.patron_status, list(row.tiers.all())) == (None, [])

    @pytest.mark.parametrize("kind", ["http_503_html", "timeout", "http_429"])
    def test_while_patreon_is_in_trouble_it_waits_and_is_tried_again(
        self, hooked: Dance, robot: Robot, applied: Apply, time_machine_at: Any, kind: str
    ) -> None:
        act(hooked.sandbox, "stranger", "pledge", tier="Gold")
        deliver(hooked, robot)
        for _ in range(9):
            hooked.order(kind, path=API, times=9)
        first = applied()
        assert first.put_off
        assert not first.done
        # Until Patreon answers, what was delivered counts.
        person = hooked.sandbox.world.person_called("stranger")
        [member] = hooked.sandbox.world.memberships_of(person.id)
        assert status_of(member.id) == "active_patron"
        assert applied() == webhooks.Applied()
        hooked.sandbox.faults.clear()
        time_machine_at(hours=1)
        assert applied().looks == 1
        assert_known_is_true(hooked)

    def test_a_limit_is_no_failure_of_those_that_wait(
        self, hooked: Dance, robot: Robot, applied: Apply, time_machine_at: Any
    ) -> None:
        """On the first of a month thousands come at once, and few can be looked at in a minute."""
        members = list(hooked.sandbox.world.members_of(HOME))[:5]
        for each in members:
            document = json.loads(sample("members_pledge_create"))
            document["data"]["id"] = each.id
            robot.send(json.dumps(document).encode(), "members:update")
        hooked.order("http_429", path=API, times=len(members))
        assert applied() == webhooks.Applied(put_off=len(members))
        assert Membership.objects.count() == len(members)  # the bodies count
        for minutes in range(1, 12):
            time_machine_at(hours=2 * minutes)
            hooked.order("http_429", path=API, times=1)
            before = looks(hooked)
            assert applied().put_off == 1
            assert looks(hooked) == before + 1  # and not one for each
        time_machine_at(hours=30)
        assert applied().looks == len(members)
        assert_known_is_true(hooked)

    def test_what_cannot_be_applied_fails_in_the_end_and_can_be_replayed(
        self, hooked: Dance, robot: Robot, applied: Apply, time_machine_at: Any
    ) -> None:
        robot.send_sample("members_pledge_create", "members:update")
        hooked.order("http_503_html", path=API, times=10_000)
        for hours in range(12):
            time_machine_at(hours=4 * hours)
            applied()
        delivery = WebhookDelivery.objects.get()
        assert (delivery.state, delivery.attempts) == (State.FAILED, 8)
        assert "503" in delivery.error
        hooked.sandbox.faults.clear()
        assert webhooks.replay(failed=True) == 1
        assert applied().done == 1

    def test_one_whose_worker_was_killed_is_taken_over(
        self, hooked: Dance, robot: Robot, applied: Apply, time_machine_at: Any
    ) -> None:
        robot.send_sample("members_pledge_create", "members:update")
        WebhookDelivery.objects.update(
            state=State.WORKING, lease="dead", due_at=timezone.now() + timedelta(minutes=2)
        )
        assert applied() == webhooks.Applied()
        time_machine_at(minutes=3)
        assert applied().done == 1

    def test_one_that_comes_again_while_it_is_applied_leads_to_another_look(
        self, hooked: Dance, robot: Robot, applied: Apply, time_machine_at: Any
    ) -> None:
        """T24 (e): the first look may have been before the change that the second tells of."""
        robot.send_sample("members_pledge_create", "members:update")

        def in_the_middle(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("UPDATE") and "applied_at" in sql:
                robot.send_sample("members_pledge_create", "members:update")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(in_the_middle):
            assert applied().looks == 1
        assert WebhookDelivery.objects.get().state == State.WAITING
        time_machine_at(seconds=10)
        assert applied().looks == 1
        assert WebhookDelivery.objects.get().state == State.DONE

    def test_one_that_failed_is_tried_when_it_comes_again(
        self, hooked: Dance, robot: Robot, applied: Apply
    ) -> None:
        robot.send_sample("members_pledge_create", "members:update")
        WebhookDelivery.objects.update(state=State.FAILED, attempts=8)
        robot.send_sample("members_pledge_create", "members:update")
        assert applied().done == 1
        assert WebhookDelivery.objects.get().attempts == 1

    def test_a_hundred_repetitions_leave_a_failure_its_attempts(
        self, hooked: Dance, robot: Robot, applied: Apply, time_machine_at: Any
    ) -> None:
        for _ in range(100):
            robot.send_sample("members_pledge_create", "members:update")
            WebhookDelivery.objects.update(due_at=timezone.now())
            assert applied().done == 1
        robot.send_sample("members_pledge_create", "members:update")
        hooked.order("http_503_html", path=API, times=10)
        time_machine_at(seconds=10)
        assert applied().put_off == 1
        assert WebhookDelivery.objects.get().attempts == 1

    def test_one_whose_workers_are_killed_each_time_is_given_up(
        self, hooked: Dance, robot: Robot, applied: Apply
    ) -> None:
        robot.send_sample("members_pledge_create", "members:update")
        for attempts in (8, 30):
            WebhookDelivery.objects.update(
                state=State.WORKING, lease="dead", due_at=timezone.now(), attempts=attempts
            )
            assert applied().failed == 1
            assert WebhookDelivery.objects.get().state == State.FAILED

    @settings(
        max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["pledge", "change", "cancel", "cancel_now", "decline", "pay"]),
                st.sampled_from(["gold", "silver", "stranger", "former"]),
                st.sampled_from(["Bronze", "Gold"]),
            ),
            max_size=12,
        ),
        # One draw, whatever the sandbox has come to in earlier examples.
        st.integers(0, 2**32).map(random.Random),
    )
    def test_in_any_order_and_twice_the_end_is_what_patreon_says(
        self, hooked: Dance, robot: Robot, acts: Any, chance: random.Random
    ) -> None:
        for do, user, tier in acts:
            from_control(hooked, {"user": user, "do": do, "tier": tier})

        def order(queue: list[Any]) -> list[Any]:
            return chance.sample(queue * 2, len(queue) * 2)

        deliver(hooked, robot, order)
        webhooks.apply_waiting()
        assert_known_is_true(hooked)


class TestACampaignThatIsNotConnected:
    def test_the_body_counts(self, robot: Robot, ours: Campaign, applied: Apply) -> None:
        robot.send_sample("members_pledge_create", "members:pledge:create")
        assert applied() == webhooks.Applied(done=1)
        row = Membership.objects.get(patreon_id=MEMBER)
        assert row.patron_status == "active_patron"
        assert row.tiers.exists()
        assert row.seen_by == "webhook"

    def test_the_member_is_not_confused_with_the_person(
        self, robot: Robot, ours: Campaign, applied: Apply
    ) -> None:
        """T24 (c), (d)."""
        document = json.loads(sample("members_pledge_create"))
        robot.send_sample("members_pledge_create", "members:pledge:create")
        applied()
        row = Membership.objects.get()
        assert row.patreon_id == document["data"]["id"]
        assert row.patreon_user_id == document["data"]["relationships"]["user"]["data"]["id"]

    def test_a_body_without_tiers_address_and_includes_is_enough(
        self, robot: Robot, ours: Campaign, applied: Apply
    ) -> None:
        """T24 (f): what is missing says nothing."""
        robot.send_sample("members_pledge_create", "members:pledge:create")
        applied()
        document = json.loads(sample("members_pledge_create"))
        del document["included"], document["data"]["relationships"]["currently_entitled_tiers"]
        document["data"]["attributes"] = {"patron_status": "active_patron"}
        robot.send(json.dumps(document).encode(), "members:update")
        assert applied().done == 1
        row = Membership.objects.get()
        assert row.currently_entitled_amount_cents == 1000
        assert row.tiers.exists()

    def test_a_pledge_whose_card_was_declined_opens_nothing(
        self, robot: Robot, ours: Campaign, applied: Apply
    ) -> None:
        """T24 (g): the state decides, and not the name of the event."""
        body = sample(
            "members_update_declined_no_access",
        )
        assert robot.send(body, "members:pledge:create") == 200
        applied()
        row = Membership.objects.get()
        assert (row.patron_status, row.currently_entitled_amount_cents) == ("declined_patron", 0)

    def test_an_older_body_does_not_undo_a_later_charge(
        self, robot: Robot, ours: Campaign, applied: Apply
    ) -> None:
        old, new = "2026-06-06T07:00:00.000+00:00", "2026-07-06T07:00:00.000+00:00"
        robot.send_sample("members_pledge_create", "members:update", last_charge_date=new)
        robot.send_sample("members_pledge_delete", "members:pledge:delete", last_charge_date=old)
        applied()
        documents = [json.loads(sample(f"members_pledge_{each}")) for each in ("create", "delete")]
        if len({each["data"]["id"] for each in documents}) == 1:
            assert status_of(MEMBER) == "active_patron"
        assert Membership.objects.get(patreon_id=MEMBER).last_charge_status == "Paid"

    def test_a_repetition_does_not_undo_what_came_after(
        self, robot: Robot, ours: Campaign, applied: Apply, time_machine_at: Any
    ) -> None:
        robot.send_sample("members_pledge_create", "members:pledge:create")
        applied()
        robot.send_sample(
            "members_pledge_create",
            "members:update",
            patron_status="former_patron",
            currently_entitled_amount_cents=0,
        )
        applied()
        time_machine_at(minutes=1)
        robot.send_sample("members_pledge_create", "members:pledge:create")
        applied()
        assert status_of(MEMBER) == "former_patron"

    def test_a_replayed_body_under_another_event_takes_nothing_away(
        self, robot: Robot, ours: Campaign, applied: Apply
    ) -> None:
        robot.send_sample("members_pledge_create", "members:pledge:create")
        robot.send_sample("members_pledge_create", "members:delete")
        applied()
        assert status_of(MEMBER) == "active_patron"
        assert Membership.objects.get(patreon_id=MEMBER).tiers.exists()

    def test_a_free_member_who_is_deleted_is_ended(
        self, robot: Robot, ours: Campaign, applied: Apply
    ) -> None:
        key = json.loads(sample("members_delete"))["data"]["id"]
        robot.send_sample("members_delete", "members:create")
        applied()
        robot.send_sample("members_delete", "members:delete")
        applied()
        assert not Membership.objects.get(patreon_id=key).tiers.exists()

    def test_a_body_that_says_nothing_does_not_stop_the_others(
        self, robot: Robot, ours: Campaign, applied: Apply
    ) -> None:
        document = json.loads(sample("members_pledge_create"))
        document["data"]["type"] = "user"
        robot.send(json.dumps(document).encode(), "members:create")
        robot.send_sample("members_pledge_create", "members:pledge:create")
        assert applied() == webhooks.Applied(done=1, ignored=1)
        assert status_of(MEMBER) == "active_patron"
        useless = WebhookDelivery.objects.get(event="members:create")
        assert (useless.state, useless.applied_at) == (State.IGNORED, None)

    @pytest.mark.parametrize("campaign", ["unknown", "not ours"])
    def test_another_campaign_is_left_alone(
        self, robot: Robot, ours: Campaign, applied: Apply, campaign: str
    ) -> None:
        if campaign == "unknown":
            ours.delete()
        else:
            Campaign.objects.update(is_ours=False)
        robot.send_sample("members_pledge_create", "members:pledge:create")
        assert applied() == webhooks.Applied(ignored=1)
        assert not Membership.objects.exists()

    @pytest.mark.parametrize(
        "values",
        [
            {"patron_status": 7, "last_charge_status": []},
            {"currently_entitled_amount_cents": "many", "pledge_cadence": {}},
            {"currently_entitled_amount_cents": 10**30, "will_pay_amount_cents": -(10**30)},
            {"full_name": "x" * 10_000, "note": "\0\ud800", "email": "a" * 300 + "@b.c"},
            {"full_name": "🐙" * 300, "patron_status": "new_word_of_theirs"},
            {"last_charge_date": "soon", "next_charge_date": 5, "is_gifted": "yes"},
            {"last_charge_date": "9999-12-31T23:59:59+00:00"},
        ],
    )
    def test_wrong_values_end_in_a_whole_row(
        self, robot: Robot, ours: Campaign, applied: Apply, values: dict[str, Any]
    ) -> None:
        robot.send_sample("members_pledge_create", "members:update", **values)
        assert applied().done == 1
        assert Membership.objects.filter(patreon_id=MEMBER).exists()


class TestOldDeliveries:
    def test_bodies_are_emptied_and_rows_deleted_by_age(
        self, robot: Robot, ours: Campaign, applied: Apply, time_machine_at: Any
    ) -> None:
        robot.send_sample("members_pledge_create", "members:pledge:create")
        applied()
        assert webhooks.prune() == (0, 0)
        time_machine_at(days=31)
        assert webhooks.prune() == (1, 0)
        delivery = WebhookDelivery.objects.get()
        assert (bytes(delivery.body), delivery.person_id) == (b"", "")
        robot.send_sample("members_pledge_create", "members:pledge:create")
        assert WebhookDelivery.objects.get().times == 2
        time_machine_at(days=500)
        webhooks.prune()
        assert WebhookDelivery.objects.exists()  # it waits again
        applied()
        assert webhooks.prune() == (0, 1)

    def test_a_person_can_be_forgotten(self, robot: Robot, ours: Campaign, applied: Apply) -> None:
        robot.send_sample("members_pledge_create", "members:pledge:create")
        applied()
        person = json.loads(sample("members_pledge_create"))
        key = person["data"]["relationships"]["user"]["data"]["id"]
        call_command("patreon_erase", key, verbosity=0)
        assert bytes(WebhookDelivery.objects.get().body) == b""
        assert key not in str(list(WebhookDelivery.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_the_tick_applies_what_waits(hooked: Dance, robot: Robot, capsys: Any) -> None:
    robot.send_sample("members_pledge_create", "members:update")
    call_command("patreon_tick")
    assert "1 deliveries applied" in capsys.readouterr().out


def from_control(dance: Dance, given: dict[str, Any]) -> None:
    """Do something in the sandbox, as far as that person can."""
    assert control(dance.sandbox, "POST", "members", given).status in (200, 400)


def assert_known_is_true(dance: Dance) -> None:
    """Is all that the site knows what Patreon says?"""
    there = {each.id: each for each in dance.sandbox.world.members_of(HOME)}
    for row in Membership.objects.filter(campaign_id=HOME):
        member = there.get(row.patreon_id)
        if member is not None:
            assert row.patron_status == member.patron_status
            assert set(row.tiers.values_list("patreon_id", flat=True)) == set(member.tier_ids)

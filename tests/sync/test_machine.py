"""Any mix of events ends, after one clean sync, exactly at what Patreon says.

TEST_THOROUGHLY=1 tries more and longer mixes.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_patreon import sync, webhooks
from django_patreon.models import (
    Campaign,
    Membership,
    PatreonAccount,
    SyncPage,
    SyncRun,
    WebhookDelivery,
)
from django_patreon.sandbox import Request, Sandbox
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.webhooks.queue import TRIGGERS, new_webhook, signature
from tests.dance import Dance, wire
from tests.sync.test_campaign import CREATORS_SCOPES, FAULTS, MEMBERS, assert_true, remove, truth

THOROUGHLY = bool(os.environ.get("TEST_THOROUGHLY"))
PEOPLE = ["gold", "silver", "bronze", "stranger", "declined", "former", "free"]
PLEDGES = ["join", "pledge", "change", "cancel", "cancel_now", "decline", "pay", "gift", "delete"]
TIERS = ["Bronze", "Silver", "Gold"]

people = st.sampled_from(PEOPLE)
page_sizes = st.sampled_from([3, 8, 50])
pages = st.integers(1, 4)
chances = st.integers(0, 2**32).map(random.Random)
Act = tuple[str, str, str]
acts = st.tuples(
    st.sampled_from([*PLEDGES, "remove", "sign in", "check"]), people, st.sampled_from(TIERS)
)


class Killed(BaseException):
    """What ends a sync where it is, as the end of its process does."""


class CampaignMachine(RuleBasedStateMachine):
    """A site, its Patreon, and what may happen to both."""

    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox(url="https://www.patreon.com")
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.mock = responses.RequestsMock(assert_all_requests_are_fired=False)
        self.mock.start()
        wire(self.mock, self.sandbox)
        self.travels: list[time_machine.travel] = []
        self.amounts: dict[str, int | None] = {}
        """By the id of each member: the amount that Patreon said first."""
        self.unsteady: set[str] = set()
        """Members whose amount has changed, or who were not listed for a while."""

    def teardown(self) -> None:
        try:
            if Campaign.objects.filter(patreon_id=HOME).exists():
                self.one_clean_sync_finds_the_truth()
        finally:
            self.mock.stop(allow_assert=False)
            for each in reversed(self.travels):
                each.stop()
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def one_clean_sync_finds_the_truth(self) -> None:
        self.sandbox.faults.clear()
        self.let_leases_end()
        if SyncRun.objects.exclude(place=None).exists():
            # One that goes on does not read again what an earlier process has read.
            self.sync(page_size=50)
        done = self.sync(page_size=8, force=True)
        assert done.complete, done.message
        assert_true(self.sandbox)
        assert done.seen == done.total == len(truth(self.sandbox))
        self.campaign.refresh_from_db()
        again = self.sync(page_size=50)
        assert (again.added, again.changed, again.demoted) == (0, 0, 0), again
        assert again.complete, again.message
        assert_true(self.sandbox)

    # -- what happens

    @initialize(members=st.integers(0, 15))
    def connect(self, members: int) -> None:
        self.resize(members)
        self.sign_in("creator", scopes=CREATORS_SCOPES)
        self.sandbox.settings.webhook_hold = True
        self.hook = new_webhook(
            self.sandbox.world, HOME, "http://localhost/patreon/webhook/", [*TRIGGERS], "portal"
        )
        self.sent: list[Any] = []

    @rule(act=acts)
    def somebody_does_something(self, act: Act) -> None:
        self.act(act)

    @rule(members=st.integers(0, 15))
    def many_come_or_go(self, members: int) -> None:
        self.resize(members)

    @rule(chance=chances, repeats=st.booleans())
    def deliveries_come_in_any_order(self, chance: Any, repeats: bool) -> None:
        """Some are late, some come twice, and some that came long ago come again."""
        queue = self.hook.queue
        now = chance.sample(queue, chance.randint(0, len(queue)))
        again = chance.sample(self.sent, min(3, len(self.sent))) if repeats else []
        self.deliver(now, again)

    def deliver(self, now: list[Any], again: Iterable[Any] = ()) -> None:
        self.sent += now
        self.hook.queue = [each for each in self.hook.queue if each not in now]
        for each in [*now, *again]:
            body = each.body.encode()
            with override_settings(PATREON={"WEBHOOK_SECRETS": [self.hook.secret]}):
                answer = Client().post(
                    "/patreon/webhook/",
                    body,
                    content_type="application/json",
                    headers={
                        "X-Patreon-Event": each.event,
                        "X-Patreon-Signature": signature(self.hook.secret, each.body),
                    },
                )
            assert answer.status_code == 200

    @rule()
    def deliveries_are_applied(self) -> None:
        webhooks.apply_waiting()

    @rule(chance=chances)
    def when_all_has_come_and_is_applied_it_is_true(self, chance: Any) -> None:
        """No sync is needed for the members whom these deliveries are about."""
        now = [*self.hook.queue]
        self.deliver(chance.sample(now, len(now)))
        self.apply_all()
        there = truth(self.sandbox)
        for key in {json.loads(each.body)["data"]["id"] for each in now}:
            row = Membership.objects.filter(patreon_id=key).first()
            if key in there:
                assert row is not None
                held = set(row.tiers.values_list("patreon_id", flat=True))
                assert (row.patron_status, held) == (
                    there[key].patron_status,
                    set(there[key].tier_ids),
                )
            elif row is not None:
                assert (row.patron_status, row.tiers.count()) == (None, 0)

    @rule(act=acts)
    def somebody_does_something_just_after_a_look(self, act: Act) -> None:
        """Its delivery comes before the ones that led to the look are marked as done."""
        acted: list[bool] = []

        def between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if not acted and "UPDATE" in sql and "webhookdelivery" in sql and "applied_at" in sql:
                acted.append(True)
                self.act(act)
                self.deliver([*self.hook.queue])
            return execute(sql, params, many, context)

        self.deliver([*self.hook.queue])
        with connection.execute_wrapper(between):
            webhooks.apply_waiting()
        self.when_all_has_come_and_is_applied_it_is_true(random.Random(0))

    def apply_all(self) -> None:
        """As if it were hours later."""
        for _ in range(9):
            waiting = WebhookDelivery.objects.filter(state__in=("waiting", "working"))
            waiting.update(due_at=timezone.now() - timedelta(seconds=1))
            if not webhooks.apply_waiting().done:
                break

    @rule()
    def a_worker_is_killed_that_has_taken_deliveries(self) -> None:
        WebhookDelivery.objects.filter(state="waiting").update(state="working", lease="dead")

    @rule(size=page_sizes, force=st.booleans())
    def a_sync(self, size: int, force: bool) -> None:
        self.sync(page_size=size, force=force)

    @rule(size=page_sizes)
    def a_dry_run(self, size: int) -> None:
        before = self.everything()
        sync.sync_campaign(self.campaign, dry_run=True, page_size=size)
        assert self.everything() == before

    @rule(size=page_sizes, page=pages, act=acts)
    def a_sync_during_which_somebody_does_something(self, size: int, page: int, act: Act) -> None:
        self.sync(page_size=size, on_page=at(page, lambda: self.act(act)))

    @rule(size=page_sizes, page=pages, members=st.integers(0, 15))
    def a_sync_during_which_many_come_or_go(self, size: int, page: int, members: int) -> None:
        self.sync(page_size=size, on_page=at(page, lambda: self.resize(members)))

    @rule(size=page_sizes, page=st.integers(0, 4), kind=st.sampled_from(FAULTS))
    def a_sync_with_a_fault(self, size: int, page: int, kind: str) -> None:
        def order() -> None:
            Dance(self.sandbox).order(kind, path=MEMBERS)

        if page == 0:
            order()
        self.sync(page_size=size, on_page=at(page, order))
        self.sandbox.faults.clear()

    @rule(size=page_sizes, page=pages)
    def a_sync_that_is_killed(self, size: int, page: int) -> None:
        def kill() -> None:
            raise Killed

        with suppress(Killed):
            self.sync(page_size=size, on_page=at(page, kill))

    @rule(size=page_sizes, page=pages)
    def a_sync_that_another_takes_over(self, size: int, page: int) -> None:
        def sleep() -> None:
            self.let_leases_end()
            self.sync(page_size=size)

        self.sync(page_size=size, on_page=at(page, sleep))

    @rule()
    @precondition(lambda self: SyncRun.objects.exclude(place=None).exists())
    def the_lease_of_a_killed_one_ends(self) -> None:
        self.let_leases_end()

    @rule(hours=st.sampled_from([0.1, 2.0, 24.0, 24.0 * 31]))
    def time_passes(self, hours: float) -> None:
        self.travels.append(time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)))
        self.travels[-1].start()
        self.let_leases_end()

    # -- what holds at any moment

    @invariant()
    def nobody_is_wrong_here_who_never_changed_at_patreon(self) -> None:
        there = {e.id: e.currently_entitled_amount_cents for e in truth(self.sandbox).values()}
        for key, cents in there.items():
            self.amounts.setdefault(key, cents)
        self.unsteady |= {key for key, cents in self.amounts.items() if there.get(key) != cents}
        rows = Membership.objects.filter(campaign_id=HOME).exclude(patreon_id__in=self.unsteady)
        for key, cents in rows.values_list("patreon_id", "currently_entitled_amount_cents"):
            assert cents == self.amounts[key], key

    # -- how

    @property
    def campaign(self) -> Campaign:
        return Campaign.objects.get(patreon_id=HOME)

    def sync(self, **options: Any) -> sync.CampaignSync:
        return sync.sync_campaign(self.campaign, **options)

    def control(self, path: str, **given: Any) -> int:
        request = Request(
            method="POST",
            target=f"/_sandbox/{path}",
            headers={"Content-Type": "application/json"},
            body=json.dumps(given).encode(),
        )
        return self.sandbox.handle(request).status

    def resize(self, members: int) -> None:
        assert self.control("crowd", members=members) == 200

    def act(self, act: Act) -> None:
        what, slug, tier = act
        if what == "sign in":
            self.sign_in(slug)
        elif what == "check":
            self.check(slug)
        elif what == "remove":
            if self.is_member(slug):
                remove(self.sandbox, slug)
        else:
            # 400: what a person in this state cannot do.
            assert self.control("members", do=what, user=slug, tier=tier) in (200, 400)

    def is_member(self, slug: str) -> bool:
        person = self.sandbox.world.person_called(slug)
        assert person is not None
        return self.sandbox.world.membership(person.id, HOME) is not None

    def sign_in(self, slug: str, scopes: list[str] | None = None) -> None:
        with override_settings(SOCIAL_AUTH_PATREON_SCOPE=scopes or []):
            dance = Dance(self.sandbox, Client())
            dance.sign_in(slug)
            assert dance.user is not None

    def check(self, slug: str) -> None:
        person = self.sandbox.world.person_called(slug)
        assert person is not None
        account = PatreonAccount.objects.filter(patreon_id=person.id).first()
        if account is not None:
            sync.sync_account(account)

    def let_leases_end(self) -> None:
        """The database's clock does not move with the test's."""
        by = timedelta(minutes=6)
        for run in SyncRun.objects.exclude(taken_at=None):
            SyncRun.objects.filter(pk=run.pk).update(taken_at=run.taken_at - by)
        for page in SyncPage.objects.all():
            SyncPage.objects.filter(pk=page.pk).update(at=page.at - by)

    def everything(self) -> list[Any]:
        return [
            list(Membership.objects.order_by("pk").values()),
            list(Membership.tiers.through._default_manager.order_by("pk").values()),
            list(SyncRun.objects.order_by("pk").values()),
            list(SyncPage.objects.order_by("pk").values()),
        ]


def at(page: int, do: Callable[[], None]) -> Callable[[sync.CampaignSync], None]:
    """Do something once, after that many pages of this sync."""
    counted: list[int] = []

    def on_page(_: sync.CampaignSync) -> None:
        counted.append(1)
        if len(counted) == page:
            do()

    return on_page


@pytest.mark.django_db
def test_any_mix_of_events_ends_at_the_truth(monkeypatch: Any) -> None:
    monkeypatch.setattr("django_patreon.sync.campaign.PATIENCE", 0.0)
    run_state_machine_as_test(
        CampaignMachine,
        settings=settings(
            max_examples=150 if THOROUGHLY else 8,
            stateful_step_count=25 if THOROUGHLY else 12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

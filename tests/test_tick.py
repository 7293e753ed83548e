"""The work in the background: one member, tasks, and `patreon_tick`, which does what is due."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db.models.signals import pre_delete
from django.utils import timezone

from django_patreon import sync, tasks
from django_patreon.access import check
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import (
    MalformedAnswer,
    PatreonError,
    ReconnectRequired,
    Refused,
)
from django_patreon.models import (
    Campaign,
    Membership,
    MembershipEvent,
    PatreonAccount,
    SyncPage,
    SyncRun,
    WantedLook,
)
from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.ids import GOLD, HOME
from tests.sync.test_campaign import assert_true, campaign, control, remove, truth

from .dance import EVERYTHING, Dance

__all__ = ["campaign"]  # the fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: Any) -> None:
    """Ask Patreon once, also where a job would try for minutes."""
    monkeypatch.setattr("django_patreon.sync.campaign.PATIENCE", 0.0)
    monkeypatch.setattr("django_patreon.sync.members.PATIENCE", 0.0)


def member_of(sandbox: Sandbox, slug: str) -> str:
    """Patreon's id of this person's membership of the site's campaign."""
    person = sandbox.world.person_called(slug)
    assert person is not None
    return next(key for key, each in truth(sandbox).items() if each.user_id == person.id)


def tick(*words: str) -> str:
    out = io.StringIO()
    call_command("patreon_tick", *words, stdout=out, stderr=out)
    return out.getvalue()


def failing_tick() -> str:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("patreon_tick", stdout=out, stderr=out)
    assert caught.value.returncode == 1
    return out.getvalue()


def requests_to(patreon: responses.RequestsMock, part: str) -> int:
    return sum(part in str(each.request.url) for each in patreon.calls)


class TestOneMember:
    def test_what_patreon_says_now_is_saved(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance
    ) -> None:
        dance.sign_in("stranger")
        assert not check(dance.user, tier=GOLD)
        control(sandbox, "POST", "members", do="pledge", user="stranger", tier="Gold")
        saved = sync.sync_member(campaign, member_of(sandbox, "stranger"))
        assert saved.created == 1
        assert check(dance.user, tier=GOLD)
        row = dance.user.patreon_account.memberships.get()
        assert row.seen_by == "check"

    def test_one_whom_patreon_no_longer_knows_is_demoted_alone(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance
    ) -> None:
        sync.sync_campaign(campaign)
        dance.sign_in("gold")
        member, paying = member_of(sandbox, "gold"), Membership.objects.paying().count()
        remove(sandbox, "gold")
        assert sync.sync_member(campaign, member).ended == 1
        assert not check(dance.user, tier=GOLD)
        assert Membership.objects.paying().count() == paying - 1
        assert MembershipEvent.objects.get(kind="left").source == "check"
        assert_true(sandbox)
        assert sync.sync_member(campaign, member).ended == 0

    def test_one_that_nobody_has_heard_of_is_not_made_up(self, campaign: Campaign) -> None:
        count = Membership.objects.count()
        assert sync.sync_member(campaign, "nobody").created == 0
        assert Membership.objects.count() == count

    @pytest.mark.parametrize(
        "kind", ["http_500_html", "http_429", "http_403_html", "html_200", "null", "cut", "reset"]
    )
    def test_a_fault_changes_nothing(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance, kind: str
    ) -> None:
        sync.sync_campaign(campaign)
        before = list(Membership.objects.order_by("pk").values())
        member = member_of(sandbox, "gold")
        control(sandbox, "POST", "members", do="cancel_now", user="gold")
        dance.order(kind, path=f"/api/oauth2/v2/members/{member}")
        with pytest.raises(PatreonError):
            sync.sync_member(campaign, member)
        assert list(Membership.objects.order_by("pk").values()) == before

    def test_a_404_page_that_is_not_of_the_api_demotes_nobody(
        self, campaign: Campaign, sandbox: Sandbox, patreon: responses.RequestsMock
    ) -> None:
        sync.sync_campaign(campaign)
        paying = Membership.objects.paying().count()
        patreon.remove(responses.GET, EVERYTHING)
        patreon.add(responses.GET, EVERYTHING, body="<h1>404</h1>", status=404)
        with pytest.raises(Refused):
            sync.sync_member(campaign, member_of(sandbox, "gold"))
        assert Membership.objects.paying().count() == paying

    @pytest.mark.parametrize(("key", "of"), [("another", HOME), ("asked", "77")])
    def test_an_answer_about_another_member_is_refused(
        self, campaign: Campaign, patreon: responses.RequestsMock, key: str, of: str
    ) -> None:
        count = Membership.objects.count()
        theirs = {"campaign": {"data": {"type": "campaign", "id": of}}}
        data = {"type": "member", "id": key, "attributes": {}, "relationships": theirs}
        patreon.remove(responses.GET, EVERYTHING)
        patreon.add(responses.GET, EVERYTHING, json={"data": data})
        with pytest.raises(MalformedAnswer):
            sync.sync_member(campaign, "asked")
        assert Membership.objects.count() == count

    def test_without_a_connection_it_says_what_to_do(self, dance: Dance) -> None:
        dance.sign_in("gold")
        with pytest.raises(ReconnectRequired, match="patreon_import_tokens"):
            sync.sync_member(Campaign.objects.get(patreon_id=HOME), "any")


class TestTasks:
    def test_a_campaign_and_a_member_are_read_by_a_queue(
        self, campaign: Campaign, sandbox: Sandbox
    ) -> None:
        done = tasks.sync_campaign.enqueue(HOME).return_value
        assert (done["state"], done["is_paused"], done["is_busy"]) == ("complete", False, False)
        assert json.loads(json.dumps(done)) == done
        control(sandbox, "POST", "members", do="cancel_now", user="gold")
        member = member_of(sandbox, "gold")
        found = tasks.look_at_member.enqueue(HOME, member).return_value
        assert found == {"looked": True, "created": 0, "changed": 1, "ended": 1}
        again = tasks.look_at_member.call(HOME, member)
        assert again == {"looked": True, "created": 0, "changed": 0, "ended": 0}
        assert tasks.look_at_member.call(HOME, member, if_wanted=True)["looked"] is False
        assert_true(sandbox)

    def test_a_look_that_fails_is_a_failed_task(self, campaign: Campaign, dance: Dance) -> None:
        dance.order("http_500_html", path="/api/oauth2/v2/members/x")
        assert tasks.look_at_member.enqueue(HOME, "x").status == "FAILED"

    def test_a_sync_whose_time_is_up_goes_on_at_the_next_call(
        self, campaign: Campaign, sandbox: Sandbox
    ) -> None:
        control(sandbox, "POST", "crowd", members=120)
        first = sync.sync_campaign(campaign, seconds=0, page_size=50)
        assert (first.pages, first.is_paused, first.complete) == (1, True, False)
        assert "next sync goes on" in first.message
        assert SyncPage.objects.count() == 1
        second = sync.sync_campaign(campaign, seconds=0, page_size=50)
        assert (second.pages, second.is_paused) == (2, True)
        third = sync.sync_campaign(campaign, seconds=60, page_size=50)
        assert third.complete
        assert SyncRun.objects.count() == 1
        assert_true(sandbox)

    def test_a_sync_by_force_goes_on_by_force(self, campaign: Campaign, sandbox: Sandbox) -> None:
        control(sandbox, "POST", "crowd", members=100)
        sync.sync_campaign(campaign)
        control(sandbox, "POST", "crowd", members=0)
        for _ in range(20):
            done = sync.sync_campaign(campaign, force=True, seconds=0, page_size=8)
            if not done.is_paused:
                break
        assert done.complete, done.message
        assert done.demoted > 50

    def test_a_dry_run_whose_time_is_up_leaves_nothing(
        self, campaign: Campaign, sandbox: Sandbox
    ) -> None:
        control(sandbox, "POST", "crowd", members=120)
        done = sync.sync_campaign(campaign, dry_run=True, seconds=0, page_size=50)
        assert (done.pages, done.is_paused) == (1, True)
        assert not SyncRun.objects.exists()


class TestATick:
    def test_it_does_what_is_due_and_then_nothing(
        self, campaign: Campaign, sandbox: Sandbox, patreon: responses.RequestsMock
    ) -> None:
        said = tick()
        assert [line.partition(":")[0] for line in said.splitlines()] == [
            "Webhooks",
            "Looks",
            "Syncs",
            "Tokens",
            "Groups",
            "Old rows",
            "Old rows",
        ]
        assert "members seen" in said
        assert_true(sandbox)
        before = len(patreon.calls)
        assert "no campaign is due" in tick()
        assert len(patreon.calls) == before
        assert SyncRun.objects.count() == 1

    def test_a_day_later_it_syncs_again(
        self, campaign: Campaign, time_machine_at: Callable[..., None]
    ) -> None:
        tick()
        time_machine_at(hours=23)
        tick()
        assert SyncRun.objects.count() == 1
        time_machine_at(hours=2)
        tick()
        assert SyncRun.objects.count() == 2

    def test_how_often_is_a_setting(
        self, campaign: Campaign, settings: Any, time_machine_at: Callable[..., None]
    ) -> None:
        settings.PATREON = {**settings.PATREON, "SYNC_EVERY": timedelta(minutes=10)}
        tick()
        time_machine_at(minutes=11)
        tick()
        assert SyncRun.objects.count() == 2

    def test_a_campaign_that_is_not_connected_is_left_alone(
        self, dance: Dance, patreon: responses.RequestsMock
    ) -> None:
        dance.sign_in("creator")
        PatreonAccount.objects.update(scopes=["identity", "campaigns"])
        before = len(patreon.calls)
        assert "no campaign is due" in tick()
        assert len(patreon.calls) == before

    def test_a_fault_is_said_and_the_next_tick_goes_on(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance
    ) -> None:
        dance.order("http_500_html", path=f"/api/oauth2/v2/campaigns/{HOME}/members")
        said = failing_tick()
        assert "Syncs: " in said
        assert "Cut off after 0 pages" in said
        assert "Groups: " in said
        tick()
        assert_true(sandbox)

    def test_a_sync_that_stops_itself_is_not_tried_again_at_once(
        self,
        campaign: Campaign,
        sandbox: Sandbox,
        patreon: responses.RequestsMock,
        time_machine_at: Callable[..., None],
    ) -> None:
        control(sandbox, "POST", "crowd", members=100)
        tick()
        control(sandbox, "POST", "crowd", members=0)
        time_machine_at(days=2)
        assert "--force" in failing_tick()
        before = requests_to(patreon, "/members?")
        tick()
        assert requests_to(patreon, "/members?") == before
        time_machine_at(hours=2)
        assert "--force" in failing_tick()

    def test_a_sync_is_stopped_in_time_and_goes_on(
        self, campaign: Campaign, sandbox: Sandbox, monkeypatch: Any
    ) -> None:
        control(sandbox, "POST", "crowd", members=1500)
        seconds = iter([0.0] * 3 + [1e6] * 1000)
        monkeypatch.setattr("time.monotonic", lambda: next(seconds))
        said = tick()
        assert "Its time was up after 1 pages" in said
        monkeypatch.undo()
        tick()
        assert SyncRun.objects.get().state == "complete"
        assert_true(sandbox)

    def test_tokens_that_end_soon_are_renewed(self, campaign: Campaign) -> None:
        PatreonAccount.objects.update(token_expires_at=timezone.now() + timedelta(days=6))
        assert "Tokens: 1 renewed" in tick()
        assert "Tokens: 0 renewed" in tick()

    def test_old_events_and_runs_are_deleted(self, campaign: Campaign, settings: Any) -> None:
        tick()
        old = timezone.now() - timedelta(days=401)
        kept = MembershipEvent.objects.latest("pk")
        count = MembershipEvent.objects.exclude(pk=kept.pk).update(at=old)
        SyncRun.objects.update(started_at=old)
        SyncRun.objects.create(campaign=campaign, started_at=old, place="another")
        assert f"{count} events and 1 sync runs" in tick()
        assert MembershipEvent.objects.get() == kept
        assert SyncRun.objects.get().place == "another"
        settings.PATREON = {**settings.PATREON, "KEEP_EVENTS": timedelta.max}
        assert "0 events and 0 sync runs" in tick()

    def test_a_creator_who_must_reconnect_is_said_and_the_rest_is_done(
        self, campaign: Campaign
    ) -> None:
        PatreonAccount.objects.update(token_expires_at=timezone.now(), refresh_token="")
        said = failing_tick()
        assert "no longer connected" in said
        assert "Tokens: 0 renewed" in said
        assert "Old rows" in said

    def test_one_job_that_breaks_stops_no_other(self, campaign: Campaign, sandbox: Sandbox) -> None:
        sync.sync_campaign(campaign)
        WantedLook.objects.create(
            membership=Membership.objects.paying()[0], wanted_at=timezone.now()
        )

        def break_down(**_: Any) -> None:
            raise RuntimeError("a site's own mistake")

        pre_delete.connect(break_down, sender=WantedLook)
        try:
            said = failing_tick()
        finally:
            pre_delete.disconnect(break_down, sender=WantedLook)
        assert "Looks: failed (RuntimeError, see the log)." in said
        assert "Old rows" in said

    def test_quietly_it_says_only_what_went_wrong(self, campaign: Campaign, dance: Dance) -> None:
        assert tick("-v", "0") == ""

    @pytest.mark.parametrize("name", ["SYNC_EVERY", "KEEP_EVENTS"])
    def test_a_setting_that_cannot_work_is_refused(self, settings: Any, name: str) -> None:
        settings.PATREON = {name: 3600}
        with pytest.raises(ImproperlyConfigured, match=re.escape(name)):
            patreon_settings()

    @pytest.mark.parametrize("seconds", ["0", "nan", "1e9"])
    def test_a_time_that_makes_no_sense_is_refused(self, db: None, seconds: str) -> None:
        with pytest.raises(CommandError, match="--seconds"):
            tick("--seconds", seconds)

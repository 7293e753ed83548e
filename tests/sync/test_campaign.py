"""Reading a campaign whole: nobody is forgotten, and nobody is demoted for Patreon's bad day."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_patreon import sync
from django_patreon.access import check
from django_patreon.models import (
    Campaign,
    Membership,
    MembershipEvent,
    SyncPage,
    SyncRun,
    Tier,
)
from django_patreon.sandbox import Request, Sandbox
from django_patreon.sandbox.ids import GOLD, HOME
from django_patreon.signals import membership_changed
from tests.dance import EVERYTHING, PATREON, Dance

MEMBERS = f"/api/oauth2/v2/campaigns/{HOME}/members"
COLUMNS = (
    "patron_status",
    "last_charge_status",
    "last_charge_date",
    "currently_entitled_amount_cents",
    "will_pay_amount_cents",
    "campaign_lifetime_support_cents",
    "pledge_cadence",
    "is_gifted",
    "is_free_trial",
)
CREATORS_SCOPES = ["campaigns", "campaigns.members", "w:campaigns.webhook"]


def control(sandbox: Sandbox, method: str, path: str, **given: Any) -> Any:
    body = json.dumps(given).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(method=method, target=f"/_sandbox/{path}", headers=headers, body=body)
    answer = sandbox.handle(request)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@pytest.fixture
def campaign(dance: Dance, settings: Any) -> Campaign:
    """The creator has given the site their scopes."""
    settings.SOCIAL_AUTH_PATREON_SCOPE = CREATORS_SCOPES
    dance.sign_in("creator")
    dance.client.logout()
    settings.SOCIAL_AUTH_PATREON_SCOPE = []
    return Campaign.objects.get(patreon_id=HOME)


CAMPAIGN = {"data": {"type": "campaign", "id": HOME, "attributes": {}}}


def answer_instead(patreon: responses.RequestsMock, members: Any) -> None:
    """Let Patreon answer this for the list of members."""
    patreon.remove(responses.GET, EVERYTHING)
    patreon.add(responses.GET, re.compile(re.escape(PATREON + MEMBERS)), json=members)
    patreon.add(responses.GET, re.compile(rf".*/campaigns/{HOME}\?"), json=CAMPAIGN)


def remove(sandbox: Sandbox, slug: str) -> None:
    """Let Patreon no longer list somebody, such as who has deleted their account."""
    person = sandbox.world.person_called(slug)
    assert person is not None
    [member] = [e for e in sandbox.world.memberships_of(person.id) if e.campaign_id == HOME]
    sandbox.world.remove_member(member)


def truth(sandbox: Sandbox) -> dict[str, Any]:
    """What Patreon says of all members of the campaign, by their ids."""
    return {each.id: each for each in sandbox.world.members_of(HOME)}


def assert_true(sandbox: Sandbox) -> None:
    """Is what the site knows exactly what Patreon says?"""
    there = truth(sandbox)
    here = {e.patreon_id: e for e in Membership.objects.filter(campaign_id=HOME)}
    assert there.keys() <= here.keys()
    for key, row in here.items():
        held = set(row.tiers.values_list("patreon_id", flat=True))
        if key not in there:
            assert (row.patron_status, row.currently_entitled_amount_cents) == (None, 0), key
            assert not held
            continue
        member = there[key]
        assert held == set(member.tier_ids), key
        for name in COLUMNS:
            value = getattr(member, name)
            if name == "last_charge_date" and value is not None:
                value = value.replace(microsecond=0)  # as it is sent
            assert getattr(row, name) == value, (key, name)


class TestACompleteSync:
    def test_everybody_is_known_afterwards(self, campaign: Campaign, sandbox: Sandbox) -> None:
        done = sync.sync_campaign(campaign)
        assert done.complete, done.message
        assert_true(sandbox)
        assert done.seen == done.total == done.added + done.same + done.changed
        run = SyncRun.objects.get()
        assert (run.state, run.seen, run.place) == ("complete", done.seen, None)
        assert not SyncPage.objects.exists()
        campaign.refresh_from_db()
        assert campaign.synced_at == run.started_at

    def test_many_pages_are_walked(self, campaign: Campaign, sandbox: Sandbox) -> None:
        control(sandbox, "POST", "crowd", members=230)
        pages: list[int] = []
        done = sync.sync_campaign(
            campaign, page_size=50, on_page=lambda result: pages.append(result.pages)
        )
        assert done.complete
        assert done.seen > 230
        assert pages == list(range(1, done.pages + 1))
        assert_true(sandbox)

    def test_a_second_sync_writes_no_membership(self, campaign: Campaign, sandbox: Sandbox) -> None:
        control(sandbox, "POST", "crowd", members=100)
        sync.sync_campaign(campaign)
        before = dict(Membership.objects.values_list("patreon_id", "fetched_at"))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            done = sync.sync_campaign(campaign)
        assert (done.added, done.changed, done.same) == (0, 0, done.total)
        assert dict(Membership.objects.values_list("patreon_id", "fetched_at")) == before
        assert not [
            each["sql"]
            for each in asked.captured_queries
            if each["sql"].startswith(("INSERT", "UPDATE")) and "_membership" in each["sql"]
        ]

    @pytest.mark.parametrize(("first", "most"), [(True, 20), (False, 2)])
    def test_a_page_takes_few_statements(
        self, campaign: Campaign, sandbox: Sandbox, first: bool, most: int
    ) -> None:
        control(sandbox, "POST", "crowd", members=400)
        if not first:
            sync.sync_campaign(campaign, page_size=100)
        counts: list[int] = []
        with CaptureQueriesContext(connection) as asked:
            sync.sync_campaign(campaign, page_size=100, on_page=lambda _: counts.append(len(asked)))
        each_page = [after - before for before, after in pairwise(counts)]
        assert len(each_page) >= 3
        assert max(each_page) <= most

    @pytest.mark.django_db(transaction=True)
    def test_what_has_changed_is_told_and_kept(self, campaign: Campaign, sandbox: Sandbox) -> None:
        sync.sync_campaign(campaign)
        control(sandbox, "POST", "members", do="change", user="silver", tier="Gold")
        control(sandbox, "POST", "members", do="cancel_now", user="gold")
        control(sandbox, "POST", "members", do="pledge", user="stranger", tier="Gold")
        MembershipEvent.objects.all().delete()
        told: list[Any] = []

        def hear(membership: Membership, created: bool, changed: Any, **_: Any) -> None:
            told.append((membership.full_name, created))

        membership_changed.connect(hear)
        try:
            done = sync.sync_campaign(campaign)
        finally:
            membership_changed.disconnect(hear)
        assert_true(sandbox)
        assert (done.added, done.ended) == (1, 1)
        assert len(told) == done.added + done.changed
        kinds = dict(MembershipEvent.objects.values_list("membership__full_name", "kind"))
        assert sorted(kinds.values()) == ["changed", "joined", "left"]
        left = MembershipEvent.objects.get(kind="left")
        assert left.before["cents"] == 1000
        assert (left.after["cents"], left.source) == (0, "sync")

    def test_the_first_sync_counts_no_joins(self, campaign: Campaign) -> None:
        sync.sync_campaign(campaign)
        assert set(MembershipEvent.objects.values_list("kind", flat=True)) == {"found"}

    def test_a_membership_belongs_to_the_account_of_its_person(
        self, campaign: Campaign, dance: Dance
    ) -> None:
        done = sync.sync_campaign(campaign)
        before = done.unmatched
        dance.sign_in("gold")
        assert dance.user.patreon_account.memberships.get().campaign == campaign
        assert sync.sync_campaign(campaign).unmatched == before - 1

    def test_an_account_that_came_without_a_sign_in_is_joined(
        self, campaign: Campaign, dance: Dance
    ) -> None:
        dance.sign_in("gold")
        Membership.objects.filter(account=dance.user.patreon_account).update(account=None)
        sync.sync_campaign(campaign)
        assert dance.user.patreon_account.memberships.exists()


class TestGates:
    def test_who_joins_comes_in_after_a_sync_without_signing_in_again(
        self, campaign: Campaign, dance: Dance, sandbox: Sandbox
    ) -> None:
        dance.sign_in("stranger")
        assert not check(dance.user, tier=GOLD)
        control(sandbox, "POST", "members", do="pledge", user="stranger", tier="Gold")
        sync.sync_campaign(campaign)
        assert check(dance.user, tier=GOLD)

    def test_who_stays_signed_in_keeps_coming_in(
        self, campaign: Campaign, dance: Dance, time_machine_at: Callable[..., None]
    ) -> None:
        """A sync that changes nothing confirms what is known; without it, it gets too old."""
        dance.sign_in("gold")
        user = dance.user
        sync.sync_campaign(campaign)
        time_machine_at(days=10)
        assert sync.sync_campaign(campaign).complete
        time_machine_at(days=12)
        assert check(user, tier=GOLD)
        time_machine_at(days=5)
        assert not check(user, tier=GOLD)

    def test_who_is_gone_from_the_list_comes_in_no_more(
        self, campaign: Campaign, dance: Dance, sandbox: Sandbox
    ) -> None:
        dance.sign_in("gold")
        remove(sandbox, "gold")
        done = sync.sync_campaign(campaign)
        assert done.complete
        assert done.demoted == 1
        assert not check(dance.user, tier=GOLD)
        assert_true(sandbox)
        assert MembershipEvent.objects.filter(kind="left").count() == 1


FAULTS = [
    "http_500_html",
    "http_429",
    "http_403_html",
    "http_400",
    "http_404",
    "cut",
    "html_200",
    "empty",
    "null",
    "list",
    "errors_200",
    "reset",
]


class TestABadDay:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: Any) -> None:
        monkeypatch.setattr("django_patreon.sync.campaign.PATIENCE", 0.0)

    @pytest.mark.parametrize("kind", FAULTS)
    @pytest.mark.parametrize("page", [1, 2, 3])
    def test_nobody_is_demoted_and_the_next_sync_finds_everybody(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance, kind: str, page: int
    ) -> None:
        """T14."""
        control(sandbox, "POST", "crowd", members=120)
        sync.sync_campaign(campaign, page_size=50)
        paying = Membership.objects.paying().count()

        def fail_after(result: sync.CampaignSync) -> None:
            if result.pages == page - 1:
                dance.order(kind, path=MEMBERS)

        if page == 1:
            dance.order(kind, path=MEMBERS)
        done = sync.sync_campaign(campaign, page_size=50, on_page=fail_after)
        assert (done.complete, done.pages) == (False, page - 1), done
        assert done.message
        assert Membership.objects.paying().count() == paying
        again = sync.sync_campaign(campaign, page_size=50)
        assert again.complete, again.message
        assert again.run is not None
        assert again.run.pk == SyncRun.objects.order_by("pk").last().pk
        assert_true(sandbox)

    def test_a_cut_off_sync_goes_on_where_it_was(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance
    ) -> None:
        control(sandbox, "POST", "crowd", members=120)

        def fail(result: sync.CampaignSync) -> None:
            if result.pages == 2:
                dance.order("http_500_html", path=MEMBERS)

        first = sync.sync_campaign(campaign, page_size=50, on_page=fail)
        assert (first.pages, first.complete) == (2, False)
        asked: list[int] = []
        second = sync.sync_campaign(
            campaign, page_size=50, on_page=lambda result: asked.append(result.pages)
        )
        assert asked == [3]
        assert second.complete, second.message
        assert second.run is not None
        assert first.run is not None
        assert second.run.pk == first.run.pk
        assert_true(sandbox)

    def test_a_stale_cursor_starts_over(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance
    ) -> None:
        control(sandbox, "POST", "crowd", members=120)

        def fail(result: sync.CampaignSync) -> None:
            if result.pages == 2:
                dance.order("http_500_html", path=MEMBERS)

        sync.sync_campaign(campaign, page_size=50, on_page=fail)
        control(sandbox, "POST", "members", do="pledge", user="stranger", tier="Gold")
        done = sync.sync_campaign(campaign, page_size=50)
        assert done.complete, done.message
        assert done.seen == done.total
        assert_true(sandbox)

    def test_a_list_that_is_shorter_than_its_count_demotes_nobody(
        self, campaign: Campaign, patreon: responses.RequestsMock
    ) -> None:
        sync.sync_campaign(campaign)
        paying = Membership.objects.paying().count()
        document = {"data": [], "meta": {"pagination": {"total": 25, "cursors": {"next": None}}}}
        answer_instead(patreon, document)
        done = sync.sync_campaign(campaign)
        assert not done.complete
        assert "25 members" in done.message
        assert Membership.objects.paying().count() == paying

    def test_a_cursor_that_never_ends_ends(
        self, campaign: Campaign, patreon: responses.RequestsMock
    ) -> None:
        """T15."""
        numbers = iter(range(1000))

        def answer(request: Any) -> tuple[int, dict[str, str], str]:
            member = {"type": "member", "id": "one", "attributes": {}}
            paging = {"total": 1, "cursors": {"next": f"c{next(numbers)}"}}
            return 200, {}, json.dumps({"data": [member], "meta": {"pagination": paging}})

        patreon.remove(responses.GET, EVERYTHING)
        patreon.add_callback(responses.GET, re.compile(re.escape(PATREON + MEMBERS)), answer)
        patreon.add(responses.GET, re.compile(rf".*/campaigns/{HOME}\?"), json=CAMPAIGN)
        done = sync.sync_campaign(campaign)
        assert not done.complete
        assert done.pages == 2

    def test_more_than_the_limit_are_not_demoted_unasked(
        self, campaign: Campaign, sandbox: Sandbox
    ) -> None:
        control(sandbox, "POST", "crowd", members=100)
        sync.sync_campaign(campaign)
        paying = Membership.objects.paying().count()
        control(sandbox, "POST", "crowd", members=0)
        done = sync.sync_campaign(campaign)
        assert (done.state, done.demoted) == ("stopped", 0)
        assert "--force" in done.message
        assert Membership.objects.paying().count() == paying
        done = sync.sync_campaign(campaign, force=True)
        assert done.complete
        assert done.demoted > 50
        assert_true(sandbox)

    def test_a_patron_whom_the_list_has_lost_is_asked_for_before_they_are_demoted(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance, patreon: responses.RequestsMock
    ) -> None:
        """Somebody who leaves while the list is read can move another one off it."""
        dance.sign_in("gold")
        sync.sync_campaign(campaign)
        gold = dance.user.patreon_account.memberships.get().patreon_id
        wired = patreon.registered()[0]
        assert wired.method == "GET"

        def without_gold(request: Any) -> tuple[int, Any, bytes]:
            status, headers, body = wired.callback(request)
            if f"{MEMBERS}?" not in request.url:
                return status, headers, body
            document = json.loads(body)
            document["data"] = [each for each in document["data"] if each["id"] != gold]
            document["meta"]["pagination"]["total"] -= 1
            return status, headers, json.dumps(document).encode()

        patreon.remove(responses.GET, EVERYTHING)
        patreon.add_callback(responses.GET, EVERYTHING, callback=without_gold)
        done = sync.sync_campaign(campaign)
        assert (done.complete, done.demoted) == (True, 0), done.message
        assert check(dance.user, tier=GOLD)

    def test_news_of_a_sign_in_is_not_overwritten_by_an_older_page(
        self, campaign: Campaign, sandbox: Sandbox, dance: Dance
    ) -> None:
        later = timezone.now() + timedelta(hours=1)
        dance.sign_in("gold")
        row = dance.user.patreon_account.memberships.get()
        Membership.objects.filter(pk=row.pk).update(fetched_at=later, full_name="Newer")
        remove(sandbox, "gold")
        done = sync.sync_campaign(campaign)
        assert done.complete
        assert done.demoted == 0
        row.refresh_from_db()
        assert (row.full_name, row.fetched_at) == ("Newer", later)

    def test_bad_members_stop_nothing(
        self, campaign: Campaign, patreon: responses.RequestsMock, caplog: Any
    ) -> None:
        good = {"type": "member", "id": "good", "attributes": {"patron_status": "active_patron"}}
        nameless = {"type": "member", "id": "x", "attributes": {"full_name": "A" * 10_000_000}}
        foreign = {
            "type": "member",
            "id": "theirs",
            "attributes": {},
            "relationships": {"campaign": {"data": {"type": "campaign", "id": "77"}}},
        }
        members = [good, good, nameless, foreign, {"type": "member"}, None, "text"]
        paging = {"total": 4, "cursors": {"next": None}}
        answer_instead(patreon, {"data": members, "meta": {"pagination": paging}})
        done = sync.sync_campaign(campaign)
        assert not done.complete
        assert (done.bad, done.added) == (4, 2)
        assert len(Membership.objects.get(patreon_id="x").full_name) == 255
        assert not Membership.objects.filter(patreon_id="theirs").exists()


class TestTwoAtOnce:
    def test_the_second_says_so_and_leaves(self, campaign: Campaign) -> None:
        second: list[sync.CampaignSync] = []

        def another(_: sync.CampaignSync) -> None:
            second.append(sync.sync_campaign(campaign))

        assert sync.sync_campaign(campaign, on_page=another).complete
        assert [each.complete for each in second] == [False]
        assert "Another process" in second[0].message
        assert SyncRun.objects.count() == 1

    def test_a_killed_one_frees_its_place_and_is_resumed(
        self, campaign: Campaign, sandbox: Sandbox
    ) -> None:
        control(sandbox, "POST", "crowd", members=120)

        class Killed(BaseException):
            pass

        def kill(result: sync.CampaignSync) -> None:
            if result.pages == 2:
                raise Killed

        with pytest.raises(Killed):
            sync.sync_campaign(campaign, page_size=50, on_page=kill)
        assert "Another process" in sync.sync_campaign(campaign).message
        long_ago = timezone.now() - timedelta(minutes=6)
        SyncRun.objects.update(taken_at=long_ago)
        SyncPage.objects.update(at=long_ago)
        done = sync.sync_campaign(campaign, page_size=50)
        assert done.complete, done.message
        assert done.pages == 3
        assert_true(sandbox)

    def test_one_that_was_taken_over_writes_nothing_more(
        self, campaign: Campaign, sandbox: Sandbox
    ) -> None:
        control(sandbox, "POST", "crowd", members=120)

        def sleep(result: sync.CampaignSync) -> None:
            if result.pages == 1:
                long_ago = timezone.now() - timedelta(minutes=6)
                SyncRun.objects.update(taken_at=long_ago)
                SyncPage.objects.update(at=long_ago)
                assert sync.sync_campaign(campaign, page_size=50).complete

        done = sync.sync_campaign(campaign, page_size=50, on_page=sleep)
        assert not done.complete
        assert "taken over" in done.message
        assert SyncRun.objects.get().state == "complete"
        assert_true(sandbox)


class TestTheCommand:
    def run(self, *words: str) -> str:
        out = StringIO()
        call_command("patreon_sync", *words, stdout=out, stderr=StringIO())
        return out.getvalue()

    def test_it_says_what_it_did(self, campaign: Campaign) -> None:
        said = self.run()
        total = Membership.objects.count()
        assert f"{total} members seen on 1 pages" in said

    def test_a_dry_run_writes_nothing_and_says_who(
        self, campaign: Campaign, sandbox: Sandbox
    ) -> None:
        self.run()
        counts = [m.objects.count() for m in (Membership, MembershipEvent, SyncRun, Tier)]
        control(sandbox, "POST", "members", do="pledge", user="stranger", tier="Gold")
        remove(sandbox, "gold")
        said = self.run("--dry-run")
        name = sandbox.world.person_called("stranger").full_name
        assert f"would be added: {name}" in said
        assert "would be demoted: " in said
        assert "1 added, 0 changed" in said
        assert "1 demoted" in said
        assert [m.objects.count() for m in (Membership, MembershipEvent, SyncRun, Tier)] == counts

    def test_the_result_is_json_when_asked(self, campaign: Campaign) -> None:
        [found] = json.loads(self.run("--json"))
        assert (found["campaign"], found["state"]) == (HOME, "complete")

    def test_without_a_connection_it_says_what_to_do(self, dance: Dance) -> None:
        with pytest.raises(CommandError, match="No campaign is connected"):
            self.run()

    def test_an_incomplete_sync_exits_with_1(self, campaign: Campaign, dance: Dance) -> None:
        dance.order("http_404", path=MEMBERS)
        with pytest.raises(CommandError) as caught:
            self.run()
        assert caught.value.returncode == 1

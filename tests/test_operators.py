"""An operator's day: each question is answered in the admin, and each repair is a button there."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_patreon import access
from django_patreon.models import (
    Campaign,
    Grant,
    Membership,
    MembershipEvent,
    PatreonAccount,
    SyncRun,
    Webhook,
    WebhookDelivery,
)
from django_patreon.operators.figures import overview
from django_patreon.sandbox.ids import GOLD, HOME
from tests.sandbox.client import act, control

from .dance import Dance
from .webhooks.conftest import connected, sample

__all__ = ["connected"]  # a fixture

ADMIN = "/admin/django_patreon"
User = get_user_model()


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator", password="x"))
    return client


@pytest.fixture
def members(connected: Dance) -> Dance:
    """All members of the campaign are known."""
    call_command("patreon_sync", verbosity=0)
    return connected


def read(client: Client, address: str, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200, response
    return response.content.decode()


class TestWhy:
    @pytest.fixture
    def gold(self, dance: Dance) -> Any:
        dance.sign_in("gold")
        return dance.user

    def test_the_pages_of_user_account_and_membership_say_it(
        self, gold: Any, operator: Client
    ) -> None:
        account, row = PatreonAccount.objects.get(), Membership.objects.get()
        for address in (
            f"/admin/auth/user/{gold.pk}/change/",
            f"{ADMIN}/patreonaccount/{account.pk}/change/",
            f"{ADMIN}/membership/{row.pk}/change/",
        ):
            page = read(operator, address)
            assert "What Patreon opens to AlmaReyes" in page
            assert "Gold" in page
            assert "status active_patron" in page
            assert "Give a month" in page

    def test_somebody_without_an_account_gets_a_panel_without_that_button(
        self, gold: Any, operator: Client
    ) -> None:
        other = User.objects.create_user("other")
        page = read(operator, f"/admin/auth/user/{other.pk}/change/")
        assert "What Patreon opens to other" in page
        assert "Ask Patreon now" not in page

    def test_a_month_is_two_clicks(self, gold: Any, operator: Client, dance: Dance) -> None:
        other = User.objects.create_user("other")
        assert not access.check(other)
        page = read(operator, f"{ADMIN}/grant/add/", user=str(other.pk), cents="1", for_days="31")
        fields = {
            name: page.split(f'name="{name}" value="')[1].split('"')[0]
            for name in ("until_0", "until_1", "starts_at_0", "starts_at_1")
        }
        form = {"user": other.pk, "cents": 1, "reason": "", **fields}
        assert operator.post(f"{ADMIN}/grant/add/", form).status_code == 302
        assert access.check(other)
        assert Grant.objects.get().given_by == User.objects.get(username="operator")

    @pytest.mark.parametrize("days", ["x", "-1", "0", "99999999", ""])
    def test_a_wrong_number_of_days_is_ignored(self, operator: Client, days: str) -> None:
        read(operator, f"{ADMIN}/grant/add/", for_days=days)

    def test_patreon_is_asked_now(self, gold: Any, operator: Client, dance: Dance) -> None:
        account = PatreonAccount.objects.get()
        act(dance.sandbox, "gold", "change", tier="Silver")
        address = f"{ADMIN}/patreonaccount/{account.pk}/ask/"
        assert "is asked about Alma Reyes" in read(operator, address)
        assert access.check(gold, tier=GOLD)
        page = operator.post(address, follow=True).content.decode()
        assert "Patreon has answered" in page
        assert not access.check(gold, tier=GOLD)
        assert "Asked Patreon" in str(list(LogEntry.objects.values()))

    def test_patreon_cannot_be_asked(self, gold: Any, operator: Client, dance: Dance) -> None:
        dance.sandbox.tokens.kill()
        address = f"{ADMIN}/patreonaccount/{PatreonAccount.objects.get().pk}/ask/"
        page = operator.post(address, follow=True).content.decode()
        assert "sign in with Patreon again" in page

    def test_staff_without_rights_see_nothing_of_it(self, gold: Any) -> None:
        helper = User.objects.create_user("helper", is_staff=True)
        helper.user_permissions.set(Permission.objects.filter(codename__in=["view_user"]))
        client = Client()
        client.force_login(helper)
        assert "What Patreon opens" not in read(client, f"/admin/auth/user/{gold.pk}/change/")
        address = f"{ADMIN}/patreonaccount/{PatreonAccount.objects.get().pk}/ask/"
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403


class TestMemberships:
    LIST = f"{ADMIN}/membership/"

    def test_the_list_is_in_words(self, members: Dance, operator: Client) -> None:
        page = read(operator, self.LIST)
        for words in ("Active", "10.00 EUR a month", "a year", "Payment declined", "Gift"):
            assert words in page, words
        assert "active_patron" not in page.replace("patron_status", "")

    @pytest.mark.parametrize(
        ("query", "who", "not_who"),
        [
            ({"standing": "declined"}, "declined", "gold"),
            ({"standing": "gift"}, "gifted", "gold"),
            ({"standing": "trial"}, "trial", "gold"),
            ({"standing": "free"}, "free", "gold"),
            ({"standing": "leaving"}, "cancelled", "gold"),
            ({"standing": "former"}, "former", "gold"),
            ({"standing": "paying"}, "gold", "gifted"),
            ({"tier": GOLD}, "gold", "silver"),
            ({"pledge_cadence": "12"}, "gold-annual", "gold"),
            ({"has_account": "0"}, "gold", "creator"),
            ({"q": "gold@example.org"}, "gold", "silver"),
        ],
    )
    def test_filters(
        self, members: Dance, operator: Client, query: Any, who: str, not_who: str
    ) -> None:
        page = read(operator, self.LIST, **query)

        def is_listed(slug: str) -> bool:
            person = members.sandbox.world.person_called(slug)
            row = Membership.objects.filter(campaign=HOME, patreon_user_id=person.id).first()
            return row is not None and f"/membership/{row.pk}/change/" in page

        assert is_listed(who)
        assert not is_listed(not_who)

    def test_who_left_this_month(self, members: Dance, operator: Client) -> None:
        assert "0 memberships" in read(operator, self.LIST, left="31")
        row = Membership.objects.paying().first()
        assert row is not None
        MembershipEvent.objects.create(
            membership=row, kind="left", source="sync", at=timezone.now(), after={}
        )
        assert "1 membership" in read(operator, self.LIST, left="31")
        assert "1 membership" in read(operator, self.LIST, left="7")

    @pytest.mark.parametrize("name", ["standing", "left", "tier", "has_account"])
    def test_a_filter_that_means_nothing_is_ignored(
        self, members: Dance, operator: Client, name: str
    ) -> None:
        read(operator, self.LIST, **{name: "nonsense"})

    def test_the_file_has_all_of_them_and_no_formula(
        self, members: Dance, operator: Client
    ) -> None:
        Membership.objects.filter(full_name="Alma Reyes").update(full_name="=HYPERLINK(1)")
        form = {
            "action": "download",
            "select_across": "1",
            "_selected_action": [Membership.objects.values_list("pk", flat=True)[0]],
        }
        response = operator.post(self.LIST, form)
        text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
        lines = text.splitlines()
        assert len(lines) == 1 + Membership.objects.count()
        assert "'=HYPERLINK(1)" in text
        assert ",=HYPERLINK" not in text
        assert "no-store" in response["Cache-Control"]


class TestCampaigns:
    def test_it_is_synced_by_a_button(self, connected: Dance, operator: Client) -> None:
        campaign = Campaign.objects.get(patreon_id=HOME)
        assert "Sync now" in read(operator, f"{ADMIN}/campaign/{campaign.pk}/change/")
        page = operator.post(f"{ADMIN}/campaign/{campaign.pk}/sync/", follow=True)
        assert page.status_code == 200
        assert SyncRun.objects.get().state == "complete"
        assert Membership.objects.count() > 10

    def test_the_list_of_syncs_loads_itself_again_while_one_runs(
        self, connected: Dance, operator: Client
    ) -> None:
        campaign = Campaign.objects.get(patreon_id=HOME)
        run = SyncRun.objects.create(campaign=campaign, place=HOME, started_at=timezone.now())
        assert operator.get(f"{ADMIN}/syncrun/")["Refresh"] == "3"
        SyncRun.objects.filter(pk=run.pk).update(place=None)
        assert "Refresh" not in operator.get(f"{ADMIN}/syncrun/")

    def test_who_may_only_look_begins_none(self, connected: Dance) -> None:
        helper = User.objects.create_user("helper", is_staff=True)
        helper.user_permissions.set(Permission.objects.filter(codename="view_campaign"))
        client = Client()
        client.force_login(helper)
        campaign = Campaign.objects.get(patreon_id=HOME)
        assert "Sync now" not in read(client, f"{ADMIN}/campaign/{campaign.pk}/change/")
        assert client.post(f"{ADMIN}/campaign/{campaign.pk}/sync/").status_code == 403
        assert not SyncRun.objects.exists()


class TestDeliveries:
    @pytest.fixture
    def delivery(self, connected: Dance) -> WebhookDelivery:
        now = timezone.now()
        body = sample("members_pledge_create")
        return WebhookDelivery.objects.create(
            digest="x",
            event="members:update",
            body=body,
            campaign_id=HOME,
            member_id=json.loads(body)["data"]["id"],
            received_at=now,
            last_received_at=now,
            due_at=now,
            state="failed",
            error="Patreon answered 503.",
        )

    def test_the_body_is_folded(self, delivery: WebhookDelivery, operator: Client) -> None:
        page = read(operator, f"{ADMIN}/webhookdelivery/{delivery.pk}/change/")
        assert "<details><summary>Show the body" in page
        assert "patron_status" in page

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 50_000, b'{"a": "\\ud800"}'])
    def test_a_body_that_nobody_can_read_is_shown_all_the_same(
        self, delivery: WebhookDelivery, operator: Client, body: bytes
    ) -> None:
        WebhookDelivery.objects.update(body=body)
        read(operator, f"{ADMIN}/webhookdelivery/{delivery.pk}/change/")

    def test_it_is_applied_once_more(self, delivery: WebhookDelivery, operator: Client) -> None:
        form = {"action": "replay", "_selected_action": [delivery.pk]}
        page = operator.post(f"{ADMIN}/webhookdelivery/", form, follow=True).content.decode()
        assert "1 delivery is applied" in page
        delivery.refresh_from_db()
        assert delivery.state == "done"

    def test_no_secret_is_on_the_page_of_a_webhook(
        self, connected: Dance, operator: Client
    ) -> None:
        campaign = Campaign.objects.get(patreon_id=HOME)
        hook = Webhook.objects.create(campaign=campaign, patreon_id="7", secret="hush-hush")
        page = read(operator, f"{ADMIN}/webhook/{hook.pk}/change/")
        assert "hush-hush" not in page
        assert "sealed" not in page


LISTS = [
    "patreonaccount",
    "membership",
    "campaign",
    "tier",
    "grant",
    "membershipevent",
    "syncrun",
    "webhook",
    "webhookdelivery",
]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_takes_fewer_than_ten_statements_however_long_it_is(
    members: Dance, operator: Client, name: str
) -> None:
    assert control(members.sandbox, "POST", "crowd", {"members": 300}).status == 200
    call_command("patreon_sync", verbosity=0)
    read(operator, f"{ADMIN}/{name}/")
    with CaptureQueriesContext(connection) as statements:
        read(operator, f"{ADMIN}/{name}/")
    own = [each["sql"] for each in statements if "session" not in each["sql"]]
    assert len(own) < 10, own


class TestTheOverview:
    PAGE = f"{ADMIN}/"

    def test_it_counts_as_one_would_by_hand(self, members: Dance, operator: Client) -> None:
        found = overview()
        there = members.sandbox.world.members_of(HOME)
        counted = {label: count for label, count, _url in found.standings}
        active = [e for e in there if e.patron_status == "active_patron"]
        paying = [
            each
            for each in active
            if not (each.is_gifted or each.is_free_trial) and each.last_charge_status != "Declined"
        ]
        assert counted["Active and paying"] == len(paying)
        assert counted["Gift"] == sum(each.is_gifted for each in active)
        assert counted["Free trial"] == sum(each.is_free_trial for each in active)
        assert counted["Free member"] == sum(each.patron_status is None for each in there)
        assert sum(each.patrons for each in found.income) == len(paying)
        by_hand: dict[int, int] = {}
        for each in paying:
            months = each.pledge_cadence or 1
            cents = each.currently_entitled_amount_cents or 0
            by_hand[months] = by_hand.get(months, 0) + cents
        whole = sum(cents // months for months, cents in by_hand.items())
        assert abs(sum(each.cents for each in found.income) - whole) < len(found.income) * 2

    def test_the_page_says_it_in_words_with_few_statements(
        self, members: Dance, operator: Client
    ) -> None:
        assert control(members.sandbox, "POST", "crowd", {"members": 300}).status == 200
        call_command("patreon_sync", verbosity=0)
        read(operator, self.PAGE)
        with CaptureQueriesContext(connection) as statements:
            page = read(operator, self.PAGE)
        assert len(statements) <= 12, [each["sql"][:90] for each in statements]
        for words in ("Active and paying", "EUR a month", "<svg", "Joined and left by week"):
            assert words in page
        assert "style=" not in page.split("patreon-overview")[1].split("</svg>")[0]

    def test_joins_and_losses_are_by_week(self, members: Dance, operator: Client) -> None:
        row = Membership.objects.paying().first()
        assert row is not None
        now = timezone.now()
        for kind, weeks in (("joined", 0), ("joined", 0), ("left", 0), ("left", 3), ("joined", 99)):
            MembershipEvent.objects.create(
                membership=row, kind=kind, source="sync", at=now - timedelta(weeks=weeks), after={}
            )
        before = [each for each in overview().weeks if each.joined or each.left]
        assert [(each.joined, each.left, each.net) for each in before] == [(0, 1, -1), (2, 1, 1)]
        assert len(overview().weeks) == 52

    def test_a_week_begins_on_monday_at_midnight_utc(self, members: Dance) -> None:
        row = Membership.objects.paying().first()
        assert row is not None
        now = timezone.now().astimezone(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        monday = midnight - timedelta(days=now.weekday(), weeks=5)
        for at in (monday - timedelta(microseconds=1), monday, monday + timedelta(days=6)):
            MembershipEvent.objects.create(
                membership=row, kind="joined", source="sync", at=at, after={}
            )
        found = {each.monday: each.joined for each in overview().weeks if each.joined}
        assert found == {(monday - timedelta(weeks=1)).date(): 1, monday.date(): 2}

    def test_what_needs_attention_comes_first(self, members: Dance, operator: Client) -> None:
        assert "Needs attention" not in read(operator, self.PAGE)
        Campaign.objects.update(synced_at=timezone.now() - timedelta(days=9))
        PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
        page = read(operator, self.PAGE)
        assert "is not connected" in page
        assert "People who must reconnect Patreon: 1." in page
        PatreonAccount.objects.update(state=PatreonAccount.State.CONNECTED)
        assert "were not read lately" in read(operator, self.PAGE)

    def test_an_empty_site_says_what_to_do(self, operator: Client) -> None:
        assert "No campaign is this site" in read(operator, self.PAGE)

    def test_who_may_not_look_at_memberships_sees_none_of_it(self, members: Dance) -> None:
        helper = User.objects.create_user("helper", is_staff=True)
        helper.user_permissions.set(Permission.objects.filter(codename="view_tier"))
        client = Client()
        client.force_login(helper)
        assert "Active and paying" not in read(client, self.PAGE)

"""The admin, as an operator reads it."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from django_patreon.models import (
    Campaign,
    Grant,
    Membership,
    MembershipEvent,
    PatreonAccount,
    SyncRun,
)

from .dance import Dance

LIST = "/admin/django_patreon/patreonaccount/"


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="x"))
    return client


@pytest.fixture
def account(dance: Dance) -> PatreonAccount:
    dance.sign_in("gold")
    return PatreonAccount.objects.get()


def test_the_list_shows_who_is_connected(account: PatreonAccount, operator: Client) -> None:
    page = operator.get(LIST).content.decode()
    for words in ("Alma Reyes", "AlmaReyes", "connected", "Last sign-in"):
        assert words.lower() in page.lower()


@pytest.mark.parametrize("query", ["Alma", "gold@example", "AlmaReyes"])
def test_search_finds_by_name_address_and_user(
    account: PatreonAccount, operator: Client, query: str
) -> None:
    assert "Alma Reyes" in operator.get(LIST, {"q": query}).content.decode()
    assert "0 Patreon accounts" in operator.get(LIST, {"q": "nobody-here"}).content.decode()


def test_state_filters(account: PatreonAccount, operator: Client) -> None:
    assert "Alma Reyes" not in operator.get(LIST, {"state": "reconnect"}).content.decode()


def test_the_page_of_one_account_is_to_read_only(account: PatreonAccount, operator: Client) -> None:
    page = operator.get(f"{LIST}{account.pk}/change/")
    text = page.content.decode()
    assert "identity[email]" in text
    assert "<textarea" not in text
    assert 'name="_save"' not in text
    assert operator.post(f"{LIST}{account.pk}/change/", {"state": "x"}).status_code == 403
    assert operator.get(f"{LIST}add/").status_code == 403


def test_no_page_shows_a_token(account: PatreonAccount, operator: Client, settings) -> None:
    for keys in ([], ["a-lost-" + "key" * 20]):
        settings.PATREON = {"TOKEN_KEYS": keys}
        for url in (LIST, f"{LIST}{account.pk}/change/", f"{LIST}{account.pk}/history/"):
            page = operator.get(url)
            assert page.status_code == 200
            assert ("needs to reconnect</td>" in page.content.decode()) is bool(
                keys and url == LIST
            )
            for secret in (account.access_token.open(), account.refresh_token.open()):
                assert secret not in page.content.decode()


def test_the_list_costs_the_same_for_one_and_many(
    account: PatreonAccount, operator: Client, django_assert_max_num_queries
) -> None:
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"user{n}") for n in range(30)
    )
    PatreonAccount.objects.bulk_create(
        PatreonAccount(user=each, patreon_id=f"9{each.pk}") for each in users
    )
    with django_assert_max_num_queries(8):
        operator.get(LIST)


def test_an_operator_deletes_a_user_with_all_that_is_theirs(
    account: PatreonAccount, operator: Client
) -> None:
    user = account.user
    Grant.objects.give(user, cents=500)
    page = operator.get(f"/admin/auth/user/{user.pk}/delete/")
    assert "Are you sure" in page.content.decode()
    assert operator.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not get_user_model().objects.filter(pk=user.pk).exists()
    assert not PatreonAccount.objects.exists()
    assert not Grant.objects.exists()


@pytest.mark.parametrize("model", ["patreonaccount", "membership", "grant", "campaign"])
def test_nothing_of_ours_is_deleted_by_itself(
    account: PatreonAccount, operator: Client, model: str
) -> None:
    Grant.objects.give(account.user, cents=500)
    row = apps.get_model("django_patreon", model).objects.get()
    address = f"/admin/django_patreon/{model}/{row.pk}/delete/"
    assert operator.post(address, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in operator.get(f"/admin/django_patreon/{model}/").content.decode()


def test_who_may_not_delete_accounts_does_not_do_so_by_way_of_users(
    account: PatreonAccount, client: Client
) -> None:
    helper = get_user_model().objects.create_user("helper", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
    client.force_login(helper, "django.contrib.auth.backends.ModelBackend")
    client.post(f"/admin/auth/user/{account.user_id}/delete/", {"post": "yes"})
    assert PatreonAccount.objects.exists()


class TestWhichCampaignIsOurs:
    LIST = "/admin/django_patreon/campaign/"

    def say(self, operator: Client, action: str) -> str:
        campaign = Campaign.objects.get()
        form = {"action": action, "_selected_action": [campaign.pk]}
        return operator.post(self.LIST, form, follow=True).content.decode()

    def test_an_operator_says_so(self, account: PatreonAccount, operator: Client) -> None:
        Campaign.objects.update(name="Lanternhouse")
        for action, is_ours, words in (
            ("make_foreign", False, "This site no longer acts for Lanternhouse."),
            ("make_ours", True, "This site acts for Lanternhouse now."),
            ("make_ours", True, "It was so already."),
        ):
            assert words in self.say(operator, action)
            assert Campaign.objects.get().is_ours is is_ours
        assert LogEntry.objects.count() == 2
        page = operator.get(f"{self.LIST}{Campaign.objects.get().pk}/history/")
        assert "Changed is ours" in page.content.decode()

    @pytest.mark.parametrize("kind", ["campaign", "membership", "patreonaccount", "grant"])
    def test_every_list_says_that_the_site_has_none_yet(
        self, account: PatreonAccount, operator: Client, settings: Any, kind: str
    ) -> None:
        address = f"/admin/django_patreon/{kind}/"
        assert b"acts for no campaign yet" not in operator.get(address).content
        Campaign.objects.update(is_ours=False)
        assert b"acts for no campaign yet" in operator.get(address).content
        settings.SILENCED_SYSTEM_CHECKS = ["django_patreon.W013"]
        assert b"acts for no campaign yet" not in operator.get(address).content

    @pytest.mark.parametrize("way", ["", "chosen", "silenced"])
    def test_a_second_one_is_refused_until_gates_say_which_they_mean(
        self, account: PatreonAccount, operator: Client, settings: Any, way: str
    ) -> None:
        settings.PATREON = {"CAMPAIGN_ID": "1"} if way == "chosen" else {}
        if way == "silenced":
            settings.SILENCED_SYSTEM_CHECKS = ["django_patreon.W013"]
        Campaign.objects.update(is_ours=True, name="Lanternhouse")
        row = Campaign.objects.create(patreon_id="1", fetched_at=timezone.now())
        form = {"action": "make_ours", "_selected_action": [row.pk]}
        page = operator.post(self.LIST, form, follow=True).content.decode()
        row.refresh_from_db()
        assert row.is_ours is bool(way)
        assert ("acts for Lanternhouse already" in page) is not bool(way)
        assert LogEntry.objects.exists() is bool(way)

    def test_of_two_at_once_neither_becomes_ours(
        self, account: PatreonAccount, operator: Client
    ) -> None:
        Campaign.objects.update(is_ours=False)
        Campaign.objects.create(patreon_id="1", fetched_at=timezone.now())
        form = {
            "action": "make_ours",
            "_selected_action": [each.pk for each in Campaign.objects.all()],
        }
        assert b"CAMPAIGN_ID" in operator.post(self.LIST, form, follow=True).content
        assert not Campaign.objects.filter(is_ours=True).exists()
        assert not LogEntry.objects.exists()

    def test_an_operator_overrules_what_a_creator_has_claimed(
        self, account: PatreonAccount, operator: Client
    ) -> None:
        Campaign.objects.update(is_ours=True, is_claimed=True)
        row = Campaign.objects.create(patreon_id="1", fetched_at=timezone.now())
        form = {"action": "make_ours", "_selected_action": [row.pk]}
        operator.post(self.LIST, form, follow=True)
        assert [each.patreon_id for each in Campaign.objects.filter(is_ours=True)] == ["1"]

    def test_several_that_are_ours_already_are_pointed_out_on_every_list(
        self, account: PatreonAccount, operator: Client
    ) -> None:
        """Those that became ours while `CAMPAIGN_ID` was set."""
        Campaign.objects.update(is_ours=True)
        Campaign.objects.create(patreon_id="1", is_ours=True, fetched_at=timezone.now())
        page = operator.get(self.LIST).content.decode()
        assert "gates that name none are closed to everybody" in page

    def test_who_may_only_look_does_not(self, account: PatreonAccount) -> None:
        reader = Client()
        user = get_user_model().objects.create_user("reader", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_campaign"))
        reader.force_login(user, "django.contrib.auth.backends.ModelBackend")
        assert "make_foreign" not in reader.get(self.LIST).content.decode()
        self.say(reader, "make_foreign")
        assert Campaign.objects.get().is_ours


class TestTheHistory:
    """Of syncs and of memberships, to look at."""

    RUNS = "/admin/django_patreon/syncrun/"
    EVENTS = "/admin/django_patreon/membershipevent/"

    @pytest.fixture
    def history(self, account: PatreonAccount) -> None:
        membership = Membership.objects.get()
        SyncRun.objects.create(
            campaign=membership.campaign,
            state=SyncRun.State.STOPPED,
            started_at=timezone.now(),
            seen=4711,
            message="Patreon no longer lists 40 of 100 patrons.",
        )
        MembershipEvent.objects.create(
            membership=membership,
            kind=MembershipEvent.Kind.LEFT,
            source="sync",
            at=timezone.now(),
            before={"status": "active_patron", "tiers": ["9100003"], "cents": 1000},
            after={"status": "former_patron", "tiers": [], "cents": 0},
        )

    def test_it_is_listed(self, history: None, operator: Client) -> None:
        page = operator.get(self.RUNS, {"state": "stopped"}).content.decode()
        for words in ("4711", "too many would have been demoted", "Patreon no longer lists 40"):
            assert words in page
        page = operator.get(self.EVENTS, {"kind": "left"}).content.decode()
        for words in (
            "Alma Reyes",
            "status: active_patron; tiers: 9100003; cents: 1000",
            "status: former_patron; cents: 0",
        ):
            assert words in page
        assert "0 membership events" in operator.get(self.EVENTS, {"q": "nobody"}).content.decode()

    @pytest.mark.parametrize("model", [SyncRun, MembershipEvent])
    def test_it_is_not_changed(self, history: None, operator: Client, model: Any) -> None:
        row = model.objects.last()
        address = f"/admin/django_patreon/{model._meta.model_name}/{row.pk}"
        assert operator.get(f"{address}/change/").status_code == 200
        for action in ("change", "delete"):
            assert operator.post(f"{address}/{action}/", {"post": "yes"}).status_code == 403
        add = f"/admin/django_patreon/{model._meta.model_name}/add/"
        assert operator.get(add).status_code == 403

    def test_the_list_of_events_costs_the_same_for_one_and_many(
        self, history: None, operator: Client, django_assert_max_num_queries: Any
    ) -> None:
        event = MembershipEvent.objects.last()
        assert event is not None
        for _ in range(30):
            event.pk = None
            event.save(force_insert=True)
        with django_assert_max_num_queries(10):
            operator.get(self.EVENTS)

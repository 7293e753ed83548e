"""A person asks what is kept about them, and to be forgotten."""

from __future__ import annotations

import io
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from social_django.models import UserSocialAuth

from django_patreon import sync
from django_patreon.access import check
from django_patreon.models import (
    Campaign,
    Grant,
    Membership,
    MembershipEvent,
    PatreonAccount,
)
from django_patreon.sandbox.ids import HOME
from django_patreon.sign_in.disconnecting import disconnect
from tests.dance import Dance
from tests.sync.test_campaign import CREATORS_SCOPES, control

User = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)
NAME, ADDRESS, NOTE = "Alma Reyes", "gold@example.org", "Sends a card every winter."


@pytest.fixture
def campaign(dance: Dance, settings: Any) -> Campaign:
    """The creator has let the site read all members, with their addresses."""
    settings.SOCIAL_AUTH_PATREON_SCOPE = [*CREATORS_SCOPES, "campaigns.members[email]"]
    dance.sign_in("creator")
    dance.client.logout()
    settings.SOCIAL_AUTH_PATREON_SCOPE = []
    [member] = [e for e in dance.sandbox.world.members_of(HOME) if e.user_id == id_of(dance)]
    member.note = NOTE
    return Campaign.objects.get(patreon_id=HOME)


@pytest.fixture
def erase(settings: Any) -> None:
    settings.PATREON = {**settings.PATREON, "ERASE": True}


def id_of(dance: Dance, slug: str = "gold") -> str:
    person = dance.sandbox.world.person_called(slug)
    assert person is not None
    return str(person.id)


def row_of(dance: Dance, slug: str = "gold") -> Membership:
    return Membership.objects.get(patreon_user_id=id_of(dance, slug), campaign_id=HOME)


def who(row: Membership) -> tuple[str, str, str]:
    return row.full_name, row.email, row.note


def paid(row: Membership) -> Any:
    return row.patron_status, row.currently_entitled_amount_cents, set(row.tiers.values_list("pk"))


def everybody_else() -> list[tuple[str, str, str]]:
    return sorted(who(each) for each in Membership.objects.exclude(full_name__in=["", NAME]))


def run(command: str, *words: str) -> str:
    out = io.StringIO()
    call_command(command, *words, stdout=out)
    return out.getvalue()


def complete_sync(campaign: Campaign, **options: Any) -> None:
    done = sync.sync_campaign(campaign, **options)
    assert done.complete, done.message


def give_password(user: Any) -> None:
    user.set_password("x")
    user.save()


WAYS: dict[str, Callable[[Any], Any]] = {
    "disconnecting": lambda user: disconnect(None, user),
    "the account": lambda user: PatreonAccount.objects.get(user=user).delete(),
    "only the account's key": lambda user: (
        PatreonAccount.objects.only("id").get(user=user).delete()
    ),
    "accounts": lambda user: PatreonAccount.objects.filter(user=user).delete(),
    "the user": lambda user: User.objects.get(pk=user.pk).delete(),
    "users": lambda user: User.objects.filter(pk=user.pk).delete(),
    "the association": lambda user: UserSocialAuth.objects.get(user=user).delete(),
}


@pytest.fixture
def user(dance: Dance) -> Any:
    """Somebody who has signed in with Patreon, and has a password too."""
    dance.sign_in("gold")
    give_password(dance.user)
    return dance.user


class TestOfACampaignThatIsNotConnected:
    @pytest.mark.parametrize("way", WAYS)
    def test_who_goes_leaves_no_name_behind(self, dance: Dance, user: Any, way: str) -> None:
        Membership.objects.update(email=ADDRESS, note=NOTE)
        before = paid(row_of(dance))
        WAYS[way](user)
        assert not PatreonAccount.objects.exists()
        row = row_of(dance)
        assert who(row) == ("", "", "")
        assert paid(row) == before
        assert row.account is None

    def test_others_keep_theirs(self, dance: Dance, user: Any) -> None:
        dance.client.logout()
        dance.sign_in("silver")
        disconnect(None, user)
        assert row_of(dance, "silver").full_name
        assert not row_of(dance).full_name

    def test_a_deletion_that_is_rolled_back_erases_nothing(self, dance: Dance, user: Any) -> None:
        dance.client.logout()
        dance.sign_in("silver")
        give_password(dance.user)
        with transaction.atomic():
            disconnect(None, user)
            transaction.set_rollback(True)
        assert row_of(dance).full_name == NAME
        disconnect(None, dance.user)
        assert row_of(dance).full_name == NAME
        assert not row_of(dance, "silver").full_name

    def test_a_deletion_that_fails_midway_erases_nobody_later(
        self, dance: Dance, user: Any
    ) -> None:
        from django.db.models.signals import pre_delete  # noqa: PLC0415

        def fail(**_: Any) -> None:
            raise RuntimeError

        pre_delete.connect(fail, sender=User)
        try:
            with pytest.raises(RuntimeError):
                user.delete()
        finally:
            pre_delete.disconnect(fail, sender=User)
        dance.client.logout()
        dance.sign_in("silver")
        dance.user.delete()
        assert row_of(dance).full_name == NAME
        assert not row_of(dance, "silver").full_name

    def test_signing_in_again_brings_the_name_again(self, dance: Dance, user: Any) -> None:
        disconnect(None, user)
        dance.client.logout()
        dance.sign_in("gold")
        assert row_of(dance).full_name == NAME

    def test_connecting_the_campaign_later_brings_the_name_again(
        self, campaign: Campaign, dance: Dance, user: Any
    ) -> None:
        complete_sync(campaign)
        creator = campaign.creator
        Campaign.objects.update(creator=None)
        disconnect(None, user)
        assert who(row_of(dance)) == ("", "", "")
        Campaign.objects.filter(pk=campaign.pk).update(creator=creator)
        complete_sync(campaign)
        assert who(row_of(dance)) == (NAME, ADDRESS, NOTE)

    def test_many_are_erased_with_as_many_statements_as_few(self, dance: Dance, user: Any) -> None:
        def cost(count: int) -> int:
            users = User.objects.bulk_create(User(username=f"user{n}") for n in range(count))
            accounts = PatreonAccount.objects.bulk_create(
                PatreonAccount(user=each, patreon_id=f"9{n}") for n, each in enumerate(users)
            )
            Membership.objects.bulk_create(
                Membership(
                    patreon_id=f"m{n}",
                    patreon_user_id=each.patreon_id,
                    account=each,
                    campaign_id=HOME,
                    full_name="Somebody",
                    fetched_at=user.date_joined,
                )
                for n, each in enumerate(accounts)
            )
            with CaptureQueriesContext(connection) as asked:
                User.objects.filter(username__startswith="user").delete()
            assert not Membership.objects.filter(full_name="Somebody").exists()
            Membership.objects.filter(patreon_id__startswith="m").delete()
            return len(asked)

        assert cost(2) == cost(12)


class TestOfAConnectedCampaign:
    @pytest.mark.parametrize("way", WAYS)
    def test_the_creators_list_keeps_the_name(
        self, campaign: Campaign, dance: Dance, user: Any, way: str
    ) -> None:
        complete_sync(campaign)
        WAYS[way](user)
        assert who(row_of(dance)) == (NAME, ADDRESS, NOTE)

    @pytest.mark.parametrize("way", WAYS)
    def test_with_erase_it_is_taken_out_and_no_sync_brings_it_again(
        self, campaign: Campaign, dance: Dance, user: Any, erase: None, way: str
    ) -> None:
        complete_sync(campaign)
        before, others = paid(row_of(dance)), everybody_else()
        WAYS[way](user)
        assert who(row_of(dance)) == ("", "", "")
        for force in (False, True):
            complete_sync(campaign, force=force)
            assert who(row_of(dance)) == ("", "", "")
        assert paid(row_of(dance)) == before
        assert everybody_else() == others

    def test_news_of_an_erased_membership_is_kept_without_the_name(
        self, campaign: Campaign, dance: Dance, user: Any, erase: None
    ) -> None:
        complete_sync(campaign)
        disconnect(None, user)
        control(dance.sandbox, "POST", "members", do="change", user="gold", tier="Silver")
        complete_sync(campaign)
        row = row_of(dance)
        assert set(row.tiers.values_list("title", flat=True)) >= {"Silver"}
        assert who(row) == ("", "", "")
        assert NAME not in str(list(MembershipEvent.objects.values_list("before", "after")))

    def test_who_joins_again_is_still_erased(
        self, campaign: Campaign, dance: Dance, user: Any, erase: None
    ) -> None:
        complete_sync(campaign)
        old = row_of(dance)
        disconnect(None, user)
        # Patreon gives a new membership of the same person another id.
        Membership.objects.filter(pk=old.pk).update(patreon_id="before")
        complete_sync(campaign)
        rows = Membership.objects.filter(patreon_user_id=id_of(dance), campaign_id=HOME)
        assert len(rows) == 2
        assert {who(each) for each in rows} == {("", "", "")}

    def test_signing_in_again_brings_all_of_it_again(
        self, campaign: Campaign, dance: Dance, user: Any, erase: None
    ) -> None:
        complete_sync(campaign)
        disconnect(None, user)
        complete_sync(campaign)
        dance.client.logout()
        dance.sign_in("gold")
        assert row_of(dance).full_name == NAME
        complete_sync(campaign)
        assert who(row_of(dance)) == (NAME, ADDRESS, NOTE)

    def test_signing_in_again_is_for_all_memberships_of_the_person(
        self, dance: Dance, user: Any
    ) -> None:
        # Patreon does not list this one at a sign-in, since its campaign is not the client's.
        other = Campaign.objects.create(patreon_id="77", fetched_at=user.date_joined)
        sync.erase_person(id_of(dance))
        row = Membership.objects.create(
            patreon_id="m77",
            patreon_user_id=id_of(dance),
            campaign=other,
            fetched_at=user.date_joined,
            is_erased=True,
            digest="of the list",
        )
        dance.client.logout()
        dance.sign_in("gold")
        row.refresh_from_db()
        assert not row.is_erased
        assert not row.digest, "the next sync would take it for unchanged, and leave it blank"

    def test_nobody_loses_their_place_by_it(
        self, campaign: Campaign, dance: Dance, user: Any, erase: None
    ) -> None:
        complete_sync(campaign)
        disconnect(None, user)
        complete_sync(campaign)
        dance.client.logout()
        dance.sign_in("gold")
        assert check(dance.user)

    def test_a_dry_run_does_not_say_the_name_either(
        self, campaign: Campaign, dance: Dance, user: Any, erase: None
    ) -> None:
        complete_sync(campaign)
        disconnect(None, user)
        control(dance.sandbox, "POST", "members", do="change", user="gold", tier="Silver")
        done = sync.sync_campaign(campaign, dry_run=True)
        assert ("changed", row_of(dance).patreon_id) in done.people

    def test_a_creator_who_goes_takes_their_own_name_along_and_nobody_elses(
        self, campaign: Campaign, dance: Dance
    ) -> None:
        complete_sync(campaign)
        others = everybody_else()
        assert campaign.creator is not None
        campaign.creator.user.delete()
        assert everybody_else() == others

    def test_members_who_go_together_with_the_creator_are_erased(
        self, campaign: Campaign, dance: Dance, user: Any, admin_client: Client
    ) -> None:
        complete_sync(campaign)
        assert campaign.creator is not None
        both = User.objects.filter(pk__in=[user.pk, campaign.creator.user_id])
        selected = {
            "action": "delete_selected",
            "_selected_action": list(both.values_list("pk", flat=True)),
        }
        page = admin_client.post("/admin/auth/user/", selected)
        assert f"<li>{row_of(dance)}</li>" in page.content.decode()
        both.delete()
        assert who(row_of(dance)) == ("", "", "")

    def test_an_account_that_an_operator_takes_over_does_not_undo_an_erasure(
        self, campaign: Campaign, dance: Dance, user: Any, erase: None
    ) -> None:
        complete_sync(campaign)
        disconnect(None, user)
        account = PatreonAccount.objects.create(user=user, patreon_id=id_of(dance))
        sync.join_memberships(account)
        assert row_of(dance).account == account
        complete_sync(campaign, force=True)
        assert who(row_of(dance)) == ("", "", "")


class TestTheAdmin:
    HEADING = "Erased from Patreon memberships"

    @pytest.fixture
    def operator(self, db: None) -> Client:
        client = Client()
        client.force_login(User.objects.create_superuser("operator", password="x"))
        return client

    def listed(self, page: Any) -> list[str]:
        found = re.search(r'<ul id="patreon-erased">(.*?)</ul>', page.content.decode(), re.S)
        return re.findall(r"<li>(.*?)</li>", found[1]) if found else []

    def pages(self, operator: Client, user: Any) -> list[Any]:
        account = PatreonAccount.objects.get(user=user)
        selected = {"action": "delete_selected", "_selected_action": [user.pk]}
        return [
            operator.get(f"/admin/auth/user/{user.pk}/delete/"),
            operator.post("/admin/auth/user/", selected),
            operator.get(f"/admin/django_patreon/patreonaccount/{account.pk}/disconnect/"),
        ]

    def test_lists_what_a_deletion_erases(self, dance: Dance, user: Any, operator: Client) -> None:
        for page in self.pages(operator, user):
            assert self.listed(page) == [str(row_of(dance))]

    def test_lists_nothing_of_connected_campaigns_without_erase(
        self, campaign: Campaign, user: Any, operator: Client
    ) -> None:
        for page in self.pages(operator, user):
            assert page.status_code == 200
            assert self.HEADING not in page.content.decode()

    def test_lists_connected_campaigns_with_erase(
        self, campaign: Campaign, dance: Dance, user: Any, operator: Client, erase: None
    ) -> None:
        for page in self.pages(operator, user):
            assert self.listed(page) == [str(row_of(dance))]

    def test_shows_no_names_to_who_may_not_delete_them(
        self, dance: Dance, user: Any, client: Client
    ) -> None:
        helper = User.objects.create_user("helper", is_staff=True)
        helper.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
        client.force_login(helper, "django.contrib.auth.backends.ModelBackend")
        selected = {"action": "delete_selected", "_selected_action": [user.pk]}
        for page in (
            client.get(f"/admin/auth/user/{user.pk}/delete/"),
            client.post("/admin/auth/user/", selected),
        ):
            assert page.status_code == 200
            assert self.HEADING not in page.content.decode()

    def test_says_of_a_membership_that_it_is_erased(
        self, dance: Dance, user: Any, operator: Client
    ) -> None:
        sync.erase_person(id_of(dance))
        page = operator.get(f"/admin/django_patreon/membership/{row_of(dance).pk}/change/")
        assert "not kept until the person signs in again" in page.content.decode()

    def test_users_without_patreon_are_deleted_as_ever(self, operator: Client) -> None:
        other = User.objects.create_user("other")
        page = operator.get(f"/admin/auth/user/{other.pk}/delete/")
        assert "Are you sure" in page.content.decode()
        assert self.HEADING not in page.content.decode()


class TestExport:
    def test_has_all_that_is_kept_of_who_signed_in(self, dance: Dance, user: Any) -> None:
        Grant.objects.give(user, cents=500, reason="a prize")
        account = PatreonAccount.objects.get()
        text = run("patreon_export", id_of(dance))
        found = json.loads(text)
        assert found["account"]["full_name"] == NAME
        assert found["account"]["email"] == ADDRESS
        assert found["account"]["username"] == user.username
        [membership] = found["memberships"]
        assert {each["title"] for each in membership["tiers"]} == {"Free", "Gold"}
        assert {each.name for each in Membership._meta.concrete_fields} <= membership.keys()
        [event] = membership["events"]
        assert {each.name for each in MembershipEvent._meta.concrete_fields} <= event.keys()
        [grant] = found["passes"]
        assert grant["reason"] == "a prize"
        assert account.access_token.open() not in text
        assert account.refresh_token.open() not in text

    def test_has_what_a_sync_brought_of_who_never_signed_in(
        self, campaign: Campaign, dance: Dance
    ) -> None:
        complete_sync(campaign)
        found = json.loads(run("patreon_export", id_of(dance)))
        assert found["account"] is None
        assert found["passes"] == found["campaigns"] == []
        [membership] = found["memberships"]
        assert (membership["full_name"], membership["note"]) == (NAME, NOTE)
        assert membership["seen_by"] == "sync"
        assert membership["events"]

    def test_names_the_campaigns_of_a_creator(self, campaign: Campaign, dance: Dance) -> None:
        found = json.loads(run("patreon_export", id_of(dance, "creator")))
        assert [each["id"] for each in found["campaigns"]] == [HOME]

    def test_writes_a_file_that_only_its_owner_reads(
        self, dance: Dance, user: Any, tmp_path: Path
    ) -> None:
        path = tmp_path / "person.json"
        said = run("patreon_export", id_of(dance), "--output", str(path))
        assert NAME not in said
        assert json.loads(path.read_text("utf-8"))["account"]["full_name"] == NAME
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_writes_over_no_other_file(self, dance: Dance, user: Any, tmp_path: Path) -> None:
        path = tmp_path / "person.json"
        path.write_text("mine")
        with pytest.raises(CommandError, match="was not written: File exists"):
            run("patreon_export", id_of(dance), "--output", str(path))
        assert path.read_text() == "mine"


class TestErase:
    def test_forgets_who_signed_in_and_no_sync_remembers(
        self, campaign: Campaign, dance: Dance, user: Any
    ) -> None:
        complete_sync(campaign)
        before, others = paid(row_of(dance)), everybody_else()
        said = run("patreon_erase", id_of(dance))
        assert not PatreonAccount.objects.filter(user=user).exists()
        assert not UserSocialAuth.objects.filter(user=user).exists()
        complete_sync(campaign, force=True)
        assert who(row_of(dance)) == ("", "", "")
        assert paid(row_of(dance)) == before
        assert everybody_else() == others
        for words in ("Done:", "account of user", "1 membership", "next sync", "list there"):
            assert words in said
        text = run("patreon_export", id_of(dance))
        for words in (NAME, ADDRESS, NOTE):
            assert words not in text

    def test_forgets_who_never_signed_in(self, campaign: Campaign, dance: Dance) -> None:
        complete_sync(campaign)
        said = run("patreon_erase", id_of(dance))
        assert "Disconnect" not in said
        complete_sync(campaign)
        assert who(row_of(dance)) == ("", "", "")

    def test_a_dry_run_says_the_same_and_does_nothing(
        self, campaign: Campaign, dance: Dance, user: Any
    ) -> None:
        complete_sync(campaign)
        would = run("patreon_erase", id_of(dance), "--dry-run")
        assert PatreonAccount.objects.filter(user=user).exists()
        assert who(row_of(dance)) == (NAME, ADDRESS, NOTE)
        done = run("patreon_erase", id_of(dance))
        assert would.replace("Would do:", "Done:") == done

    @pytest.mark.parametrize("dry", [["--dry-run"], []])
    def test_does_nothing_to_who_could_not_sign_in_any_more(
        self, dance: Dance, dry: list[str]
    ) -> None:
        dance.sign_in("gold")
        with pytest.raises(CommandError, match=r"the only way that user .* has to sign in"):
            run("patreon_erase", id_of(dance), *dry)
        assert who(row_of(dance))[0] == NAME
        dance.user.delete()
        run("patreon_erase", id_of(dance))
        assert row_of(dance).is_erased

    def test_may_be_run_twice(self, campaign: Campaign, dance: Dance, user: Any) -> None:
        run("patreon_erase", id_of(dance))
        run("patreon_erase", id_of(dance))
        assert who(row_of(dance)) == ("", "", "")


@pytest.mark.parametrize("command", ["patreon_export", "patreon_erase"])
class TestAnUnknownId:
    def test_is_said_clearly(self, db: None, command: str) -> None:
        with pytest.raises(CommandError, match=r"Nothing is kept about a person .* '404'"):
            run(command, "404")

    def test_of_a_membership_leads_to_that_of_its_person(
        self, dance: Dance, user: Any, command: str
    ) -> None:
        row = row_of(dance)
        with pytest.raises(CommandError, match=f"id of a membership; .* {id_of(dance)}"):
            run(command, row.patreon_id)
        assert row_of(dance).full_name == NAME

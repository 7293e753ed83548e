"""What is kept about a person, what operators can do to it, and who hears of it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_patreon import tokens
from django_patreon.exceptions import ReconnectRequired, Refused
from django_patreon.models import Campaign, Membership, PatreonAccount
from django_patreon.sandbox import SCOPES
from django_patreon.sandbox.ids import HOME
from django_patreon.signals import account_reconnect_needed, account_reconnected

from .dance import Dance

pytestmark = pytest.mark.django_db

ACCESS, REFRESH = "PATREON_ACCESS_TOKEN", "PATREON_REFRESH_TOKEN"


def account_of(dance: Dance, slug: str = "gold") -> PatreonAccount:
    dance.sign_in(slug)
    return PatreonAccount.objects.get(user=dance.user)


# -- export


def test_an_export_has_everything_but_secrets(dance: Dance) -> None:
    account = account_of(dance)
    exported = account.export()
    text = json.dumps(exported)
    assert exported["full_name"] == "Alma Reyes"
    assert exported["email"] == "gold@example.org"
    assert exported["scopes"]
    [membership] = exported["memberships"]
    assert {each["title"] for each in membership["tiers"]} == {"Free", "Gold"}
    assert account.access_token.open() not in text
    assert account.refresh_token.open() not in text
    stored = {each.name for each in PatreonAccount._meta.concrete_fields}
    secret = {"access_token", "refresh_token"}
    own = {"token_generation", "client_id", "refresh_lease", "refresh_lease_until"}
    assert stored - secret - own <= exported.keys()
    assert {each.name for each in Membership._meta.concrete_fields} <= membership.keys()


# -- signals


@pytest.fixture
def heard() -> Any:
    news: list[tuple[str, Any]] = []

    def lost(sender: Any, account: Any, reason: str, **kwargs: Any) -> None:
        news.append(("lost", reason))

    def found(sender: Any, account: Any, **kwargs: Any) -> None:
        news.append(("found", account.patreon_id))

    account_reconnect_needed.connect(lost)
    account_reconnected.connect(found)
    yield news
    account_reconnect_needed.disconnect(lost)
    account_reconnected.disconnect(found)


def test_losing_and_mending_a_connection_is_told_once_each(
    dance: Dance, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    account = account_of(dance)
    dance.sandbox.tokens.kill()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            with pytest.raises(ReconnectRequired):
                tokens.refresh(account)
    assert [each[0] for each in heard] == ["lost"]
    assert "invalid_grant" in heard[0][1]
    dance.client.logout()
    with django_capture_on_commit_callbacks(execute=True):
        dance.sign_in("gold")
        dance.sign_in("gold")
    assert heard[1:] == [("found", account.patreon_id)]


# -- the admin


@pytest.fixture
def staff(admin_user: Any) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def address(what: str, account: PatreonAccount) -> str:
    return reverse(f"admin:django_patreon_patreonaccount_{what}", args=[account.pk])


def test_an_operator_renews_tokens_by_a_button(dance: Dance, staff: Client) -> None:
    account = account_of(dance)
    before = account.access_token.open()
    page = staff.get(address("change", account)).content.decode()
    assert address("renew", account) in page
    assert staff.get(address("renew", account)).status_code == 405
    answer = staff.post(address("renew", account), follow=True)
    assert "The tokens are new." in answer.content.decode()
    account.refresh_from_db()
    assert account.access_token.open() != before


def test_a_renewal_that_fails_says_why(dance: Dance, staff: Client) -> None:
    account = account_of(dance)
    dance.sandbox.tokens.kill()
    page = staff.post(address("renew", account), follow=True).content.decode()
    assert "has to sign in" in page
    assert "Only the person can mend the connection" in page
    assert address("renew", account) not in page


def test_a_lost_connection_has_a_button_for_whoever_can_mend_it(
    dance: Dance, staff: Client, admin_user: Any
) -> None:
    account = account_of(dance)
    dance.sandbox.tokens.kill()
    staff.post(address("renew", account))
    page = staff.get(address("change", account)).content.decode()
    assert "Ask them to reconnect" in page
    assert "mailto:gold@example.org?subject=Your%20connection" in page
    assert "http%3A%2F%2Ftestserver%2Fpatreon%2Faccount%2F" in page
    assert "/login/patreon/" not in page
    # The creator's own page: the operator and the person are the same.
    PatreonAccount.objects.update(user=admin_user)
    page = staff.get(address("change", account)).content.decode()
    assert "Reconnect Patreon" in page
    assert 'action="/login/patreon/"' in page
    assert f'name="next" value="{address("change", account)}"' in page
    assert "Ask them to reconnect" not in page


def test_an_operator_disconnects_after_being_asked(dance: Dance, staff: Client) -> None:
    account = account_of(dance)
    user = account.user
    refused = staff.post(address("disconnect", account), follow=True).content.decode()
    assert not LogEntry.objects.exists()  # nothing has been done
    assert "Give them a password first" in refused
    assert PatreonAccount.objects.count() == 1
    user.set_password("a way in")
    user.save()
    asked = staff.get(address("disconnect", account)).content.decode()
    assert "will no longer be connected" in asked
    assert PatreonAccount.objects.count() == 1
    staff.post(address("disconnect", account))
    assert PatreonAccount.objects.count() == 0
    assert not user.social_auth.exists()


def test_staff_without_the_permission_can_look_and_not_touch(
    dance: Dance, django_user_model: Any
) -> None:
    account = account_of(dance)
    looker = django_user_model.objects.create_user("looker", password="x", is_staff=True)
    looker.user_permissions.set(
        looker.user_permissions.model.objects.filter(codename="view_patreonaccount")
    )
    client = Client()
    client.force_login(looker)
    page = client.get(address("change", account))
    assert page.status_code == 200
    assert address("disconnect", account) not in page.content.decode()
    for what in ("renew", "disconnect"):
        assert client.post(address(what, account)).status_code == 403


# -- the creator's tokens from the portal


@pytest.fixture
def portal(dance: Dance, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The creator's pair, in the environment."""
    person = dance.sandbox.world.person_called("creator")
    assert person is not None
    pair = dance.sandbox.tokens.issue_pair(person.id, frozenset(SCOPES))
    monkeypatch.setenv(ACCESS, pair.access_token)
    monkeypatch.setenv(REFRESH, pair.refresh_token)
    return pair


def import_for(name: str) -> str:
    out = io.StringIO()
    call_command("patreon_import_tokens", name, stdout=out, stderr=out)
    return out.getvalue()


def test_a_second_campaign_of_the_site_is_refused_until_gates_say_which_they_mean(
    portal: Any, settings: Any, django_user_model: Any
) -> None:
    owner = django_user_model.objects.create_user("owner", password="x")
    Campaign.objects.create(patreon_id="1", is_ours=True, fetched_at=timezone.now())
    with pytest.raises(CommandError, match=r"Nothing was stored: .*campaign 1\b.*CAMPAIGN_ID"):
        import_for("owner")
    assert not PatreonAccount.objects.exists()
    assert not Campaign.objects.filter(patreon_id=HOME).exists()
    assert not owner.social_auth.exists()
    settings.PATREON = {"CAMPAIGN_ID": "1"}
    import_for("owner")
    assert Campaign.objects.filter(is_ours=True).count() == 2


def test_whose_campaign_is_nobodys_gives_the_site_no_second_one(
    dance: Dance, monkeypatch: pytest.MonkeyPatch, django_user_model: Any
) -> None:
    django_user_model.objects.create_user("owner", password="x")
    Campaign.objects.create(patreon_id="1", is_ours=True, fetched_at=timezone.now())
    person = dance.sandbox.world.person_called("stranger")
    assert person is not None
    pair = dance.sandbox.tokens.issue_pair(person.id, frozenset(SCOPES))
    monkeypatch.setenv(ACCESS, pair.access_token)
    monkeypatch.setenv(REFRESH, pair.refresh_token)
    import_for("owner")
    assert [each.patreon_id for each in Campaign.objects.filter(is_ours=True)] == ["1"]


def test_the_creators_tokens_are_imported_and_work(
    portal: Any, dance: Dance, django_user_model: Any
) -> None:
    owner = django_user_model.objects.create_user("owner", password="x")
    said = import_for("owner")
    assert "runs lanternhouse" in said
    assert portal.access_token not in said
    account = PatreonAccount.objects.get(user=owner)
    assert "campaigns.members" in account.scopes
    walk = tokens.client_for(account).members("4410027")
    assert list(walk)
    assert tokens.refresh(account)
    dance.sign_in("creator")  # and the same person comes in by the button as the same user
    assert dance.user == owner


def test_importing_once_more_does_not_take_spent_tokens_for_living_ones(
    portal: Any, dance: Dance, django_user_model: Any
) -> None:
    """As a script that runs at every deployment would."""
    dance.sandbox.settings.keep_access_on_refresh = True
    owner = django_user_model.objects.create_user("owner", password="x")
    import_for("owner")
    tokens.refresh(owner.patreon_account)
    assert "they are kept" in import_for("owner")
    account = PatreonAccount.objects.get()
    assert tokens.refresh(account)
    dance.sandbox.tokens.kill()
    with pytest.raises(CommandError, match="Nothing was stored"):
        import_for("owner")


def test_a_lost_connection_is_mended_by_importing(
    portal: Any, dance: Dance, django_user_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = django_user_model.objects.create_user("owner", password="x")
    import_for("owner")
    dance.sandbox.tokens.kill()
    person = dance.sandbox.world.person_called("creator")
    assert person is not None
    pair = dance.sandbox.tokens.issue_pair(person.id, frozenset(SCOPES))
    monkeypatch.setenv(ACCESS, pair.access_token)
    monkeypatch.setenv(REFRESH, pair.access_token)
    with pytest.raises(CommandError, match="same token twice"):
        import_for("owner")
    monkeypatch.setenv(REFRESH, pair.refresh_token)
    assert "is connected to Patreon account" in import_for("owner")
    assert tokens.client_for(owner.patreon_account).campaigns()


@pytest.mark.parametrize("others", [[], ["7"]])
def test_the_campaign_of_tokens_that_an_operator_brings_is_ours(
    portal: Any, settings: Any, django_user_model: Any, others: list[str]
) -> None:
    settings.SILENCED_SYSTEM_CHECKS = ["django_patreon.W013"]  # all gates name their campaign
    for key in others:
        Campaign.objects.create(patreon_id=key, is_ours=True, fetched_at=timezone.now())
    django_user_model.objects.create_user("owner", password="x")
    import_for("owner")
    ours = Campaign.objects.filter(is_ours=True).values_list("patreon_id", flat=True)
    assert set(ours) == {"4410027", *others}


def test_tokens_that_do_not_work_are_not_stored(
    portal: Any, dance: Dance, django_user_model: Any
) -> None:
    django_user_model.objects.create_user("owner")
    dance.sandbox.tokens.kill()
    with pytest.raises(CommandError, match="Nothing was stored"):
        import_for("owner")
    assert not PatreonAccount.objects.exists()


def test_an_identity_of_another_user_is_not_taken(
    portal: Any, dance: Dance, django_user_model: Any
) -> None:
    dance.sign_in("creator")
    django_user_model.objects.create_user("owner")
    with pytest.raises(CommandError, match="another user"):
        import_for("owner")
    dance.client.logout()
    dance.sign_in("gold")
    with pytest.raises(CommandError, match=r"another Patreon account|another user"):
        import_for(dance.user.get_username())


def test_a_missing_user_or_token_is_said(
    portal: Any, monkeypatch: pytest.MonkeyPatch, django_user_model: Any
) -> None:
    with pytest.raises(CommandError, match="There is no user"):
        import_for("nobody")
    django_user_model.objects.create_user("owner")
    monkeypatch.setenv(ACCESS, "two words")
    with pytest.raises(CommandError, match="no access token"):
        import_for("owner")
    monkeypatch.delenv(ACCESS)
    with pytest.raises(CommandError, match=ACCESS):
        import_for("owner")


def test_tokens_of_a_client_whose_secret_is_missing_are_kept_and_not_renewed(
    dance: Dance, settings: Any
) -> None:
    account = account_of(dance)
    assert account.client_id == "sandbox-client"
    PatreonAccount.objects.update(client_id="gone")
    settings.PATREON = settings.PATREON | {"CLIENTS": {"other": "its secret"}}
    with pytest.raises(Refused, match=r"client gone, which is not in PATREON\['CLIENTS'\]"):
        tokens.refresh(account)
    account.refresh_from_db()
    assert not account.needs_reconnect
    settings.PATREON = settings.PATREON | {"CLIENTS": {}}
    assert tokens.refresh(account)  # an older id of the only client, which Patreon may still take
    account.refresh_from_db()
    assert account.client_id == "sandbox-client"

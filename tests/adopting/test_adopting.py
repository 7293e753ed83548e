"""Taking over from social-core's own Patreon backend, which is driven as it is."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import JSONField, Value
from django.utils import timezone
from social_core.backends.utils import load_backends
from social_django.models import UserSocialAuth

from django_patreon import access, sync, tokens
from django_patreon.adopting.from_social import FromSocialAuth
from django_patreon.adopting.judging import Person
from django_patreon.adopting.takeover import take_over
from django_patreon.models import Campaign, Membership, PatreonAccount
from django_patreon.sandbox.ids import HOME
from tests.dance import Dance
from tests.test_leaks import everything_stored

User = get_user_model()
ROOT = Path(__file__).parent.parent.parent
OURS = "django_patreon.backends.PatreonOAuth2"
STOCK = "social_core.backends.patreon.PatreonOAuth2"
pytestmark = pytest.mark.django_db
Use = Callable[[str], None]


@pytest.fixture
def use(settings) -> Iterator[Use]:
    """Let people sign in through this backend from now on."""

    def choose(path: str) -> None:
        settings.AUTHENTICATION_BACKENDS = [path, "django.contrib.auth.backends.ModelBackend"]
        load_backends(settings.AUTHENTICATION_BACKENDS, force_load=True)

    settings.SOCIAL_AUTH_PATREON_EXTRA_DATA = ["refresh_token", "expires_in"]
    yield choose
    choose(OURS)


@pytest.fixture
def old(dance: Dance, use: Use, settings) -> Dance:
    """A site that used social-core's backend until today, and somebody who signed in there."""
    use(STOCK)
    dance.sign_in("gold")
    user = dance.user
    user.username = "alma"
    user.save()
    dance.client.logout()
    use(OURS)
    return dance


def adopt(*words: str, source: str = "social-auth") -> str:
    out = io.StringIO()
    call_command("patreon_adopt", "--from", source, *words, stdout=out)
    return out.getvalue()


def adopt_with_skips(*words: str) -> tuple[str, str]:
    """Return what is said when somebody could not be taken over, and the error."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("patreon_adopt", "--from", "social-auth", *words, stdout=out)
    return out.getvalue(), str(caught.value)


def summary(said: str) -> str:
    [line] = [each for each in said.splitlines() if each.endswith("cleared.")]
    return line


def association(name: str, uid: str, **extra: Any) -> UserSocialAuth:
    """What the stock backend leaves, made by hand."""
    user, _ = User.objects.get_or_create(username=name)
    pair = {"access_token": f"access-{uid}", "refresh_token": f"refresh-{uid}", "id": uid}
    return UserSocialAuth.objects.create(
        user=user,
        provider="patreon",
        uid=uid,
        id_key="id",
        extra_data={**pair, "auth_time": 1_700_000_000, "expires_in": 2678400, **extra},
    )


def state() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (User, UserSocialAuth, PatreonAccount, Membership)
    ]


# -- the way over


def test_people_sign_in_as_the_same_user_and_their_tokens_live_on(old: Dance) -> None:
    before = User.objects.get()
    [pair] = old.sandbox.tokens.pairs
    assert UserSocialAuth.objects.get().extra_data["refresh_token"] == pair.refresh_token

    assert summary(adopt()) == "1 adopted, 0 already, 0 skipped, 1 cleared."

    account = PatreonAccount.objects.get()
    assert (account.user, account.refresh_token) == (before, pair.refresh_token)
    assert timedelta(days=30) < account.token_expires_at - timezone.now() < timedelta(days=31)
    assert tokens.client_for(account).identity().user.full_name == "Alma Reyes"
    assert tokens.refresh(account) == old.sandbox.tokens.pairs[-1].access_token
    old.sign_in("gold")
    assert old.user == before
    assert User.objects.count() == PatreonAccount.objects.count() == 1


def test_the_copies_in_clear_are_gone_and_nothing_else_is(old: Dance, caplog) -> None:
    kept = {"auth_time", "id", "token_type", "expires_in"}
    assert UserSocialAuth.objects.get().extra_data.keys() == kept | {
        "access_token",
        "refresh_token",
    }
    said = adopt("-v", "3")
    assert UserSocialAuth.objects.get().extra_data.keys() == kept
    [pair] = old.sandbox.tokens.pairs
    for place in (said, caplog.text, everything_stored()):
        assert pair.access_token not in place
        assert pair.refresh_token not in place


def test_patreon_is_not_asked(old: Dance, patreon: Any) -> None:
    asked = len(patreon.calls)
    assert "Patreon was not asked" in adopt()
    assert len(patreon.calls) == asked


def test_whoever_was_kept_without_a_refresh_token_reconnects_by_signing_in(
    dance: Dance, use: Use, settings
) -> None:
    """The stock backend keeps none, unless the site names it in SOCIAL_AUTH_PATREON_EXTRA_DATA."""
    settings.SOCIAL_AUTH_PATREON_EXTRA_DATA = []
    use(STOCK)
    dance.sign_in("gold")
    before = dance.user
    dance.client.logout()
    use(OURS)
    said = adopt()
    assert "1 of the adopted have no refresh token" in said
    assert "without a refresh token" in said
    account = PatreonAccount.objects.get()
    assert account.needs_reconnect
    assert "access_token" not in UserSocialAuth.objects.get().extra_data
    dance.sign_in("gold")
    assert dance.user == before
    assert not PatreonAccount.objects.get().needs_reconnect


def test_what_a_person_supports_is_known_once_patreon_is_asked(old: Dance, settings) -> None:
    settings.PATREON = {**settings.PATREON, "CAMPAIGN_ID": HOME}
    adopt()
    account = PatreonAccount.objects.get()
    assert not Membership.objects.exists()
    sync.sync_account(account)
    assert Membership.objects.get().account == account
    assert access.check(account.user, tier="9100003").allowed


def test_memberships_that_are_known_already_join_the_account(old: Dance) -> None:
    uid = UserSocialAuth.objects.get().uid
    now = timezone.now()
    campaign = Campaign.objects.create(patreon_id=HOME, is_ours=True, fetched_at=now)
    Membership.objects.create(
        patreon_id="m-1", patreon_user_id=uid, campaign=campaign, fetched_at=now
    )
    adopt()
    assert Membership.objects.get().account == PatreonAccount.objects.get()


# -- once more


def test_a_second_run_changes_nothing(old: Dance) -> None:
    adopt()
    once = state()
    assert summary(adopt()) == "0 adopted, 1 already, 0 skipped, 0 cleared."
    assert state() == once


def test_a_dry_run_says_the_same_and_writes_nothing(old: Dance) -> None:
    association("bo", "2", refresh_token=None)
    association("cy", "no id")
    before = state()
    dry, error = adopt_with_skips("--dry-run")
    assert state() == before
    real, real_error = adopt_with_skips()
    assert dry == f"Dry run: nothing is written.\n{real}"
    assert error == real_error
    assert summary(real) == "2 adopted, 0 already, 1 skipped, 2 cleared."


def test_more_people_than_fit_into_one_batch(db: None) -> None:
    names = [f"user{number}" for number in range(1, 1003)]
    User.objects.bulk_create(User(username=each) for each in names)
    users = User.objects.all()
    UserSocialAuth.objects.bulk_create(
        UserSocialAuth(user=user, provider="patreon", uid=str(user.pk), id_key="id")
        for user in users
    )
    PatreonAccount.objects.bulk_create(
        PatreonAccount(user=user, patreon_id=str(user.pk)) for user in users
    )
    association("last", "999999999")
    assert summary(adopt("-v", "0")) == "1 adopted, 1002 already, 0 skipped, 1 cleared."
    assert PatreonAccount.objects.count() == 1003


class Stop(BaseException):
    pass


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_run_that_stops_after_any_person_is_finished_by_the_next(db: None, after: int) -> None:
    for uid in ("1", "2", "3"):
        association(f"user{uid}", uid)
    seen: list[Person] = []

    def stop(person: Person) -> None:
        seen.append(person)
        if len(seen) == after:
            raise Stop

    with pytest.raises(Stop):
        take_over(FromSocialAuth(), dry_run=False, report=stop)
    assert PatreonAccount.objects.count() == after
    assert (
        summary(adopt()) == f"{3 - after} adopted, {after} already, 0 skipped, {3 - after} cleared."
    )
    assert PatreonAccount.objects.filter(refresh_token="").count() == 0


def begin_adopting() -> subprocess.Popen[str]:
    """Run the command in a process of its own, on the test's database."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "django", "patreon_adopt", "--from", "social-auth"],
        cwd=ROOT,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "tests.flows.worker_settings",
            "WORKER_DATABASE": str(connection.settings_dict["NAME"]),
            "WORKER_PATREON": "http://localhost:9",
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_sixty_are_taken_over() -> None:
    assert PatreonAccount.objects.count() == 60
    for account in PatreonAccount.objects.all():
        assert account.refresh_token == f"refresh-{account.patreon_id}"
    assert "refresh-" not in json.dumps([each.extra_data for each in UserSocialAuth.objects.all()])


@pytest.mark.django_db(transaction=True)
def test_no_token_is_lost_when_the_command_is_killed() -> None:
    for uid in range(1, 61):
        association(f"user{uid}", str(uid))
    command = begin_adopting()
    assert command.stdout is not None
    for _ in range(5):
        assert "adopted, tokens in clear emptied" in command.stdout.readline()
    command.kill()
    command.communicate()
    done = PatreonAccount.objects.count()
    assert done >= 5
    assert summary(adopt()).startswith(f"{60 - done} adopted, {done} already, 0 skipped")
    assert_sixty_are_taken_over()


@pytest.mark.django_db(transaction=True)
def test_two_commands_at_once_take_everybody_over_once() -> None:
    for uid in range(1, 61):
        association(f"user{uid}", str(uid))
    both = [begin_adopting() for _ in range(2)]
    said = [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum(int(summary(each).split()[0]) for each in said) == 60
    assert sum(int(summary(each).split()[-2]) for each in said) == 60
    assert_sixty_are_taken_over()


# -- which of two pairs


def test_tokens_of_a_later_sign_in_are_kept(old: Dance, time_machine_at: Any) -> None:
    old.sandbox.settings.one_pair_per_user = True
    time_machine_at(hours=1)
    old.sign_in("gold")
    newest = old.sandbox.tokens.pairs[-1].refresh_token
    assert UserSocialAuth.objects.get().extra_data["refresh_token"] != newest

    assert summary(adopt()) == "0 adopted, 1 already, 0 skipped, 1 cleared."

    account = PatreonAccount.objects.get()
    assert account.refresh_token == newest
    assert tokens.client_for(account).identity().user.full_name == "Alma Reyes"


def test_tokens_that_were_renewed_since_are_kept(old: Dance, time_machine_at: Any) -> None:
    left = UserSocialAuth.objects.get().extra_data
    adopt()
    time_machine_at(hours=1)
    tokens.refresh(PatreonAccount.objects.get())
    newest = old.sandbox.tokens.pairs[-1].refresh_token
    UserSocialAuth.objects.update(extra_data=left)  # from a backup
    adopt()
    assert PatreonAccount.objects.get().refresh_token == newest


def test_tokens_of_a_later_sign_in_through_the_old_backend_are_taken(
    old: Dance, use: Use, time_machine_at: Any
) -> None:
    old.sandbox.settings.one_pair_per_user = True
    adopt()
    time_machine_at(hours=1)
    use(STOCK)
    old.sign_in("gold")
    use(OURS)
    assert summary(adopt()) == "0 adopted, 1 already, 0 skipped, 1 cleared."
    account = PatreonAccount.objects.get()
    assert account.refresh_token == old.sandbox.tokens.pairs[-1].refresh_token
    assert tokens.client_for(account).identity().user.full_name == "Alma Reyes"


def test_a_pair_of_unknown_age_is_kept_if_it_ends_later(db: None) -> None:
    user = association("bo", "2").user
    PatreonAccount.objects.create(
        user=user,
        patreon_id="2",
        access_token="newer",
        refresh_token="newer too",
        token_expires_at=timezone.now() + timedelta(days=20),
    )
    adopt()
    assert PatreonAccount.objects.get().refresh_token == "newer too"
    assert "refresh_token" not in UserSocialAuth.objects.get().extra_data


# -- when the tokens end

LONG_AGO = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)  # auth_time of 1_700_000_000


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ({"expires_in": 3600}, timedelta(hours=1)),
        ({"expires_in": "3600"}, timedelta(hours=1)),
        ({"expires_in": None, "expires": 3600}, timedelta(hours=1)),
        ({"expires_in": None, "expires": 1_700_003_600}, timedelta(hours=1)),
        ({"expires_in": None, "expires_on": "1700003600"}, timedelta(hours=1)),
        ({"expires_in": None, "expires_on": 1_600_000_000}, timedelta(seconds=1)),
        ({"expires_in": None}, timedelta(days=7)),
        ({"expires_in": "soon"}, timedelta(days=7)),
        ({"expires_in": -5}, timedelta(days=7)),
        ({"expires_in": True}, timedelta(days=7)),
    ],
)
def test_the_end_is_counted_from_the_last_sign_in(
    db: None, said: dict[str, Any], ends: timedelta
) -> None:
    association("bo", "2", **said)
    adopt()
    assert PatreonAccount.objects.get().token_expires_at == LONG_AGO + ends


@pytest.mark.parametrize("stamp", [None, "never", 10**30, -(10**30), {}, 4_000_000_000])
def test_without_a_time_of_the_last_sign_in_it_is_counted_from_the_first(
    db: None, stamp: Any
) -> None:
    row = association("bo", "2", auth_time=stamp, expires_in=3600)
    adopt()
    assert PatreonAccount.objects.get().token_expires_at == row.created + timedelta(hours=1)


# -- what extra_data may be


def test_text_is_read_as_older_versions_wrote_it(db: None) -> None:
    row = association("bo", "2", colour="blue")
    UserSocialAuth.objects.update(extra_data=json.dumps(row.extra_data))
    assert count_of("W014") == 1
    adopt()
    assert PatreonAccount.objects.get().refresh_token == "refresh-2"
    extra = UserSocialAuth.objects.get().extra_data
    assert extra["colour"] == "blue"
    assert "access-2" not in json.dumps(extra)
    assert count_of("W014") == 0


@pytest.mark.parametrize("value", [Value(None, JSONField()), "", {}])
def test_where_nothing_is_kept_only_the_connection_is_taken_over(db: None, value: Any) -> None:
    association("bo", "2")
    UserSocialAuth.objects.update(extra_data=value)
    assert summary(adopt()) == "1 adopted, 0 already, 0 skipped, 0 cleared."
    assert PatreonAccount.objects.get().needs_reconnect


@pytest.mark.parametrize("value", [["access_token"], 7, "{broken", "words"])
def test_what_cannot_be_read_is_reported_and_left(db: None, value: Any) -> None:
    association("bo", "2")
    UserSocialAuth.objects.update(extra_data=value)
    association("cy", "3")
    said, error = adopt_with_skips()
    assert "bo: Patreon account 2 skipped: its extra_data is no JSON object" in said
    assert summary(said) == "1 adopted, 0 already, 1 skipped, 1 cleared."
    assert "run this again" in error
    assert UserSocialAuth.objects.get(uid="2").extra_data == value


@pytest.mark.parametrize("value", [7, {"a": 1}, ["x"], "two words", "new\nline", "ünïcode", ""])
def test_a_token_that_is_none_is_not_taken_over(db: None, value: Any) -> None:
    association("bo", "2", access_token=value)
    adopt()
    assert PatreonAccount.objects.get().needs_reconnect
    assert UserSocialAuth.objects.get().extra_data.keys() == {"id", "auth_time", "expires_in"}


# -- who cannot be taken over


def test_a_user_with_two_identities_is_left_for_the_operator(db: None) -> None:
    association("bo", "2")
    extra = association("bo", "3")
    association("cy", "4")
    said, _ = adopt_with_skips()
    assert said.count("skipped: the user has the Patreon accounts 2, 3, and can keep one") == 2
    assert [each.patreon_id for each in PatreonAccount.objects.all()] == ["4"]
    extra.delete()
    assert summary(adopt()) == "1 adopted, 1 already, 0 skipped, 1 cleared."


def test_the_identity_that_a_user_is_connected_to_already_stays_theirs(db: None) -> None:
    user = association("bo", "2").user
    PatreonAccount.objects.create(user=user, patreon_id="2")
    association("bo", "3")
    said, _ = adopt_with_skips()
    assert "account 3 skipped: the user is connected to the Patreon account 2" in said
    assert summary(said) == "0 adopted, 1 already, 1 skipped, 1 cleared."
    assert PatreonAccount.objects.get().refresh_token == "refresh-2"


def test_an_identity_that_is_another_users_is_left_alone(db: None) -> None:
    other = User.objects.create_user("other")
    PatreonAccount.objects.create(user=other, patreon_id="2", refresh_token="theirs")
    association("bo", "2")
    said, _ = adopt_with_skips()
    assert f"is connected to the user with the key {other.pk}. Disconnect it there" in said
    assert PatreonAccount.objects.get().refresh_token == "theirs"
    assert UserSocialAuth.objects.get().extra_data["refresh_token"] == "refresh-2"


@pytest.mark.parametrize("uid", ["two words", "1" * 65, "bo@example.org", "1\n"])
def test_what_is_no_patreon_id_is_reported(db: None, uid: str) -> None:
    association("bo", uid)
    said, _ = adopt_with_skips()
    assert "cannot be a Patreon id" in said


def test_a_uid_that_is_another_part_of_patreons_answer_is_reported(db: None) -> None:
    association("bo", "bo@example.org")
    UserSocialAuth.objects.update(id_key="email")
    said, _ = adopt_with_skips()
    assert "under 'email', and not the Patreon id" in said


def test_other_providers_are_left_alone(db: None) -> None:
    association("bo", "2")
    UserSocialAuth.objects.update(provider="google-oauth2")
    before = state()
    assert summary(adopt()) == "0 adopted, 0 already, 0 skipped, 0 cleared."
    assert state() == before


def test_rows_from_before_social_auth_kept_the_name_of_the_key_are_found_at_sign_in(
    old: Dance,
) -> None:
    """Without it social-auth refuses whoever's `extra_data` does not repeat the id."""
    before = User.objects.get()
    UserSocialAuth.objects.update(id_key="", extra_data={})
    adopt()
    old.sign_in("gold")
    assert old.user == before


# -- the checks


def count_of(number: str) -> int:
    found = run_checks(databases=["default"])
    return sum(each.id == f"django_patreon.{number}" for each in found)


def test_tokens_in_clear_are_found_by_a_check_until_they_are_taken_over(old: Dance) -> None:
    [found] = [each for each in run_checks(databases=["default"]) if str(each.id).endswith("W014")]
    assert "of 1 of social-auth's associations" in found.msg
    assert "patreon_adopt --from social-auth" in str(found.hint)
    assert "W014" not in str(run_checks())  # no query without --database
    adopt()
    assert count_of("W014") == 0


def test_a_key_that_only_ends_like_a_tokens_is_no_token(db: None) -> None:
    association("bo", "2", access_token="", refresh_token=None, page_access_token="x")
    assert count_of("W014") == 0


def test_the_check_for_the_old_backend_says_how_to_go_on(db: None, settings) -> None:
    settings.AUTHENTICATION_BACKENDS = [STOCK]
    [found] = [each for each in run_checks() if each.id == "django_patreon.E013"]
    assert "patreon_adopt --from social-auth" in str(found.hint)


# -- a site that is not ready


def test_without_our_backend_nothing_is_taken_over(db: None, use: Use) -> None:
    use("django.contrib.auth.backends.ModelBackend")
    with pytest.raises(CommandError, match=r"Add \"django_patreon\.backends\.PatreonOAuth2\""):
        adopt()


def test_a_site_without_allauth_is_told_so(db: None) -> None:
    with pytest.raises(CommandError, match="Nothing to take over: django-allauth is not in"):
        adopt(source="allauth")


@pytest.mark.django_db(transaction=True)
def test_allauths_tables_without_the_app_are_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE socialaccount_socialaccount (id integer)")
        try:
            with pytest.raises(CommandError, match="are in the database 'default', but the app"):
                adopt(source="allauth")
        finally:
            cursor.execute("DROP TABLE socialaccount_socialaccount")

"""Renewing many, changing keys, and giving tokens up."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_patreon import tokens
from django_patreon.exceptions import ReconnectRequired
from django_patreon.fields import Sealed
from django_patreon.models import PatreonAccount

from .conftest import Browser, Patreon

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = ("gold", "silver", "bronze")
OLD, NEW = "old-key-" + "o" * 40, "new-key-" + "n" * 40


def call(name: str, *words: str) -> str:
    out = io.StringIO()
    call_command(name, *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def three(visitor: Browser, patreon: Patreon) -> Patreon:
    """Three people whose tokens end in three days."""
    for slug in PEOPLE:
        visitor.session.cookies.clear()
        visitor.sign_in(slug)
    PatreonAccount.objects.update(token_expires_at=timezone.now() + timedelta(days=3))
    patreon.control("requests", method="DELETE")
    return patreon


def test_all_that_end_soon_are_renewed_and_the_rest_left_alone(three: Patreon) -> None:
    late = PatreonAccount.objects.get(full_name="Alma Reyes")
    PatreonAccount.objects.filter(pk=late.pk).update(
        token_expires_at=timezone.now() + timedelta(days=20)
    )
    assert "2 renewed, 0 must reconnect, 0 failed" in call("patreon_refresh_tokens", "--days", "7")
    assert len(three.api_requests) == 2
    assert PatreonAccount.objects.get(pk=late.pk).access_token == late.access_token
    assert "0 renewed" in call("patreon_refresh_tokens", "--days", "7")


def test_a_token_whose_end_nobody_has_named_is_renewed_too(three: Patreon) -> None:
    PatreonAccount.objects.update(token_expires_at=None)
    assert "3 renewed" in call("patreon_refresh_tokens", "--days", "7")
    assert "0 renewed" in call("patreon_refresh_tokens", "--days", "7")


def test_one_bad_account_does_not_stop_the_others(three: Patreon) -> None:
    three.control("tokens/kill", user="silver")
    out = call("patreon_refresh_tokens")
    assert "2 renewed, 1 must reconnect, 0 failed" in out
    assert PatreonAccount.objects.filter(state="reconnect").count() == 1


def test_only_a_refusal_by_patreon_is_followed_by_a_pause(
    three: Patreon, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    for account in PatreonAccount.objects.exclude(full_name="Alma Reyes"):
        account.refresh_token = ""
        account.save()
    assert "1 renewed, 2 must reconnect, 0 failed" in call("patreon_refresh_tokens")
    assert (len(three.api_requests), slept) == (1, [])
    PatreonAccount.objects.update(token_expires_at=timezone.now())
    three.control("tokens/kill", user="gold")
    assert "0 renewed, 3 must reconnect, 0 failed" in call("patreon_refresh_tokens")
    assert (len(three.api_requests), len(slept)) == (2, 1)


def test_a_bad_day_is_reported_with_an_exit_code_and_mended_by_the_next_run(three: Patreon) -> None:
    three.control("faults", kind="http_500_html", path="/api/oauth2/token")
    with pytest.raises(CommandError, match="tried again next time"):
        call("patreon_refresh_tokens", "--workers", "1")
    assert "1 renewed" in call("patreon_refresh_tokens")


def test_a_429_is_waited_for(three: Patreon) -> None:
    three.control("faults", kind="http_429", path="/api/oauth2/token", retry_after=0)
    assert "3 renewed" in call("patreon_refresh_tokens")


def test_two_runs_at_once_renew_each_account_once(three: Patreon) -> None:
    accounts = list(PatreonAccount.objects.all())
    call("patreon_refresh_tokens")
    for account in accounts:  # what a second run had loaded already
        tokens.refresh(account)
    assert len(three.api_requests) == 3


@pytest.mark.parametrize("words", [("--days", "-1"), ("--workers", "0")])
def test_senseless_numbers_are_refused(db: None, words: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="must be"):
        call("patreon_refresh_tokens", *words)


def many(count: int) -> None:
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"user{n}") for n in range(count)
    )
    PatreonAccount.objects.bulk_create(
        PatreonAccount(
            user=each, patreon_id=f"9{each.pk}", access_token=f"a{each.pk}", refresh_token="r"
        )
        for each in users
    )


def test_keys_are_changed_without_losing_a_token(db: None, settings: Any) -> None:
    settings.PATREON = {"TOKEN_KEYS": [OLD]}
    many(3)
    settings.PATREON = {"TOKEN_KEYS": [NEW, OLD]}
    assert "6 tokens encrypted anew, 0 were current" in call("patreon_rotate_keys")
    assert "0 tokens encrypted anew, 6 were current" in call("patreon_rotate_keys")
    settings.PATREON = {"TOKEN_KEYS": [NEW]}
    for account in PatreonAccount.objects.all():
        assert account.access_token == f"a{account.user_id}"


def test_what_no_key_opens_is_named_and_kept(db: None, settings: Any) -> None:
    settings.PATREON = {"TOKEN_KEYS": [OLD]}
    many(1)
    account = PatreonAccount.objects.get()
    settings.PATREON = {"TOKEN_KEYS": [NEW]}
    with pytest.raises(CommandError, match=f"1 Patreon accounts: {account.patreon_id}"):
        call("patreon_rotate_keys")
    settings.PATREON = {"TOKEN_KEYS": [OLD]}
    assert PatreonAccount.objects.get().access_token == account.access_token


def test_an_interrupted_change_of_keys_says_how_far_it_came_and_goes_on(
    db: None, settings: Any
) -> None:
    settings.PATREON = {"TOKEN_KEYS": [OLD]}
    many(501)
    settings.PATREON = {"TOKEN_KEYS": [NEW, OLD]}

    def interrupt(rotation: tokens.Rotation) -> None:
        assert (rotation.looked_at, rotation.total) == (500, 501)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tokens.rotate_keys(progress=interrupt)
    said = call("patreon_rotate_keys")
    assert "500 of 501 accounts looked at\n501 of 501" in said
    assert "2 tokens encrypted anew, 1000 were current" in said


def test_a_token_that_changes_meanwhile_is_left_as_it_is_then(db: None, settings: Any) -> None:
    settings.PATREON = {"TOKEN_KEYS": [OLD]}
    many(501)
    settings.PATREON = {"TOKEN_KEYS": [NEW, OLD]}
    last = PatreonAccount.objects.order_by("pk").last()

    def sign_in_meanwhile(rotation: tokens.Rotation) -> None:
        PatreonAccount.objects.filter(pk=last.pk).update(access_token=Sealed.of("newer"))

    rotation = tokens.rotate_keys(progress=sign_in_meanwhile)
    assert (rotation.rotated, rotation.current) == (1001, 1)
    assert PatreonAccount.objects.get(pk=last.pk).access_token == "newer"


def test_revoking_ends_the_pair_here_and_at_patreon(three: Patreon) -> None:
    account = PatreonAccount.objects.get(full_name="Alma Reyes")
    refresh_token = account.refresh_token
    tokens.revoke(account)
    assert three.api_requests == ["POST /api/oauth2/token/revoke 200"]
    with pytest.raises(ReconnectRequired):
        tokens.access_token(PatreonAccount.objects.get(pk=account.pk))
    assert refresh_token
    assert PatreonAccount.objects.get(pk=account.pk).refresh_token == ""


@pytest.mark.parametrize("way", ["unlink", "delete the user"])
def test_leaving_tells_patreon_and_a_patreon_that_is_down_holds_nobody_up(
    visitor: Browser, patreon: Patreon, way: str
) -> None:
    get_user_model().objects.create_user("alma", password="x")
    visitor.post("/password/", name="alma", password="x")
    visitor.sign_in("gold")
    patreon.control("faults", kind="http_500_html", path="/api/oauth2/token/revoke")
    if way == "unlink":
        assert visitor.post("/patreon/unlink/").status_code == 302
    else:
        get_user_model().objects.all().delete()
    assert not PatreonAccount.objects.exists()
    assert patreon.api_requests[-1] == "POST /api/oauth2/token/revoke 500"


def test_a_slow_patreon_is_asked_for_a_few_seconds_only_however_many_leave(
    patreon: Patreon, caplog: Any
) -> None:
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"user{n}") for n in range(30)
    )
    PatreonAccount.objects.bulk_create(
        PatreonAccount(user=each, patreon_id=f"9{each.pk}", access_token="a", refresh_token="r")
        for each in users
    )
    patreon.control("faults", kind="slow", path="/api/oauth2/token/revoke", seconds=0.9, times=30)
    get_user_model().objects.all().delete()
    asked = len(patreon.api_requests)
    assert 1 <= asked <= 4
    assert f"{30 - asked} of 30 tokens were deleted here and not revoked" in caplog.text

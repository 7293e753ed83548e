"""Tokens of a sign-in that a step of the site interrupts: none is lost, the newest wins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from social_core.pipeline import DEFAULT_AUTH_PIPELINE

from django_patreon import tokens
from tests.dance import Dance

STEPS = [
    *DEFAULT_AUTH_PIPELINE[:4],
    "tests.sign_in.test_pipeline.ask_something",
    *DEFAULT_AUTH_PIPELINE[4:],
    "django_patreon.pipeline.save_account",
]


def resume(dance: Dance) -> Any:
    session = dance.client.session
    session["answered"] = True
    session.save()
    return dance.finish("/complete/patreon/")


@pytest.fixture
def returning(dance: Dance, settings) -> Dance:
    """Somebody who has an account here, at a site that now asks before it signs them in."""
    dance.sandbox.settings.one_pair_per_user = True
    dance.sign_in("gold")
    settings.SOCIAL_AUTH_PIPELINE = STEPS
    return dance


def test_an_abandoned_sign_in_leaves_the_account_with_tokens_that_live(returning: Dance) -> None:
    account = returning.user.patreon_account
    returning.client.logout()

    assert returning.sign_in("gold")["Location"] == "/login/"

    account.refresh_from_db()
    assert account.refresh_token == returning.sandbox.tokens.pairs[-1].refresh_token
    assert tokens.client_for(account).identity().user.full_name == "Alma Reyes"


def test_resuming_an_older_sign_in_leaves_the_newer_tokens(returning: Dance) -> None:
    account = returning.user.patreon_account
    returning.client.logout()
    returning.sign_in("gold")  # interrupted
    other = Dance(returning.sandbox)
    other.sign_in("gold")
    resume(other)
    newest = returning.sandbox.tokens.pairs[-1].refresh_token

    resume(returning)

    account.refresh_from_db()
    assert returning.user == other.user == account.user
    assert account.refresh_token == newest


def test_resuming_leaves_tokens_that_were_renewed_meanwhile(returning: Dance) -> None:
    account = returning.user.patreon_account
    returning.client.logout()
    returning.sign_in("gold")  # interrupted
    account.refresh_from_db()
    tokens.refresh(account)
    renewed = account.refresh_token

    resume(returning)

    account.refresh_from_db()
    assert account.refresh_token == renewed


def test_tokens_expire_as_long_after_the_grant_as_patreon_said(
    dance: Dance, settings, time_machine_at
) -> None:
    settings.SOCIAL_AUTH_PIPELINE = STEPS
    granted_at = timezone.now()
    dance.sign_in("gold")  # interrupted
    time_machine_at(hours=5)

    resume(dance)

    account = dance.user.patreon_account
    since = account.token_expires_at - account.token_lifetime - granted_at
    assert timedelta() <= since < timedelta(hours=1)


def test_tokens_expire_from_the_grant_on_a_site_without_time_zones(dance: Dance, settings) -> None:
    settings.USE_TZ = False
    dance.sign_in("gold")
    account = dance.user.patreon_account
    since = timezone.now() - (account.token_expires_at - account.token_lifetime)
    assert timedelta() <= since < timedelta(hours=1)

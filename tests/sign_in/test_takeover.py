"""Nobody becomes somebody else by a sign-in, and what a site's own step does is told truly."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection
from social_core.pipeline import DEFAULT_AUTH_PIPELINE
from social_core.pipeline.partial import partial
from social_django.models import UserSocialAuth

from django_patreon.models import PatreonAccount
from tests.dance import Dance

User = get_user_model()
STOCK = list(DEFAULT_AUTH_PIPELINE)
CREATE = STOCK.index("social_core.pipeline.user.create_user")
SAVE = "django_patreon.pipeline.save_account"


@pytest.fixture
def admin() -> Any:
    return User.objects.create_superuser("admin", "admin@example.org", "password", first_name="Ada")


def type_an_address(details: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """What "please tell us your e-mail" does: it believes the visitor."""
    return {"details": {**details, "email": "admin@example.org"}}


@partial
def ask_something(strategy: Any, **kwargs: Any) -> Any:
    return None if strategy.session_get("answered") else strategy.redirect("/login/")


def break_a_constraint(**kwargs: Any) -> None:
    raise IntegrityError("Key (email)=(gold@example.org) already exists.")


def answer(dance: Dance) -> None:
    session = dance.client.session
    session["answered"] = True
    session.save()


def ours(caplog: Any) -> list[str]:
    """What we have logged, without Django's own line about the answer."""
    return [each.getMessage() for each in caplog.records if each.name == "django_patreon"]


def assert_untouched(admin: Any) -> None:
    admin.refresh_from_db()
    assert (admin.first_name, admin.last_name) == ("Ada", "")
    assert not UserSocialAuth.objects.exists()
    assert not PatreonAccount.objects.exists()


@pytest.mark.parametrize("slug", ["unverified", "no-email", "gold"])
def test_an_address_that_the_visitor_typed_joins_nobody(
    dance: Dance, settings, admin, slug: str
) -> None:
    settings.PATREON = {"LINK_VERIFIED_EMAIL": True}
    settings.SOCIAL_AUTH_PIPELINE = [
        *STOCK[:CREATE],
        "tests.sign_in.test_takeover.type_an_address",
        "django_patreon.pipeline.associate_by_email",
        *STOCK[CREATE:],
        SAVE,
    ]
    dance.sign_in(slug)
    assert dance.user != admin


def test_an_attempt_to_sign_in_links_nobody_who_signed_in_meanwhile(dance: Dance, admin) -> None:
    callback = dance.consent(dance.begin(), sandbox_user="gold")
    dance.client.force_login(admin)

    response = dance.finish(callback)

    assert 400 <= response.status_code < 500
    assert b"in another tab" in response.content
    assert dance.user == admin
    assert_untouched(admin)
    assert not dance.sandbox.tokens.pairs, "the code was spent for nothing"


def test_nor_when_a_step_interrupts_the_attempt(dance: Dance, settings, admin) -> None:
    settings.SOCIAL_AUTH_PIPELINE = [
        *STOCK[:4],
        "tests.sign_in.test_takeover.ask_something",
        *STOCK[4:],
        SAVE,
    ]
    assert dance.sign_in("gold").status_code == 302
    dance.client.force_login(admin)
    answer(dance)

    response = dance.finish("/complete/patreon/")

    assert 400 <= response.status_code < 500
    assert_untouched(admin)


def test_linking_still_works_for_the_user_who_began_it(dance: Dance, admin) -> None:
    dance.client.force_login(admin)
    dance.sign_in("gold")
    assert admin.patreon_account


def test_linking_and_coming_back_leave_the_users_own_names(dance: Dance, admin) -> None:
    dance.client.force_login(admin)
    dance.sign_in("gold")
    dance.client.logout()
    dance.sign_in("gold")
    admin.refresh_from_db()
    assert dance.user == admin
    assert (admin.first_name, admin.last_name) == ("Ada", "")


def test_a_new_user_takes_the_names_that_patreon_knows(dance: Dance) -> None:
    dance.sign_in("gold")
    assert (dance.user.first_name, dance.user.last_name) == ("Alma", "Reyes")


def test_a_conflict_after_an_interruption_is_a_page(dance: Dance, settings, admin) -> None:
    dance.sign_in("gold")  # somebody else has this Patreon account already
    dance.client.logout()
    settings.SOCIAL_AUTH_PIPELINE = [
        *STOCK[:3],
        "tests.sign_in.test_takeover.ask_something",
        *STOCK[3:],
        SAVE,
    ]
    dance.client.force_login(admin)
    assert dance.sign_in("gold")["Location"] == "/login/"
    answer(dance)

    response = dance.finish("/complete/patreon/")

    assert 400 <= response.status_code < 500
    assert b"already connected to another account" in response.content


def test_a_sites_step_that_breaks_a_constraint_runs_once_and_is_logged(
    dance: Dance, settings, caplog
) -> None:
    settings.SOCIAL_AUTH_PIPELINE = [
        *STOCK[:CREATE],
        "tests.sign_in.test_takeover.break_a_constraint",
        *STOCK[CREATE:],
        SAVE,
    ]
    with caplog.at_level(logging.ERROR, "django_patreon"):
        response = dance.sign_in("gold")
    assert 400 <= response.status_code < 500
    assert b"already connected" not in response.content
    assert b"could not save your sign-in" in response.content
    said = ours(caplog)
    assert len(said) == 1
    assert "IntegrityError in tests.sign_in.test_takeover.break_a_constraint" in said[0]
    assert "gold@example.org" not in said[0]


def test_a_username_that_differs_in_case_only_is_taken(dance: Dance) -> None:
    if connection.vendor == "mysql":
        pytest.skip("MariaDB compares without case, so social-auth sees that it is taken")
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX whatever_the_case ON auth_user (lower(username))")
    try:
        User.objects.create_user("almareyes")
        dance.sign_in("gold")
        assert dance.user.username.startswith("AlmaReyes_")
    finally:
        User.objects.all().delete()


def test_each_failed_sign_in_is_logged_once(dance: Dance, caplog) -> None:
    callback = dance.consent(dance.begin(), sandbox_user="gold")
    dance.finish(callback)
    with caplog.at_level(logging.INFO, "django_patreon"):
        dance.finish(callback)
    said = ours(caplog)
    assert said == ["Sign-in with Patreon failed at callback: session_context_missing"]


def test_a_wrong_secret_names_the_setting_to_the_operator(dance: Dance, settings, caplog) -> None:
    settings.SOCIAL_AUTH_PATREON_SECRET = "another"
    with caplog.at_level(logging.WARNING, "django_patreon"):
        response = dance.sign_in("gold")
    assert 400 <= response.status_code < 600
    said = ours(caplog)
    assert len(said) == 1
    assert "SOCIAL_AUTH_PATREON_SECRET" in said[0]
    assert "another" not in said[0]
    assert "http://localhost/complete/patreon/" in said[0]
    assert b"SOCIAL_AUTH_PATREON_SECRET" not in response.content


def test_in_development_the_page_names_the_setting_too(dance: Dance, settings) -> None:
    settings.DEBUG = True
    settings.SOCIAL_AUTH_PATREON_SECRET = "another"
    response = dance.sign_in("gold")
    assert b"SOCIAL_AUTH_PATREON_SECRET" in response.content
    assert b"http://localhost/complete/patreon/" in response.content


def test_a_deactivated_user_is_told_so(dance: Dance) -> None:
    dance.sign_in("gold")
    dance.client.logout()
    User.objects.update(is_active=False)
    response = dance.sign_in("gold")
    assert 400 <= response.status_code < 500
    assert b"not active" in response.content
    assert dance.user is None


def test_a_site_may_have_a_page_of_its_own_for_deactivated_users(dance: Dance, settings) -> None:
    dance.sign_in("gold")
    dance.client.logout()
    User.objects.update(is_active=False)
    settings.SOCIAL_AUTH_INACTIVE_USER_URL = "/login/"
    assert dance.sign_in("gold")["Location"] == "/login/"

"""No token and no secret in clear, anywhere a person, a log or a thief would look."""

from __future__ import annotations

import io
import logging
import traceback
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.views.debug import ExceptionReporter

from django_patreon import tokens
from django_patreon.exceptions import PatreonError
from django_patreon.models import PatreonAccount
from django_patreon.sandbox import SCOPES

from .dance import IDENTITY, Dance

SECRET = "terces-xobdnas"[::-1]  # reversed: debug pages quote source


def explode(**kwargs: Any) -> None:
    raise RuntimeError("a step of the site's own that fails")


def secrets_of(dance: Dance) -> list[str]:
    pairs = dance.sandbox.tokens.pairs
    return [SECRET, *(each.access_token for each in pairs), *(each.refresh_token for each in pairs)]


def assert_clean(dance: Dance, text: str) -> None:
    assert len(secrets_of(dance)) > 1
    for secret in secrets_of(dance):
        where = text.find(secret)
        assert where < 0, text[max(0, where - 300) : where].encode()


def everything_stored() -> str:
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            rows.append(repr(cursor.fetchall()))
    return "\n".join(rows)


@pytest.fixture(autouse=True)
def loud(caplog) -> None:
    caplog.set_level(logging.DEBUG)


def test_after_a_sign_in_neither_database_nor_logs_nor_pages_show_one(dance: Dance, caplog) -> None:
    pages = [dance.sign_in("gold"), dance.client.get("/"), dance.client.get("/patreon/account/")]
    operator = get_user_model().objects.create_superuser("operator", password="x")
    dance.client.force_login(operator)
    account = get_user_model().objects.get(username="AlmaReyes").patreon_account
    for path in (
        "django_patreon/patreonaccount/",
        f"django_patreon/patreonaccount/{account.pk}/change/",
        "social_django/usersocialauth/",
        f"social_django/usersocialauth/{account.user.social_auth.get().pk}/change/",
    ):
        pages.append(dance.client.get(f"/admin/{path}"))
        assert pages[-1].status_code == 200
    dump = io.StringIO()
    call_command("dumpdata", stdout=dump)

    for text in (everything_stored(), caplog.text, dump.getvalue()):
        assert_clean(dance, text)
    for page in pages:
        assert_clean(dance, page.content.decode() + str(page.headers))


@pytest.mark.parametrize("kind", ["http_401", "http_500_html", "cut", "reset", "http_429"])
def test_a_failed_sign_in_shows_none(dance: Dance, caplog, kind: str) -> None:
    dance.order(kind, path="/api/oauth2/v2")
    page = dance.sign_in("gold")
    assert_clean(dance, page.content.decode() + caplog.text + everything_stored())


@pytest.mark.parametrize(
    "place", ["before the pipeline", "first step", "last step", "before the answer"]
)
def test_djangos_debug_page_shows_none(dance: Dance, settings, patreon, caplog, place: str) -> None:
    settings.DEBUG = True
    dance.client.raise_request_exception = False
    steps = ["social_core.pipeline.social_auth.social_details"]
    if place == "first step":
        settings.SOCIAL_AUTH_PIPELINE = ["tests.test_leaks.explode", *steps]
    elif place == "last step":
        settings.SOCIAL_AUTH_PIPELINE = [
            "social_core.pipeline.social_auth.social_details",
            "social_core.pipeline.social_auth.social_uid",
            "social_core.pipeline.social_auth.social_user",
            "social_core.pipeline.user.get_username",
            "social_core.pipeline.user.create_user",
            "social_core.pipeline.social_auth.associate_user",
            "django_patreon.pipeline.save_account",
            "tests.test_leaks.explode",
        ]
    elif place == "before the pipeline":
        settings.SOCIAL_AUTH_PIPELINE = 7  # whatever goes wrong in social-auth itself
    else:
        settings.SESSION_ENGINE = "tests.test_leaks"  # the session cannot be written

    page = dance.sign_in("gold") if place != "before the answer" else _broken_login(dance, settings)

    assert page.status_code == 500
    assert "Traceback" in page.content.decode()
    assert_clean(dance, page.content.decode())


def _broken_login(dance: Dance, settings: Any) -> Any:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    callback = dance.consent(dance.begin(), sandbox_user="gold")
    settings.SOCIAL_AUTH_LOGIN_REDIRECT_URL = "no-such-name"
    settings.LOGIN_REDIRECT_URL = "no-such-name:at-all"
    return dance.finish(callback)


def test_the_address_of_a_request_holds_no_token(dance: Dance, patreon) -> None:
    dance.sign_in("gold")
    for call in patreon.calls:
        assert_clean(dance, call.request.url)
    assert any(IDENTITY in call.request.url for call in patreon.calls)


def debug_page(error: Any) -> str:
    """Django's page for an error, with the variables of every frame of ours."""
    reporter = ExceptionReporter(None, error.type, error.value, error.tb.tb_next)
    return str(reporter.get_traceback_html())


def said_by(command: str, *words: str) -> str:
    """What a command shows, also when it gives up."""
    out = io.StringIO()
    try:
        call_command(command, *words, stdout=out, stderr=out)
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_in_the_whole_life_of_a_token_nothing_shows_one(
    dance: Dance, caplog, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every flow: renewed, used after a 401, limited, refused, looked at by operators and commands,
    moved to new keys, exported, imported, with a webhook and its secret, and given up."""
    settings.SOCIAL_AUTH_PATREON_SCOPE = [*SCOPES]
    shown: list[str] = []
    dance.sign_in("creator")
    account = PatreonAccount.objects.get()
    client = tokens.client_for(account, patience=0)
    shown += [repr(client), repr(account), repr(tokens.access_token(account))]
    tokens.refresh(account)
    dance.order("http_401", path="/api/oauth2/v2")
    shown.append(repr(client.identity()))
    for kind in ("http_500_html", "http_403_html", "cut", "reset", "errors_200", "list"):
        dance.order(kind, path="/api/oauth2/v2")
        with pytest.raises(PatreonError) as error:
            list(client.members("4410027"))
        shown += [
            str(error.value),
            repr(error.value),
            "".join(traceback.format_exception(error.value)),
            debug_page(error),
        ]
    for kind in ("http_500_html", "http_403_html", "html_200"):
        dance.order(kind, path="/api/oauth2/token")
        with pytest.raises(PatreonError) as error:
            tokens.refresh(account)
        shown += [repr(error.value), debug_page(error)]
    dance.order("http_429", path="/api/oauth2/v2", retry_after=0)
    with pytest.raises(PatreonError) as error:
        client.campaigns()
    shown.append(repr(error.value))
    webhook = client.create_webhook(
        "4410027", uri="https://example.org/x", triggers=["posts:publish"]
    )
    assert webhook.secret
    secret = str(webhook.secret)
    shown += [repr(webhook), repr(client.webhooks())]

    settings.PATREON = {"TOKEN_KEYS": ["new-key-" * 6]}
    shown.append(said_by("patreon_rotate_keys"))  # no key opens them
    settings.PATREON = {"TOKEN_KEYS": ["new-key-" * 6, settings.SECRET_KEY]}
    shown.append(said_by("patreon_rotate_keys"))
    settings.PATREON = {}
    person = dance.sandbox.world.person_called("creator")
    assert person is not None
    pair = dance.sandbox.tokens.issue_pair(person.id, frozenset(SCOPES))
    monkeypatch.setenv("PATREON_ACCESS_TOKEN", pair.access_token)
    monkeypatch.setenv("PATREON_REFRESH_TOKEN", pair.refresh_token)
    name = account.user.get_username()
    shown.append(said_by("patreon_import_tokens", name))
    shown += [said_by("patreon_why", name), said_by("patreon_refresh_tokens", "--days", "90")]
    shown.append(str(PatreonAccount.objects.get().export()))

    operator = Client(headers={"host": "localhost"})
    operator.force_login(get_user_model().objects.create_superuser("operator", password="x"))
    place = f"/admin/django_patreon/patreonaccount/{account.pk}"
    for browser, path in (
        (operator, f"{place}/renew/"),
        (operator, f"{place}/change/"),
        (operator, f"{place}/history/"),
        (operator, f"{place}/disconnect/"),
        (dance.client, "/patreon/refresh/"),
        (dance.client, "/patreon/account/"),
        (dance.client, "/patreon/unlink/"),
    ):
        for answer in (browser.get(path), browser.post(path, follow=True)):
            shown.append(answer.content.decode() + str(answer.headers))
    dance.sign_in("creator")
    stored = everything_stored() + said_by("dumpdata")
    assert "sealed:" in stored
    dance.sandbox.tokens.kill()
    shown.append(said_by("patreon_refresh_tokens", "--days", "90"))
    tokens.revoke(PatreonAccount.objects.get())

    for text in (*shown, stored, everything_stored(), caplog.text):
        assert_clean(dance, text)
        assert secret not in text

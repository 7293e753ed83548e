"""Whatever goes wrong ends in a page that can be read, and leaves no half-made user."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from social_core.exceptions import (
    AuthAssociationError,
    AuthCanceled,
    AuthCredentialError,
    AuthProviderError,
    AuthResponseError,
    AuthSessionError,
    SocialAuthBaseException,
)
from social_django.middleware import SocialAuthExceptionMiddleware
from social_django.models import UserSocialAuth

from django_patreon.models import PatreonAccount
from tests.dance import Dance

User = get_user_model()
TOKEN, IDENTITY = "/api/oauth2/token", "/api/oauth2/v2/identity"


class Witness(SocialAuthExceptionMiddleware):
    """social-auth's own middleware, remembering what it was told."""

    seen: list[SocialAuthBaseException] = []  # noqa: RUF012

    def process_exception(self, request: Any, exception: Exception) -> Any:
        if isinstance(exception, SocialAuthBaseException):
            self.seen.append(exception)
        return super().process_exception(request, exception)


@pytest.fixture(params=["page of ours", "social-auth's middleware"])
def site(request, settings, dance: Dance) -> Dance:
    """Both kinds of site: with social-auth's middleware, and without any."""
    if request.param == "social-auth's middleware":
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.sign_in.test_errors.Witness"]
    return dance


def fail(dance: Dance, exception: type[SocialAuthBaseException], code: str) -> Any:
    """Finish a sign-in that cannot work, and look at everything that must be so."""
    Witness.seen.clear()
    response = dance.finish(dance.consent(dance.begin(), sandbox_user="gold"))
    assert_readable(response)
    assert dance.user is None
    assert_nothing_was_made()
    for seen in Witness.seen:
        assert (type(seen), seen.code) == (exception, code)
    return response


def assert_readable(response: Any) -> None:
    assert response.status_code != 500
    assert 400 <= response.status_code < 600
    assert b"<h1>" in response.content
    assert b"Traceback" not in response.content
    assert "no-store" in response["Cache-Control"]


def assert_nothing_was_made() -> None:
    assert not User.objects.exists()
    assert not UserSocialAuth.objects.exists()
    assert not PatreonAccount.objects.exists()


@pytest.mark.parametrize("path", [TOKEN, IDENTITY])
@pytest.mark.parametrize(
    ("kind", "exception", "code"),
    [
        ("http_400", AuthProviderError, "http_error"),
        ("http_401", AuthProviderError, "http_error"),
        ("http_403_html", AuthProviderError, "http_error"),
        ("http_404", AuthProviderError, "http_error"),
        ("http_429", AuthProviderError, "rate_limited"),
        ("http_429_empty", AuthProviderError, "rate_limited"),
        ("http_500_html", AuthProviderError, "unavailable"),
        ("http_503_html", AuthProviderError, "unavailable"),
        ("http_504_empty", AuthProviderError, "unavailable"),
        ("timeout", AuthProviderError, "timeout"),
        ("reset", AuthProviderError, "connection_failed"),
        ("cut", AuthResponseError, "malformed_response"),
    ],
)
def test_no_answer_of_patreon_is_a_crash(
    site: Dance, path: str, kind: str, exception: type[SocialAuthBaseException], code: str
) -> None:
    """T2: error bodies, and T3: pages where JSON was expected."""
    site.order(kind, path=path)
    fail(site, exception, code)


NOT_A_PERSON = {
    "empty": "",
    "html": "<html><h1>Checking your browser</h1></html>",
    "null": "null",
    "list": "[]",
    "number": "7",
    "text": '"user"',
    "deep": "[" * 100_000,
    "not utf-8": base64.b64encode(b'{"data": "\xff\xfe'),
    "errors with 200": '{"errors": [{"code": 1, "code_name": "Unauthorized"}]}',
    "errors and data": '{"errors": [{}], "data": {"type": "user", "id": "1"}}',
    "error with 200": '{"error": "invalid_token"}',
    "no data": "{}",
    "data null": '{"data": null}',
    "data list": '{"data": [{"type": "user", "id": "1"}]}',
    "wrong type": '{"data": {"type": "campaign", "id": "1"}}',
    "no type": '{"data": {"id": "1"}}',
    "no id": '{"data": {"type": "user", "attributes": {}}}',
    "id empty": '{"data": {"type": "user", "id": ""}}',
    "id blank": '{"data": {"type": "user", "id": "  "}}',
    "id number": '{"data": {"type": "user", "id": 7}}',
    "id true": '{"data": {"type": "user", "id": true}}',
    "id null": '{"data": {"type": "user", "id": null}}',
    "id list": '{"data": {"type": "user", "id": ["1"]}}',
    "id endless": '{"data": {"type": "user", "id": "' + "9" * 5000 + '"}}',
    "id with nul": '{"data": {"type": "user", "id": "1\\u00002"}}',
    "cut off": '{"data": {"type": "user", "id": "1", "attri',
    "5 MB": "x" * 5_000_000,
    "20 MB": "x" * 20_000_000,
}


@pytest.mark.parametrize("name", NOT_A_PERSON)
def test_what_is_not_a_person_makes_no_user(site: Dance, name: str) -> None:
    """T3: a page, nothing, or nonsense is never taken for somebody."""
    body = NOT_A_PERSON[name]
    given = {"body_base64": body.decode()} if isinstance(body, bytes) else {"body": body}
    site.order("custom", path=IDENTITY, **given)
    fail(site, AuthResponseError, "malformed_response")


@pytest.mark.parametrize("attributes", [None, {}, [], "x", {"full_name": 7, "email": ["a"]}])
def test_somebody_without_attributes_can_sign_in(dance: Dance, attributes: Any) -> None:
    """T1: `attributes` missing, empty or senseless is no reason to turn anybody away."""
    person = {"type": "user", "id": "7"} | (
        {"attributes": attributes} if attributes is not None else {}
    )
    dance.order("custom", path=IDENTITY, body=json.dumps({"data": person}))
    dance.finish(dance.consent(dance.begin(), sandbox_user="gold"))
    assert dance.user.username == "patreon_7"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "<html>",
        '{"error": "invalid_request"}',
        "{}",
        '{"access_token": null}',
        '{"access_token": ""}',
        '{"access_token": true}',
        '{"access_token": ["x"]}',
        '{"access_token": "a\\r\\nb: c"}',
        '{"access_token": "a\\u2603"}',
    ],
)
def test_an_answer_without_a_token_makes_no_user(site: Dance, body: str) -> None:
    site.order("custom", path=TOKEN, body=body)
    token_missing = body.startswith(("{}", '{"access'))
    fail(site, AuthResponseError, "missing_claim" if token_missing else "malformed_response")


def test_a_spent_code_asks_to_start_again(site: Dance) -> None:
    site.order("oauth_error", path=TOKEN, error="invalid_grant")
    fail(site, AuthCredentialError, "authorization_code_rejected")


@pytest.mark.parametrize("error", ["invalid_client", "access_denied", "unauthorized_client"])
def test_a_wrong_secret_or_redirect_uri_is_a_readable_page(site: Dance, error: str, caplog) -> None:
    """T21: what the token endpoint says when the site is set up wrongly."""
    site.order("oauth_error", path=TOKEN, error=error)
    fail(site, AuthProviderError, "http_error")
    assert error in caplog.text


def test_how_long_to_wait_is_kept(dance: Dance, settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.sign_in.test_errors.Witness"]
    dance.order("http_429", path=IDENTITY, retry_after=9)
    fail(dance, AuthProviderError, "rate_limited")
    assert Witness.seen[0].retry_after == "9"


def test_how_long_to_wait_is_told(dance: Dance) -> None:
    dance.order("http_429", path=TOKEN, retry_after=9)
    response = fail(dance, AuthProviderError, "rate_limited")
    assert response["Retry-After"] == "9"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "error=access_denied",
        "error=access_denied&state={state}",
        "state={state}",
        "state=None",
        "error=invalid_scope&state={state}",
        "error=<script>&error_description=<script>",
        "code=&state={state}",
        "denied=1",
    ],
)
def test_no_code_means_declined(site: Dance, query: str) -> None:
    """T22: `invalid_scope` too, and Patreon may name no error at all."""
    Witness.seen.clear()
    state = dict(p.split("=") for p in site.begin().partition("?")[2].split("&"))["state"]
    response = site.finish("/complete/patreon/?" + query.format(state=state))
    assert_readable(response)
    assert b"<script>" not in response.content
    assert_nothing_was_made()
    assert all(isinstance(each, AuthCanceled) for each in Witness.seen)


def test_an_operator_is_told_of_a_scope_that_is_not_allowed(dance: Dance, caplog) -> None:
    """T22."""
    callback = dance.consent(dance.begin(), scope="identity made-up")
    response = dance.finish(callback)
    assert response.status_code == 403
    assert "invalid_scope" in caplog.text


@pytest.mark.parametrize("way", ["replayed", "another browser", "no session", "made up", "expired"])
def test_a_state_that_does_not_fit_is_a_page_with_another_try(
    site: Dance, way: str, sandbox, patreon, time_machine_at
) -> None:
    """T20: back button, second tab, lost cookies, old links."""
    callback = site.consent(site.begin(), sandbox_user="gold")
    browser = site
    if way == "replayed":
        site.finish(callback)
        site.client.logout()
        browser = site
    elif way == "another browser":
        browser = Dance(sandbox)
        browser.begin()
    elif way == "no session":
        browser = Dance(sandbox)
    elif way == "made up":
        callback = callback.partition("state=")[0] + "state=None"
    else:
        time_machine_at(hours=1)
    Witness.seen.clear()
    users = User.objects.count()

    response = browser.finish(callback)

    assert_readable(response)
    assert User.objects.count() == users
    assert browser.user is None
    assert all(isinstance(each, AuthSessionError) for each in Witness.seen)


def test_a_refused_attempt_can_be_tried_again_at_once(dance: Dance) -> None:
    """T20: the page has a button, and the button works."""
    dance.order("http_503_html", path=IDENTITY)
    response = dance.finish(dance.consent(dance.begin(next="/inside/"), sandbox_user="gold"))
    assert b"Try again" in response.content
    assert b'name="next" value="/inside/"' in response.content
    assert dance.sign_in("gold", next="/inside/")["Location"] == "/inside/"


def test_two_tabs_can_sign_in_side_by_side(dance: Dance) -> None:
    """T20."""
    first, second = dance.begin(), dance.begin()
    assert dance.finish(dance.consent(first, sandbox_user="gold")).status_code == 302
    assert dance.finish(dance.consent(second, sandbox_user="gold")).status_code in (302, 403)
    assert User.objects.count() == 1


def test_the_site_is_never_told_of_a_redirect_uri_that_is_not_registered(dance: Dance) -> None:
    """T21: Patreon keeps the browser on a page of its own."""
    address = dance.begin().replace("localhost", "shop.example")
    target = dance.consent(address)
    assert target.startswith("/oauth2/errors?error=invalid_request&error_description=Mismatching")


def test_without_a_key_the_button_leads_to_a_page_not_to_patreon(dance: Dance, settings) -> None:
    settings.SOCIAL_AUTH_PATREON_KEY = None
    response = dance.client.post("/login/patreon/")
    assert_readable(response)
    assert b"not set up" in response.content


def test_a_site_may_send_people_to_its_own_error_page(dance: Dance, settings) -> None:
    settings.SOCIAL_AUTH_LOGIN_ERROR_URL = "/login/"
    response = dance.finish("/complete/patreon/?error=access_denied")
    assert (response.status_code, response["Location"]) == (302, "/login/")


def test_in_development_the_page_is_shown_too(dance: Dance, settings) -> None:
    settings.DEBUG = True
    assert_readable(dance.finish("/complete/patreon/?error=access_denied"))


def test_a_patreon_of_another_user_cannot_be_linked(dance: Dance) -> None:
    """T23: one identity belongs to one user, and the message names nobody."""
    dance.sign_in("gold")
    dance.client.logout()
    other = User.objects.create_user("other", password="x")
    dance.client.force_login(other)

    response = dance.sign_in("gold")

    assert response.status_code == 409
    assert b"already connected to another account" in response.content
    assert b"AlmaReyes" not in response.content
    assert not hasattr(User.objects.get(pk=other.pk), "patreon_account")


def test_a_user_cannot_have_a_second_patreon(dance: Dance) -> None:
    """T23: and the first stays as it was."""
    dance.sign_in("gold")

    response = dance.sign_in("silver")

    assert response.status_code == 409
    assert b"Disconnect that one first" in response.content
    assert PatreonAccount.objects.get().full_name == "Alma Reyes"
    assert UserSocialAuth.objects.count() == 1


def test_an_association_error_is_social_auths_own(dance: Dance, settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.sign_in.test_errors.Witness"]
    dance.sign_in("gold")
    Witness.seen.clear()
    dance.sign_in("silver")
    assert isinstance(Witness.seen[0], AuthAssociationError)
    assert Witness.seen[0].code == "identity_in_use"


def test_nothing_secret_is_logged_when_a_sign_in_fails(dance: Dance, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    dance.order("custom", path=IDENTITY, body='{"secret": "hunter2"}')
    dance.sign_in("gold")
    assert "hunter2" not in caplog.text
    assert "sandbox-secret" not in caplog.text
    for pair in dance.sandbox.tokens.pairs:
        assert pair.access_token not in caplog.text

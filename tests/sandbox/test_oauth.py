"""The OAuth pages and the token endpoint."""

from __future__ import annotations

import pytest

from django_patreon.sandbox import Request, Sandbox

from .client import (
    AGENT,
    BACK,
    CLIENT,
    authorize,
    authorize_target,
    code_for,
    exchange,
    get,
    query_of,
    refresh,
    tokens_for,
)


def test_consent_sends_a_code_and_the_state_back(sandbox: Sandbox) -> None:
    response = authorize(sandbox, sandbox_user="gold")
    assert response.status == 302
    assert response.header("Location").startswith("http://localhost:8000/back?kept=1&code=")
    assert query_of(response)["state"] == "xyz"


def test_without_a_choice_there_is_a_page_that_says_what_is_asked(sandbox: Sandbox) -> None:
    page = authorize(sandbox)
    assert page.status == 200
    for words in (b"See your e-mail address", b'value="gold"', b"not patreon.com"):
        assert words in page.body


def test_the_pages_form_consents(sandbox: Sandbox) -> None:
    page = authorize(sandbox).body.decode()
    action = page.partition('action="')[2].partition('"')[0].replace("&amp;", "&")
    response = sandbox.handle(Request(method="POST", target=action, body=b"user=silver"))
    assert exchange(sandbox, query_of(response)["code"]).status == 200


@pytest.mark.parametrize(
    ("kind", "said"),
    [("yes", {"error": "access_denied", "state": "xyz"}), ("silent", {"state": "xyz"})],
)
def test_declining_names_the_error_or_nothing(
    sandbox: Sandbox, kind: str, said: dict[str, str]
) -> None:
    assert query_of(authorize(sandbox, sandbox_deny=kind)) == {"kept": "1", **said}


def test_without_a_state_the_callback_has_the_text_none(sandbox: Sandbox) -> None:
    assert query_of(authorize(sandbox, sandbox_user="gold", state=None))["state"] == "None"


@pytest.mark.parametrize(
    "given",
    [
        {"redirect_uri": "https://shop.example/back"},
        {"redirect_uri": "custom://localhost/"},
        {"redirect_uri": "http://[broken"},
        {"redirect_uri": "http://elsewhere.example\\@localhost/"},
        {"redirect_uri": "http://localhost@elsewhere.example/"},
        {"redirect_uri": None},
        {"client_id": "somebody-else"},
        {"client_id": None},
    ],
)
def test_an_unknown_way_back_ends_on_patreons_own_page(
    sandbox: Sandbox, given: dict[str, str | None]
) -> None:
    response = authorize(sandbox, sandbox_user="gold", **given)
    assert response.header("Location").startswith("/oauth2/errors?error=invalid_request")
    page = sandbox.handle(Request(method="GET", target=response.header("Location")))
    assert page.status == 400


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"scope": "identity,identity[email]"}, "invalid_scope"),
        ({"scope": "users"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
    ],
)
def test_other_errors_are_sent_to_the_site(
    sandbox: Sandbox, given: dict[str, str | None], error: str
) -> None:
    assert query_of(authorize(sandbox, sandbox_user="gold", **given))["error"] == error


@pytest.mark.parametrize("method", ["DELETE", "PUT", "ANY"])
def test_consent_is_not_given_by_any_odd_method(sandbox: Sandbox, method: str) -> None:
    target = authorize_target(sandbox_user="gold")
    assert sandbox.handle(Request(method=method, target=target)).status == 405


def test_a_way_back_in_any_script_survives_the_header(sandbox: Sandbox) -> None:
    location = authorize(
        sandbox, sandbox_user="gold", redirect_uri="http://localhost/été ✨?q=a%20b"
    ).header("Location")
    assert location.startswith("http://localhost/%C3%A9t%C3%A9%20%E2%9C%A8?q=a+b&code=")


def test_an_unknown_person_is_an_error_page(sandbox: Sandbox) -> None:
    page = authorize(sandbox, sandbox_user="<script>")
    assert page.status == 404
    assert b"<script>" not in page.body


def test_tokens_look_like_patreons(sandbox: Sandbox) -> None:
    given = tokens_for(sandbox)
    assert len(given["access_token"]) == len(given["refresh_token"]) == 43
    assert given == {
        "access_token": given["access_token"],
        "refresh_token": given["refresh_token"],
        "expires_in": 2678400,
        "scope": "identity identity[email]",
        "token_type": "Bearer",
        "version": "0.0.1",
    }


def test_a_code_works_once(sandbox: Sandbox) -> None:
    code = code_for(sandbox)
    assert exchange(sandbox, code).status == 200
    again = exchange(sandbox, code)
    assert (again.status, again.json()) == (401, {"error": "invalid_grant"})


def test_a_code_dies_after_ten_minutes(sandbox: Sandbox) -> None:
    code = code_for(sandbox)
    sandbox.advance(601)
    assert exchange(sandbox, code).status == 401


def test_parameters_may_be_in_the_query(sandbox: Sandbox) -> None:
    target = (
        f"/api/oauth2/token?grant_type=authorization_code&code={code_for(sandbox)}"
        f"&redirect_uri={BACK.replace('?', '%3F')}&client_id={CLIENT['client_id']}"
        f"&client_secret={CLIENT['client_secret']}"
    )
    assert sandbox.handle(Request(method="POST", target=target, headers=AGENT)).status == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"redirect_uri": "http://localhost/other"}, 401, "access_denied"),
        ({"code": ""}, 400, "invalid_request"),
        ({"code": "made-up"}, 401, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "made-up"}, 401, "invalid_grant"),
    ],
)
def test_refusals_are_named(
    sandbox: Sandbox, form: dict[str, str], status: int, error: str
) -> None:
    response = exchange(sandbox, code_for(sandbox), **form)
    assert (response.status, response.json()["error"]) == (status, error)


def test_the_token_endpoint_takes_a_post_and_a_user_agent(sandbox: Sandbox) -> None:
    assert (
        sandbox.handle(Request(method="GET", target="/api/oauth2/token", headers=AGENT)).status
        == 405
    )
    silent = sandbox.handle(Request(method="POST", target="/api/oauth2/token"))
    assert (silent.status, silent.header("Content-Type")) == (403, "text/html; charset=utf-8")


def test_a_refresh_gives_a_new_pair_and_kills_the_old(sandbox: Sandbox) -> None:
    old = tokens_for(sandbox)
    new = refresh(sandbox, old["refresh_token"]).json()
    assert new["refresh_token"] != old["refresh_token"]
    assert get(sandbox, new["access_token"]).status == 200
    assert get(sandbox, old["access_token"]).status == 401
    assert refresh(sandbox, old["refresh_token"]).json() == {"error": "invalid_grant"}
    assert refresh(sandbox, new["refresh_token"]).status == 200


def test_the_old_access_token_may_live_on(sandbox: Sandbox) -> None:
    sandbox.settings.keep_access_on_refresh = True
    old = tokens_for(sandbox)
    refresh(sandbox, old["refresh_token"])
    assert get(sandbox, old["access_token"]).status == 200


@pytest.mark.parametrize("alone", [False, True])
def test_signing_in_again_may_kill_older_tokens(sandbox: Sandbox, alone: bool) -> None:
    sandbox.settings.one_pair_per_user = alone
    old = tokens_for(sandbox)
    tokens_for(sandbox)
    assert get(sandbox, old["access_token"]).status == (401 if alone else 200)


def test_tokens_expire_with_the_clock(sandbox: Sandbox) -> None:
    given = tokens_for(sandbox)
    sandbox.advance(given["expires_in"] + 1)
    assert get(sandbox, given["access_token"]).status == 401
    assert refresh(sandbox, given["refresh_token"]).status == 200


def test_scopes_stick(sandbox: Sandbox) -> None:
    tokens_for(sandbox, scope="identity identity.memberships")
    assert tokens_for(sandbox, scope="identity")["scope"] == "identity identity.memberships"


def test_the_owner_of_the_client_is_granted_everything(sandbox: Sandbox) -> None:
    granted = tokens_for(sandbox, "creator", scope="identity")["scope"].split()
    assert {"campaigns.members", "w:campaigns.webhook"} <= set(granted)


def test_two_sandboxes_know_nothing_of_each_other(sandbox: Sandbox) -> None:
    given = tokens_for(sandbox)
    assert get(Sandbox(), given["access_token"]).status == 401
    assert tokens_for(Sandbox())["access_token"] == given["access_token"]  # deterministic

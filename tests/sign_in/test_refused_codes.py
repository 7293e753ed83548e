"""Made-up codes: whoever brings many has to wait, and nobody else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from django_patreon import tokens
from django_patreon.exceptions import RateLimited, ReconnectRequired
from django_patreon.limits import current_gate
from django_patreon.limits.database import DatabaseStore
from django_patreon.limits.gate import _gate_for
from django_patreon.limits.rates import CLIENT, CODES, NO_ADDRESS, REFUSALS, RENEWALS
from django_patreon.limits.visitors import _address_of
from django_patreon.models import PatreonAccount, RateBucket
from tests.dance import TOKEN, Dance, query_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limited(settings: Any) -> Iterator[None]:
    """A process that has seen no refusal yet, here and for the tests after these."""
    settings.PATREON = {"RATE_LIMIT": "database"}
    _gate_for.cache_clear()
    yield
    _gate_for.cache_clear()


def bring(dance: Dance, code: str) -> Any:
    """Begin a sign-in, and come back with this code without having been at Patreon."""
    state = query_of(dance.begin())["state"]
    return dance.finish(f"/complete/patreon/?state={state}&code={code}")


def flood(dance: Dance, patreon: Any, attempts: int, **headers: str) -> int:
    """Bring made-up codes, each in a new session; return how many Patreon was asked about."""
    before = asked(patreon)
    for number in range(attempts):
        visitor = Dance(dance.sandbox, Client(**headers))
        response = bring(visitor, f"made-up-{number}")
        assert response.status_code in (403, 429)
    return asked(patreon) - before


def asked(patreon: Any) -> int:
    return sum(call.request.url == TOKEN for call in patreon.calls)


def somebody(dance: Dance, **headers: str) -> Dance:
    return Dance(dance.sandbox, Client(**headers))


def test_a_session_that_brings_made_up_codes_has_to_wait(dance: Dance, patreon: Any) -> None:
    statuses = [bring(dance, f"made-up-{number}").status_code for number in range(8)]
    assert statuses == [403] * 5 + [429] * 3
    assert asked(patreon) == 5
    response = bring(dance, "made-up")
    assert b"Please wait a minute" in response.content
    assert b"<h1>" in response.content
    assert 50 < int(response["Retry-After"]) <= 60
    assert "no-store" in response["Cache-Control"]


def test_the_code_is_not_spent_and_works_after_the_wait(dance: Dance, patreon: Any) -> None:
    for number in range(5):
        bring(dance, f"made-up-{number}")
    callback = dance.consent(dance.begin(), sandbox_user="gold")
    assert dance.finish(callback).status_code == 429
    RateBucket.objects.all().delete()  # a minute later
    assert dance.finish(callback).status_code == 302
    assert dance.user is not None


@pytest.mark.parametrize(
    "visitor",
    [
        {"REMOTE_ADDR": "9.9.9.9"},
        {"REMOTE_ADDR": "2620:fe::9"},
        {"REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_FOR": "8.8.8.8, 9.9.9.9"},
        {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "[2620:fe::9]:4711"},
        {"REMOTE_ADDR": "10.0.0.2"},  # behind a proxy that says nothing
    ],
)
def test_a_flood_from_one_visitor_with_many_sessions_delays_nobody_else(
    dance: Dance, patreon: Any, visitor: dict[str, str]
) -> None:
    DatabaseStore().push("refusals", REFUSALS, 5)  # as after two hundred others
    if visitor == {"REMOTE_ADDR": "10.0.0.2"}:
        DatabaseStore().push("codes:no-address", NO_ADDRESS, 30)  # as after many
        bring(somebody(dance, REMOTE_ADDR="9.9.9.9"), "made-up")
    assert flood(dance, patreon, 30, **visitor) < 30
    for other in ({"REMOTE_ADDR": "1.1.1.1"}, {"HTTP_X_FORWARDED_FOR": "1.0.0.1"}):
        assert somebody(dance, **other).sign_in("gold").status_code == 302
    assert DatabaseStore().wait("client", CLIENT) == 0


def test_an_address_that_many_share_is_forgiven_more_than_a_session(
    dance: Dance, patreon: Any
) -> None:
    assert flood(dance, patreon, 15, REMOTE_ADDR="9.9.9.9") == 15
    assert somebody(dance, REMOTE_ADDR="9.9.9.9").sign_in("gold").status_code == 302


def test_a_visitor_cannot_leave_their_address_by_a_header(dance: Dance, patreon: Any) -> None:
    assert flood(dance, patreon, 21, REMOTE_ADDR="9.9.9.9") == 20
    more = flood(dance, patreon, 5, REMOTE_ADDR="9.9.9.9", HTTP_X_FORWARDED_FOR="8.8.4.4")
    assert more == 0


def test_a_proxy_that_nobody_described_is_named_to_the_operator(
    dance: Dance, patreon: Any, caplog: pytest.LogCaptureFixture
) -> None:
    DatabaseStore().push("codes:no-address", CODES, 1)
    bring(dance, "made-up")
    assert "CLIENT_ADDRESS" in caplog.text
    assert "127.0.0.1" not in caplog.text


@pytest.mark.parametrize(
    ("meta", "setting", "address"),
    [
        ({"REMOTE_ADDR": "9.9.9.9"}, "", "9.9.9.9"),
        ({"REMOTE_ADDR": "::ffff:9.9.9.9"}, "", "9.9.9.9"),
        ({"REMOTE_ADDR": "2620:fe:0:1::9"}, "", "2620:fe::/48"),
        ({"REMOTE_ADDR": "127.0.0.1"}, "", ""),
        ({"REMOTE_ADDR": "unix:"}, "", ""),
        ({}, "", ""),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1, 9.9.9.9:80"}, "", "9.9.9.9"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "9.9.9.9, 10.0.0.7"}, "", ""),
        ({"REMOTE_ADDR": "9.9.9.9", "HTTP_X_FORWARDED_FOR": "1.1.1.1"}, "", "9.9.9.9"),
        ({"REMOTE_ADDR": "9.9.9.9", "HTTP_X_REAL_IP": "1.1.1.1"}, "HTTP_X_REAL_IP", "1.1.1.1"),
        ({"REMOTE_ADDR": "9.9.9.9"}, "HTTP_X_REAL_IP", ""),
        ({"REMOTE_ADDR": "10.1.2.3"}, "REMOTE_ADDR", "10.1.2.3"),  # a site for one building
        ({"REMOTE_ADDR": "9.9.9.9", "HTTP_X_REAL_IP": "<script>"}, "HTTP_X_REAL_IP", ""),
    ],
)
def test_the_address_of_a_visitor(
    rf: Any, settings: Any, meta: dict[str, str], setting: str, address: str
) -> None:
    settings.PATREON = {"CLIENT_ADDRESS": setting}
    request = rf.get("/")
    request.META.pop("REMOTE_ADDR")
    request.META.update(meta)
    assert _address_of(request) == address


def test_a_visitor_whose_token_lacks_a_scope_is_no_evidence_against_the_site(
    dance: Dance, patreon: Any
) -> None:
    """Anybody can take scopes out of the address of Patreon's page."""
    DatabaseStore().push("refusals", REFUSALS, 5)
    dance.order("http_401", path="/api/oauth2/v2/identity", times=None)
    dance.sign_in("gold")
    assert DatabaseStore().wait("client", CLIENT) == 0
    assert RateBucket.objects.filter(key="codes").exists()


@pytest.mark.parametrize("wrong", ["the secret", "Patreon's edge"])
def test_what_is_evidence_against_the_site_still_shuts_the_gate(
    dance: Dance, patreon: Any, settings: Any, wrong: str
) -> None:
    DatabaseStore().push("refusals", REFUSALS, 5)
    if wrong == "the secret":
        settings.SOCIAL_AUTH_PATREON_SECRET = "another"
    else:
        dance.order("http_403_html")
    dance.sign_in("gold")
    assert DatabaseStore().wait("client", CLIENT) > 50
    assert not RateBucket.objects.filter(key__startswith="codes").exists()


def ended(dance: Dance, slug: str) -> PatreonAccount:
    """Return the account of somebody who has disconnected this site at Patreon."""
    dance.client.logout()
    dance.sign_in(slug)
    account = dance.user.patreon_account
    PatreonAccount.objects.filter(pk=account.pk).update(refresh_token="refused")
    account.refresh_from_db()
    return account


def test_refresh_tokens_that_are_refused_stop_nothing_but_refreshing(
    dance: Dance, patreon: Any
) -> None:
    first, second = ended(dance, "gold"), ended(dance, "silver")
    DatabaseStore().push("refusals", REFUSALS, 5)
    DatabaseStore().push("refresh tokens", RENEWALS, 5)  # as after many of them
    with pytest.raises(ReconnectRequired):
        tokens.refresh(first)
    before = asked(patreon)
    with pytest.raises(RateLimited) as caught:
        tokens.refresh(second)
    assert 0 < (caught.value.retry_after or 0) <= 7
    assert asked(patreon) == before
    second.refresh_from_db()
    assert second.state == "connected"
    assert somebody(dance).sign_in("bronze").status_code == 302


def test_a_process_that_has_seen_no_refusal_asks_the_store_nothing_more(
    dance: Dance, django_assert_max_num_queries: Any
) -> None:
    gate = current_gate()
    assert gate is not None
    with django_assert_max_num_queries(0):
        assert gate.wait_of([("codes", CODES)]) == 0


def test_no_key_tells_a_session(dance: Dance, patreon: Any) -> None:
    bring(dance, "made-up")
    (key,) = {
        each
        for each in RateBucket.objects.values_list("key", flat=True)
        if re.fullmatch("codes:[0-9a-f]{24}", each)
    }
    assert dance.client.session.session_key not in key

"""Renewing, with real processes on a real database; `make databases` repeats it on the others."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import MultiFernet
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from django_patreon import api, tokens
from django_patreon.exceptions import (
    RateLimited,
    ReconnectRequired,
    Unauthorized,
    Unavailable,
    UnsafeToRefresh,
)
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret
from django_patreon.tokens import lease

from .conftest import Browser, Patreon
from .crew import Crew

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = int(os.environ.get("STRESS_ROUNDS", "20"))
REFRESH = "POST /api/oauth2/token 200"


@pytest.fixture
def account(visitor: Browser, patreon: Patreon) -> PatreonAccount:
    """Somebody whose access token has run out."""
    visitor.sign_in("gold")
    patreon.control("requests", method="DELETE")
    return expired(PatreonAccount.objects.get())


def expired(account: PatreonAccount) -> PatreonAccount:
    account.token_expires_at = timezone.now() - timedelta(minutes=1)
    account.save(update_fields=["token_expires_at"])
    return account


def works(token: str) -> bool:
    return api.PatreonClient(Secret(token)).identity().user.full_name == "Alma Reyes"


def token_requests(patreon: Patreon) -> int:
    return sum("/api/oauth2/token" in each for each in patreon.api_requests)


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in ten seconds")


def test_eight_processes_renew_one_account_with_one_request_twenty_times(
    account: PatreonAccount, patreon: Patreon, crew: Callable[..., Crew]
) -> None:
    """T16."""
    eight = crew(patreon.url, account, size=8)
    for _ in range(ROUNDS):
        eight.begin()
        found = eight.hear()
        assert len(set(found)) == 1
        assert works(found[0])
        assert token_requests(patreon) == 1
        account.refresh_from_db()
        assert account.access_token == found[0]
        assert account.state == "connected"
        patreon.control("requests", method="DELETE")
        expired(account)
        eight.look()
    assert works(tokens.refresh(account))  # and the refresh token is the live one


def test_threads_share_a_renewal_too(account: PatreonAccount, patreon: Patreon) -> None:
    """T16."""
    gate = threading.Barrier(8)

    def renew() -> str:
        mine = PatreonAccount.objects.get()
        gate.wait()
        with closing(connection):
            return tokens.access_token(mine)

    with ThreadPoolExecutor(8) as pool:
        found = {each.result() for each in [pool.submit(renew) for _ in range(8)]}
    assert len(found) == 1
    assert token_requests(patreon) == 1


@pytest.mark.parametrize("kind", ["http_500_html", "http_429"])
def test_a_failure_is_shared_as_well(account: PatreonAccount, patreon: Patreon, kind: str) -> None:
    """T19: eight waiters do not become eight more requests."""
    patreon.control("faults", kind=kind, path="/api/oauth2/token", times=8)
    gate = threading.Barrier(4)

    def renew() -> str:
        mine = PatreonAccount.objects.get()
        gate.wait()
        with closing(connection):
            try:
                return tokens.refresh(mine)
            except (Unavailable, RateLimited):
                return "failed"

    with ThreadPoolExecutor(4) as pool:
        found = {each.result() for each in [pool.submit(renew) for _ in range(4)]}
    assert found == {"failed"}
    assert token_requests(patreon) <= 4
    assert PatreonAccount.objects.get().state == "connected"


def test_a_pair_is_written_down_also_when_the_database_fails_at_first(
    account: PatreonAccount, patreon: Patreon
) -> None:
    """Until then it exists nowhere else, and the one before it is spent."""
    failures = []

    def fail_once(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "access_token" in sql and not failures:
            failures.append(sql)
            raise OperationalError("the database has gone away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail_once):
        token = tokens.refresh(account)
    assert failures
    assert token_requests(patreon) == 1
    assert PatreonAccount.objects.get().access_token == token
    assert works(token)
    assert works(token)


def test_a_worker_killed_before_the_request_costs_only_its_lease(
    account: PatreonAccount, patreon: Patreon, crew: Callable[..., Crew]
) -> None:
    with socket.socket() as silent:  # connects, and never reads
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        worker = crew(f"http://127.0.0.1:{silent.getsockname()[1]}", account)
        worker.begin()
        wait_until(lambda: bool(PatreonAccount.objects.get().refresh_lease))
        worker.end()
    assert token_requests(patreon) == 0
    let_the_lease_end()
    assert works(tokens.access_token(PatreonAccount.objects.get()))


def test_a_worker_killed_between_answer_and_commit_leaves_a_person_who_must_reconnect(
    account: PatreonAccount, patreon: Patreon, crew: Callable[..., Crew]
) -> None:
    worker = crew(patreon.url, account)
    patreon.control("faults", kind="slow", path="/api/oauth2/token", seconds=1)
    worker.begin()
    wait_until(lambda: token_requests(patreon) == 1)
    worker.stop()
    time.sleep(1.2)  # the answer arrives, and nobody reads it
    worker.end()
    let_the_lease_end()
    with pytest.raises(ReconnectRequired):
        tokens.access_token(PatreonAccount.objects.get())
    assert PatreonAccount.objects.get().state == "reconnect"
    before = token_requests(patreon)
    with pytest.raises(ReconnectRequired):
        tokens.access_token(PatreonAccount.objects.get())
    assert token_requests(patreon) == before  # no further attempts


def test_a_worker_killed_after_the_commit_costs_nothing(
    account: PatreonAccount, patreon: Patreon, crew: Callable[..., Crew]
) -> None:
    worker = crew(patreon.url, account)
    worker.begin()
    (found,) = worker.hear()
    worker.end()
    assert tokens.access_token(PatreonAccount.objects.get()) == found
    assert works(found)
    assert token_requests(patreon) == 1


def let_the_lease_end() -> None:
    PatreonAccount.objects.update(refresh_lease_until=timezone.now() - timedelta(seconds=1))


def test_a_pair_that_comes_after_its_lease_has_ended_is_kept(
    account: PatreonAccount, patreon: Patreon
) -> None:
    """It is the living one, whoever has the lease by then: that one holds what is spent."""
    slow = PatreonAccount.objects.get()
    assert lease.take(account, using="default")
    let_the_lease_end()
    other = lease.take(account, using="default")
    assert other
    assert lease.replace_pair(slow, using="default", access_token="late")
    assert not lease.give_back(account, other, using="default", state="reconnect")
    now = PatreonAccount.objects.get()
    assert (now.access_token, now.state) == ("late", "connected")


def test_a_lease_goes_by_the_clock_of_the_database(
    account: PatreonAccount, time_machine_at: Callable[..., None]
) -> None:
    """Two machines whose clocks disagree must not both spend a token."""
    assert lease.take(account, using="default")
    time_machine_at(hours=1)
    assert lease.take(account, using="default") is None


def test_a_waiter_takes_over_when_a_lease_ends(account: PatreonAccount, patreon: Patreon) -> None:
    assert lease.take(account, using="default")
    PatreonAccount.objects.update(refresh_lease_until=timezone.now() + timedelta(seconds=0.6))
    assert works(tokens.access_token(PatreonAccount.objects.get()))


def test_a_pair_survives_the_rollback_of_the_caller(
    account: PatreonAccount, patreon: Patreon
) -> None:
    """T16: a view that renews and then fails, under ATOMIC_REQUESTS."""
    found: list[Secret] = []

    def view() -> None:
        with transaction.atomic():
            found.append(tokens.access_token(PatreonAccount.objects.get()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        view()

    assert works(found[0])
    assert PatreonAccount.objects.get().access_token == found[0]
    assert token_requests(patreon) == 1


@pytest.mark.parametrize(
    "write",
    [
        lambda account: account.save(),
        lambda account: PatreonAccount.objects.select_for_update().get(pk=account.pk).save(),
    ],
    ids=["has written the account", "has locked the account"],
)
def test_a_transaction_that_is_in_the_way_is_refused_before_anything_is_spent(
    account: PatreonAccount, patreon: Patreon, write: Callable[[PatreonAccount], Any]
) -> None:
    def view() -> None:
        with transaction.atomic():
            write(account)
            tokens.access_token(account)

    with pytest.raises(UnsafeToRefresh, match="non_atomic_requests"):
        view()
    assert token_requests(patreon) == 0
    assert works(tokens.access_token(PatreonAccount.objects.get()))


def test_an_account_that_is_not_committed_yet_is_not_renewed(patreon: Patreon) -> None:
    def view() -> None:
        with transaction.atomic():
            user = get_user_model().objects.create_user("new")
            fresh = PatreonAccount.objects.create(
                user=user, patreon_id="1", access_token="a", refresh_token="b"
            )
            tokens.refresh(fresh)

    with pytest.raises(UnsafeToRefresh, match=r"begun before it was stored|has locked"):
        view()
    assert token_requests(patreon) == 0


def test_an_account_that_leaves_while_it_is_renewed_takes_its_new_pair_along(
    account: PatreonAccount, patreon: Patreon
) -> None:
    patreon.control("faults", kind="slow", path="/api/oauth2/token", seconds=1)

    def leave() -> None:
        wait_until(lambda: token_requests(patreon) == 1)
        with closing(connection):
            PatreonAccount.objects.get().delete()

    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(leave)
        with pytest.raises(ReconnectRequired, match="disconnected"):
            tokens.refresh(account)
        left.result()
    revoked = [each for each in patreon.api_requests if "revoke" in each]
    assert len(revoked) == 2  # the one it had, and the one nobody has seen


def test_a_sign_in_during_a_renewal_wins(
    account: PatreonAccount, patreon: Patreon, visitor: Browser
) -> None:
    name = lease.take(account, using="default")
    assert name
    visitor.sign_in("gold")
    signed_in = PatreonAccount.objects.get().access_token
    assert not lease.give_back(account, name, using="default", access_token="late")
    assert not lease.replace_pair(account, using="default", access_token="late")
    assert PatreonAccount.objects.get().access_token == signed_in
    assert works(signed_in.open())


def test_who_holds_an_older_pair_gets_the_newer_without_a_request(
    account: PatreonAccount, patreon: Patreon
) -> None:
    stale = PatreonAccount.objects.get()
    newer = tokens.refresh(account)
    assert tokens.refresh(stale) == newer
    assert token_requests(patreon) == 1


def test_a_live_token_costs_no_query_no_request_and_one_decryption(
    account: PatreonAccount,
    patreon: Patreon,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: Any,
) -> None:
    tokens.refresh(account)
    decrypt, decrypted = MultiFernet.decrypt, []
    monkeypatch.setattr(
        MultiFernet, "decrypt", lambda *args: decrypted.append(args) or decrypt(*args)
    )
    with django_assert_num_queries(1):
        mine = PatreonAccount.objects.get()
        assert tokens.access_token(mine) == tokens.access_token(mine)
        assert not mine.needs_reconnect
    assert len(decrypted) == 1
    assert token_requests(patreon) == 1


def test_a_refusal_is_final_and_says_why(account: PatreonAccount, patreon: Patreon) -> None:
    """T17."""
    patreon.control("tokens/kill")
    before = account.access_token
    with pytest.raises(ReconnectRequired, match="sign in with Patreon again"):
        tokens.access_token(account)
    account.refresh_from_db()
    assert account.state == "reconnect"
    assert "invalid_grant" in account.last_refresh_message
    assert account.last_refresh_attempt_at
    assert account.last_refresh_failure_at
    assert account.access_token == before  # nothing is thrown away
    with pytest.raises(ReconnectRequired):
        tokens.refresh(account)


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ({"kind": "http_500_html"}, Unavailable),
        ({"kind": "http_429", "retry_after": 3}, RateLimited),
        ({"kind": "oauth_error", "error": "invalid_client"}, Exception),
        ({"kind": "http_403_html"}, Exception),
        ({"kind": "custom", "body": "null"}, Exception),
        ({"kind": "custom", "body": '{"access_token": "x"}'}, Exception),
        ({"kind": "custom", "body": '{"access_token": "", "refresh_token": "y"}'}, Exception),
        ({"kind": "custom", "body": '{"access_token": "x", "refresh_token": null}'}, Exception),
    ],
)
def test_nonsense_and_bad_days_change_nothing(
    account: PatreonAccount, patreon: Patreon, order: dict[str, Any], error: type[Exception]
) -> None:
    """T17: an error answer is never stored as a token."""
    before = account.refresh_token
    patreon.control("faults", path="/api/oauth2/token", **order)
    with pytest.raises(error) as caught:
        tokens.refresh(account)
    assert not isinstance(caught.value, ReconnectRequired)
    assert PatreonAccount.objects.get().refresh_token == before
    assert PatreonAccount.objects.get().state == "connected"
    assert works(tokens.refresh(account))  # and it works tomorrow


def test_a_token_that_still_lives_is_used_when_renewing_fails(
    account: PatreonAccount, patreon: Patreon
) -> None:
    account.token_expires_at = timezone.now() + timedelta(hours=1)
    account.save()
    patreon.control("faults", kind="http_500_html", path="/api/oauth2/token")
    assert works(tokens.access_token(account))
    assert account.token_expires_at < timezone.now() + timedelta(hours=2)


def test_waiting_for_a_killed_worker_has_an_end(account: PatreonAccount, patreon: Patreon) -> None:
    """After it a token that still lives is used; see the test before."""
    assert lease.take(account, using="default")
    with pytest.raises(Unavailable, match="too long"):
        tokens.refresh(account, wait=0.3)
    assert token_requests(patreon) == 0


def test_tokens_that_live_an_hour_are_not_renewed_at_every_use(
    account: PatreonAccount, patreon: Patreon
) -> None:
    body = '{"access_token": "short", "refresh_token": "lived", "expires_in": 3600}'
    patreon.control("faults", kind="custom", path="/api/oauth2/token", body=body)
    assert tokens.access_token(account) == "short"
    assert tokens.access_token(PatreonAccount.objects.get()) == "short"
    assert token_requests(patreon) == 1
    # A quarter of an hour before the end it is.
    account.token_expires_at = timezone.now() + timedelta(minutes=14)
    account.save()
    with pytest.raises(ReconnectRequired):  # the sandbox has never heard of that pair
        tokens.refresh(account)


def test_a_long_lived_token_is_renewed_two_days_before_its_end(
    account: PatreonAccount, patreon: Patreon
) -> None:
    for days, requests in ((3, 0), (1, 1)):
        account.token_expires_at = timezone.now() + timedelta(days=days)
        account.save()
        assert works(tokens.access_token(account))
        assert token_requests(patreon) == requests


def test_a_pair_survives_a_rollback_where_autocommit_is_off(
    account: PatreonAccount, patreon: Patreon
) -> None:
    transaction.set_autocommit(False)
    try:
        token = tokens.access_token(account)
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert PatreonAccount.objects.get().access_token == token
    assert works(token)


def test_saving_an_older_instance_does_not_bring_the_older_pair_back(
    account: PatreonAccount, patreon: Patreon
) -> None:
    sleepy = PatreonAccount.objects.get()
    newer = tokens.refresh(account)
    sleepy.full_name = "Alma R."
    sleepy.save()
    now = PatreonAccount.objects.get()
    assert now.full_name == "Alma R."
    assert now.access_token == newer
    assert works(tokens.refresh(now))  # its refresh token, too


def test_saving_an_instance_does_not_end_a_lease(account: PatreonAccount) -> None:
    """Else two workers would spend one refresh token."""
    sleepy = PatreonAccount.objects.get()
    assert lease.take(account, using="default")
    sleepy.save()
    assert lease.take(account, using="default") is None


def test_a_living_token_is_not_tried_to_be_renewed_at_every_view_of_a_bad_day(
    account: PatreonAccount, patreon: Patreon
) -> None:
    """T19."""
    account.token_expires_at = timezone.now() + timedelta(hours=1)
    account.save()
    patreon.control(
        "faults", kind="oauth_error", error="invalid_client", path="/api/oauth2/token", times=9
    )
    for _ in range(5):
        assert works(tokens.access_token(PatreonAccount.objects.get()))
    assert token_requests(patreon) == 1


def test_a_token_whose_end_nobody_has_named_is_renewed_in_time(
    account: PatreonAccount, patreon: Patreon
) -> None:
    body = '{"access_token": "endless", "refresh_token": "unknown"}'
    patreon.control("faults", kind="custom", path="/api/oauth2/token", body=body)
    tokens.refresh(account)
    assert account.token_lifetime == timedelta(days=7)


def test_a_client_renews_after_a_401_once(account: PatreonAccount, patreon: Patreon) -> None:
    """T18: dead before its date."""
    tokens.refresh(account)
    client = tokens.client_for(account)
    assert client.identity().user.full_name == "Alma Reyes"
    patreon.control("tokens/expire")
    patreon.control("requests", method="DELETE")
    assert client.identity().user.full_name == "Alma Reyes"
    assert patreon.api_requests == [
        "GET /api/oauth2/v2/identity 401",
        "POST /api/oauth2/token 200",
        "GET /api/oauth2/v2/identity 200",
    ]


def test_a_client_that_lives_long_renews_whenever_its_token_dies(
    account: PatreonAccount, patreon: Patreon
) -> None:
    client = tokens.client_for(account)
    for _ in range(3):
        patreon.control("tokens/expire")
        assert client.identity().user.full_name == "Alma Reyes"


def test_a_401_that_stays_is_reported_and_not_tried_for_ever(
    account: PatreonAccount, patreon: Patreon
) -> None:
    """T18, T19: it may be a missing scope, whose text is the same."""
    tokens.refresh(account)
    patreon.control("faults", kind="http_401", path="/api/oauth2/v2", times=9)
    patreon.control("requests", method="DELETE")
    client = tokens.client_for(account)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            client.identity()
    assert token_requests(patreon) == 1


def test_a_creators_rights_are_not_lost_by_a_smaller_sign_in(
    visitor: Browser, patreon: Patreon
) -> None:
    """T18."""
    visitor.sign_in("creator")
    account = PatreonAccount.objects.get()
    before = account.access_token
    smaller = api.TokenGrant(
        access_token=Secret("a"), refresh_token=Secret("b"), expires_in=60, scopes=("identity",)
    )
    tokens.store(account, smaller)
    account = PatreonAccount.objects.get()
    assert account.access_token == before
    assert "campaigns.members" in account.scopes
    account.state = "reconnect"
    tokens.store(account, smaller)
    assert PatreonAccount.objects.get().access_token == "a"

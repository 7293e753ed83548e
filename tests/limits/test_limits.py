"""Patreon's rate limits are kept before they are hit, by all processes together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from django_patreon import api
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import PatreonAPIError, RateLimited, Refused
from django_patreon.limits import current_gate, forget_idle, two_requests, waiting_up_to
from django_patreon.limits.database import DatabaseStore, Now
from django_patreon.limits.gate import SharedGate, _gate_for
from django_patreon.limits.process import ProcessStore
from django_patreon.limits.rates import (
    ADDRESS,
    CLIENT,
    CODES,
    NO_ADDRESS,
    REFUSALS,
    RENEWALS,
    TOKEN,
    TWO_OF_CLIENT,
    Rate,
    taken,
)
from django_patreon.models import RateBucket
from django_patreon.sandbox import Fault, Sandbox
from django_patreon.secret import Secret

REDIS = os.environ.get("TEST_REDIS", "redis://127.0.0.1:6379/15")


# -- the arithmetic


@pytest.mark.parametrize(
    ("rate", "window", "limit"), [(CLIENT, 2, 100), (TOKEN, 60, 100), (REFUSALS, 600, 2000)]
)
def test_the_rates_stay_within_what_patreon_allows(rate: Rate, window: int, limit: int) -> None:
    assert rate.burst + rate.per_second * window <= limit


def test_two_requests_at_once_take_the_room_of_two() -> None:
    arrival = together = 0
    for _ in range(5):
        arrival, _wait = taken(taken(arrival, CLIENT, 0)[0], CLIENT, 0)
        together, _wait = taken(together, TWO_OF_CLIENT, 0)
    assert together == pytest.approx(arrival, abs=10)
    assert TWO_OF_CLIENT.slack + TWO_OF_CLIENT.step <= CLIENT.slack + CLIENT.step


class Asked:
    """A store that notes what it is asked for, and has room."""

    def __init__(self) -> None:
        self.rates: list[Rate] = []

    def take(self, key: str, rate: Rate) -> float:
        self.rates.append(rate)
        return 0.0


def test_a_sign_in_asks_for_the_room_of_its_two_requests_once() -> None:
    store: Any = Asked()
    gate = SharedGate(store)
    for _ in range(2):
        with two_requests():
            for _ in range(3):
                gate.enter("")
        gate.enter("")
    assert store.rates == [TWO_OF_CLIENT, CLIENT, CLIENT] * 2


def test_all_refusals_together_stay_within_what_patreon_forgives() -> None:
    """More than 2000 in ten minutes shut the site out for half an hour (observed)."""
    most = [rate.burst + rate.per_second * 600 for rate in (REFUSALS, RENEWALS, CODES)]
    assert sum(most) <= 2000
    for part in (ADDRESS, NO_ADDRESS):  # neither uses up what all visitors have
        assert part.burst <= CODES.burst / 2
        assert part.per_second <= CODES.per_second / 2


pauses = st.lists(st.integers(0, 3_000_000), min_size=1, max_size=300)


@given(pauses, st.integers(1, 30), st.integers(1, 50))
def test_in_no_window_go_more_than_burst_and_rate_allow(
    pauses: list[int], burst: int, per_second: int
) -> None:
    rate, now, arrival, went = Rate(burst=burst, per_second=per_second), 10**15, 0, []
    for pause in pauses:
        now += pause
        arrival, wait = taken(arrival, rate, now)
        if not wait:
            went.append(now)
        else:
            assert taken(arrival, rate, now + wait)[1] == 0  # what is promised is kept
            assert taken(arrival, rate, now + wait - 1)[1] > 0
    for at, first in enumerate(went):
        inside = [each for each in went[at:] if each < first + 2_000_000]
        assert len(inside) <= burst + 2_000_000 // rate.step + 1


# -- the stores


def redis_store() -> Any:
    store_module = pytest.importorskip("django_patreon.limits.redis_store")
    store = store_module.RedisStore(REDIS)
    try:
        store.take("is-it-there", CLIENT)
    except Exception as error:
        if os.environ.get("CI"):
            pytest.fail(f"Redis is missing: {error}")
        pytest.skip("no Redis here")
    return store


@pytest.fixture(params=["process", "database", "redis"])
def store(request: pytest.FixtureRequest) -> Any:
    if request.param == "process":
        return ProcessStore()
    if request.param == "database":
        request.getfixturevalue("db")
        return DatabaseStore()
    return redis_store()


@pytest.fixture
def key() -> str:
    return f"test:{time.time_ns()}"


def test_a_burst_goes_and_then_one_at_a_time(store: Any, key: str) -> None:
    rate = Rate(burst=5, per_second=2)
    assert [store.take(key, rate) for _ in range(5)] == [0.0] * 5
    wait = store.take(key, rate)
    assert 0.2 < wait <= 0.5
    time.sleep(wait + 0.01)
    assert store.take(key, rate) == 0
    assert store.take(key, rate) > 0
    assert store.take(f"{key}-other", rate) == 0


def test_looking_takes_no_room(store: Any, key: str) -> None:
    rate = Rate(burst=2, per_second=0.1)
    assert store.wait(key, rate) == 0
    assert [store.take(key, rate) for _ in range(2)] == [0.0] * 2
    for _ in range(3):
        assert 9 < store.wait(key, rate) <= 10
    assert store.wait(f"{key}-other", rate) == 0


def test_looking_makes_nothing_of_a_clock_that_was_wrong(store: Any, key: str) -> None:
    rate = Rate(burst=5, per_second=1)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3650)):
        store.take(key, rate)
    assert store.wait(key, rate) == 0


def test_a_push_keeps_everybody_out_and_never_lets_in_earlier(store: Any, key: str) -> None:
    rate = Rate(burst=5, per_second=2)
    store.push(key, rate, 30)
    store.push(key, rate, 1)
    assert 29 < store.take(key, rate) <= 30.5


@pytest.mark.parametrize("ahead", [timedelta(seconds=3), timedelta(days=3650)])
def test_one_machine_with_a_wrong_clock_shuts_nobody_out(
    store: Any, key: str, ahead: timedelta
) -> None:
    """Machines go by the clock of what they share; an arrival that nobody can have made is none."""
    if isinstance(store, DatabaseStore) and connection.vendor == "sqlite" and ahead.days == 0:
        pytest.skip("who shares an SQLite file shares a machine, and its clock")
    rate = Rate(burst=5, per_second=1)
    with time_machine.travel(datetime.now(UTC) + ahead):
        store.take(key, rate)
    assert [store.take(key, rate) for _ in range(3)] == [0.0] * 3


@pytest.mark.django_db
def test_in_the_hour_that_comes_twice_a_server_in_local_time_still_knows_the_moment() -> None:
    """MariaDB: `NOW()` is half past two at two moments, an hour apart."""
    if connection.vendor != "mysql":
        pytest.skip("the other databases keep moments, not local times")
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())
    RateBucket.objects.create(key="clock")
    seen = []
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = %s", [local_zone(cursor)])
        for moment in (first, first + 3600):
            cursor.execute("SET timestamp = %s", [moment])
            seen.append(RateBucket.objects.values_list(Now(), flat=True).get())
        cursor.execute("SET timestamp = DEFAULT, time_zone = DEFAULT")
    assert seen == [first * 1_000_000, (first + 3600) * 1_000_000]


def local_zone(cursor: Any) -> str:
    cursor.execute("SELECT CONVERT_TZ('2026-01-01', 'UTC', 'Europe/Berlin')")
    if cursor.fetchone()[0] is None:
        pytest.skip("this server has no table of time zones")
    return "Europe/Berlin"


def test_a_process_that_was_forked_while_the_store_was_locked_goes_on(key: str) -> None:
    store = ProcessStore()
    with store._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # rather than wait for ever
            store.take(key, CLIENT)
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.django_db
def test_one_statement_is_all_it_takes(django_assert_num_queries: Any, key: str) -> None:
    store = DatabaseStore()
    store.take(key, CLIENT)
    with django_assert_num_queries(1):
        store.take(key, CLIENT)


@pytest.mark.django_db(transaction=True)
def test_a_rollback_of_the_caller_gives_nothing_back_and_holds_nobody_up(key: str) -> None:
    store, rate = DatabaseStore(), Rate(burst=1, per_second=0.01)
    store.take(f"{key}-warm", rate)
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: there this process keeps the limits by itself")

    class Undone(Exception):
        pass

    def caller() -> None:
        with transaction.atomic():
            assert store.take(key, rate) == 0
            assert subprocess_takes(key) == "later"  # at once: no lock is held
            raise Undone

    with pytest.raises(Undone):
        caller()
    assert store.take(key, rate) > 0


def subprocess_takes(key: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.taker", key, "1"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return "went" if int(done.stdout) else "later"


def environment(**more: str) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.flows.worker_settings",
        "WORKER_DATABASE": str(connection.settings_dict["NAME"]),
        "WORKER_PATREON": "http://127.0.0.1:9",
        **more,
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["database", "redis"])
def test_eight_processes_share_one_bucket(where: str, key: str) -> None:
    if where == "redis":
        redis_store()
    if connection.vendor == "sqlite" and "memory" in str(connection.settings_dict["NAME"]):
        pytest.skip("this test database is in memory: `make databases` has others")
    started = time.monotonic()
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.flows.taker", key, "60"],
            env=environment(TAKER_STORE=REDIS if where == "redis" else ""),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    went = sum(int(each.communicate(timeout=60)[0]) for each in workers)
    seconds = time.monotonic() - started
    assert 20 <= went <= 20 + 5 * seconds  # burst 20, 5 a second


# -- the gate


@pytest.fixture
def limited(settings: Any, db: None) -> SharedGate:
    settings.PATREON = {"RATE_LIMIT": "database"}
    gate = current_gate()
    assert isinstance(gate, SharedGate)
    return gate


@pytest.fixture
def client(limited: SharedGate, patreon: responses.RequestsMock, sandbox: Sandbox) -> Any:
    person = sandbox.world.person_called("gold")
    assert person is not None
    pair = sandbox.tokens.issue_pair(person.id, frozenset({"identity"}))
    return api.PatreonClient(Secret(pair.access_token), bucket="7")


def test_a_view_is_not_kept_waiting_and_is_told_when_to_come_back(
    client: api.PatreonClient, patreon: responses.RequestsMock
) -> None:
    DatabaseStore().push("token:7", TOKEN, 30)
    with pytest.raises(RateLimited) as caught:
        client.identity()
    assert caught.value.code == "own_limit"
    assert 29 < (caught.value.retry_after or 0) <= 31
    assert len(patreon.calls) == 0


def test_a_job_waits_for_room(client: api.PatreonClient, sandbox: Sandbox) -> None:
    DatabaseStore().push("client", CLIENT, 2.2)
    with waiting_up_to(10):
        started = time.monotonic()
        client.identity()
    assert time.monotonic() - started > 2


def test_a_429_pushes_the_limit_back_for_everybody(
    client: api.PatreonClient, sandbox: Sandbox, patreon: responses.RequestsMock
) -> None:
    sandbox.faults.arm(Fault.read({"kind": "http_429", "retry_after": 40}))
    with pytest.raises(RateLimited):
        client.identity()
    with pytest.raises(RateLimited) as caught:
        api.PatreonClient(Secret("another")).identity()
    assert 35 < (caught.value.retry_after or 0) <= 41
    assert len(patreon.calls) == 1


def test_a_storm_of_refusals_shuts_the_gate_before_patreon_does(
    limited: SharedGate, patreon: responses.RequestsMock, sandbox: Sandbox
) -> None:
    dead = api.PatreonClient(Secret("dead"))
    DatabaseStore().push("refusals", REFUSALS, 5)  # as after two hundred of them
    with pytest.raises(Refused):
        dead.identity()
    with pytest.raises(RateLimited) as caught:
        dead.identity()
    assert 50 < (caught.value.retry_after or 0) <= 60
    assert len(patreon.calls) == 1


def test_deleting_many_users_does_not_shut_the_gate(
    limited: SharedGate, patreon: responses.RequestsMock, sandbox: Sandbox
) -> None:
    """Patreon documents no address to revoke a token at, and may answer 404 to each."""
    site = api.OAuthClient(id="sandbox-client", secret=Secret("sandbox-secret"))
    sandbox.faults.arm(Fault.read({"kind": "http_404", "times": 3}))
    DatabaseStore().push("refusals", REFUSALS, 5)  # as after two hundred refusals
    for _ in range(3):
        with pytest.raises(PatreonAPIError):
            api.revoke_token(Secret("token"), client=site)
    assert DatabaseStore().take("client", CLIENT) <= 0


def test_a_store_out_of_reach_breaks_nothing(
    settings: Any, patreon: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("redis")
    settings.PATREON = {"RATE_LIMIT": "redis://127.0.0.1:1/0"}
    with pytest.raises(Refused):
        api.PatreonClient(Secret("dead")).identity()
    assert "out of reach" in caplog.text
    assert "127.0.0.1" not in caplog.text


class _Away:
    """A store that nobody reaches."""

    def __init__(self) -> None:
        self.asked = 0

    def take(self, key: str, rate: Rate) -> float:
        self.asked += 1
        raise TimeoutError

    wait = take

    def push(self, key: str, rate: Rate, seconds: float) -> None:
        raise TimeoutError


def test_a_store_that_does_not_answer_is_not_asked_for_every_request() -> None:
    """Each would wait for the time-out."""
    store = _Away()
    gate = SharedGate(store)
    for _ in range(5):
        gate.enter("7")
    assert store.asked == 1


def test_no_bucket_is_named_after_a_token(client: api.PatreonClient) -> None:
    client.identity()
    keys = set(RateBucket.objects.values_list("key", flat=True))
    assert keys == {"client", "token:7"}


def test_a_client_that_names_no_bucket_keeps_the_limit_of_its_token(
    limited: SharedGate, patreon: responses.RequestsMock
) -> None:
    for token in ("one", "one", "two"):
        with pytest.raises(Refused):
            api.PatreonClient(Secret(token)).identity()
    keys = {each for each in RateBucket.objects.values_list("key", flat=True) if "token:" in each}
    assert len(keys) == 2
    assert not [each for each in keys if "one" in each or "two" in each]


@pytest.mark.django_db
def test_what_has_been_idle_for_a_day_is_forgotten() -> None:
    RateBucket.objects.create(key="old", arrival=int((time.time() - 90_000) * 1e6))
    RateBucket.objects.create(key="new", arrival=int(time.time() * 1e6))
    forget_idle()
    assert [each.key for each in RateBucket.objects.all()] == ["new"]


@pytest.mark.parametrize("value", [7, "", "memcached", False, "http://x"])
def test_a_senseless_setting_is_refused(settings: Any, value: Any) -> None:
    settings.PATREON = {"RATE_LIMIT": value}
    with pytest.raises(Exception, match="RATE_LIMIT"):
        patreon_settings()


def test_no_limit_is_no_gate(settings: Any) -> None:
    settings.PATREON = {"RATE_LIMIT": None}
    assert current_gate() is None
    assert _gate_for("process") is _gate_for("process")

"""Inside a transaction a pair is renewed in a second session, which must be like the caller's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from django_patreon import tokens
from django_patreon.durable import run_durably, short_locks
from django_patreon.exceptions import UnsafeToRefresh
from django_patreon.models import PatreonAccount
from tests.dance import TOKEN, Dance

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = PatreonAccount._meta.db_table


@pytest.fixture
def sql() -> Iterator[Any]:
    """Run statements on PostgreSQL, in the session of the test."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has search paths, roles and policies")
    yield execute
    connection.close()  # and with it what was set


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for each in statements:
            cursor.execute(each)


@pytest.fixture
def account(dance: Dance) -> PatreonAccount:
    dance.sign_in("gold")
    return PatreonAccount.objects.get()


@pytest.fixture
def tenant(sql: Any, account: PatreonAccount) -> Iterator[PatreonAccount]:
    """The account, whose row is in a schema of a tenant's own and nowhere else."""
    execute(
        "CREATE SCHEMA tenant_one",
        f"CREATE TABLE tenant_one.{TABLE} (LIKE public.{TABLE} INCLUDING ALL)",
        f"INSERT INTO tenant_one.{TABLE} SELECT * FROM public.{TABLE}",
        f"TRUNCATE public.{TABLE} CASCADE",
    )
    yield account
    connection.close()
    execute("DROP SCHEMA tenant_one CASCADE")


@pytest.fixture
def role(sql: Any) -> Iterator[str]:
    execute(
        "CREATE ROLE patreon_reader",
        "GRANT USAGE ON SCHEMA public TO patreon_reader",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO patreon_reader",
    )
    yield "patreon_reader"
    connection.close()
    execute("DROP OWNED BY patreon_reader", "DROP ROLE patreon_reader")


def asked(patreon: Any) -> int:
    return sum(call.request.url == TOKEN for call in patreon.calls)


def renew_and_roll_back(account: PatreonAccount, *statements: str) -> str:
    """Renew inside a transaction that is rolled back; return the new token."""
    with transaction.atomic():
        execute(*statements)
        token = tokens.refresh(account)
        transaction.set_rollback(True)
    return str(token)


@pytest.mark.parametrize("scope", ["SET", "SET LOCAL"])
def test_a_pair_is_renewed_in_the_schema_of_the_tenant(
    tenant: PatreonAccount, scope: str, patreon: Any
) -> None:
    before = asked(patreon)
    token = renew_and_roll_back(tenant, f'{scope} search_path = "tenant_one", public')
    assert asked(patreon) == before + 1
    execute("SET search_path = tenant_one, public")
    assert PatreonAccount.objects.get().access_token.open() == token


def test_a_pair_is_renewed_under_the_policies_of_the_callers_role(
    account: PatreonAccount, role: str, patreon: Any
) -> None:
    execute(
        f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY own ON {TABLE} TO {role}"
        " USING (patreon_id = current_setting('app.patron', true)"
        "   AND current_setting('app.note') = E'a b\\\\c')",
    )
    try:
        token = renew_and_roll_back(
            account,
            f"SET LOCAL ROLE {role}",
            f"SELECT set_config('app.patron', '{account.patreon_id}', true)",
            "SELECT set_config('app.note', E'a b\\\\c', true)",
        )
        before = asked(patreon)
        with pytest.raises(UnsafeToRefresh, match="non_atomic_requests"):
            renew_and_roll_back(
                PatreonAccount.objects.get(),
                f"SET LOCAL ROLE {role}",
                "SELECT set_config('app.patron', 'somebody else', true)",
                "SELECT set_config('app.note', E'a b\\\\c', true)",
            )
        assert asked(patreon) == before
    finally:
        execute(f"DROP POLICY own ON {TABLE}", f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY")
    assert PatreonAccount.objects.get().access_token.open() == token


def second_session() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('search_path'), pg_backend_pid()")
        return tuple(cursor.fetchone())


def test_a_second_session_is_like_the_first(role: str) -> None:
    with transaction.atomic():
        plain, usual = second_session(), run_durably(second_session, using="default")
        execute(f"SET LOCAL ROLE {role}", "SET LOCAL search_path = public, pg_catalog")
        changed = run_durably(second_session, using="default")
    assert plain[:2] == usual[:2]
    assert changed[:2] == (role, "public, pg_catalog")
    assert len({plain[2], usual[2], changed[2]}) == 3


def test_a_role_of_the_sites_settings_is_kept_or_given_up_as_the_caller_did(role: str) -> None:
    options = connection.settings_dict["OPTIONS"]
    connection.settings_dict["OPTIONS"] = {**options, "assume_role": role, "options": "-c jit=off"}
    connection.close()
    try:
        with transaction.atomic():
            assert run_durably(second_session, using="default")[0] == role
            execute("RESET ROLE")
            assert run_durably(second_session, using="default")[0] == second_session()[0] != role
    finally:
        connection.settings_dict["OPTIONS"] = options
        connection.close()


def test_a_table_that_only_the_caller_sees_is_refused_before_anything_is_spent(
    account: PatreonAccount, sql: Any, patreon: Any
) -> None:
    before = asked(patreon)
    with transaction.atomic():
        execute(
            f"CREATE TEMPORARY TABLE {TABLE} (LIKE public.{TABLE} INCLUDING ALL)",
            f"INSERT INTO pg_temp.{TABLE} SELECT * FROM public.{TABLE}",
            f"UPDATE pg_temp.{TABLE} SET token_generation = 77",
        )
        mine = PatreonAccount.objects.get()
        assert mine.token_generation == 77
        execute("SET LOCAL search_path = pg_temp")
        with pytest.raises(UnsafeToRefresh, match="does not reach"):
            tokens.refresh(mine)
        transaction.set_rollback(True)
    assert asked(patreon) == before


def test_a_transaction_that_an_error_has_ended_is_refused_before_anything_is_spent(
    account: PatreonAccount, sql: Any, patreon: Any
) -> None:
    before = asked(patreon)
    with transaction.atomic():
        with pytest.raises(DatabaseError):
            execute("SELECT 1 / 0")
        with pytest.raises(UnsafeToRefresh, match="error has ended"):
            tokens.refresh(account)
        transaction.set_rollback(True)
    assert asked(patreon) == before


ASK = {
    "sqlite": "PRAGMA busy_timeout",
    "mysql": "SELECT @@SESSION.innodb_lock_wait_timeout",
    "postgresql": "SELECT current_setting('lock_timeout')",
}


def lock_timeout() -> Any:
    with connection.cursor() as cursor:
        cursor.execute(ASK[connection.vendor])
        return cursor.fetchone()[0]


@pytest.mark.parametrize("fails", [False, True])
def test_the_limit_for_locks_is_put_back(fails: bool) -> None:
    before = lock_timeout()
    try:
        with short_locks("default"):
            assert lock_timeout() != before
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        assert fails
    assert lock_timeout() == before

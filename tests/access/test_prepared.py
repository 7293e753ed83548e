"""What a gate asks PostgreSQL is planned once for each connection that stays open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_patreon.access import Patron

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ.get("TEST_DB") != "postgres", reason="only PostgreSQL is asked like this"
    ),
]


@pytest.fixture
def user() -> Iterator[Any]:
    connection.close()  # so that each test begins with one that nothing was asked on
    yield User.objects.create_user("somebody")
    connection.close()


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return int(cursor.fetchone()[0])


def ask(user: Any) -> list[str]:
    """Ask as a new request would, and return what was sent."""
    with CaptureQueriesContext(connection) as sent:
        assert not Patron(user).known.is_linked
    return [each["sql"].split()[0] for each in sent.captured_queries]


def test_a_connection_that_stays_plans_once_and_each_gate_is_one_query(user: Any) -> None:
    assert ask(user) == ["SELECT"]
    assert prepared() == 0
    assert ask(user) == ["PREPARE"]
    assert ask(user) == ["EXECUTE"]
    assert prepared() == 1


def test_a_new_connection_begins_anew(user: Any) -> None:
    for _ in range(3):
        ask(user)
    connection.close()
    assert ask(user) == ["SELECT"]


def test_behind_a_pooler_that_changes_connections_the_answer_still_comes(user: Any) -> None:
    for _ in range(3):
        ask(user)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")  # what another connection looks like
    assert ask(user)[-1] == "SELECT"
    assert ask(user) == ["SELECT"]


def test_a_statement_that_another_client_of_the_pooler_has_left_is_no_harm(user: Any) -> None:
    for _ in range(2):
        ask(user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        name = cursor.fetchone()[0]
    connection.close()
    ask(user)
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE {name} AS SELECT 'not ours'")
    assert ask(user)[-1] == "SELECT"


def test_nothing_is_prepared_inside_a_transaction(user: Any) -> None:
    """Where a pooler's surprise would undo what the site has done."""
    ask(user)
    with transaction.atomic():
        assert [ask(user) for _ in range(3)] == [["SELECT"]] * 3
        assert prepared() == 0
    transaction.set_autocommit(False)  # the other way to have one
    try:
        assert [ask(user) for _ in range(3)] == [["SELECT"]] * 3
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@pytest.mark.parametrize(
    "chosen",
    [{"DISABLE_SERVER_SIDE_CURSORS": True}, {"OPTIONS": {"server_side_binding": True}}],
    ids=str,
)
def test_nothing_is_prepared_where_the_site_says_how_it_connects(
    user: Any, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, Any]
) -> None:
    for name, value in chosen.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    assert [ask(user) for _ in range(3)] == [["SELECT"]] * 3

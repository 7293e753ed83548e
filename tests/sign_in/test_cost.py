"""What a sign-in costs: every statement and every request, in their order."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.dance import Dance

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="statements are counted on one database"
)
SESSION = re.compile(r"django_session|last_login\" = '|SAVEPOINT")
"""Sessions and Django's `login`, which every sign-in has, and the marks of transactions."""


NEW = [
    "DELETE nonce",  # the state
    "UPDATE ratebucket",  # room for both requests
    "UPDATE patreonaccount",  # waits for other sign-ins of the person
    "SELECT usersocialauth",
    "SELECT usersocialauth",  # social-auth looks for one that an older version has made
    "SELECT user",  # is the name free?
    "INSERT user",
    "INSERT usersocialauth",
    "UPDATE user",  # social-auth sets the first and the last name
    "SELECT patreonaccount",
    "INSERT patreonaccount",
    "SELECT campaign",
    "SELECT tier",
    "SELECT membership",  # of the person, and those of the answer
    "INSERT membership",
    "SELECT membership",  # its key
    "INSERT membership_tiers",
    "INSERT membershipevent",
]
RETURNING = [
    "DELETE nonce",
    "UPDATE ratebucket",
    "UPDATE patreonaccount",
    "SELECT usersocialauth",
    "SELECT patreonaccount",
    "UPDATE patreonaccount",  # tokens and profile
    "SELECT campaign",
    "SELECT tier",
    "SELECT membership",
    "SELECT membership_tiers",
    "UPDATE membership",  # when it was read
]


def cost_of_signing_in(dance: Dance, slug: str, patreon: Any) -> tuple[list[str], list[str]]:
    """Return the statements of a callback, as "UPDATE table", and the requests to Patreon."""
    callback = dance.consent(dance.begin(), sandbox_user=slug)
    asked_before = len(patreon.calls)
    with CaptureQueriesContext(connection) as queries:
        assert dance.finish(callback).status_code == 302
    statements = [each["sql"] for each in queries if not SESSION.search(each["sql"])]
    requests = [each.request.url.partition("?")[0] for each in patreon.calls][asked_before:]
    return [_short(each) for each in statements], [each.rpartition("/")[2] for each in requests]


def _short(sql: str) -> str:
    sql = re.sub(r"^\d+ times: ", "", sql)  # one statement, and several rows
    found = re.search(r'(?:FROM|INTO|UPDATE) "(?:django_patreon_|social_auth_|auth_)?(\w+)"', sql)
    assert found is not None, sql
    return f"{sql.split()[0]} {found[1]}"


@pytest.fixture
def dance(dance: Dance, settings: Any) -> Dance:
    """A site as it is by default, on which somebody has signed in before."""
    settings.PATREON = {}
    Dance(dance.sandbox).sign_in("gold")
    return dance


def test_a_new_person(dance: Dance, patreon: Any) -> None:
    statements, requests = cost_of_signing_in(dance, "silver", patreon)
    assert statements == NEW
    assert requests == ["token", "identity"]


def test_somebody_who_returns(dance: Dance, patreon: Any) -> None:
    dance.sign_in("silver")
    dance.client.logout()
    statements, requests = cost_of_signing_in(dance, "silver", patreon)
    assert statements == RETURNING
    assert requests == ["token", "identity"]

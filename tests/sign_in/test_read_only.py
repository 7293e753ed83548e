"""A site whose database takes no writes for a while (maintenance, a failover) shows pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from tests.dance import Dance

pytestmark = pytest.mark.django_db(transaction=True)
SWITCH = {
    "sqlite": ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
    "postgresql": (
        "SET default_transaction_read_only = on",
        "SET default_transaction_read_only = off",
    ),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
}


class Switch:
    """Makes the test's connection refuse writes, or take them again."""

    def set(self, *, read_only: bool) -> None:
        with connection.cursor() as cursor:
            cursor.execute(SWITCH[connection.vendor][not read_only])


@pytest.fixture(params=["plain", "ATOMIC_REQUESTS"])
def database(request: pytest.FixtureRequest) -> Iterator[Switch]:
    switch = Switch()
    connection.settings_dict["ATOMIC_REQUESTS"] = request.param == "ATOMIC_REQUESTS"
    yield switch
    connection.settings_dict["ATOMIC_REQUESTS"] = False
    switch.set(read_only=False)


def test_beginning_is_a_page(dance: Dance, database: Switch, caplog) -> None:
    database.set(read_only=True)
    response = dance.client.post("/login/patreon/", {"next": "/inside/"})
    assert response.status_code == 503
    assert b"cannot save anything right now" in response.content
    said = [each.getMessage() for each in caplog.records if each.name == "django_patreon"]
    assert len(said) == 1
    assert "storage_unavailable (" in said[0]


def test_coming_back_is_a_page_and_spends_no_code(dance: Dance, patreon, database: Switch) -> None:
    callback = dance.consent(dance.begin(), sandbox_user="gold")
    database.set(read_only=True)
    response = dance.finish(callback)
    assert response.status_code == 503
    assert b"cannot save anything right now" in response.content
    assert len(patreon.calls) == 0


def test_checking_again_says_so(dance: Dance, database: Switch) -> None:
    dance.sign_in("gold")
    database.set(read_only=True)
    response = dance.client.post("/patreon/refresh/", follow=True)
    assert response.status_code == 200
    assert "cannot save anything right now" in str(next(iter(response.context["messages"])))

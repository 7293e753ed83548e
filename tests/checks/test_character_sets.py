"""A site on MySQL or MariaDB whose tables are in utf8mb3, which has no emoji."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.db import connection

from django_patreon import columns
from django_patreon.models import PatreonAccount, Tier
from django_patreon.sandbox.ids import GOLD
from tests.dance import Dance


def found() -> list[str]:
    messages = run_checks(databases=["default"])
    return [each.msg for each in messages if each.id == "django_patreon.W016"]


@pytest.mark.skipif(connection.vendor != "mysql", reason="only MySQL and MariaDB have utf8mb3")
class TestATableInUtf8mb3:
    @pytest.fixture(autouse=True)
    def tables(self) -> Iterator[None]:
        def convert(character_set: str) -> None:
            columns._three_byte.clear()  # as in a new process
            with connection.cursor() as cursor:
                for model, name in (
                    (Tier, "title"),
                    (PatreonAccount, "full_name"),
                    (User, "first_name"),
                ):
                    field = model._meta.get_field(name)
                    cursor.execute(
                        f"ALTER TABLE {model._meta.db_table} MODIFY {name}"
                        f" {field.db_type(connection)} CHARACTER SET {character_set} NOT NULL"
                    )

        convert("utf8mb3")
        yield
        convert("utf8mb4")  # the cure that the check names
        assert found() == []

    @pytest.mark.django_db(transaction=True)
    def test_is_named_and_takes_what_it_can(self, dance: Dance) -> None:
        said = found()
        assert [each.split()[1] for each in said] == [
            "django_patreon_patreonaccount",
            "django_patreon_tier",
            "auth_user",
        ]
        assert "in title: U+FFFD" in said[1]
        person = dance.sandbox.world.person_called("gold")
        assert person is not None
        person.first_name = person.full_name = "Fox 🦊"
        dance.sandbox.world.tiers[GOLD].title = "Gold 🥇"
        assert dance.sign_in("gold").status_code == 302
        assert dance.user.first_name == "Fox \ufffd"
        assert dance.user.patreon_account.full_name == "Fox \ufffd"
        assert Tier.objects.get(patreon_id=GOLD).title == "Gold \ufffd"

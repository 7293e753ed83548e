"""What a login app that was used before says about one person, and what such an app must offer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connections

from django_patreon.api import TokenGrant
from django_patreon.models import PatreonAccount

__all__ = ["CannotAdopt", "Claim", "Row", "Source", "fault_of_id", "in_batches", "tables_of"]

BATCH = 500
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
"""Digits for a person, and for other things a UUID (observed). An address, for one, is none."""

Claim = tuple[Any, str]
"""The key of a user, and the Patreon id that signs in as that user."""


class CannotAdopt(Exception):
    """Nothing can be taken over on this site as it is set up. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person's connection with Patreon as the other app keeps it."""

    pk: Any
    user_id: Any
    patreon_id: str
    holds_tokens: bool
    kept: Any
    """The rows of the other app that this was read from."""
    fault: str = ""
    """Why it cannot be taken over, and what to do; empty if it can."""


class Source(Protocol):
    """A login app that was used before."""

    def databases(self) -> list[str]:
        """Return the aliases of the databases that its rows are written to."""

    def batches(self) -> Iterator[list[Row]]:
        """Yield everybody, some hundred at a time."""

    def lock(self, row: Row) -> Row | None:
        """Read a row anew, and lock it until the transaction ends; None when it is gone."""

    def claims(self, rows: Collection[Row]) -> set[Claim]:
        """Return all claims on the users and the Patreon ids of these rows."""

    def grant(self, row: Row, account: PatreonAccount | None) -> TokenGrant:
        """Return the tokens that it holds; both empty where they are no pair.

        `obtained_at` is never later than the truth, since the newer of two pairs is kept.
        """

    def empty(self, row: Row) -> None:
        """Remove the tokens in clear; leave everything else."""


def in_batches(rows: Any) -> Iterator[list[Any]]:
    """Yield the rows of a queryset in the order of their keys, 500 at a time.

    Rows that are added or go meanwhile do no harm, and no cursor stays open between two batches.
    """
    rows = rows.order_by("pk")
    batch = list(rows[:BATCH])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:BATCH])


def fault_of_id(patreon_id: str) -> str:
    """Say why a text cannot be Patreon's id of a person; empty if it can."""
    if _ID.fullmatch(patreon_id):
        return ""
    return f"the uid {patreon_id[:80]!r} cannot be a Patreon id. Correct the row, or delete it."


def tables_of(alias: str) -> list[str]:
    """Return the tables of a database; none of one that is not configured."""
    if connections[alias].settings_dict["ENGINE"] == "django.db.backends.dummy":
        return []
    with connections[alias].cursor() as cursor:
        return connections[alias].introspection.table_names(cursor)

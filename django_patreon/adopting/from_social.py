"""social-core's own Patreon backend, as the login app that was used before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django_patreon.api import TokenGrant, read_grant
from django_patreon.models import PatreonAccount
from django_patreon.moments import to_aware
from django_patreon.secret import Secret

from . import social
from .rows import Claim, Row, fault_of_id, in_batches

__all__ = ["FromSocialAuth"]

_ID_KEYS = ("", "id")
"""Under these keys of Patreon's answer an association's uid is Patreon's id of the person."""
_LONGEST_SPAN = 63_072_000
"""Seconds: larger values of `expires` are moments and not spans, as social-core has it."""


class FromSocialAuth:
    """Takes over what is in social-auth's associations: they stay where they are."""

    def databases(self) -> list[str]:
        return [social.associations().db]

    def batches(self) -> Iterator[list[Row]]:
        for batch in in_batches(social.associations()):
            # Some databases take "Patreon" for "patreon"; that is another backend's.
            yield [_row(each) for each in batch if each.provider == social.PROVIDER]

    def lock(self, row: Row) -> Row | None:
        found = social.associations().select_for_update().filter(pk=row.pk).first()
        return None if found is None else _row(found)

    def claims(self, rows: Collection[Row]) -> set[Claim]:
        return set()  # all are associations, which are asked anyway

    def grant(self, row: Row, account: PatreonAccount | None) -> TokenGrant:
        extra = social.extra_data_of(row.kept) or {}
        obtained_at = _obtained_at(row.kept, extra)
        grant = read_grant({**extra, "expires_in": _span(extra, obtained_at)})
        if not (grant.access_token and grant.refresh_token):
            grant = replace(grant, access_token=Secret(), refresh_token=Secret())
        return replace(grant, obtained_at=obtained_at)

    def empty(self, row: Row) -> None:
        rest = social.without_tokens(row.kept)
        social.associations().filter(pk=row.pk).update(extra_data=rest)


def _row(association: Any) -> Row:
    fault = fault_of_id(association.uid)
    if association.id_key not in _ID_KEYS:
        fault = (
            f"its uid is what Patreon's answer has under {association.id_key!r}, and not the"
            " Patreon id. Delete the association: the person connects Patreon again when signed in."
        )
    elif social.extra_data_of(association) is None:
        fault = (
            "its extra_data is no JSON object, so that no tokens can be read from it. Set it to {}"
            " in the admin: the person then signs in with Patreon once more."
        )
    return Row(
        pk=association.pk,
        user_id=association.user_id,
        patreon_id=association.uid,
        holds_tokens=social.holds_tokens(association),
        kept=association,
        fault=fault,
    )


def _obtained_at(association: Any, extra: dict[str, Any]) -> datetime:
    """Return when Patreon gave the tokens, or an earlier moment.

    `auth_time` says when the person last signed in through the old backend; ours leaves it alone.
    """
    when = _moment(extra.get("auth_time"))
    return to_aware(association.created) if when is None or when > datetime.now(UTC) else when


def _span(extra: dict[str, Any], obtained_at: datetime) -> Any:
    """Return for how many seconds the tokens live, as social-core reads what it keeps."""
    if extra.get("expires_in") is not None:
        return extra["expires_in"]
    end = extra.get("expires_on")
    if end is None:
        end = extra.get("expires")
        if _number(end) <= _LONGEST_SPAN:
            return end
    until = _moment(end)
    # What has ended by then gets a second, so that it is renewed before it is used.
    return None if until is None else max((until - obtained_at).total_seconds(), 1)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0


def _moment(value: Any) -> datetime | None:
    """Return the moment of a Unix time, given as number or text; None if it is none."""
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None

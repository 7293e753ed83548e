"""New keys: encrypt everything anew while the site runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.fernet import InvalidToken
from django.db import router

from django_patreon.fields import Sealed
from django_patreon.models import PatreonAccount

__all__ = ["Rotation", "rotate_keys"]

COLUMNS = ("access_token", "refresh_token")
BATCH = 500


@dataclass(kw_only=True)
class Rotation:
    """What was done: columns `rotated`, columns `current` already, ids of `unreadable` accounts.

    `looked_at` counts accounts, of the `total` that there were in the beginning.
    """

    total: int = 0
    looked_at: int = 0
    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_keys(*, progress: Callable[[Rotation], None] = lambda rotation: None) -> Rotation:
    """Encrypt every token under the first key of the ring.

    Safe while the site runs and after an interruption: a token that changes meanwhile is left as
    it is then, and what is under the first key already is not touched again. `progress` is called
    after each batch of 500 accounts.
    """
    using = router.db_for_write(PatreonAccount)
    accounts = PatreonAccount.objects.using(using)
    rotation = Rotation(total=accounts.count())
    last = 0
    while True:
        rows = accounts.filter(pk__gt=last).order_by("pk")[:BATCH]
        found = list(rows.values_list("pk", "patreon_id", *COLUMNS))
        if not found:
            return rotation
        for pk, patreon_id, *values in found:
            for column, value in zip(COLUMNS, values, strict=True):
                if isinstance(value, Sealed):
                    _rotate(rotation, accounts.filter(pk=pk), patreon_id, column, value)
        last = found[-1][0]
        rotation.looked_at += len(found)
        progress(rotation)


def _rotate(rotation: Rotation, row: object, patreon_id: str, column: str, old: Sealed) -> None:
    if old.is_current():
        rotation.current += 1
        return
    try:
        new = old.rotate()
    except InvalidToken:
        if patreon_id not in rotation.unreadable:
            rotation.unreadable.append(patreon_id)
        return
    # Only if it is still the same: a sign-in or a renewal may have written a newer one.
    rotation.rotated += row.filter(**{column: old}).update(**{column: new})  # type: ignore[attr-defined]

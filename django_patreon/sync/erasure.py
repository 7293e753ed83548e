"""Taking a person's name, e-mail address and note out of their memberships.

What they pay and hold stays, because the campaign's own books have it, and the membership itself
comes again with the next sync. `Membership.is_erased` keeps the name from coming again with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections, router
from django.db.models import Exists, OuterRef, QuerySet

from django_patreon.conf import patreon_settings
from django_patreon.models import Membership, PatreonAccount

from .changes import ERASED
from .ours import connected_campaigns

__all__ = [
    "collect_deleted",
    "erase_collected",
    "erase_person",
    "erased_people",
    "erased_with_accounts",
    "keep_again",
]

AT_ONCE = 500
"""People whose memberships are read and written in one statement."""


def erase_person(patreon_id: str) -> int:
    """Blank all memberships of a person, and let no sync fill them again.

    `patreon_id` is Patreon's id of the person. Return how many memberships they have. The next
    sign-in of the person with Patreon undoes it: see `keep_again`.
    """
    using = router.db_for_write(Membership)
    rows = Membership.objects.using(using).filter(patreon_user_id=patreon_id)
    return _blank(rows, is_final=True)


def erased_with_accounts(people: Collection[str]) -> list[Membership]:
    """Return the memberships that are blanked when the accounts of these people are deleted.

    `people` are Patreon's ids. Memberships that say nothing of the person are left out.
    """
    rows = Membership.objects.filter(patreon_user_id__in=people).exclude(**ERASED)
    keys = _erased_when_deleted(rows, people, router.db_for_read(Membership))
    return list(rows.filter(pk__in=keys).select_related("campaign").order_by("pk"))


def keep_again(rows: Iterable[Membership]) -> None:
    """Let these memberships say the name of their person, who has signed in, as any others do."""
    for row in rows:
        if row.is_erased:
            # Without a digest the next sync reads it again, and so the creator's note comes back.
            row.is_erased, row.digest = False, ""
            row.save(update_fields=["is_erased", "digest"])


def erased_people(people: Collection[str], using: str) -> set[str]:
    """Return which of these people, by Patreon's id, have had themselves erased."""
    if not people:
        return set()
    rows = Membership.objects.using(using).filter(is_erased=True, patreon_user_id__in=people)
    return set(rows.values_list("patreon_user_id", flat=True))


# -- accounts that are deleted

_collected: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""By connection: whose accounts are about to be deleted. Django announces all rows of a deletion
before it deletes the first one, so they can be erased together afterwards."""


def collect_deleted(sender: Any, instance: PatreonAccount, using: str, **kwargs: Any) -> None:
    """Receiver of `pre_delete`, while all columns of the account can still be read."""
    _collected.setdefault(connections[using], set()).add(instance.patreon_id)


def erase_collected(sender: Any, using: str, **kwargs: Any) -> None:
    """Receiver of `post_delete`: blank memberships of all whose accounts were deleted.

    Those of campaigns that are connected keep the name, unless `ERASE` says otherwise.
    """
    people = sorted(_collected.pop(connections[using], set()))
    has_account = PatreonAccount.objects.filter(patreon_id=OuterRef("patreon_user_id"))
    for start in range(0, len(people), AT_ONCE):
        some = people[start : start + AT_ONCE]
        # A deletion that was rolled back has left people here who are still connected.
        rows = Membership.objects.using(using).filter(
            ~Exists(has_account), patreon_user_id__in=some
        )
        keys = _erased_when_deleted(rows.select_for_update(), some, using)
        rows = Membership.objects.using(using).filter(pk__in=keys)
        _blank(rows, is_final=patreon_settings().ERASE)


def _erased_when_deleted(
    rows: QuerySet[Membership], people: Collection[str], using: str
) -> list[int]:
    """Return the keys of those rows that deleting these people's accounts blanks."""
    pairs: Any = rows.order_by("patreon_id").values_list("pk", "campaign_id")
    found: dict[int, str] = dict(pairs)
    if patreon_settings().ERASE or not found:
        return list(found)
    connected = connected_campaigns(found.values(), using, without=people)
    return [key for key, campaign in found.items() if campaign not in connected]


def _blank(rows: QuerySet[Membership], *, is_final: bool) -> int:
    """Blank rows, and return how many there are. `is_final`: no sync fills them again."""
    # Without a digest the next sync reads the member again.
    values = ERASED | {"digest": ""} | ({"is_erased": True} if is_final else {})
    return rows.update(**values)

"""Which members should be looked at, because a gate met old facts about them.

Requests ask with `ask_for_looks`, and a task or `patreon_tick` looks with `look_if_wanted`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, router
from django.db.models import Q, QuerySet
from django.utils import timezone

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer, PatreonError, Refused, Unauthorized
from django_patreon.models import Campaign, Membership, WantedLook

from .members import sync_member
from .ours import connected_creator
from .writing import Saved

__all__ = ["ask_for_looks", "look_if_wanted", "wanted_looks"]

ASK_AGAIN = timedelta(minutes=15)
"""After this time a look may be asked for again: a queue may have lost the task."""


def ask_for_looks(user_pk: Any) -> list[tuple[str, str]]:
    """Keep that a user's memberships should be looked at, where what is known of them is old.

    Returns the ids of campaign and member of each for which this call is the first to ask. Old is
    older than half of `MAX_AGE`. Only campaigns count that are ours and connected.
    """
    now = timezone.now()
    old = now - patreon_settings().MAX_AGE / 2
    rows = Membership.objects.using(router.db_for_write(WantedLook)).filter(
        Q(campaign__synced_at=None) | Q(campaign__synced_at__lte=old),
        fetched_at__lte=old,
        account__user=user_pk,
        campaign__is_ours=True,
    )
    return [
        (each.campaign_id, each.patreon_id)
        for each in rows.select_related("campaign__creator")
        if _can_be_read(each.campaign) and _is_first(each, now)
    ]


def _can_be_read(campaign: Campaign) -> bool:
    creator = connected_creator(campaign)
    return creator is not None and not creator.needs_reconnect


def _is_first(membership: Membership, now: datetime) -> bool:
    """Keep the wish. Return False if somebody else had it lately."""
    look, is_new = _looks().get_or_create(membership=membership, defaults={"wanted_at": now})
    if is_new:
        return True
    # Of many at once the database lets one update the row.
    forgotten = _looks().filter(pk=look.pk, wanted_at__lte=now - ASK_AGAIN)
    return bool(forgotten.update(wanted_at=now))


def wanted_looks(campaign: Campaign, *, most: int = 1000) -> list[str]:
    """Return the ids of the members that should be looked at; who waits longest comes first."""
    wanted = _looks().filter(membership__campaign=campaign).order_by("wanted_at", "pk")
    return list(wanted.values_list("membership__patreon_id", flat=True)[:most])


def look_if_wanted(campaign: Campaign, patreon_id: str) -> Saved | None:
    """Look at a member, if that is still wanted. Return None if it is not.

    Of two processes at once only one looks. Raises as `sync_member`. The look stays wanted then,
    unless Patreon refuses this member: the person's next visit asks again.
    """
    wanted = (
        _looks()
        .filter(membership__patreon_id=patreon_id, membership__campaign=campaign)
        .select_related("membership__campaign")
        .first()
    )
    if wanted is None:
        return None
    # Whoever deletes the row is the one who looks.
    deleted, _ = _looks().filter(pk=wanted.pk).delete()
    if not deleted or wanted.membership.confirmed_at > wanted.wanted_at:
        return None
    try:
        return sync_member(campaign, patreon_id)
    except (PatreonError, DatabaseError) as error:
        is_final = isinstance(error, (Refused, MalformedAnswer))
        if not is_final or isinstance(error, Unauthorized):
            _looks().get_or_create(
                membership=wanted.membership, defaults={"wanted_at": wanted.wanted_at}
            )
        raise


def _looks() -> QuerySet[WantedLook]:
    return WantedLook._default_manager.using(router.db_for_write(WantedLook))

"""When which member renews or reaches an end: of a trial, a gift or a paid period."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import datetime

from django_patreon.sandbox.world.models import Member

__all__ = ["Schedule"]


class Schedule:
    """A heap of times and member ids, the earliest first.

    An entry is outdated if the member has changed since. It is dropped when it comes up.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members
        self._heap = [
            (when, key) for key, each in members.items() if (when := _due_at(each)) is not None
        ]
        heapq.heapify(self._heap)

    def add(self, member: Member) -> None:
        """Add a member who is new or has changed."""
        when = _due_at(member)
        if when is not None:
            heapq.heappush(self._heap, (when, member.id))

    def next_time(self) -> datetime | None:
        """Return the time of the next entry, or None."""
        while self._heap:
            when, key = self._heap[0]
            member = self._members.get(key)
            if member is not None and _due_at(member) == when:
                return when
            heapq.heappop(self._heap)
        return None

    def take(self, until: datetime) -> tuple[datetime, Member] | None:
        """Remove and return the next entry that is due by then, or return None.

        Entries of the same time are ordered by member id.
        """
        when = self.next_time()
        if when is None or when > until:
            return None
        return when, self._members[heapq.heappop(self._heap)[1]]


def _due_at(member: Member) -> datetime | None:
    if member.ends:
        return member.ends_at
    renews = (
        member.patron_status == "active_patron"
        and member.pledge_cadence is not None
        and member.will_pay_amount_cents > 0
        and not (member.is_gifted or member.is_free_trial)
    )
    return member.next_charge_date if renews else None

"""What happens by itself, and when: renewals, and the ends of trials, gifts and paid periods."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import datetime

from .things import Member

__all__ = ["Agenda"]


class Agenda:
    """A heap of the members to whom something happens next, the earliest first.

    An entry is out of date when the member has changed since: it is dropped when it comes up.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members
        self._heap = [
            (when, key) for key, each in members.items() if (when := _due_at(each)) is not None
        ]
        heapq.heapify(self._heap)

    def note(self, member: Member) -> None:
        """Enter a member who was added or changed."""
        when = _due_at(member)
        if when is not None:
            heapq.heappush(self._heap, (when, member.id))

    def first(self) -> datetime | None:
        """When something happens next."""
        while self._heap:
            when, key = self._heap[0]
            member = self._members.get(key)
            if member is not None and _due_at(member) == when:
                return when
            heapq.heappop(self._heap)
        return None

    def take(self, until: datetime) -> tuple[datetime, Member] | None:
        """Take the next entry out if it is due by then. Members due at once come by id."""
        when = self.first()
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

"""The crowd: generated members, as many as asked for. They are computed when they are read.

All values of a generated member follow from its number, so they are the same in every run. Times
are relative to the clock. Generated members renew without webhooks. One that changes is stored from
then on like any other member, and has webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from .models import Member, Person, PledgeEvent

__all__ = ["PAST", "Crowd"]

_FIRST_USER = 60_000_000
_FIRST_EVENT = 90_000_000
_LARGEST = 10_000_000
_A_PAGE = 1000
_MONTH = timedelta(days=30)
PAST = timedelta(days=800)
_FIRST_NAMES = [
    "Ada", "Bela", "Cem", "Dilek", "Edith", "Farah", "Goro", "Hanna", "Imre", "Jana", "Kofi",
    "Lena", "Mira", "Nils", "Olga", "Pavel", "Rosa", "Sven", "Tariq", "Ulla", "Vera", "Wim",
    "Xenia", "Yusuf", "Zora",
]  # fmt: skip
_LAST_NAMES = [
    "Abel", "Baker", "Castillo", "Dvorak", "Eriksen", "Fischer", "Grant", "Horvat", "Ito",
    "Jensen", "Kowalski", "Lindgren", "Moreno", "Novak", "Okafor", "Petrov", "Quinn", "Rossi",
    "Schmidt", "Tanaka", "Urban", "Vogel", "Weber", "Yilmaz", "Zimmer",
]  # fmt: skip
# An id is the number times an odd constant, so that ids look random and can be turned back.
_MULTIPLIER, _MASK = 2654435761, 0xFFFFFFFF
_INVERSE = pow(_MULTIPLIER, -1, _MASK + 1)
_WIDE = 0x9E3779B97F4A7C15
# The kinds of twenty members, repeated: (rank of the tier, kind).
_PATTERN = (
    *((1, "active"),) * 7,
    *((2, "active"),) * 4,
    *((3, "active"),) * 2,
    (3, "annual"),
    (0, "free"),
    (0, "free"),
    (0, "former"),
    (2, "declined"),
    (1, "cancelled"),
    (2, "gifted"),
)


@dataclass(kw_only=True)
class Crowd:
    """`size` members of one campaign. The tiers are ordered by price; the first one is free."""

    campaign_id: str = ""
    size: int = 0
    tier_ids: list[str] = field(default_factory=list)
    prices: list[int] = field(default_factory=list)
    currency: str = "EUR"
    since: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    """The start of the oldest pledges: 800 days before the crowd was made."""

    _people: dict[str, Person] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.size <= _LARGEST:
            raise ValueError(f"a crowd has at most {_LARGEST} members")

    # -- ids and back

    def member_id(self, number: int) -> str:
        """Return the member id of this number: a UUID of version 4."""
        head = (number * _MULTIPLIER) & _MASK
        tail = (number * _WIDE + 0x1234567890ABCDEF) & 0xFFFFFFFFFFFFFFFF
        return (
            f"{head:08x}-{tail >> 48:04x}-4{tail >> 36 & 0xFFF:03x}"
            f"-{0x8000 | tail >> 22 & 0x3FFF:04x}-{tail & 0x3FFFFF:06x}{head >> 8:06x}"
        )

    def number_of_member(self, key: str) -> int | None:
        """Return the number of the member with this id; None for an id of no generated member."""
        if not self.size or not re.fullmatch("[0-9a-f]{8}-[0-9a-f-]{27}", key):
            return None
        number = (int(key[:8], 16) * _INVERSE) & _MASK
        return number if number < self.size and self.member_id(number) == key else None

    def number_of_user(self, key: str) -> int | None:
        """Return the number of the person with this user id, or None."""
        return self._within(key, _FIRST_USER)

    def number_of_event(self, key: str) -> int | None:
        """Return the number of the person whose pledge event has this id, or None."""
        return self._within(key.removeprefix("subscription:"), _FIRST_EVENT)

    def _within(self, key: str, first: int) -> int | None:
        if not re.fullmatch("[0-9]{1,12}", key):
            return None
        number = int(key) - first
        return number if 0 <= number < self.size else None

    def user_id(self, number: int) -> str:
        """Return the user id of the person with this number."""
        return str(_FIRST_USER + number)

    # -- people and members

    def person(self, key: str) -> Person | None:
        """Return the person with this user id, or None."""
        found = self._people.get(key)
        number = None if found else self.number_of_user(key)
        if number is None:
            return found
        first = _FIRST_NAMES[number % len(_FIRST_NAMES)]
        last = _LAST_NAMES[number // len(_FIRST_NAMES) % len(_LAST_NAMES)]
        person = Person(
            id=key,
            slug=f"member-{number}",
            says="a generated person",
            full_name=f"{first} {last}",
            first_name=first,
            last_name=last,
            # Some addresses are missing (observed).
            email=None if number % 50 == 49 else f"member-{number}@example.org",
        )
        if len(self._people) > 2 * _A_PAGE:  # enough for one page, which reads people many times
            self._people.clear()
        self._people[key] = person
        return person

    def person_called(self, slug: str) -> Person | None:
        """Return the person with this slug, such as `member-17`, or None."""
        found = re.fullmatch("member-([0-9]{1,9})", slug)
        return self.person(str(_FIRST_USER + int(found[1]))) if found else None

    def member(self, number: int, now: datetime) -> Member:
        """Return the member with this number, as it is at that time."""
        rank, kind = _PATTERN[number % len(_PATTERN)]
        rank = min(rank, len(self.tier_ids) - 1)
        tier, price = self.tier_ids[rank], self.prices[rank]
        free = self.tier_ids[0]
        start = self.since + timedelta(hours=number % 8760)
        cadence = 12 if kind == "annual" else 1
        period = _MONTH * cadence
        paid = max(now - start, timedelta()) // period
        last = start + paid * period
        member = Member(
            given_id=self.member_id(number),
            user_id=self.user_id(number),
            campaign_id=self.campaign_id,
            tier_ids=list(dict.fromkeys([tier, free])),
            patron_status="active_patron",
            last_charge_status="Paid",
            last_charge_date=last,
            next_charge_date=last + period,
            pledge_relationship_start=start,
            currently_entitled_amount_cents=price * cadence,
            will_pay_amount_cents=price * cadence,
            campaign_lifetime_support_cents=price * cadence * (paid + 1),
            pledge_cadence=cadence,
            pledged_tier_id=tier,
        )
        if kind in ("free", "former", "gifted"):
            member.last_charge_date = member.last_charge_status = None
            member.next_charge_date = member.pledge_cadence = None
            member.currently_entitled_amount_cents = member.will_pay_amount_cents = 0
            member.campaign_lifetime_support_cents = 0
        if kind == "free":
            member.patron_status = None
        elif kind == "former":
            member.patron_status, member.last_charge_status = "former_patron", "Paid"
            member.last_charge_date = start + period
            member.campaign_lifetime_support_cents = self.prices[-1]
        elif kind == "gifted":
            member.is_gifted = True
        elif kind == "declined":
            member.patron_status, member.last_charge_status = "declined_patron", "Declined"
        elif kind == "cancelled":
            self._cancel(member, now)
        return member

    def _cancel(self, member: Member, now: datetime) -> None:
        """Cancel a member. The paid periods of all of them end at the same time, because `count`
        looks at twenty members only."""
        member.patron_status, member.will_pay_amount_cents = "former_patron", 0
        member.last_charge_date, end = self.since + PAST, self.since + PAST + _MONTH
        member.campaign_lifetime_support_cents = member.currently_entitled_amount_cents or 0
        member.next_charge_date = member.ends_at = end
        member.ends = "period"
        if now >= end:
            member.ends = ""
            member.next_charge_date = member.ends_at = None
            member.currently_entitled_amount_cents = 0
            member.tier_ids = self.tier_ids[:1]

    def history(self, member: Member) -> list[PledgeEvent]:
        """Return the start of a generated member's pledge; empty if there never was one."""
        number = self.number_of_user(member.user_id)
        if number is None or member.pledge_relationship_start is None:
            return []
        if member.campaign_id != self.campaign_id or not member.last_charge_date:
            return []
        return [
            PledgeEvent.of(
                member,
                id=str(_FIRST_EVENT + number),
                date=member.pledge_relationship_start,
                type="pledge_start",
                amount_cents=member.currently_entitled_amount_cents or 0,
                currency=self.currency,
                payment_status="Paid",
            )
        ]

    def count(self, counts: Callable[[Member], bool], now: datetime) -> int:
        """Return how many generated members `counts` is true of.

        It looks at twenty members only: status and tiers are the same in every twenty.
        """
        width = len(_PATTERN)
        return sum(
            (self.size - place + width - 1) // width
            for place in range(min(width, self.size))
            if counts(self.member(place, now))
        )

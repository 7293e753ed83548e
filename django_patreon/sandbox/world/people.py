"""The people at the start, whom scripts know by their slugs, with memberships and histories."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django_patreon.sandbox.ids import (
    BRONZE,
    CREATOR,
    FOREIGN,
    FOREIGN_CREATOR,
    FOREIGN_FREE,
    FOREIGN_GOLD,
    FREE,
    GOLD,
    HOME,
    SILVER,
)

from .models import Address, Member, Person
from .world import World

__all__ = ["StartingPeople"]

_PRICES = {BRONZE: 300, SILVER: 500, GOLD: 1000, FOREIGN_GOLD: 1500}


class StartingPeople:
    """Adds the people to the world. The same people have the same ids in every run."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = world.clock.now().replace(microsecond=0)
        self.next_id = 30417700

    def add(self) -> None:
        """Add all of them."""
        self._patrons()
        self._hard_cases()
        self._without_membership()

    def _patrons(self) -> None:
        for slug, name, tier in (
            ("bronze", "Bruno Vale", BRONZE),
            ("silver", "Silvia Moreau", SILVER),
            ("gold", "Alma Reyes", GOLD),
        ):
            self._join(self._person(slug, name, f"pays for {slug.title()} every month"), tier)
        self._join(
            self._person("gold-annual", "Anna Lindqvist", "pays for twelve months of Gold at once"),
            GOLD,
            pledge_cadence=12,
            currently_entitled_amount_cents=12000,
            will_pay_amount_cents=12000,
            campaign_lifetime_support_cents=12000,
            last_charge_date=self._ago(90),
            next_charge_date=self._in(275),
        )
        # Gifts are listed with tiers and 0 cents, and without cadence or next charge (observed).
        self._join(
            self._person("gifted", "Gita Rao", "was given Silver by somebody"),
            SILVER,
            is_gifted=True,
            currently_entitled_amount_cents=0,
            will_pay_amount_cents=0,
            campaign_lifetime_support_cents=0,
            pledge_cadence=None,
            next_charge_date=None,
            last_charge_status=None,
            last_charge_date=None,
            ends="gift",
            ends_at=self._in(60),
        )
        self._join(
            self._person("trial", "Tristan Ode", "tries Silver for free this week"),
            SILVER,
            is_free_trial=True,
            will_pay_amount_cents=0,
            campaign_lifetime_support_cents=0,
            pledge_cadence=None,
            next_charge_date=None,
            last_charge_status=None,
            last_charge_date=None,
            pledge_relationship_start=self._ago(2),
            ends="trial",
            ends_at=self._in(5),
        )

    def _hard_cases(self) -> None:
        self._free("free", "Freya Holm", "follows for free")
        self._join(
            self._person("pending", "Pedro Campos", "joined Bronze; the first charge is under way"),
            BRONZE,
            last_charge_status="Pending",
            last_charge_date=self.now - timedelta(minutes=10),
            pledge_relationship_start=self.now - timedelta(minutes=10),
            campaign_lifetime_support_cents=0,
            ends="pending",
            ends_at=self._in(2),
        )
        self._join(
            self._person("declined", "Delia Stone", "card declined; Patreon is still trying"),
            SILVER,
            patron_status="declined_patron",
            last_charge_status="Declined",
            last_charge_date=self._ago(2),
            card_declines=True,
            ends="retries",
            ends_at=self._in(12),
        )
        self._join(
            self._person("declined-out", "Dora Finch", "card declined; nothing left"),
            SILVER,
            tier_ids=[],
            patron_status="declined_patron",
            last_charge_status="Declined",
            last_charge_date=self._ago(25),
            currently_entitled_amount_cents=0,
        )
        self._join(
            self._person("cancelled", "Cara Wells", "cancelled Silver; the paid month still runs"),
            SILVER,
            patron_status="former_patron",
            will_pay_amount_cents=0,
            ends="period",
            ends_at=self._in(18),
        )
        # Former patrons keep a free tier (observed).
        self._join(
            self._person("former", "Felix Brandt", "stopped paying half a year ago"),
            FREE,
            patron_status="former_patron",
            last_charge_status="Paid",
            last_charge_date=self._ago(190),
            next_charge_date=None,
            currently_entitled_amount_cents=0,
            will_pay_amount_cents=0,
        )
        self._join(
            self._person("foreign-only", "Fiona Archer", "Gold patron of somebody else"),
            FOREIGN_GOLD,
            campaign_id=FOREIGN,
        )
        both = self._person("foreign-first", "Farid Aziz", "Gold elsewhere, Bronze here")
        self._join(both, FOREIGN_GOLD, campaign_id=FOREIGN)
        self._join(both, BRONZE)
        self._join(
            self._person("two-tiers", "Tova Berg", "holds Bronze and Gold, in no order"),
            BRONZE,
            tier_ids=[BRONZE, FREE, GOLD],
            currently_entitled_amount_cents=1300,
            will_pay_amount_cents=1300,
        )
        self._join(
            self._person("custom", "Cosimo Neri", "pays 7 euros a month without a tier"),
            currently_entitled_amount_cents=700,
            will_pay_amount_cents=700,
        )
        # Seen on the first of a month: paid, and nothing listed (observed).
        self._join(
            self._person("blank", "Bianca Olm", "paid, but Patreon lists nothing today"),
            currently_entitled_amount_cents=0,
            will_pay_amount_cents=500,
        )
        self._join(
            self._person("refunded", "Rufus Lane", "got the last payment back"),
            patron_status="former_patron",
            last_charge_status="Refunded",
            next_charge_date=None,
            currently_entitled_amount_cents=0,
            will_pay_amount_cents=0,
            campaign_lifetime_support_cents=0,
        )

        for slug in ("gold", "silver"):
            person = self.world.person_called(slug)
            assert person is not None  # noqa: S101  (both were added above)
            self.world.addresses[person.id] = Address(
                id=person.id,
                addressee=person.full_name,
                line_1="1 Lantern Lane",
                city="Antwerp",
                postal_code="2000",
                country="BE",
            )

    def _without_membership(self) -> None:
        self._person("stranger", "Stella Quist", "has no membership at all")
        for key, slug, says, name, vanity in (
            (CREATOR, "creator", "runs Lanternhouse", "Clara Ember", "lanternhouse"),
            (
                FOREIGN_CREATOR,
                "foreign-creator",
                "runs Saltmarsh Radio",
                "Sal Marsh",
                "saltmarshradio",
            ),
        ):
            creator = Person.of(id=key, slug=slug, says=says, full_name=name)
            creator.vanity = vanity
            self.world.add_person(creator)
        unverified = self._person("unverified", "Una Verdi", "has not confirmed the address")
        unverified.is_email_verified = False
        self._join(unverified, BRONZE)
        silent = self._person("no-email", "Noel Grey", "has no address that Patreon tells")
        silent.email = None
        self._join(silent, BRONZE)
        strange = self._person("emoji", "🦊✨ שלום 🎧", "has a name that no username rule likes")
        strange.first_name, strange.last_name, strange.vanity = "🦊✨", "שלום 🎧", "🦊"
        self._join(strange, BRONZE)

    def _person(self, slug: str, name: str, says: str) -> Person:
        self.next_id += 11
        person = Person.of(id=str(self.next_id), slug=slug, says=says, full_name=name)
        self.world.add_person(person)
        return person

    def _free(self, slug: str, name: str, says: str) -> None:
        member = Member(
            user_id=self._person(slug, name, says).id,
            campaign_id=HOME,
            tier_ids=[FREE],
            pledge_relationship_start=self._ago(40),
        )
        self.world.add_member(member)

    def _join(
        self, person: Person, tier: str | None = None, *, campaign_id: str = HOME, **but: Any
    ) -> None:
        """Add a monthly patron who has paid; `but` changes attributes of the member."""
        amount = _PRICES.get(tier or "", 0)
        free = FREE if campaign_id == HOME else FOREIGN_FREE
        facts: dict[str, Any] = {
            # The free tier is listed next to paid ones (observed).
            "tier_ids": list(dict.fromkeys([tier, free])) if tier else [],
            "patron_status": "active_patron",
            "last_charge_status": "Paid",
            "last_charge_date": self._ago(12),
            "next_charge_date": self._in(18),
            "pledge_relationship_start": self._ago(255),
            "currently_entitled_amount_cents": amount,
            "will_pay_amount_cents": amount,
            "campaign_lifetime_support_cents": amount * 9,
            "pledge_cadence": 1,
            **but,
        }
        member = Member(user_id=person.id, campaign_id=campaign_id, pledged_tier_id=tier, **facts)
        for when, event_type, status in (
            (member.pledge_relationship_start, "pledge_start", None),
            (member.last_charge_date, "subscription", member.last_charge_status),
        ):
            if when is not None:
                self.world.add_history(member, when, event_type, status)
        self.world.add_member(member)

    def _ago(self, days: int) -> datetime:
        return self.now - timedelta(days=days)

    def _in(self, days: int) -> datetime:
        return self.now + timedelta(days=days)

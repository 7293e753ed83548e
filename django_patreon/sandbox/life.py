"""What people do, and what time does to them; each tells the webhooks, in Patreon's order.

Where the order is known it is that a pledge's own event comes before `members:update`, and that the
result of a charge is a `members:update` (observed). The rest is chosen, and says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .actions import ACTIONS, obstacle, options
from .agenda import Agenda
from .ids import FREE_TIERS
from .switches import Switches
from .telling import Telling
from .things import Member, Person, Tier
from .world import World

__all__ = ["MONTH", "Life"]

logger = logging.getLogger("django_patreon.sandbox")

MONTH = timedelta(days=30)
# How long Patreon goes on trying a declined card is unknown.
RETRIES_LAST = timedelta(days=14)


class Life(Telling):
    """Changes the world. Raises `ValueError`, and changes nothing, for what makes no sense."""

    def __init__(self, world: World, switches: Switches, url: Callable[[], str]) -> None:
        super().__init__(world, switches, url)
        self.agenda = Agenda(world.members)

    # -- what people do

    def act(self, what: str, person: Person, campaign_id: str, **given: Any) -> Member | None:
        """Let somebody do one of `ACTIONS`. Returns the member, or None for one who has left."""
        if what not in ACTIONS:
            raise ValueError(f"do must be one of: {', '.join(ACTIONS)}")
        if campaign_id not in self.world.campaigns:
            raise ValueError("there is no such campaign")
        if self.world.campaigns[campaign_id].creator_id == person.id:
            raise ValueError("a creator cannot be a member of their own campaign")
        member = self.world.membership(person.id, campaign_id)
        reason = obstacle(what, member, given.get("tier"))
        if reason:
            raise ValueError(f"{person.slug} {reason}")
        self._events = []
        now = self.world.clock.now()
        kept = self._kept(member, person, campaign_id, now)
        getattr(self, f"_{what}")(kept, now, **options(what, given))
        self.agenda.note(kept)
        self.post(campaign_id)
        return self.world.member(kept.id)

    def _kept(
        self, member: Member | None, person: Person, campaign_id: str, now: datetime
    ) -> Member:
        """The stored member; one from the crowd is stored now, and a new one is made."""
        if member is None:
            member = Member(
                user_id=person.id, campaign_id=campaign_id, pledge_relationship_start=now
            )
            self._free_tier(member)
            if (number := self.world.crowd.number_of_user(person.id)) is not None:
                raise ValueError(f"member {number} of the crowd has left for good")
            self.world.add_member(member)
            self._fire("members:create", member)
            return member
        if member.id not in self.world.members:
            member.history = self.world.history_of(member)
            self.world.add_member(member)
        return member

    def _join(self, member: Member, now: datetime) -> None:
        """Free: all of it has happened when a member is made."""

    def _pledge(self, member: Member, now: datetime, *, tier: Tier, cadence: int = 1) -> None:
        _settled(member)
        member.pledge_cadence = cadence
        member.pledge_relationship_start = member.pledge_relationship_start or now
        member.will_pay_amount_cents = tier.amount_cents * cadence
        member.pledged_tier_id = tier.id
        self._paid(member, now)
        before = member.campaign_lifetime_support_cents - member.will_pay_amount_cents
        total, member.campaign_lifetime_support_cents = (
            member.campaign_lifetime_support_cents,
            before,
        )
        self._remember(member, now, "pledge_start", "Paid")
        # The lifetime sum follows with the charge (observed).
        self._fire("members:pledge:create", member)
        member.campaign_lifetime_support_cents = total
        self._fire("members:update", member)

    def _change(self, member: Member, now: datetime, *, tier: Tier) -> None:
        if member.ends == "period":
            _settled(member)  # cancelled, and now thought better of it
            if member.patron_status == "former_patron":
                member.patron_status = "active_patron"
        cadence = member.pledge_cadence or 1
        up = tier.amount_cents * cadence >= member.will_pay_amount_cents
        member.will_pay_amount_cents = tier.amount_cents * cadence
        member.pledged_tier_id = tier.id
        if member.patron_status == "active_patron":
            self._entitle(member)
        self._remember(member, now, "pledge_upgrade" if up else "pledge_downgrade", None)
        self._fire("members:pledge:update", member)
        self._fire("members:update", member)

    def _cancel(self, member: Member, now: datetime) -> None:
        """Cancel, keeping until the paid period ends what was paid for (observed)."""
        if _pays(member):
            member.patron_status = self.switches.cancelled_status
        member.will_pay_amount_cents = 0
        member.ends = "period"
        member.ends_at = member.next_charge_date or now + MONTH
        self._remember(member, now, "pledge_delete", None)
        self._fire("members:pledge:delete", member)
        self._fire("members:update", member)

    def _cancel_now(self, member: Member, now: datetime) -> None:
        """Cancel and lose everything at once: the captured form of `members:pledge:delete`."""
        _settled(member)
        member.patron_status, member.last_charge_status = "former_patron", "Deleted"
        member.tier_ids, member.will_pay_amount_cents = [], 0
        member.currently_entitled_amount_cents = 0
        self._remember(member, now, "pledge_delete", None)
        self._fire("members:pledge:delete", member)
        self._fire("members:update", member)

    def _decline(self, member: Member, now: datetime) -> None:
        member.card_declines = True
        self._declined(member, now)
        self._fire("members:update", member)

    def _pay(self, member: Member, now: datetime) -> None:
        member.card_declines = False
        _settled(member)
        self._paid(member, now)
        self._remember(member, now, "subscription", "Paid")
        self._fire("members:update", member)

    def _gift(self, member: Member, now: datetime, *, tier: Tier, days: int = 30) -> None:
        """Listed with tiers and 0 cents, without cadence or next charge (observed)."""
        _settled(member)
        member.is_gifted, member.patron_status = True, "active_patron"
        member.pledge_cadence = member.next_charge_date = None
        member.will_pay_amount_cents = member.currently_entitled_amount_cents = 0
        member.pledged_tier_id = tier.id
        member.tier_ids = _with_free(tier.id, member)
        member.ends, member.ends_at = "gift", now + timedelta(days=days)
        self._fire("members:update", member)

    def _trial(self, member: Member, now: datetime, *, tier: Tier, days: int = 7) -> None:
        _settled(member)
        member.is_free_trial, member.patron_status = True, "active_patron"
        member.pledge_cadence = member.next_charge_date = member.last_charge_status = None
        member.will_pay_amount_cents = 0
        member.currently_entitled_amount_cents = tier.amount_cents
        member.pledged_tier_id = tier.id
        member.tier_ids = _with_free(tier.id, member)
        member.ends, member.ends_at = "trial", now + timedelta(days=days)
        self._fire("members:update", member)

    def _refund(self, member: Member, now: datetime) -> None:
        """Give the last payment back. That the entitlement ends with it is inferred."""
        _settled(member)
        paid = member.will_pay_amount_cents or member.currently_entitled_amount_cents or 0
        member.campaign_lifetime_support_cents -= min(paid, member.campaign_lifetime_support_cents)
        member.patron_status, member.last_charge_status = "former_patron", "Refunded"
        member.will_pay_amount_cents = member.currently_entitled_amount_cents = 0
        member.next_charge_date = None
        self._free_tier(member)
        self._remember(member, now, "pledge_delete", "Refunded")
        self._fire("members:update", member)

    def _delete(self, member: Member, now: datetime) -> None:
        """Leave. After any payment that is a change of status, not a removal (official)."""
        if member.campaign_lifetime_support_cents or member.last_charge_status == "Paid":
            self._cancel_now(member, now)
            return
        self._fire("members:delete", member)  # in the state before (observed)
        self.world.remove_member(member)

    # -- what time does

    def next_due(self) -> datetime | None:
        """When something happens next by itself."""
        return self.agenda.first()

    def step(self, until: datetime) -> bool:
        """Let the next event happen that is due by then; False when there is none.

        Never raises: a member whose event fails is logged, and the others live on.
        """
        found = self.agenda.take(until)
        if found is None:
            return False
        when, member = found
        self._events = []
        try:
            self._due(member, when)
            self.post(member.campaign_id)
        except Exception:
            logger.exception("What was due for member %s failed", member.id)
        else:
            self.agenda.note(member)
        return True

    def _due(self, member: Member, when: datetime) -> None:
        what = member.ends
        _settled(member)
        match what:
            case "":
                if member.card_declines:
                    self._declined(member, when)
                else:
                    self._paid(member, when)
                    self._remember(member, when, "subscription", "Paid")
            case "pending":
                if member.card_declines:
                    self._declined(member, when)
                else:
                    member.last_charge_status = "Paid"
                    member.campaign_lifetime_support_cents += member.will_pay_amount_cents
            case "trial" if not member.card_declines:
                # Whoever does not cancel a trial is charged when it ends (inferred).
                tier = self.world.tiers[member.pledged_tier_id or member.tier_ids[0]]
                self._pledge(member, when, tier=tier)
                return
            case "retries":
                # What is left after the last try: status stays, entitlement goes (a known state).
                member.tier_ids, member.currently_entitled_amount_cents = [], 0
            case _:
                member.patron_status = "former_patron"
                member.currently_entitled_amount_cents = member.will_pay_amount_cents = 0
                member.next_charge_date = None
                self._free_tier(member)
        self._fire("members:update", member)

    def _paid(self, member: Member, when: datetime) -> None:
        cadence = member.pledge_cadence or 1
        member.pledge_cadence = cadence
        if not member.will_pay_amount_cents and member.pledged_tier_id in self.world.tiers:
            tier = self.world.tiers[member.pledged_tier_id or ""]
            member.will_pay_amount_cents = tier.amount_cents * cadence
        member.patron_status, member.last_charge_status = "active_patron", "Paid"
        member.last_charge_date, member.next_charge_date = when, when + MONTH * cadence
        member.campaign_lifetime_support_cents += member.will_pay_amount_cents
        self._entitle(member)

    def _declined(self, member: Member, when: datetime) -> None:
        _settled(member)
        member.patron_status, member.last_charge_status = "declined_patron", "Declined"
        member.last_charge_date = when
        self._remember(member, when, "subscription", "Declined")
        if self.switches.declined_keeps_tiers:
            member.ends, member.ends_at = "retries", when + RETRIES_LAST
        else:
            member.tier_ids, member.currently_entitled_amount_cents = [], 0

    def _entitle(self, member: Member) -> None:
        member.currently_entitled_amount_cents = member.will_pay_amount_cents
        tier = member.pledged_tier_id
        member.tier_ids = _with_free(tier, member) if tier else []

    def _free_tier(self, member: Member) -> None:
        free = FREE_TIERS.get(member.campaign_id)
        member.tier_ids = [free] if free else []


def _pays(member: Member) -> bool:
    """Not a gift, a trial, or a declined charge: those keep their status until they end."""
    given = member.is_gifted or member.is_free_trial
    return member.patron_status == "active_patron" and not given


def _settled(member: Member) -> None:
    """Nothing is about to end any more, and what was given for a time is over."""
    member.ends, member.ends_at = "", None
    member.is_gifted = member.is_free_trial = False


def _with_free(tier_id: str, member: Member) -> list[str]:
    """The free tier is listed next to paid ones (observed)."""
    free = FREE_TIERS.get(member.campaign_id)
    return [each for each in (tier_id, free) if each]

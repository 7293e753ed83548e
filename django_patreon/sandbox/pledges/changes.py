"""How memberships change, by the actions of people and by time, and the events of each change.

The order of events: a pledge's own event comes before `members:update`, and the result of a charge
is a `members:update` (observed). The rest of the order is a guess.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django_patreon.sandbox.ids import FREE_TIERS
from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.world.clock import MONTH
from django_patreon.sandbox.world.models import Member, Person, Tier
from django_patreon.sandbox.world.world import World

from .actions import ACTIONS, options, why_impossible
from .announcements import Announcements
from .schedule import Schedule

__all__ = ["Pledges"]

logger = logging.getLogger("django_patreon.sandbox")

# How long Patreon tries a declined card again is unknown.
RETRIES_LAST = timedelta(days=14)


class Pledges:
    """Changes the memberships of one sandbox, announces the changes, and keeps the schedule."""

    def __init__(self, world: World, settings: Settings, announcements: Announcements) -> None:
        self.world, self.settings, self.announcements = world, settings, announcements
        self.schedule = Schedule(world.members)

    # -- actions of people

    def act(self, action: str, person: Person, campaign_id: str, **given: Any) -> Member | None:
        """Let a person do one of `ACTIONS`. Returns the member, or None if they have left.

        Raises `ValueError`, and changes nothing, if the action is impossible.
        """
        if action not in ACTIONS:
            raise ValueError(f"do must be one of: {', '.join(ACTIONS)}")
        if campaign_id not in self.world.campaigns:
            raise ValueError("there is no such campaign")
        if self.world.campaigns[campaign_id].creator_id == person.id:
            raise ValueError("a creator cannot be a member of their own campaign")
        found = self.world.membership(person.id, campaign_id)
        reason = why_impossible(action, found, given.get("tier"))
        if reason:
            raise ValueError(f"{person.slug} {reason}")
        self.announcements.discard()
        now = self.world.clock.now()
        member = self._stored(found, person, campaign_id, now)
        getattr(self, f"_{action}")(member, now, **options(action, given))
        self.schedule.add(member)
        self.announcements.enqueue(campaign_id)
        return self.world.member(member.id)

    def _stored(
        self, member: Member | None, person: Person, campaign_id: str, now: datetime
    ) -> Member:
        """Return the stored member. A generated one is stored, and a new one is made."""
        if member is None:
            member = Member(
                user_id=person.id, campaign_id=campaign_id, pledge_relationship_start=now
            )
            self._give_free_tier(member)
            if (number := self.world.crowd.number_of_user(person.id)) is not None:
                raise ValueError(f"member {number} of the crowd has left for good")
            self.world.add_member(member)
            self._announce("members:create", member)
            return member
        if member.id not in self.world.members:
            member.history = self.world.history_of(member)
            self.world.add_member(member)
        return member

    def _join(self, member: Member, now: datetime) -> None:
        """Become a free member: a new member is one already."""

    def _pledge(self, member: Member, now: datetime, *, tier: Tier, cadence: int = 1) -> None:
        _clear_end(member)
        member.pledge_cadence = cadence
        member.pledge_relationship_start = member.pledge_relationship_start or now
        member.will_pay_amount_cents = tier.amount_cents * cadence
        member.pledged_tier_id = tier.id
        self._mark_paid(member, now)
        self.world.add_history(member, now, "pledge_start", "Paid")
        # The first event does not contain the payment yet; the second one does (observed).
        member.campaign_lifetime_support_cents -= member.will_pay_amount_cents
        self._announce("members:pledge:create", member)
        member.campaign_lifetime_support_cents += member.will_pay_amount_cents
        self._announce("members:update", member)

    def _change(self, member: Member, now: datetime, *, tier: Tier) -> None:
        if member.ends == "period":  # the pledge was cancelled, and is now continued
            _clear_end(member)
            if member.patron_status == "former_patron":
                member.patron_status = "active_patron"
        amount = tier.amount_cents * (member.pledge_cadence or 1)
        is_upgrade = amount >= member.will_pay_amount_cents
        member.will_pay_amount_cents = amount
        member.pledged_tier_id = tier.id
        if member.patron_status == "active_patron":
            self._entitle(member)
        event_type = "pledge_upgrade" if is_upgrade else "pledge_downgrade"
        self.world.add_history(member, now, event_type, None)
        self._announce("members:pledge:update", member)
        self._announce("members:update", member)

    def _cancel(self, member: Member, now: datetime) -> None:
        """Cancel. The entitlement stays until the paid period ends (observed)."""
        pays = not (member.is_gifted or member.is_free_trial)
        if pays and member.patron_status == "active_patron":
            member.patron_status = self.settings.cancelled_status
        member.will_pay_amount_cents = 0
        member.ends = "period"
        member.ends_at = member.next_charge_date or now + MONTH
        self._announce_pledge_end(member, now, was_gift=member.is_gifted)

    def _cancel_now(self, member: Member, now: datetime) -> None:
        """Cancel and lose everything at once, as in observed `members:pledge:delete` events."""
        was_gift = member.is_gifted
        _clear_end(member)
        member.patron_status, member.last_charge_status = "former_patron", "Deleted"
        member.tier_ids, member.will_pay_amount_cents = [], 0
        member.currently_entitled_amount_cents = 0
        self._announce_pledge_end(member, now, was_gift=was_gift)

    def _announce_pledge_end(self, member: Member, now: datetime, *, was_gift: bool) -> None:
        """Announce a cancelled pledge. A gift is no pledge: it has no such event (official)."""
        self.world.add_history(member, now, "pledge_delete", None)
        if not was_gift:
            self._announce("members:pledge:delete", member)
        self._announce("members:update", member)

    def _decline(self, member: Member, now: datetime) -> None:
        member.card_declines = True
        self._mark_declined(member, now)
        self._announce("members:update", member)

    def _pay(self, member: Member, now: datetime) -> None:
        member.card_declines = False
        _clear_end(member)
        self._mark_paid(member, now)
        self.world.add_history(member, now, "subscription", "Paid")
        self._announce("members:update", member)

    def _gift(self, member: Member, now: datetime, *, tier: Tier, days: int = 30) -> None:
        """Receive a gift: tiers and 0 cents, no cadence and no next charge (observed).

        There is no `members:pledge:create` for it (official).
        """
        _clear_end(member)
        member.is_gifted, member.patron_status = True, "active_patron"
        member.pledge_cadence = member.next_charge_date = None
        member.will_pay_amount_cents = member.currently_entitled_amount_cents = 0
        member.pledged_tier_id = tier.id
        member.tier_ids = _with_free_tier(tier.id, member)
        member.ends, member.ends_at = "gift", now + timedelta(days=days)
        self._announce("members:update", member)

    def _trial(self, member: Member, now: datetime, *, tier: Tier, days: int = 7) -> None:
        _clear_end(member)
        member.is_free_trial, member.patron_status = True, "active_patron"
        member.pledge_cadence = member.next_charge_date = member.last_charge_status = None
        member.will_pay_amount_cents = 0
        member.currently_entitled_amount_cents = tier.amount_cents
        member.pledged_tier_id = tier.id
        member.tier_ids = _with_free_tier(tier.id, member)
        member.ends, member.ends_at = "trial", now + timedelta(days=days)
        self._announce("members:update", member)

    def _refund(self, member: Member, now: datetime) -> None:
        """Return the last payment. That the entitlement ends with it is inferred."""
        _clear_end(member)
        paid = member.will_pay_amount_cents or member.currently_entitled_amount_cents or 0
        member.campaign_lifetime_support_cents -= min(paid, member.campaign_lifetime_support_cents)
        member.patron_status, member.last_charge_status = "former_patron", "Refunded"
        member.will_pay_amount_cents = member.currently_entitled_amount_cents = 0
        member.next_charge_date = None
        self._give_free_tier(member)
        self.world.add_history(member, now, "pledge_delete", "Refunded")
        self._announce("members:update", member)

    def _delete(self, member: Member, now: datetime) -> None:
        """Leave. Someone who has ever paid stays listed as a former patron (official)."""
        if member.campaign_lifetime_support_cents or member.last_charge_status == "Paid":
            self._cancel_now(member, now)
            return
        self._announce("members:delete", member)  # shows the member as before (observed)
        self.world.remove_member(member)

    # -- changes by time

    def next_time(self) -> datetime | None:
        """Return when the next membership changes by itself, or None."""
        return self.schedule.next_time()

    def step(self, until: datetime) -> bool:
        """Make the next change that is due by then. Returns False if none is due.

        Never raises: an error with one member is logged, and does not stop the others.
        """
        found = self.schedule.take(until)
        if found is None:
            return False
        when, member = found
        self.announcements.discard()
        try:
            self._change_by_time(member, when)
            self.announcements.enqueue(member.campaign_id)
        except Exception:
            logger.exception("The scheduled change of member %s failed", member.id)
        else:
            self.schedule.add(member)
        return True

    def _change_by_time(self, member: Member, when: datetime) -> None:
        ended = member.ends
        _clear_end(member)
        match ended:
            case "" | "pending" if member.card_declines:
                self._mark_declined(member, when)
            case "":
                self._mark_paid(member, when)
                self.world.add_history(member, when, "subscription", "Paid")
            case "pending":
                member.last_charge_status = "Paid"
                member.campaign_lifetime_support_cents += member.will_pay_amount_cents
            case "trial" if not member.card_declines:
                # A trial that is not cancelled becomes a pledge when it ends (inferred).
                tier = self.world.tiers[member.pledged_tier_id or member.tier_ids[0]]
                self._pledge(member, when, tier=tier)
                return
            case "retries":
                # After the last retry the status stays and the entitlement ends: a known state.
                member.tier_ids, member.currently_entitled_amount_cents = [], 0
            case _:
                member.patron_status = "former_patron"
                member.currently_entitled_amount_cents = member.will_pay_amount_cents = 0
                member.next_charge_date = None
                self._give_free_tier(member)
        self._announce("members:update", member)

    # -- parts of changes

    def _announce(self, trigger: str, member: Member) -> None:
        self.announcements.collect(trigger, member)

    def _mark_paid(self, member: Member, when: datetime) -> None:
        cadence = member.pledge_cadence or 1
        member.pledge_cadence = cadence
        if not member.will_pay_amount_cents and member.pledged_tier_id in self.world.tiers:
            tier = self.world.tiers[member.pledged_tier_id or ""]
            member.will_pay_amount_cents = tier.amount_cents * cadence
        member.patron_status, member.last_charge_status = "active_patron", "Paid"
        member.last_charge_date, member.next_charge_date = when, when + MONTH * cadence
        member.campaign_lifetime_support_cents += member.will_pay_amount_cents
        self._entitle(member)

    def _mark_declined(self, member: Member, when: datetime) -> None:
        _clear_end(member)
        member.patron_status, member.last_charge_status = "declined_patron", "Declined"
        member.last_charge_date = when
        self.world.add_history(member, when, "subscription", "Declined")
        if self.settings.declined_keeps_tiers:
            member.ends, member.ends_at = "retries", when + RETRIES_LAST
        else:
            member.tier_ids, member.currently_entitled_amount_cents = [], 0

    def _entitle(self, member: Member) -> None:
        """Give the member the tier and amount of the pledge."""
        member.currently_entitled_amount_cents = member.will_pay_amount_cents
        tier = member.pledged_tier_id
        member.tier_ids = _with_free_tier(tier, member) if tier else []

    def _give_free_tier(self, member: Member) -> None:
        """Leave the member only the free tier, if the campaign has one."""
        free = FREE_TIERS.get(member.campaign_id)
        member.tier_ids = [free] if free else []


def _clear_end(member: Member) -> None:
    """Remove the scheduled end, and the marks of a gift and a trial."""
    member.ends, member.ends_at = "", None
    member.is_gifted = member.is_free_trial = False


def _with_free_tier(tier_id: str, member: Member) -> list[str]:
    """Return a tier and the free tier, which is listed together with it (observed)."""
    free = FREE_TIERS.get(member.campaign_id)
    return [each for each in (tier_id, free) if each]

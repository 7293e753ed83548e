"""How a change is told: to the webhooks, and to the history of the member."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .hook_bodies import member_body, portal_test_body, post_body
from .hooks import enqueue
from .switches import Switches
from .things import Delivery, Hook, Member, PledgeEvent, Post
from .world import World

__all__ = ["Telling"]

_LONGEST_HISTORY = 200


class Telling:
    """Gathers the events of one change, in their order, and hands them to the hooks together."""

    def __init__(self, world: World, switches: Switches, url: Callable[[], str]) -> None:
        self.world, self.switches, self._url = world, switches, url
        self._events: list[tuple[str, str]] = []

    def post_changed(self, trigger: str, post: Post) -> None:
        """Tell of a post that was published or changed, or is about to be deleted."""
        body = post_body(self.world, self.switches, self._url(), post)
        self._events = [(trigger, body)]
        self.post(post.campaign_id)

    def members_changed(self, campaign_id: str, members: list[Member]) -> None:
        """Tell of members that were changed together."""
        self._events = []
        for member in members:
            self._fire("members:update", member)
        self.post(campaign_id)

    def press_test_button(self, hook: Hook) -> list[Delivery]:
        """Send what the portal's button sends, whatever the hook's triggers."""
        campaign = self.world.campaigns[hook.campaign_id]
        event = next((each for each in hook.triggers), "members:pledge:create")
        body = portal_test_body(campaign, self._url())
        return enqueue(self.world, self.switches, campaign.id, [(event, body)], only=hook)

    def _fire(self, trigger: str, member: Member) -> None:
        if any(trigger in hook.triggers for hook in self.world.hooks.values()):
            body = member_body(self.world, self.switches, self._url(), member)
            self._events.append((trigger, body))

    def post(self, campaign_id: str) -> None:
        """Hand the events of one change to the hooks."""
        enqueue(self.world, self.switches, campaign_id, self._events)
        self._events = []

    def _remember(self, member: Member, when: datetime, what: str, status: str | None) -> None:
        member.history.append(
            PledgeEvent(
                id=f"subscription:{self.world.new_number()}",
                campaign_id=member.campaign_id,
                user_id=member.user_id,
                date=when,
                type=what,
                amount_cents=member.will_pay_amount_cents,
                currency_code=self.world.campaigns[member.campaign_id].currency,
                tier_id=member.pledged_tier_id,
                payment_status=status,
                pledge_payment_status="declined" if status == "Declined" else "valid",
            )
        )
        del member.history[:-_LONGEST_HISTORY]

"""Events for the webhooks, when a member or a post has changed."""

from __future__ import annotations

from collections.abc import Callable

from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.webhooks.bodies import member_body, portal_test_body, post_body
from django_patreon.sandbox.webhooks.queue import enqueue
from django_patreon.sandbox.world.models import Delivery, Member, Post, Webhook
from django_patreon.sandbox.world.world import World

__all__ = ["Announcements"]


class Announcements:
    """Collects the events of one change, and puts them into the webhooks' queues together.

    The body of an event is made when the event is collected: it shows the member at that moment.
    `url` returns the sandbox's own URL, for links in the bodies.
    """

    def __init__(self, world: World, settings: Settings, url: Callable[[], str]) -> None:
        self.world, self.settings, self._url = world, settings, url
        self._events: list[tuple[str, str]] = []

    def collect(self, trigger: str, member: Member) -> None:
        """Collect an event about a member, if any webhook has this trigger."""
        if any(trigger in hook.triggers for hook in self.world.hooks.values()):
            body = member_body(self.world, self.settings, self._url(), member)
            self._events.append((trigger, body))

    def enqueue(self, campaign_id: str) -> None:
        """Put the collected events into the queues of this campaign's webhooks."""
        enqueue(self.world, self.settings, campaign_id, self._events)
        self._events = []

    def discard(self) -> None:
        """Forget the collected events of a change that has failed."""
        self._events = []

    def members_changed(self, campaign_id: str, members: list[Member]) -> None:
        """Announce members that were changed together."""
        for member in members:
            self.collect("members:update", member)
        self.enqueue(campaign_id)

    def post_changed(self, trigger: str, post: Post) -> None:
        """Announce a post that was published or changed, or is about to be deleted."""
        body = post_body(self.world, self.settings, self._url(), post)
        enqueue(self.world, self.settings, post.campaign_id, [(trigger, body)])

    def portal_test(self, hook: Webhook) -> list[Delivery]:
        """Send what the test button of Patreon's page for developers sends."""
        campaign = self.world.campaigns[hook.campaign_id]
        trigger = next(iter(hook.triggers), "members:pledge:create")
        body = portal_test_body(campaign, self._url())
        return enqueue(self.world, self.settings, campaign.id, [(trigger, body)], only=hook)

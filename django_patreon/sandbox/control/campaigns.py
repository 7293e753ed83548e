"""The controls of a campaign: prices, charge dates and posts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.world.clock import format_time
from django_patreon.sandbox.world.models import Post

from .table import Control, campaign_id_of, text_of, tier_of

__all__ = ["CONTROLS"]


def _set_price(core: Core, given: dict[str, Any]) -> Any:
    """Change the price of a tier. Its members keep the old price (observed)."""
    tier = tier_of(core, campaign_id_of(core, given), given.get("tier"))
    cents = given.get("amount_cents")
    if type(cents) is not int or not 0 <= cents <= 10**9:
        raise ValueError("amount_cents must be a whole number from 0 to 1000000000")
    tier.amount_cents = cents
    return {"id": tier.id, "title": tier.title, "amount_cents": cents}


def _migrate(core: Core, given: dict[str, Any]) -> Any:
    """Move all charge dates of a campaign to one day, as when billing on the first ends."""
    days = given.get("days", 1)
    if type(days) is not int or not 1 <= days <= 366:
        raise ValueError("days must be 1 to 366")
    campaign_id = campaign_id_of(core, given)
    when = (core.world.clock.now() + timedelta(days=days)).replace(microsecond=0)
    moved = [
        each
        for each in core.world.members.values()
        if each.campaign_id == campaign_id and each.next_charge_date and not each.ends
    ]
    for member in moved:
        member.next_charge_date = when
        core.pledges.schedule.add(member)
    core.announcements.members_changed(campaign_id, moved)
    return {"moved": len(moved), "next_charge_date": format_time(when)}


def _posts(core: Core, given: dict[str, Any]) -> Any:
    return {
        "posts": [
            {"id": each.id, "title": each.title, "tiers": each.tier_ids}
            for each in core.world.posts.values()
        ]
    }


def _change_post(core: Core, given: dict[str, Any]) -> Any:
    action = given.get("do")
    if action not in ("publish", "update", "delete"):
        raise ValueError("do must be one of: publish, update, delete")
    if action == "publish":
        return _publish(core, given)
    post = core.world.posts.get(str(given.get("id")))
    if post is None:
        raise ValueError("id: there is no such post")
    if action == "update":
        post.title = text_of(given, "title")
        core.announcements.post_changed("posts:update", post)
    else:
        core.announcements.post_changed("posts:delete", post)
        del core.world.posts[post.id]
    return {"id": post.id}


def _publish(core: Core, given: dict[str, Any]) -> Any:
    names = given.get("tiers") or []
    if not isinstance(names, list):
        raise ValueError("tiers must be a list")
    content = given.get("content", "Something new.")
    if not isinstance(content, str):
        raise ValueError("content must be text")
    post = Post(
        id=core.world.new_number(),
        campaign_id=HOME,
        title=text_of(given, "title"),
        content=f"<p>{content}</p>",
        published_at=core.world.clock.now(),
        tier_ids=[tier_of(core, HOME, each).id for each in names],
    )
    core.world.add_post(post)
    core.announcements.post_changed("posts:publish", post)
    return {"id": post.id}


CONTROLS = [
    Control(
        "POST",
        "tiers",
        'Change a price: {"tier": "Gold", "amount_cents": 1500}. Members of the tier keep the old'
        " price.",
        _set_price,
    ),
    Control(
        "POST",
        "migration",
        'Move all charge dates of a campaign to one day: {"days": 3}. Those of generated members'
        " stay.",
        _migrate,
    ),
    Control("GET", "posts", "List the posts.", _posts),
    Control(
        "POST",
        "posts",
        'Publish a post: {"do": "publish", "title": "Episode 42", "tiers": ["Gold"]}; "update" and'
        ' "delete" take an "id".',
        _change_post,
    ),
]

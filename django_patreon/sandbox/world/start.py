"""The data at the start: two campaigns with tiers, benefits, posts and people."""

from __future__ import annotations

from datetime import timedelta

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

from .crowd import PAST, Crowd
from .models import Benefit, Campaign, LiveAccessRule, Post, Tier
from .people import StartingPeople
from .world import World

__all__ = ["new_crowd", "starting_world"]


def starting_world() -> World:
    """Return the data at the start. All times are relative to now."""
    world = World(owner_campaign_id=HOME)
    world.add_campaign(
        Campaign(
            id=HOME,
            creator_id=CREATOR,
            name="Lanternhouse",
            vanity="lanternhouse",
            currency="EUR",
            tiers=[
                Tier(id=FREE, campaign_id=HOME, title="Free", amount_cents=0),
                Tier(id=BRONZE, campaign_id=HOME, title="Bronze", amount_cents=300),
                Tier(id=SILVER, campaign_id=HOME, title="Silver", amount_cents=500),
                Tier(id=GOLD, campaign_id=HOME, title="Gold", amount_cents=1000),
            ],
        )
    )
    world.add_campaign(
        Campaign(
            id=FOREIGN,
            creator_id=FOREIGN_CREATOR,
            name="Saltmarsh Radio",
            vanity="saltmarshradio",
            currency="USD",
            tiers=[
                Tier(id=FOREIGN_FREE, campaign_id=FOREIGN, title="Free", amount_cents=0),
                Tier(id=FOREIGN_GOLD, campaign_id=FOREIGN, title="Gold", amount_cents=1500),
            ],
        )
    )
    for key, title, tiers in (
        ("7700001", "Early episodes", [BRONZE, SILVER, GOLD]),
        ("7700002", "The Friday call", [GOLD]),
    ):
        world.add_benefit(Benefit(id=key, campaign_id=HOME, title=title, tier_ids=tiers))
    now = world.clock.now().replace(microsecond=0)
    for number in range(24):  # more than a page, which is 20 (observed)
        world.add_post(
            Post(
                id=str(98800100 + number),
                campaign_id=HOME,
                title=f"Episode {number + 18}",
                content=f"<p>Episode {number + 18} is out. Bring a coat.</p>",
                published_at=now - timedelta(days=7 * (24 - number)),
                tier_ids=[SILVER, GOLD] if number % 3 == 0 else [],
            )
        )
    for key, kind, tier in (("8800001", "public", None), ("8800002", "tier", GOLD)):
        world.live_access_rules[key] = LiveAccessRule(
            id=key, campaign_id=HOME, access_rule_type=kind, tier_id=tier
        )
    StartingPeople(world).add()
    return world


def new_crowd(world: World, size: int) -> Crowd:
    """Return a crowd of that size for the first campaign. Raises `ValueError` for a wrong size."""
    tiers = world.campaigns[HOME].tiers
    return Crowd(
        campaign_id=HOME,
        size=size,
        tier_ids=[each.id for each in tiers],
        prices=[each.amount_cents for each in tiers],
        currency=world.campaigns[HOME].currency,
        since=(world.clock.now() - PAST).replace(microsecond=0),
    )

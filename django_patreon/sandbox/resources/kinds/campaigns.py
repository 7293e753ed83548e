"""Resource types of a creator: campaign, tier, benefit, deliverable, goal."""

from __future__ import annotations

from django_patreon.sandbox.resources.schema import Attribute as A
from django_patreon.sandbox.resources.schema import Kind, always, many, one, own

from .people import OPENED, picture

__all__ = ["CAMPAIGNS"]

CAMPAIGNS = {
    "campaign": Kind(
        path="campaigns",
        attributes={
            "created_at": always("d", OPENED),
            "creation_name": always("s?", "stories by lamplight"),
            "currency": own("s", "currency"),
            "discord_server_id": always("s?"),
            "google_analytics_id": always("s?"),
            "has_rss": always("b", False),
            "has_sent_rss_notify": always("b", False),
            "image_small_url": A("s", picture),
            "image_url": A("s", picture),
            "is_charged_immediately": always("b?", True),
            "is_monthly": always("b", True),
            "is_nsfw": always("b", False),
            "main_video_embed": always("s?"),
            "main_video_url": always("s?"),
            "name": own("s", "name"),
            "one_liner": always("s?"),
            "patron_count": A("i", lambda world, campaign: world.patron_count(campaign.id)),
            "pay_per_name": always("s?", "month"),
            "pledge_url": A("s?", lambda world, campaign: f"/checkout/{campaign.vanity}"),
            "published_at": always("d?", OPENED),
            "rss_artwork_url": always("s?"),
            "rss_feed_title": always("s?"),
            "show_earnings": always("b", False),
            "summary": always("s?"),
            "thanks_embed": always("s?"),
            "thanks_msg": always("s?"),
            "thanks_video_url": always("s?"),
            "url": A("s", lambda world, campaign: f"https://www.patreon.com/{campaign.vanity}"),
            "vanity": own("s?", "vanity"),
        },
        relations={
            "benefits": many(
                "benefit",
                lambda world, campaign, viewer: [
                    each.id for each in world.benefits.values() if each.campaign_id == campaign.id
                ],
            ),
            "campaign_installations": many("campaign-installation"),
            "categories": many("category"),
            "creator": one("user", lambda world, campaign, viewer: campaign.creator_id),
            "goals": many("goal"),  # deprecated and always empty (official)
            "live_access_rules": many(
                "live-access-rule",
                lambda world, campaign, viewer: [
                    each.id
                    for each in world.live_access_rules.values()
                    if each.campaign_id == campaign.id
                ],
            ),
            "tiers": many(
                "tier", lambda world, campaign, viewer: [each.id for each in campaign.tiers]
            ),
        },
    ),
    "tier": Kind(
        path="tiers",
        attributes={
            "amount_cents": own("i", "amount_cents"),
            "created_at": always("d", OPENED),
            "description": always("s", ""),
            "discord_role_ids": always("[s]?"),
            "edited_at": always("d", OPENED),
            "image_url": always("s?"),
            "patron_count": A("i", lambda world, tier: world.tier_patron_count(tier.id)),
            "post_count": always("i?"),
            "published": always("b", True),
            "published_at": always("d?", OPENED),
            "remaining": always("i?"),
            "requires_shipping": always("b", False),
            "title": own("s", "title"),
            "unpublished_at": always("d?"),
            # A path, though documented as fully qualified (observed).
            "url": A(
                "s",
                lambda world, tier: (
                    f"/checkout/{world.campaigns[tier.campaign_id].vanity}?rid={tier.id}"
                ),
            ),
            "user_limit": always("i?"),
        },
        relations={
            "benefits": many(
                "benefit",
                lambda world, tier, viewer: [
                    each.id for each in world.benefits.values() if tier.id in each.tier_ids
                ],
            ),
            "campaign": one("campaign", lambda world, tier, viewer: tier.campaign_id),
            "tier_image": one("media"),
        },
    ),
    "benefit": Kind(
        path="benefits",
        attributes={
            "app_external_id": always("s?"),
            "app_meta": always("o?"),
            "benefit_type": always("s?", "custom"),
            "created_at": always("d", OPENED),
            "deliverables_due_today_count": always("i", 0),
            "delivered_deliverables_count": always("i", 0),
            "description": always("s?"),
            "is_deleted": always("b", False),
            "is_ended": always("b", False),
            "is_published": always("b", True),
            "next_deliverable_due_date": always("d?"),
            "not_delivered_deliverables_count": always("i", 0),
            "rule_type": always("s?", "eom_monthly"),
            "tiers_count": A("i", lambda world, benefit: len(benefit.tier_ids)),
            "title": own("s", "title"),
        },
        relations={
            "campaign": one("campaign", lambda world, benefit, viewer: benefit.campaign_id),
            "campaign_installation": one("campaign-installation"),
            "deliverables": many("deliverable"),
            "tiers": many("tier", lambda world, benefit, viewer: benefit.tier_ids),
        },
    ),
    # There are no objects of these two types here, but their fields may be requested.
    "deliverable": Kind(
        path="deliverables",
        attributes={
            "completed_at": always("d?"),
            "delivery_status": always("s"),
            "due_at": always("d"),
        },
    ),
    "goal": Kind(
        path="goals",
        attributes={
            "amount_cents": always("i"),
            "completed_percentage": always("i"),
            "created_at": always("d"),
            "description": always("s?"),
            "reached_at": always("d?"),
            "title": always("s"),
        },
    ),
}

"""Resource types that a creator publishes: post, media, live, live-access-rule."""

from __future__ import annotations

from django_patreon.sandbox.resources.schema import Attribute as A
from django_patreon.sandbox.resources.schema import Kind, always, many, one, own

__all__ = ["LIVE_STATES", "POSTS"]

LIVE_STATES = ("pre_live", "live", "live_ended")
POSTS = {
    "post": Kind(
        path="posts",
        attributes={
            "app_id": always("i?"),
            "app_status": always("s?"),
            "content": own("s?", "content"),
            "embed_data": always("o?"),
            "embed_url": always("s?"),
            "is_paid": A("b?", lambda world, post: False),
            "is_public": A("b?", lambda world, post: not post.tier_ids),
            "published_at": own("d?", "published_at"),
            "tiers": A("[i]?", lambda world, post: [int(key) for key in post.tier_ids]),
            "title": own("s?", "title"),
            # A path, not an address (observed).
            "url": A("s", lambda world, post: f"/posts/episode-{post.id}"),
        },
        relations={
            "campaign": one("campaign", lambda world, post, viewer: post.campaign_id),
            "user": one(
                "user", lambda world, post, viewer: world.campaigns[post.campaign_id].creator_id
            ),
        },
    ),
    # Not reachable from a post (observed), but its fields may be requested.
    "media": Kind(
        path="media",
        attributes={
            "created_at": always("d"),
            "download_url": always("s"),
            "file_name": always("s"),
            "image_urls": always("o"),
            "metadata": always("o?"),
            "mimetype": always("s"),
            "owner_id": always("s"),
            "owner_relationship": always("s"),
            "owner_type": always("s"),
            "size_bytes": always("i"),
            "state": always("s"),
            "upload_expires_at": always("d"),
            "upload_parameters": always("o"),
            "upload_url": always("s"),
        },
    ),
    # Early access (observed in client code, not documented).
    "live": Kind(
        path="lives",
        attributes={
            "description": own("s?", "description"),
            "rtmp_url": A("s?", lambda world, live: f"rtmp://live.invalid/{live.id}"),
            "scheduled_for": own("d?", "scheduled_for"),
            "state": own("s", "state", *LIVE_STATES),
            "stream_key": A("s?", lambda world, live: f"sandbox-{live.id}"),
            "title": own("s?", "title"),
        },
        relations={
            "campaign": one("campaign", lambda world, live, viewer: live.campaign_id),
            "live_access_rules": many(
                "live-access-rule", lambda world, live, viewer: live.rule_ids
            ),
        },
    ),
    "live-access-rule": Kind(
        path="live-access-rules",
        attributes={
            "access_rule_type": own("s", "access_rule_type", "tier", "patron", "public"),
        },
        relations={"tier": one("tier", lambda world, rule, viewer: rule.tier_id)},
    ),
}

"""What each type of API v2 has: attributes, relations, and what needs a scope to be seen.

Types and attributes are Patreon's documented ones. An attribute is computed when it is asked for.
"""

from __future__ import annotations

from typing import Any

from .schema import Attribute, Kind, Related, Viewer
from .world import Campaign, Member, Person, Tier, World, stamp

__all__ = ["KINDS"]


def _own(name: str) -> Attribute:
    return lambda world, item: getattr(item, name)


def _when(name: str) -> Attribute:
    return lambda world, item: stamp(getattr(item, name))


def _always(value: Any) -> Attribute:
    return lambda world, item: value


def _picture(world: World, item: Person | Campaign) -> str:
    # A signed address, as Patreon's are; it leads nowhere.
    return f"https://c10.patreonusercontent.com/4/sandbox/{item.id}/1.png?token-time=2145916800"


def _user_url(world: World, person: Person) -> str:
    # Observed for people without a vanity.
    return f"https://www.patreon.com/{person.vanity or f'user?u={person.id}'}"


def _memberships(world: World, person: Person, viewer: Viewer) -> list[Related]:
    """All with `identity.memberships`, else the one to the client's own campaign (official)."""
    return [
        ("member", member.id)
        for member in world.memberships_of(person.id)
        if "identity.memberships" in viewer.scopes or member.campaign_id == world.owner_campaign_id
    ]


def _own_campaign(world: World, person: Person, viewer: Viewer) -> Related | None:
    campaign = world.campaign_of(person.id)
    return ("campaign", campaign.id) if campaign else None


def _patron_count(world: World, campaign: Campaign) -> int:
    return sum(
        1
        for member in world.members.values()
        if member.campaign_id == campaign.id and member.patron_status == "active_patron"
    )


def _tier_patron_count(world: World, tier: Tier) -> int:
    return sum(1 for member in world.members.values() if tier.id in member.tier_ids)


def _member_name(world: World, member: Member) -> str:
    return world.people[member.user_id].full_name


def _member_email(world: World, member: Member) -> str | None:
    return world.people[member.user_id].email


_OPENED = "2019-03-04T10:00:00.000+00:00"
_SOCIAL = dict.fromkeys(
    (
        "discord",
        "facebook",
        "google",
        "instagram",
        "reddit",
        "spotify",
        "spotify_open_access",
        "tiktok",
        "twitch",
        "twitter",
        "twitter2",
        "vimeo",
        "youtube",
    )
)
KINDS: dict[str, Kind] = {
    "user": Kind(
        path="user",
        attributes={
            "about": _always(None),
            "can_see_nsfw": _always(False),
            "created": _always(_OPENED),
            "email": _own("email"),
            "first_name": _own("first_name"),
            "full_name": _own("full_name"),
            "hide_pledges": _always(True),
            "image_url": _picture,
            "is_creator": lambda world, person: world.campaign_of(person.id) is not None,
            "is_email_verified": _own("is_email_verified"),
            "last_name": _own("last_name"),
            "like_count": _always(0),
            "social_connections": _always(_SOCIAL),
            "thumb_url": _picture,
            "url": _user_url,
            "vanity": _own("vanity"),
        },
        relations={"campaign": _own_campaign, "memberships": _memberships},
        needs_email_scope=frozenset({"email", "is_email_verified"}),
    ),
    "member": Kind(
        path="members",
        attributes={
            "campaign_lifetime_support_cents": _own("campaign_lifetime_support_cents"),
            "currently_entitled_amount_cents": _own("currently_entitled_amount_cents"),
            "email": _member_email,
            "full_name": _member_name,
            "is_follower": _always(False),
            "is_free_trial": _own("is_free_trial"),
            "is_gifted": _own("is_gifted"),
            "last_charge_date": _when("last_charge_date"),
            "last_charge_status": _own("last_charge_status"),
            "lifetime_support_cents": _own("campaign_lifetime_support_cents"),
            "next_charge_date": _when("next_charge_date"),
            "note": _always(""),
            "patron_status": _own("patron_status"),
            "pledge_cadence": _own("pledge_cadence"),
            "pledge_relationship_start": _when("pledge_relationship_start"),
            "will_pay_amount_cents": _own("will_pay_amount_cents"),
        },
        relations={
            "campaign": lambda world, member, viewer: ("campaign", member.campaign_id),
            "currently_entitled_tiers": lambda world, member, viewer: [
                ("tier", key) for key in member.tier_ids
            ],
            "user": lambda world, member, viewer: ("user", member.user_id),
        },
        needs_email_scope=frozenset({"email"}),
        unsupported_relations=frozenset({"address", "pledge_history"}),
    ),
    "campaign": Kind(
        path="campaigns",
        attributes={
            "created_at": _always(_OPENED),
            "creation_name": _always("stories by lamplight"),
            "currency": _own("currency"),
            "discord_server_id": _always(None),
            "google_analytics_id": _always(None),
            "has_rss": _always(False),
            "has_sent_rss_notify": _always(False),
            "image_small_url": _picture,
            "image_url": _picture,
            "is_charged_immediately": _always(True),
            "is_monthly": _always(True),
            "is_nsfw": _always(False),
            "main_video_embed": _always(None),
            "main_video_url": _always(None),
            "name": _own("name"),
            "one_liner": _always(None),
            "patron_count": _patron_count,
            "pay_per_name": _always("month"),
            "pledge_url": lambda world, campaign: f"/checkout/{campaign.vanity}",
            "published_at": _always(_OPENED),
            "rss_artwork_url": _always(None),
            "rss_feed_title": _always(None),
            "show_earnings": _always(False),
            "summary": _always(None),
            "thanks_embed": _always(None),
            "thanks_msg": _always(None),
            "thanks_video_url": _always(None),
            "url": lambda world, campaign: f"https://www.patreon.com/{campaign.vanity}",
            "vanity": _own("vanity"),
        },
        relations={
            "benefits": lambda world, campaign, viewer: [
                ("benefit", each.id)
                for each in world.benefits.values()
                if each.campaign_id == campaign.id
            ],
            "creator": lambda world, campaign, viewer: ("user", campaign.creator_id),
            "tiers": lambda world, campaign, viewer: [("tier", each.id) for each in campaign.tiers],
        },
        unsupported_relations=frozenset(
            {"campaign_installations", "categories", "goals", "live_access_rules"}
        ),
    ),
    "tier": Kind(
        path="tiers",
        attributes={
            "amount_cents": _own("amount_cents"),
            "created_at": _always(_OPENED),
            "description": _always(""),
            "discord_role_ids": _always(None),
            "edited_at": _always(_OPENED),
            "image_url": _always(None),
            "patron_count": _tier_patron_count,
            "post_count": _always(None),
            "published": _always(True),
            "published_at": _always(_OPENED),
            "remaining": _always(None),
            "requires_shipping": _always(False),
            "title": _own("title"),
            "unpublished_at": _always(None),
            # A path, though documented as fully qualified (observed).
            "url": lambda world, tier: (
                f"/checkout/{world.campaigns[tier.campaign_id].vanity}?rid={tier.id}"
            ),
            "user_limit": _always(None),
        },
        relations={
            "benefits": lambda world, tier, viewer: [
                ("benefit", each.id) for each in world.benefits.values() if tier.id in each.tier_ids
            ],
            "campaign": lambda world, tier, viewer: ("campaign", tier.campaign_id),
        },
        unsupported_relations=frozenset({"tier_image"}),
    ),
    "benefit": Kind(
        path="benefits",
        attributes={
            "app_external_id": _always(None),
            "app_meta": _always(None),
            "benefit_type": _always("custom"),
            "created_at": _always(_OPENED),
            "deliverables_due_today_count": _always(0),
            "delivered_deliverables_count": _always(0),
            "description": _always(None),
            "is_deleted": _always(False),
            "is_ended": _always(False),
            "is_published": _always(True),
            "next_deliverable_due_date": _always(None),
            "not_delivered_deliverables_count": _always(0),
            "rule_type": _always("eom_monthly"),
            "tiers_count": lambda world, benefit: len(benefit.tier_ids),
            "title": _own("title"),
        },
        relations={
            "campaign": lambda world, benefit, viewer: ("campaign", benefit.campaign_id),
            "tiers": lambda world, benefit, viewer: [("tier", key) for key in benefit.tier_ids],
        },
        unsupported_relations=frozenset({"campaign_installation", "deliverables"}),
    ),
    "post": Kind(
        path="posts",
        attributes={
            "app_id": _always(None),
            "app_status": _always(None),
            "content": _own("content"),
            "embed_data": _always(None),
            "embed_url": _always(None),
            "is_paid": lambda world, post: bool(post.tier_ids),
            "is_public": lambda world, post: not post.tier_ids,
            "published_at": _when("published_at"),
            "tiers": lambda world, post: [int(key) for key in post.tier_ids],
            "title": _own("title"),
            # A path, not an address (observed).
            "url": lambda world, post: f"/posts/episode-{post.id}",
        },
        relations={
            "campaign": lambda world, post, viewer: ("campaign", post.campaign_id),
            "user": lambda world, post, viewer: (
                "user",
                world.campaigns[post.campaign_id].creator_id,
            ),
        },
    ),
}

"""Resource types about people: user, member, address, pledge-event."""

from __future__ import annotations

from django_patreon.sandbox.resources.schema import Attribute as A
from django_patreon.sandbox.resources.schema import Kind, Viewer, always, many, one, own
from django_patreon.sandbox.world.clock import format_time
from django_patreon.sandbox.world.member_values import CHARGE_STATUSES, PATRON_STATUSES
from django_patreon.sandbox.world.models import Campaign, Member, Person
from django_patreon.sandbox.world.world import World

__all__ = ["OPENED", "PEOPLE", "picture"]

OPENED = "2019-03-04T10:00:00.000+00:00"
# Keys as observed in 2025; a value is null or an object.
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


def picture(world: World, item: Person | Campaign) -> str:
    """Return a signed URL, as Patreon's image URLs are. There is no image."""
    return f"https://c10.patreonusercontent.com/4/sandbox/{item.id}/1.png?token-time=2145916800"


def _user_url(world: World, person: Person) -> str:
    # Observed for people without a vanity.
    return f"https://www.patreon.com/{person.vanity or f'user?u={person.id}'}"


def _memberships(world: World, person: Person, viewer: Viewer) -> list[str]:
    """Return ids: all with `identity.memberships`, else those of the own campaign (official)."""
    return [
        member.id
        for member in world.memberships_of(person.id)
        if "identity.memberships" in viewer.scopes or member.campaign_id == world.owner_campaign_id
    ]


def _own_campaign(world: World, person: Person, viewer: Viewer) -> str | None:
    campaign = world.campaign_of(person.id)
    return campaign.id if campaign else None


def _member_name(world: World, member: Member) -> str:
    person = world.person(member.user_id)
    return person.full_name if person else ""


def _member_email(world: World, member: Member) -> str | None:
    person = world.person(member.user_id)
    return person.email if person else None


def _address(world: World, member: Member, viewer: Viewer) -> str | None:
    # What the include gives without its scope is unknown: nothing.
    if "campaigns.members.address" not in viewer.scopes:
        return None
    return member.user_id if member.user_id in world.addresses else None


PEOPLE = {
    "user": Kind(
        path="user",
        attributes={
            "about": always("s?"),
            "can_see_nsfw": always("b?", False),
            "created": always("d", OPENED),
            "email": own("s?", "email"),
            "first_name": own("s?", "first_name"),
            "full_name": own("s", "full_name"),
            "hide_pledges": always("b?", True),
            "image_url": A("s", picture),
            "is_creator": A("b", lambda world, person: world.campaign_of(person.id) is not None),
            "is_email_verified": own("b", "is_email_verified"),
            "last_name": own("s?", "last_name"),
            "like_count": always("i", 0),
            "social_connections": always("o", _SOCIAL),
            "thumb_url": A("s", picture),
            "url": A("s", _user_url),
            "vanity": own("s?", "vanity"),
        },
        relations={
            "campaign": one("campaign", _own_campaign),
            "memberships": many("member", _memberships),
        },
        needs_email_scope=frozenset({"email", "is_email_verified"}),
    ),
    "member": Kind(
        path="members",
        attributes={
            "campaign_lifetime_support_cents": own("i", "campaign_lifetime_support_cents"),
            "currently_entitled_amount_cents": own("i?", "currently_entitled_amount_cents"),
            "email": A("s?", _member_email),
            "full_name": A("s?", _member_name),
            "is_follower": always("b", False),
            "is_free_trial": own("b", "is_free_trial"),
            "is_gifted": own("b", "is_gifted"),
            "last_charge_date": own("d?", "last_charge_date"),
            "last_charge_status": own("s?", "last_charge_status", *CHARGE_STATUSES),
            "lifetime_support_cents": own("i", "campaign_lifetime_support_cents"),
            "next_charge_date": own("d?", "next_charge_date"),
            "note": own("s", "note"),
            "patron_status": own("s?", "patron_status", *PATRON_STATUSES),
            "pledge_cadence": own("i?", "pledge_cadence"),
            "pledge_relationship_start": own("d?", "pledge_relationship_start"),
            "will_pay_amount_cents": own("i", "will_pay_amount_cents"),
        },
        relations={
            "address": one("address", _address),
            "campaign": one("campaign", lambda world, member, viewer: member.campaign_id),
            "currently_entitled_tiers": many("tier", lambda world, member, viewer: member.tier_ids),
            "pledge_history": many(
                "pledge-event",
                lambda world, member, viewer: [each.id for each in world.history_of(member)],
            ),
            "user": one("user", lambda world, member, viewer: member.user_id),
        },
        needs_email_scope=frozenset({"email"}),
    ),
    "address": Kind(
        path="addresses",
        attributes={
            "addressee": own("s?", "addressee"),
            "city": own("s", "city"),
            "country": own("s", "country"),
            "created_at": always("d", OPENED),
            "line_1": own("s?", "line_1"),
            "line_2": own("s?", "line_2"),
            "phone_number": own("s?", "phone_number"),
            "postal_code": own("s?", "postal_code"),
            "state": own("s?", "state"),
        },
        relations={
            "campaigns": many(
                "campaign",
                lambda world, address, viewer: [
                    each.campaign_id for each in world.memberships_of(address.id)
                ],
            ),
            "user": one("user", lambda world, address, viewer: address.id),
        },
    ),
    "pledge-event": Kind(
        path="pledge-events",
        attributes={
            "amount_cents": own("i", "amount_cents"),
            "currency_code": own("s", "currency_code"),
            "date": A("d", lambda world, event: format_time(event.date)),
            "payment_status": own("s?", "payment_status", *CHARGE_STATUSES),
            "pledge_payment_status": own(
                "s?",
                "pledge_payment_status",
                *("queued", "pending", "valid", "declined", "fraud", "disabled"),
            ),
            "tier_id": own("s?", "tier_id"),
            "tier_title": A(
                "s?",
                lambda world, event: (
                    world.tiers[event.tier_id].title if event.tier_id in world.tiers else None
                ),
            ),
            "type": own(
                "s",
                "type",
                *("pledge_start", "pledge_upgrade", "pledge_downgrade", "pledge_delete"),
                "subscription",
            ),
        },
        relations={
            "campaign": one("campaign", lambda world, event, viewer: event.campaign_id),
            "patron": one("user", lambda world, event, viewer: event.user_id),
            "tier": one("tier", lambda world, event, viewer: event.tier_id),
        },
    ),
}

"""What we ask for: nothing but id and type comes unasked (official)."""

from __future__ import annotations

__all__ = [
    "ADDRESS_FIELDS",
    "CAMPAIGN_FIELDS",
    "HISTORY_FIELDS",
    "IDENTITY_FIELDS",
    "IDENTITY_INCLUDE",
    "MEMBER_FIELDS",
    "MEMBER_INCLUDE",
    "POST_FIELDS",
    "WEBHOOK_FIELDS",
]

IDENTITY_INCLUDE = (
    "memberships.currently_entitled_tiers",
    # All tiers, for their prices; apps ask for them with a patron's token (observed).
    "memberships.campaign.tiers",
    "campaign.tiers",
)
# No more than we use: one field that Patreon has dropped makes the whole call a 400 (observed).
IDENTITY_FIELDS = {
    "user": (
        "email",
        "first_name",
        "full_name",
        "image_url",
        "is_email_verified",
        "last_name",
        "url",
        "vanity",
    ),
    "member": (
        "campaign_lifetime_support_cents",
        "currently_entitled_amount_cents",
        "is_free_trial",
        "is_gifted",
        "last_charge_date",
        "last_charge_status",
        "next_charge_date",
        "patron_status",
        "pledge_cadence",
        "pledge_relationship_start",
        "will_pay_amount_cents",
    ),
    "campaign": ("currency", "is_monthly", "name", "pledge_url", "url", "vanity"),
    "tier": ("amount_cents", "published", "title", "url"),
}

MEMBER_INCLUDE = ("user", "currently_entitled_tiers", "campaign")
MEMBER_FIELDS = {
    "user": ("full_name", "image_url", "url", "vanity"),
    "member": (*IDENTITY_FIELDS["member"], "email", "full_name", "note"),
    "tier": IDENTITY_FIELDS["tier"],
}
CAMPAIGN_FIELDS = {"campaign": IDENTITY_FIELDS["campaign"], "tier": IDENTITY_FIELDS["tier"]}
ADDRESS_FIELDS = (
    "addressee",
    "city",
    "country",
    "created_at",
    "line_1",
    "line_2",
    "phone_number",
    "postal_code",
    "state",
)
HISTORY_FIELDS = (
    "amount_cents",
    "currency_code",
    "date",
    "payment_status",
    "pledge_payment_status",
    "tier_id",
    "tier_title",
    "type",
)
POST_FIELDS = {"post": ("is_paid", "is_public", "published_at", "tiers", "title", "url")}
WEBHOOK_FIELDS = {
    "webhook": (
        "last_attempted_at",
        "num_consecutive_times_failed",
        "paused",
        "secret",
        "triggers",
        "uri",
    )
}

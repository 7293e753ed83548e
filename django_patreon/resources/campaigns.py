"""Campaigns, what they sell, and what they publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .resource import Resource, hidden

__all__ = ["Benefit", "Campaign", "Deliverable", "Goal", "LiveAccessRule", "Media", "Post", "Tier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign(Resource):
    """A creator's page."""

    created_at: datetime | None = None
    creation_name: str | None = None
    currency: str | None = None
    discord_server_id: str | None = None
    google_analytics_id: str | None = None
    has_rss: bool | None = None
    has_sent_rss_notify: bool | None = None
    image_small_url: str | None = hidden()
    image_url: str | None = hidden()
    is_charged_immediately: bool | None = None
    is_monthly: bool | None = None
    is_nsfw: bool | None = None
    main_video_embed: str | None = None
    main_video_url: str | None = None
    name: str | None = None
    one_liner: str | None = None
    patron_count: int | None = None
    pay_per_name: str | None = None
    pledge_url: str | None = None
    """A path (observed), though it reads like an address."""
    published_at: datetime | None = None
    rss_artwork_url: str | None = None
    rss_feed_title: str | None = None
    show_earnings: bool | None = None
    summary: str | None = None
    thanks_embed: str | None = None
    thanks_msg: str | None = None
    thanks_video_url: str | None = None
    url: str | None = None
    vanity: str | None = None
    creator_id: str | None = None
    tier_ids: tuple[str, ...] | None = None
    benefit_ids: tuple[str, ...] | None = None
    goal_ids: tuple[str, ...] | None = None
    live_access_rule_ids: tuple[str, ...] | None = None

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers that came along; `tier_ids` has them all."""
        return self.many("tier", self.tier_ids)

    @property
    def benefits(self) -> tuple[Benefit, ...]:
        return self.many("benefit", self.benefit_ids)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """Deprecated, and always empty (official)."""
        return self.many("goal", self.goal_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier(Resource):
    """What a campaign sells. Every campaign has a free one, of 0 cents (observed)."""

    amount_cents: int | None = None
    created_at: datetime | None = None
    description: str | None = None
    discord_role_ids: tuple[str, ...] | None = None
    edited_at: datetime | None = None
    image_url: str | None = hidden()
    patron_count: int | None = None
    post_count: int | None = None
    published: bool | None = None
    published_at: datetime | None = None
    remaining: int | None = None
    requires_shipping: bool | None = None
    title: str | None = None
    unpublished_at: datetime | None = None
    url: str | None = None
    """A path (observed)."""
    user_limit: int | None = None
    campaign_id: str | None = None
    benefit_ids: tuple[str, ...] | None = None
    media_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit(Resource):
    """What a tier comes with."""

    app_external_id: str | None = None
    app_meta: Mapping[str, Any] | None = hidden()
    benefit_type: str | None = None
    created_at: datetime | None = None
    deliverables_due_today_count: int | None = None
    delivered_deliverables_count: int | None = None
    description: str | None = None
    is_deleted: bool | None = None
    is_ended: bool | None = None
    is_published: bool | None = None
    next_deliverable_due_date: datetime | None = None
    not_delivered_deliverables_count: int | None = None
    rule_type: str | None = None
    tiers_count: int | None = None
    title: str | None = None
    campaign_id: str | None = None
    deliverable_ids: tuple[str, ...] | None = None
    tier_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverable(Resource):
    """One delivery of a benefit to one member."""

    completed_at: datetime | None = None
    delivery_status: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal(Resource):
    """Deprecated (official)."""

    amount_cents: int | None = None
    completed_percentage: int | None = None
    created_at: datetime | None = None
    description: str | None = None
    reached_at: datetime | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media(Resource):
    """A file, such as the picture of a tier. Its addresses end after days or weeks (official)."""

    created_at: datetime | None = None
    download_url: str | None = hidden()
    file_name: str | None = None
    image_urls: Mapping[str, Any] | None = hidden()
    metadata: Mapping[str, Any] | None = hidden()
    mimetype: str | None = None
    owner_id: str | None = None
    owner_relationship: str | None = None
    owner_type: str | None = None
    size_bytes: int | None = None
    state: str | None = None
    upload_expires_at: datetime | None = None
    upload_parameters: Mapping[str, Any] | None = hidden()
    upload_url: str | None = hidden()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccessRule(Resource):
    """Who may watch a live (observed, early access)."""

    access_rule_type: str | None = None
    tier_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post(Resource):
    """What a creator published."""

    app_id: int | None = None
    app_status: str | None = None
    content: str | None = hidden()
    embed_data: Mapping[str, Any] | None = hidden()
    embed_url: str | None = None
    is_paid: bool | None = None
    is_public: bool | None = None
    published_at: datetime | None = None
    title: str | None = None
    url: str | None = None
    """A path (observed)."""
    campaign_id: str | None = None
    tier_ids: tuple[str, ...] | None = None
    """Who may read it; empty for everybody. Numbers and texts have both been seen."""
    user_id: str | None = None

"""What belongs to the site's own registration: its client, its webhooks, its lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django_patreon.secret import Secret

from .campaigns import Campaign
from .resource import Resource, hidden

__all__ = ["Client", "Live", "Webhook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(Resource):
    """A registration at Patreon, such as this site's."""

    author_name: str | None = None
    category: str | None = None
    client_secret: Secret = field(default=Secret(), repr=False)
    default_scopes: str | None = None
    """Deprecated (official)."""
    description: str | None = None
    domain: str | None = None
    icon_url: str | None = None
    name: str | None = None
    privacy_policy_url: str | None = None
    redirect_uris: str | None = None
    tos_url: str | None = None
    version: int | None = None
    campaign_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Live(Resource):
    """A live stream (observed, early access)."""

    description: str | None = None
    rtmp_url: str | None = hidden()
    scheduled_for: datetime | None = None
    state: str | None = None
    stream_key: Secret = field(default=Secret(), repr=False)
    title: str | None = None
    campaign_id: str | None = None
    live_access_rule_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Resource):
    """An address that Patreon tells of changes."""

    last_attempted_at: datetime | None = None
    num_consecutive_times_failed: int | None = None
    paused: bool | None = None
    secret: Secret = field(default=Secret(), repr=False)
    """What deliveries are signed with; each webhook has its own."""
    triggers: tuple[str, ...] | None = None
    uri: str | None = None
    campaign_id: str | None = None
    client_id: str | None = None

    @property
    def campaign(self) -> Campaign | None:
        found: Campaign | None = self.one("campaign", self.campaign_id)
        return found

    @property
    def client(self) -> Client | None:
        found: Client | None = self.one("client", self.client_id)
        return found

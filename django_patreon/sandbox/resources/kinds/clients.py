"""Resource types of an OAuth client: webhook, client."""

from __future__ import annotations

from django_patreon.sandbox.resources.schema import Kind, always, many, one, own

__all__ = ["CLIENTS"]

CLIENTS = {
    "webhook": Kind(
        path="webhooks",
        attributes={
            "last_attempted_at": own("d?", "last_attempted_at"),
            "num_consecutive_times_failed": own("i", "num_consecutive_times_failed"),
            "paused": own("b", "paused"),
            "secret": own("s", "secret"),
            "triggers": own("[s]", "triggers"),
            "uri": own("s", "uri"),
        },
        relations={
            "campaign": one("campaign", lambda world, hook, viewer: hook.campaign_id),
            "client": one("client", lambda world, hook, viewer: world.client.id),
        },
    ),
    "client": Kind(
        path="clients",
        attributes={
            "author_name": always("s?"),
            "category": always("s", "other"),
            # Not the real secret: no answer of the API contains it.
            "client_secret": always("s", ""),
            "default_scopes": always("s", ""),
            "description": own("s", "description"),
            "domain": always("s?"),
            "icon_url": always("s?"),
            "name": own("s", "name"),
            "privacy_policy_url": always("s?"),
            "redirect_uris": own("s", "redirect_uris"),
            "tos_url": always("s?"),
            "version": always("i?", 2),
        },
        relations={
            "apps": many("app"),
            "campaign": one("campaign", lambda world, client, viewer: world.owner_campaign_id),
            "creator_token": one("oauth-token"),
            "user": one(
                "user",
                lambda world, client, viewer: world.campaigns[world.owner_campaign_id].creator_id,
            ),
        },
    ),
}

"""The client id and secret of this site."""

from __future__ import annotations

from django.conf import settings

from django_patreon.api import OAuthClient
from django_patreon.secret import Secret

__all__ = ["site_client"]


def site_client() -> OAuthClient:
    """Return the site's own client id and secret, from social-auth's settings."""
    return OAuthClient(
        id=getattr(settings, "SOCIAL_AUTH_PATREON_KEY", None) or "",
        secret=Secret(getattr(settings, "SOCIAL_AUTH_PATREON_SECRET", None) or ""),
    )

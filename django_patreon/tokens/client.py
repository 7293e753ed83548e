"""The client ids and secrets of this site."""

from __future__ import annotations

from django.conf import settings

from django_patreon.api import OAuthClient
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import Refused
from django_patreon.secret import Secret

__all__ = ["client_of", "site_client"]


def site_client() -> OAuthClient:
    """Return the site's own client id and secret, from social-auth's settings."""
    return OAuthClient(id=_setting("KEY"), secret=Secret(_setting("SECRET")))


def client_of(client_id: str) -> OAuthClient:
    """Return the client to which Patreon gave a pair of tokens: no other one can renew them.

    It is the site's own, from social-auth's settings, or one of `PATREON["CLIENTS"]`. On a site
    without CLIENTS an unknown id is an older one of the site's own, so its own client is returned.
    Raises `Refused` with the code `unknown_client` on a site that has CLIENTS.
    """
    own, clients = site_client(), patreon_settings().CLIENTS
    if client_id in clients and client_id != own.id:
        return OAuthClient(id=client_id, secret=Secret(clients[client_id]))
    if client_id in ("", own.id) or not clients:
        return own
    raise Refused(
        f"The tokens are those of client {client_id}, which is not in PATREON['CLIENTS'].",
        code="unknown_client",
    )


def _setting(name: str) -> str:
    """Return a setting from where social-auth reads it."""
    for place in (f"SOCIAL_AUTH_PATREON_{name}", f"SOCIAL_AUTH_{name}"):
        found = getattr(settings, place, None)
        if found:
            return str(found)
    return ""

"""Examinations of settings and database, without Patreon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from django_patreon.conf import patreon_settings
from django_patreon.limits import current_gate
from django_patreon.models import PatreonAccount
from django_patreon.sync import our_connected_campaigns

from .findings import Finding, Level

__all__ = [
    "database",
    "is_reachable",
    "rate_limit",
    "redirect_uris",
    "scheme",
    "sign_in_uris",
    "syncs",
    "tokens",
]


def scheme() -> str:
    """Return the scheme of the redirect URIs, as far as the settings show."""
    forced = getattr(settings, "SOCIAL_AUTH_REDIRECT_IS_HTTPS", None)
    own = getattr(settings, "SOCIAL_AUTH_PATREON_REDIRECT_IS_HTTPS", forced)
    behind_proxy = getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    return "https" if own or behind_proxy or settings.SECURE_SSL_REDIRECT else "http"


def sign_in_uris() -> list[str]:
    """Return the redirect URI of the sign-in for each host of ALLOWED_HOSTS that is a name."""
    namespace = getattr(settings, "SOCIAL_AUTH_URL_NAMESPACE", None) or "social"
    path = reverse(f"{namespace}:complete", args=["patreon"])
    hosts = [each for each in settings.ALLOWED_HOSTS if "*" not in each]
    return [f"{scheme()}://{each.removeprefix('.')}{path}" for each in hosts]


def redirect_uris() -> Iterator[Finding]:
    """Say which redirect URIs have to be registered."""
    try:
        uris = sign_in_uris()
    except NoReverseMatch:
        return  # W011 has said it
    creators = any("PatreonCreatorOAuth2" in each for each in settings.AUTHENTICATION_BACKENDS)
    if creators:
        uris += [each.replace("/patreon/", "/patreon-creator/") for each in uris]
    yield Finding(
        id="D001",
        level=Level.NOTE,
        what="Redirect URIs to register on Patreon's page for developers: "
        + (", ".join(uris) or "that of each host (ALLOWED_HOSTS names none)"),
        why="Patreon shows an error page for a redirect URI that is not registered, exactly so.",
        cure="Compare them with the page, host by host. A port belongs to the URI, too.",
    )
    if not settings.DEBUG and scheme() == "http":
        yield Finding(
            id="D002",
            level=Level.WARNING,
            what="The redirect URIs begin with http://.",
            why="Behind a proxy that ends TLS, Django takes requests for http, and Patreon refuses"
            " the redirect URI.",
            cure="Set SECURE_PROXY_SSL_HEADER to what your proxy sends, or"
            " SOCIAL_AUTH_REDIRECT_IS_HTTPS = True.",
        )


def is_reachable(connection: Any) -> bool:
    """Return True if the database answers."""
    try:
        connection.ensure_connection()
    except Exception:  # each driver has its own
        return False
    return True


def database() -> Iterator[Finding]:
    """Look whether the database answers and has all migrations."""
    using = router.db_for_write(PatreonAccount)
    connection = connections[using]
    if not is_reachable(connection):
        yield Finding(
            id="D010",
            level=Level.ERROR,
            what=f"The database {using!r} does not answer.",
            why="Nothing works without it.",
            cure="Start it, or mend DATABASES.",
        )
        return
    executor = MigrationExecutor(connection)
    targets = [key for key in executor.loader.graph.leaf_nodes() if key[0] == "django_patreon"]
    if executor.migration_plan(targets):
        yield Finding(
            id="D011",
            level=Level.ERROR,
            what="Migrations of django_patreon have not been applied.",
            why="Sign-ins and gates fail without the tables.",
            cure="Run manage.py migrate.",
        )


def tokens() -> Iterator[Finding]:
    """Look for accounts whose tokens no key opens, and for creators who must reconnect."""
    rows = PatreonAccount.objects.using(router.db_for_write(PatreonAccount))
    connected = rows.filter(state=PatreonAccount.State.CONNECTED)
    unreadable = sum(
        not each.refresh_token.readable
        for each in connected.only("refresh_token").order_by("-pk")[:1000]
    )
    if unreadable:
        yield Finding(
            id="D020",
            level=Level.ERROR,
            what=f"No key of this site opens the tokens of {unreadable} accounts.",
            why="Those people have to sign in with Patreon again, and a creator has to reconnect.",
            cure="Put the key they were encrypted under back into TOKEN_KEYS or"
            " SECRET_KEY_FALLBACKS, and run manage.py patreon_rotate_keys.",
        )
    late = connected.filter(token_expires_at__lt=timezone.now()).count()
    if late:
        yield Finding(
            id="D021",
            level=Level.WARNING,
            what=f"The access tokens of {late} accounts have expired and were not renewed.",
            why="A refresh token that is not used may die, and then the person has to reconnect.",
            cure="Let cron run manage.py patreon_tick every few minutes.",
        )
    for campaign in our_connected_campaigns():
        if campaign.creator is not None and campaign.creator.needs_reconnect:
            yield Finding(
                id="D022",
                level=Level.ERROR,
                what=f"The creator of {campaign} must connect the campaign again.",
                why="Its members cannot be read, and webhooks are applied by their bodies only.",
                cure="Press “Connect your campaign” on the admin's page of campaigns.",
            )


def syncs() -> Iterator[Finding]:
    """Look at the age of the last sync of each connected campaign."""
    for campaign in our_connected_campaigns():
        age = None if campaign.synced_at is None else timezone.now() - campaign.synced_at
        if age is None:
            yield Finding(
                id="D030",
                level=Level.WARNING,
                what=f"The members of {campaign} were never read as a whole.",
                why="Only people who have signed in here are known.",
                cure="Run manage.py patreon_sync, and let cron run patreon_tick.",
            )
        elif age > 2 * patreon_settings().SYNC_EVERY + timedelta(hours=1):
            yield Finding(
                id="D031",
                level=Level.WARNING,
                what=f"The last complete sync of {campaign} began {age.days} days ago.",
                why="Who leaves and does not sign in keeps what they had until MAX_AGE.",
                cure="Look at the sync runs in the admin, and let cron run patreon_tick.",
            )


def rate_limit() -> Iterator[Finding]:
    """Look whether the site is being kept from Patreon."""
    gate = current_gate()
    if gate is None:
        yield Finding(
            id="D040",
            level=Level.WARNING,
            what="RATE_LIMIT is None: nothing keeps Patreon's limits.",
            why="A burst of sign-ins or a sync makes Patreon block the site for half an hour.",
            cure="Leave RATE_LIMIT at 'database', or give it the address of a Redis.",
        )

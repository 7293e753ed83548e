"""Examinations that ask Patreon, or the sandbox. None of them spends a token or changes
anything."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import NoReverseMatch

from django_patreon import tokens
from django_patreon.api import exchange_code, try_authorize
from django_patreon.exceptions import PatreonAPIError, RateLimited, Unavailable
from django_patreon.secret import Secret
from django_patreon.sync import our_connected_campaigns
from django_patreon.tokens.client import site_client
from django_patreon.webhooks import health, hooks

from .findings import Finding, Level
from .here import sign_in_uris

__all__ = ["campaigns", "client", "webhooks"]

SCOPES = ("identity", "identity[email]")
NEEDED = ("campaigns", "campaigns.members", "w:campaigns.webhook")
MOST_SKEW = 60.0
"""Seconds that this machine's clock may be wrong."""


def client() -> Iterator[Finding]:
    """Tell a wrong client id, a wrong secret and a wrong redirect URI apart.

    A code that does not exist is refused as `invalid_grant` if id and secret are right (observed),
    and as `invalid_client` if they are not (inferred). A wrong redirect URI leads to Patreon's page
    of errors (observed).
    """
    own = site_client()
    try:
        uris = sign_in_uris()
    except NoReverseMatch:
        uris = []
    code = Secret("no-such-code")
    uri = uris[0] if uris else "https://localhost/complete/patreon/"
    try:
        exchange_code(code, client=own, redirect_uri=uri)
    except (RateLimited, Unavailable):
        raise
    except PatreonAPIError as error:
        if error.code == "invalid_grant":
            yield Finding(id="D101", level=Level.GOOD, what="Patreon knows the id and the secret.")
        elif error.code in ("invalid_client", "unauthorized_client", "access_denied"):
            yield Finding(
                id="D102",
                level=Level.ERROR,
                what=f"Patreon refuses the id or the secret ({error.code}).",
                why="Nobody can sign in.",
                cure="Compare SOCIAL_AUTH_PATREON_KEY and SOCIAL_AUTH_PATREON_SECRET with Patreon's"
                " page for developers.",
            )
        else:
            yield Finding(
                id="D103",
                level=Level.WARNING,
                what="Whether id and secret are right could not be told: Patreon answered"
                f" {error.status} {error.code}.".rstrip(),
                why="Patreon does not document its answers to this.",
                cure="Try a sign-in.",
            )
    skew = None
    for each in uris:
        answer = try_authorize(own.id, each, SCOPES)
        skew = answer.skew
        if answer.error or answer.status >= 400:
            yield Finding(
                id="D104",
                level=Level.ERROR,
                what=f"Patreon does not accept {each} ({answer.error or answer.status}).",
                why="Visitors who press the button end on Patreon's page of errors.",
                cure="Register exactly this URI on Patreon's page for developers, or take the host"
                " out of ALLOWED_HOSTS.",
            )
    if skew is not None and abs(skew) > MOST_SKEW:
        yield Finding(
            id="D105",
            level=Level.WARNING,
            what=f"This machine's clock is {abs(skew):.0f} seconds"
            f" {'ahead of' if skew > 0 else 'behind'} Patreon's.",
            why="The age of facts and the life of tokens are computed by it.",
            cure="Let the clock be set by NTP.",
        )


def campaigns() -> Iterator[Finding]:
    """Look at the creator's scopes, and whether the campaign can be read."""
    for campaign in our_connected_campaigns():
        creator = campaign.creator
        if creator is None or creator.needs_reconnect:
            continue  # D022 has said it
        missing = [each for each in NEEDED if each not in creator.scopes]
        if missing:
            yield Finding(
                id="D110",
                level=Level.WARNING,
                what=f"The creator's tokens of {campaign} lack {', '.join(missing)}.",
                why="Without them members cannot be read, or no webhook can be registered.",
                cure="Connect the campaign again in the admin, and allow all that Patreon lists.",
            )
        tokens.client_for(creator).campaign(campaign.patreon_id)
        yield Finding(id="D111", level=Level.GOOD, what=f"{campaign} can be read.")


def webhooks() -> Iterator[Finding]:
    """Look whether Patreon still sends."""
    for campaign in our_connected_campaigns():
        creator = campaign.creator
        if creator is None or creator.needs_reconnect or hooks.SCOPE not in creator.scopes:
            continue
        problems = health.problems_of(campaign, hooks.read_from_patreon(campaign))
        for each in problems:
            yield Finding(
                id="D120",
                level=Level.WARNING,
                what=f"{campaign}: {each}",
                why="Changes at Patreon are heard of at the next sync only.",
                cure="See docs/webhooks.md.",
            )
        if not problems:
            yield Finding(id="D121", level=Level.GOOD, what=f"{campaign} has a webhook that works.")

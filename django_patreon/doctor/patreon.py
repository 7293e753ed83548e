"""Examinations that ask Patreon, or the sandbox. None of them spends a token or changes
anything."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.urls import NoReverseMatch

from django_patreon import tokens
from django_patreon.api import AuthorizeAnswer, OAuthClient, exchange_code, try_authorize
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
INVALID_SCOPE = "invalid_scope"
NO_URI = "https://localhost/complete/patreon/"
"""Sent with a code that does not exist if this site has no redirect URI that is known."""
MOST_SKEW = 60.0
"""Seconds that this machine's clock may be wrong."""


def client() -> Iterator[Finding]:
    """Tell a wrong client id, secret, redirect URI and scope apart.

    A code that does not exist is refused as `invalid_grant` if id and secret are right (observed),
    and as `invalid_client` if they are not (inferred). At the consent page, a wrong redirect URI
    leads to Patreon's page of errors (observed), a wrong id to the same page with a description of
    the id (inferred), and a wrong scope back to the site with `invalid_scope` (observed).
    """
    own = site_client()
    try:
        uris = sign_in_uris()
    except NoReverseMatch:
        uris = []
    pages = [(each, try_authorize(own.id, each, _scopes())) for each in uris]
    is_id_unknown = any("client" in answer.error.lower() for _, answer in pages)
    yield from _client(own, uris[0] if uris else NO_URI, is_id_unknown=is_id_unknown)
    if not is_id_unknown:
        yield from _redirect_uris(pages)
        yield from _scope(pages)
    yield from _clock([answer.skew for _, answer in pages if answer.skew is not None])


def _scopes() -> list[str]:
    """Return the scopes that the sign-in asks for: the settings' own, and the default ones."""
    extra = getattr(settings, "SOCIAL_AUTH_PATREON_SCOPE", None) or []
    return list(dict.fromkeys([*SCOPES, *(extra.split() if isinstance(extra, str) else extra)]))


def _client(own: OAuthClient, uri: str, *, is_id_unknown: bool) -> Iterator[Finding]:
    if is_id_unknown:
        yield Finding(
            id="D102",
            level=Level.ERROR,
            what="Patreon does not know the client id.",
            why="Nobody can sign in.",
            cure="Compare SOCIAL_AUTH_PATREON_KEY with Patreon's page for developers.",
        )
        return
    try:
        exchange_code(Secret("no-such-code"), client=own, redirect_uri=uri)
    except (RateLimited, Unavailable):
        raise
    except PatreonAPIError as error:
        if error.code == "invalid_grant":
            yield Finding(id="D101", level=Level.GOOD, what="Patreon knows the id and the secret.")
        elif error.code in ("invalid_client", "unauthorized_client", "access_denied"):
            yield Finding(
                id="D108",
                level=Level.ERROR,
                what=f"Patreon refuses the client's secret ({error.code}), or its id.",
                why="Nobody can sign in, and no token can be renewed.",
                cure="Compare SOCIAL_AUTH_PATREON_SECRET with Patreon's page for developers, then"
                " SOCIAL_AUTH_PATREON_KEY.",
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


def _redirect_uris(pages: list[tuple[str, AuthorizeAnswer]]) -> Iterator[Finding]:
    for uri, answer in pages:
        if answer.error and answer.error != INVALID_SCOPE:
            yield Finding(
                id="D104",
                level=Level.ERROR,
                what=f"Patreon does not accept {uri} ({answer.error}).",
                why="Visitors who press the button end on Patreon's page of errors.",
                cure="Register exactly this URI on Patreon's page for developers, or take the host"
                " out of ALLOWED_HOSTS.",
            )
        elif answer.status >= 400:
            yield Finding(
                id="D107",
                level=Level.WARNING,
                what=f"Whether {uri} is registered could not be told: Patreon's consent page"
                f" answered {answer.status}.",
                why="Patreon may refuse programs there that it lets browsers in.",
                cure="Press the sign-in button in a browser.",
            )


def _scope(pages: list[tuple[str, AuthorizeAnswer]]) -> Iterator[Finding]:
    if any(answer.error == INVALID_SCOPE for _, answer in pages):
        yield Finding(
            id="D106",
            level=Level.ERROR,
            what=f"Patreon refuses one of the scopes {', '.join(_scopes())}.",
            why="Nobody can sign in.",
            cure="Take out of SOCIAL_AUTH_PATREON_SCOPE what API v2 does not have, and use a client"
            " of API version 2.",
        )


def _clock(skews: list[float]) -> Iterator[Finding]:
    skew = min(skews, key=abs, default=0.0)
    if abs(skew) > MOST_SKEW:
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

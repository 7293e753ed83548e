"""System checks: what is wrong with a site's settings, and the line that mends it.

docs/checks.md lists the ids. An id is never used twice.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from social_core.pipeline import DEFAULT_AUTH_PIPELINE

from django_patreon.conf import PatreonSettings, patreon_settings, unknown_keys
from django_patreon.sign_in.errors import CREATOR

from .character_sets import check_character_sets
from .csp import check_csp
from .database import check_catalogue, check_clear_tokens, check_webhooks
from .deployment import check_deployment, check_workers
from .files import check_files
from .gates import check_gates
from .hosting import check_proxy_header, check_templates, check_time_zone
from .middleware import check_middleware
from .rows import check_rows
from .sessions import check_sessions
from .urls import check_urls
from .views import check_views

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "check_catalogue",
    "check_character_sets",
    "check_clear_tokens",
    "check_csp",
    "check_deployment",
    "check_files",
    "check_gates",
    "check_middleware",
    "check_proxy_header",
    "check_rows",
    "check_sessions",
    "check_settings",
    "check_sign_in",
    "check_templates",
    "check_time_zone",
    "check_urls",
    "check_views",
    "check_webhooks",
    "check_workers",
]

SAVE_ACCOUNT = "django_patreon.pipeline.save_account"
JOIN_BY_EMAIL = "django_patreon.pipeline.associate_by_email"
STOCK_JOIN_BY_EMAIL = "social_core.pipeline.social_auth.associate_by_email"
STOCK_BACKEND = "social_core.backends.patreon"
SHORTEST_KEY = 32
_STRATEGY = "social_django.strategy.DjangoStrategy"
_PLACES = ("SOCIAL_AUTH_PATREON", "SOCIAL_AUTH")
"""How the names of social-auth's settings begin."""


@register(Tags.security)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Look at the `PATREON` dict."""
    return list(_settings_faults())


@register(Tags.security)
def check_sign_in(**_: Any) -> list[CheckMessage]:
    """Look at what social-auth was told."""
    if not apps.is_installed("social_django"):
        return [
            Error(
                "django_patreon signs people in through social-auth, which is not installed.",
                hint='Add "social_django" to INSTALLED_APPS.',
                id="django_patreon.E003",
            )
        ]
    installed = list(_backends())
    backends = [each for each in installed if getattr(each, "name", "") == "patreon"]
    faults = list(_creator_faults(installed, is_alone=not backends))
    if not backends:
        return [
            *faults,
            Warning(
                "Nobody can sign in with Patreon: its backend is not installed.",
                hint='Add "django_patreon.backends.PatreonOAuth2" to AUTHENTICATION_BACKENDS.',
                id="django_patreon.W004",
            ),
        ]
    return [*faults, *_backend_faults(backends), *_pipeline_faults()]


def _settings_faults() -> Iterator[CheckMessage]:
    given = getattr(settings, "PATREON", {})
    known = list(PatreonSettings.__dataclass_fields__)
    for key in unknown_keys(given) if isinstance(given, dict) else ():
        near = get_close_matches(str(key).upper(), known, n=1)
        yield Error(
            f"PATREON has a key {key!r}, which means nothing.",
            hint=f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}.",
            id="django_patreon.E001",
        )
    try:
        keys = patreon_settings().TOKEN_KEYS
    except ImproperlyConfigured as error:
        yield Error(str(error), id="django_patreon.E002")
        return
    for index, key in enumerate(keys):
        if len(key) < SHORTEST_KEY:
            yield Warning(
                f"PATREON['TOKEN_KEYS'][{index}] is short: it could be guessed.",
                hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
                id="django_patreon.W002",
            )


def _backends() -> Iterator[Any]:
    for path in settings.AUTHENTICATION_BACKENDS:
        try:
            yield import_string(path)
        except ImportError:
            continue  # Django says so itself, at the first sign-in


def _creator_faults(installed: list[Any], *, is_alone: bool) -> Iterator[CheckMessage]:
    """Look at the backend that connects a campaign, if the site has it."""
    if not any(getattr(each, "name", "") == CREATOR for each in installed):
        return
    if is_alone:
        yield Error(
            "PatreonCreatorOAuth2 saves what PatreonOAuth2 can sign in with, which is missing.",
            hint='Add "django_patreon.backends.PatreonOAuth2" to AUTHENTICATION_BACKENDS.',
            id="django_patreon.E016",
        )
    for name in ("KEY", "SECRET"):
        own = getattr(settings, f"SOCIAL_AUTH_PATREON_CREATOR_{name}", None)
        if own and own != getattr(settings, f"SOCIAL_AUTH_PATREON_{name}", None):
            yield Error(
                f"SOCIAL_AUTH_PATREON_CREATOR_{name} has no effect: tokens are renewed with"
                f" SOCIAL_AUTH_PATREON_{name}, and those of another client could not be.",
                hint=f"Remove it, and register the second redirect URI with the client of"
                f" SOCIAL_AUTH_PATREON_{name}.",
                id="django_patreon.E016",
            )


def _backend_faults(backends: list[Any]) -> Iterator[CheckMessage]:
    if any(STOCK_BACKEND in [base.__module__ for base in each.__mro__] for each in backends):
        yield Error(
            "AUTHENTICATION_BACKENDS has social-core's own Patreon backend, which keeps tokens in"
            " clear and asks the real Patreon whatever BASE_URL says.",
            hint="Put django_patreon.backends.PatreonOAuth2 in its place. Then run manage.py"
            " patreon_adopt --from social-auth: it takes over who has signed in so far.",
            id="django_patreon.E013",
        )
    for name in ("SOCIAL_AUTH_PATREON_KEY", "SOCIAL_AUTH_PATREON_SECRET"):
        value = getattr(settings, name, None)
        if isinstance(value, str) and value != "".join(value.split()):
            yield Warning(
                f"{name} has a space or a line break in it, so Patreon will refuse it.",
                hint="It came with the copying, or with the file that it is read from: strip it.",
                id="django_patreon.W010",
            )
    key = getattr(settings, "SOCIAL_AUTH_PATREON_KEY", None)
    if key and key == getattr(settings, "SOCIAL_AUTH_PATREON_SECRET", None):
        yield Warning(
            "SOCIAL_AUTH_PATREON_KEY and SOCIAL_AUTH_PATREON_SECRET are the same: the secret is in"
            " the address of each sign-in, or Patreon refuses the id.",
            hint="Copy both from Patreon's page for developers again.",
            id="django_patreon.W020",
        )
    if len(backends) > 1:
        yield Error(
            'AUTHENTICATION_BACKENDS has more than one backend called "patreon".',
            hint="Keep django_patreon.backends.PatreonOAuth2 and remove the other.",
            id="django_patreon.E008",
        )
    missing = [
        f"SOCIAL_AUTH_PATREON_{name}"
        for name in ("KEY", "SECRET")
        if not any(getattr(settings, f"{start}_{name}", None) for start in _PLACES)
        and getattr(settings, "SOCIAL_AUTH_STRATEGY", _STRATEGY) == _STRATEGY  # else it may know
    ]
    if missing:
        yield Warning(
            f"{' and '.join(missing)} not set: signing in with Patreon will not work.",
            hint="They are the client id and secret from Patreon's page for developers."
            " The sandbox takes sandbox-client and sandbox-secret.",
            id="django_patreon.W001",
        )
    if any(not each.STATE_PARAMETER for each in backends) or _says_no("STATE_PARAMETER"):
        yield Error(
            "The state parameter is switched off: anybody could sign a visitor in as themselves.",
            hint="Remove STATE_PARAMETER = False.",
            id="django_patreon.E006",
        )
    if _says_no("SANITIZE_REDIRECTS"):
        yield Error(
            "SANITIZE_REDIRECTS is off: a link to this site could send people anywhere.",
            hint="Remove the setting; name further hosts in SOCIAL_AUTH_ALLOWED_REDIRECT_HOSTS.",
            id="django_patreon.E007",
        )
    if _says_no("VERIFY_SSL"):
        yield Warning(
            "VERIFY_SSL = False is ignored for Patreon: connections are always verified.",
            hint="For a certificate authority of your own set REQUESTS_CA_BUNDLE.",
            id="django_patreon.W003",
        )


def _pipeline_faults() -> Iterator[CheckMessage]:
    name, pipeline = _own_pipeline()
    if pipeline is None:
        return
    if SAVE_ACCOUNT not in pipeline:
        yield Error(
            f"{name} does not save the Patreon account: no tokens, no memberships.",
            hint=f'Add "{SAVE_ACCOUNT}" as its last line.',
            id="django_patreon.E004",
        )
    if STOCK_JOIN_BY_EMAIL in pipeline:
        yield Error(
            f"{name} joins people to local users by e-mail alone.",
            hint=f'Put "{JOIN_BY_EMAIL}" in place of "{STOCK_JOIN_BY_EMAIL}": the same for other'
            " providers, and for Patreon only verified addresses, and only with"
            " PATREON['LINK_VERIFIED_EMAIL'].",
            id="django_patreon.E005",
        )


def _own_pipeline() -> tuple[str, tuple[str, ...] | None]:
    """Find the pipeline that social-auth would use, if it is not its default."""
    for name in ("SOCIAL_AUTH_PATREON_PIPELINE", "SOCIAL_AUTH_PIPELINE", "PIPELINE"):
        found = getattr(settings, name, None)
        if found is not None:
            return name, None if tuple(found) == DEFAULT_AUTH_PIPELINE else tuple(found)
    return "", None


def _says_no(name: str) -> bool:
    """Is a setting of social-auth there, and false, in one of the places it looks?"""
    return any(not getattr(settings, f"{start}_{name}", True) for start in _PLACES)

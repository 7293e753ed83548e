"""Is the session that begins a sign-in still there when Patreon sends the visitor back (T20)?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Tags, Warning, register

from .deployment import is_in_production

__all__ = ["check_sessions"]

CACHE = "django.contrib.sessions.backends.cache"
CACHED_DB = "django.contrib.sessions.backends.cached_db"


@register(Tags.security)
def check_sessions(**_: Any) -> list[CheckMessage]:
    """Look at the session's cookie and at where sessions are stored."""
    return [*_cookie(), *_storage()]


def _cookie() -> Iterator[CheckMessage]:
    given = settings.SESSION_COOKIE_SAMESITE
    same_site = given.lower() if isinstance(given, str) else ""
    if same_site == "strict":
        yield Warning(
            "SESSION_COOKIE_SAMESITE is 'Strict': browsers do not send the session's cookie when"
            " Patreon sends a visitor back, so no sign-in succeeds.",
            hint="Set it to 'Lax', which is Django's default.",
            id="django_patreon.W024",
        )
    elif same_site == "none" and not settings.SESSION_COOKIE_SECURE:
        yield Warning(
            "SESSION_COOKIE_SAMESITE is 'None' without SESSION_COOKIE_SECURE: browsers refuse the"
            " session's cookie, so no sign-in succeeds.",
            hint="Set SESSION_COOKIE_SAMESITE to 'Lax', or SESSION_COOKIE_SECURE to True.",
            id="django_patreon.W024",
        )


def _storage() -> Iterator[CheckMessage]:
    engine = settings.SESSION_ENGINE
    if engine not in (CACHE, CACHED_DB):
        return
    try:
        cache = caches[settings.SESSION_CACHE_ALIAS]
    except InvalidCacheBackendError:
        return  # Django says so itself
    if isinstance(cache, DummyCache) and engine == CACHE:
        what = "keeps nothing"
    elif isinstance(cache, LocMemCache) and is_in_production():
        what = "each worker process has for itself"
    else:
        return
    yield Warning(
        f"Sessions are stored in the cache {settings.SESSION_CACHE_ALIAS!r}, which {what}: a"
        " sign-in that began is not known any more when Patreon sends the visitor back.",
        hint="Use a cache that all processes share, or"
        ' SESSION_ENGINE = "django.contrib.sessions.backends.db".',
        id="django_patreon.W018",
    )

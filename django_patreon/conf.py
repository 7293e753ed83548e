"""The `PATREON` setting, read once into one frozen value.

`patreon_settings()` is the only way in. It is built lazily, and again whenever
Django says that `PATREON` has changed, so `override_settings` works in tests.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PatreonSettings", "patreon_settings", "unknown_keys"]


@dataclass(frozen=True, kw_only=True)
class PatreonSettings:
    """Every key of `PATREON`, with its default."""

    BASE_URL: str = "https://www.patreon.com"
    """Where Patreon is; the sandbox's address in development. No trailing slash needed."""
    TOKEN_KEYS: tuple[str, ...] = field(default=(), repr=False)
    """Secrets that encrypt what we store: the first encrypts, all decrypt. Empty: Django's
    SECRET_KEY and SECRET_KEY_FALLBACKS stand in."""
    LINK_VERIFIED_EMAIL: bool = False
    """May a first sign-in join the one local user who has the same address, when Patreon
    says that the address is verified?"""
    STORE_EMAIL: bool = True
    """Keep the e-mail address that Patreon reports on the account?"""
    TIMEOUT: tuple[float, float] = (3.0, 10.0)
    """Seconds to wait for Patreon: to connect, and for each piece of the answer."""
    REFRESH_MARGIN: timedelta = timedelta(days=2)
    """A token that has less time left than this is renewed before it is used."""
    RATE_LIMIT: str | None = field(default="database", repr=False)
    """Where the site's processes share Patreon's rate limits: "database", the address of a Redis
    ("redis://..."; needs the extra `redis`), "process" for a site of one process, None: nowhere."""
    USER_AGENT: str = ""
    """Sent with every request. Empty: the name and version of this package. Patreon refuses
    requests without one (official)."""

    @property
    def base_url(self) -> str:
        """`BASE_URL` without a trailing slash."""
        return self.BASE_URL.rstrip("/")


_NAMES = tuple(each.name for each in dataclasses.fields(PatreonSettings))


def unknown_keys(given: Mapping[str, Any]) -> list[str]:
    """Name the keys of a `PATREON` setting that mean nothing, in the order given."""
    return [key for key in given if key not in _NAMES]


@cache
def patreon_settings() -> PatreonSettings:
    """Return the settings in force.

    Raises `ImproperlyConfigured` when `PATREON` is not a dict or holds a value of a kind that
    cannot work. Unknown keys are left to the system check, which can name all of them.
    """
    given = getattr(settings, "PATREON", {})
    if not isinstance(given, dict):
        raise ImproperlyConfigured("PATREON must be a dict, such as {'STORE_EMAIL': False}.")
    values = {key: value for key, value in given.items() if key in _NAMES}
    values["TOKEN_KEYS"] = _strings("TOKEN_KEYS", values.get("TOKEN_KEYS", ()))
    values["TIMEOUT"] = _timeout(values.get("TIMEOUT", PatreonSettings.TIMEOUT))
    for name in ("BASE_URL", "USER_AGENT"):
        if not isinstance(values.get(name, ""), str):
            raise ImproperlyConfigured(f"PATREON[{name!r}] must be text.")
    for name in ("LINK_VERIFIED_EMAIL", "STORE_EMAIL"):
        # Exactly a bool: a hopeful "False" from the environment must not open a door.
        if not isinstance(values.get(name, False), bool):
            raise ImproperlyConfigured(f"PATREON[{name!r}] must be True or False.")
    margin = values.get("REFRESH_MARGIN", PatreonSettings.REFRESH_MARGIN)
    if not isinstance(margin, timedelta) or margin < timedelta():
        raise ImproperlyConfigured("PATREON['REFRESH_MARGIN'] must be a timedelta.")
    limit = values.get("RATE_LIMIT", PatreonSettings.RATE_LIMIT)
    known = limit in (None, "database", "process")
    if not known and not str(limit).startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(
            "PATREON['RATE_LIMIT'] must be 'database', 'process', the address of a Redis, or None."
        )
    return PatreonSettings(**values)


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) and each for each in value):
        return tuple(value)
    raise ImproperlyConfigured(f"PATREON[{name!r}] must be a list of non-empty strings.")


def _timeout(value: Any) -> tuple[float, float]:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(pair) == 2 and all(
        isinstance(each, (int, float)) and not isinstance(each, bool) and each > 0 for each in pair
    ):
        return float(pair[0]), float(pair[1])
    raise ImproperlyConfigured(
        "PATREON['TIMEOUT'] must be seconds, or a pair of seconds (connect, read), above zero."
    )


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "PATREON":
        patreon_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_patreon.conf")

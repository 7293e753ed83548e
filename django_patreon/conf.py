"""The `PATREON` setting, read once into one frozen value.

`patreon_settings()` is the only way in. It is built lazily, and again whenever
Django says that `PATREON` has changed, so `override_settings` works in tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

__all__ = ["PatreonSettings", "patreon_settings", "unknown_keys"]


@dataclass(frozen=True, kw_only=True)
class PatreonSettings:
    """Every key of `PATREON`, with its default."""

    BASE_URL: str = "https://www.patreon.com"
    """Where Patreon is; the sandbox's address in development. No trailing slash needed."""
    BROWSER_URL: str = ""
    """Where the browser finds Patreon, if the site finds it at another address, as a sandbox in a
    container. Used for the sign-in page and for links to Patreon. Empty: BASE_URL."""
    TOKEN_KEYS: tuple[str, ...] = field(default=(), repr=False)
    """Secrets that encrypt what we store: the first encrypts, all decrypt. Empty: Django's
    SECRET_KEY and SECRET_KEY_FALLBACKS stand in."""
    CLIENTS: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further clients of this site at Patreon, {client id: secret}, where a strategy of its own
    chooses the client by host. Tokens are renewed with the client that gave them."""
    LINK_VERIFIED_EMAIL: bool = False
    """May a first sign-in join the one local user who has the same address, when Patreon
    says that the address is verified?"""
    STORE_EMAIL: bool = True
    """Keep the e-mail addresses that Patreon reports, on accounts and memberships?"""
    ERASE: bool = False
    """Take name, e-mail and note out of a person's memberships of connected campaigns, too, when
    their account is deleted? Of campaigns that are not connected they are taken out anyway."""
    CAMPAIGN_ID: str | None = None
    """The campaign that a gate means when it names none; None: the only one that is ours."""
    TIERS: Mapping[str, str] = field(default_factory=dict)
    """Names for tier ids, for rules: {"gold": "9100003"}. Titles on Patreon may change."""
    DECLINED_GRACE: timedelta = timedelta(days=7)
    """How long a patron whose card was declined keeps what they had, from the declined charge,
    or from when we first heard of it if Patreon does not date it."""
    BLANK_GRACE: timedelta = timedelta(days=3)
    """How long a patron in good standing keeps what Patreon no longer lists."""
    MAX_AGE: timedelta = timedelta(days=14)
    """How old what Patreon told us may be before it opens nothing any more."""
    SYNC_EVERY: timedelta = timedelta(days=1)
    """How old the last complete sync of a connected campaign may be before patreon_tick syncs it
    again."""
    KEEP_EVENTS: timedelta = timedelta(days=400)
    """How long events of memberships and sync runs are kept. patreon_tick deletes older ones."""
    WEBHOOK_SECRETS: tuple[str, ...] = field(default=(), repr=False)
    """Secrets of webhooks that were made on Patreon's page for developers. Those that
    `patreon_webhooks register` makes are kept in the database."""
    KEEP_BODIES: timedelta = timedelta(days=30)
    """How long the bodies of webhook deliveries are kept, which name people. patreon_tick empties
    older ones."""
    COUNT_TRIAL: bool = True
    """Do free trials count as paying?"""
    COUNT_GIFTED: bool = True
    """Do gifted memberships count as paying?"""
    COUNT_UNCHARGED: bool = True
    """Do patrons count before their first charge?"""
    STAFF_BYPASS: bool = True
    """May staff, and the creator, pass every gate?"""
    LOCKED_PAGE_FOR_ALL: bool = False
    """Do visitors who are signed out get the locked page, with a button to sign in with Patreon,
    instead of a redirect to LOGIN_URL?"""
    TIER_GROUPS: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Django groups that the holders of a tier are in: {"gold": ["supporters"]}."""
    REVOKE_LIMIT: float = 0.2
    """The share of a campaign's patrons that one sync may demote, 0 to 1, because Patreon no longer
    lists them. When there are more, it demotes nobody and says so."""
    TIMEOUT: tuple[float, float] = (3.0, 10.0)
    """Seconds to wait for Patreon: to connect, and for the answer. Together they are the longest
    that one request takes."""
    REFRESH_MARGIN: timedelta = timedelta(days=2)
    """A token with less time left than this, or than a quarter of its life, is renewed first."""
    RATE_LIMIT: str | None = field(default="database", repr=False)
    """Where the site's processes share Patreon's rate limits: "database", the address of a Redis
    ("redis://..."; needs the extra `redis`), "process" for a site of one process, None: nowhere."""
    CLIENT_ADDRESS: str = ""
    """The key of `request.META` with the visitor's address, such as "HTTP_CF_CONNECTING_IP".
    Empty: REMOTE_ADDR, or behind a proxy the last address of X-Forwarded-For."""
    USER_AGENT: str = ""
    """Sent with every request. Empty: the name and version of this package. Patreon refuses
    requests without one (official)."""

    @property
    def base_url(self) -> str:
        """`BASE_URL` without a trailing slash."""
        return self.BASE_URL.rstrip("/")

    @property
    def browser_url(self) -> str:
        """`BROWSER_URL`, or else `BASE_URL`, without a trailing slash."""
        return (self.BROWSER_URL or self.BASE_URL).rstrip("/")


_NAMES = tuple(each.name for each in dataclasses.fields(PatreonSettings))
_FLAGS = tuple(each.name for each in dataclasses.fields(PatreonSettings) if each.type == "bool")
_SPANS = tuple(
    each.name for each in dataclasses.fields(PatreonSettings) if each.type == "timedelta"
)


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
    values["WEBHOOK_SECRETS"] = _strings("WEBHOOK_SECRETS", values.get("WEBHOOK_SECRETS", ()))
    values["TIMEOUT"] = _timeout(values.get("TIMEOUT", PatreonSettings.TIMEOUT))
    for name in ("BASE_URL", "BROWSER_URL", "CLIENT_ADDRESS", "USER_AGENT"):
        if not isinstance(values.get(name, ""), str):
            raise ImproperlyConfigured(f"PATREON[{name!r}] must be text.")
    browser = values.get("BROWSER_URL", "")
    if browser and not browser.startswith(("http://", "https://")):
        raise ImproperlyConfigured(
            "PATREON['BROWSER_URL'] must be an address such as 'http://localhost:8001'."
        )
    for name in _FLAGS:
        # Exactly a bool: a hopeful "False" from the environment must not open a door.
        if not isinstance(values.get(name, False), bool):
            raise ImproperlyConfigured(f"PATREON[{name!r}] must be True or False.")
    share = values.get("REVOKE_LIMIT", PatreonSettings.REVOKE_LIMIT)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ImproperlyConfigured("PATREON['REVOKE_LIMIT'] must be a number from 0 to 1.")
    limit = values.get("RATE_LIMIT", PatreonSettings.RATE_LIMIT)
    known = limit in (None, "database", "process")
    if not known and not str(limit).startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(
            "PATREON['RATE_LIMIT'] must be 'database', 'process', the address of a Redis, or None."
        )
    for name in _SPANS:
        span = values.get(name, timedelta())
        if not isinstance(span, timedelta) or span < timedelta():
            raise ImproperlyConfigured(f"PATREON[{name!r}] must be a timedelta.")
    if values.get("CAMPAIGN_ID") is not None:
        values["CAMPAIGN_ID"] = _id("CAMPAIGN_ID", values["CAMPAIGN_ID"])
    clients = _dict("CLIENTS", values.get("CLIENTS", {}))
    values["CLIENTS"] = dict(zip(clients, _strings("CLIENTS", [*clients.values()]), strict=True))
    values["TIERS"] = {
        name: _id("TIERS", key) for name, key in _dict("TIERS", values.get("TIERS", {})).items()
    }
    values["TIER_GROUPS"] = {
        name: _groups(name, groups)
        for name, groups in _dict("TIER_GROUPS", values.get("TIER_GROUPS", {})).items()
    }
    return PatreonSettings(**values)


def _dict(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and all(isinstance(each, str) and each for each in value):
        return value
    raise ImproperlyConfigured(f"PATREON[{name!r}] must be a dict with names for keys.")


def _id(name: str, value: Any) -> str:
    """Ids are text at Patreon; a number is what people write."""
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
        return str(value).strip()
    raise ImproperlyConfigured(f"PATREON[{name!r}] must have Patreon's ids, such as '4410027'.")


def _strings(name: str, value: Any) -> tuple[str, ...]:
    return _texts(value, f"PATREON[{name!r}] must be a list of non-empty strings.")


def _groups(tier: str, value: Any) -> tuple[str, ...]:
    return _texts(value, f"PATREON['TIER_GROUPS'][{tier!r}] must be a list of group names.")


def _texts(value: Any, fault: str) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) and each for each in value):
        return tuple(value)
    raise ImproperlyConfigured(fault)


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

"""Is this site, as far as settings show, one that visitors use? What must not be there then."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from django_patreon.conf import patreon_settings

__all__ = ["check_deployment", "check_workers", "is_in_production"]


def is_in_production() -> bool:
    """Return True without DEBUG, and outside of a test run.

    Django's test runner switches DEBUG off, too, and gives `mail` an outbox.
    """
    return not settings.DEBUG and not hasattr(mail, "outbox")


@register(Tags.security)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """Look for development's shortcuts on a site that is in production.

    A site's tests may use the sandbox.
    """
    if not is_in_production():
        return []
    faults: list[CheckMessage] = []
    try:
        conf = patreon_settings()
    except ImproperlyConfigured:
        return []  # E002 has said it
    for name, address in (("BASE_URL", conf.base_url), ("BROWSER_URL", conf.browser_url)):
        url = urlsplit(address)
        host = url.hostname or ""
        if url.scheme == "https" and (host == "patreon.com" or host.endswith(".patreon.com")):
            continue
        if name == "BROWSER_URL" and not conf.BROWSER_URL:
            continue  # it is BASE_URL
        faults.append(
            Error(
                f"PATREON[{name!r}] is {url.scheme}://{host}, which is not Patreon: whoever runs"
                " that host decides who is who on this site.",
                hint=f"Leave {name} out in production.",
                id="django_patreon.E009",
            )
        )
    if apps.is_installed("django_patreon.sandbox"):
        faults.append(
            Error(
                "The sandbox is installed on a site that is in production.",
                hint='Remove "django_patreon.sandbox" from INSTALLED_APPS.',
                id="django_patreon.E009",
            )
        )
    return faults


@register(Tags.security, deploy=True)
def check_workers(**_: Any) -> list[CheckMessage]:
    """Look for a rate limit that each worker process keeps for itself.

    How many processes a site has, its settings do not say: so `check --deploy` alone asks.
    """
    try:
        limit = patreon_settings().RATE_LIMIT
    except ImproperlyConfigured:
        return []  # E002 has said it
    if limit != "process":
        return []
    return [
        Warning(
            "PATREON['RATE_LIMIT'] is 'process': with several workers each counts its own requests"
            " only, and together they exceed Patreon's limits.",
            hint="Set RATE_LIMIT to 'database' or to the address of a Redis. On a site of one"
            " process, silence this check.",
            id="django_patreon.W021",
        )
    ]

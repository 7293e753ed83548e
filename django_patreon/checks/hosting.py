"""Settings of Django's own that sign-in, pages and dates of this app rely on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template

__all__ = ["check_proxy_header", "check_templates", "check_time_zone"]


@register(Tags.security)
def check_proxy_header(**_: Any) -> list[CheckMessage]:
    """Look for a proxy's header that is spelt as no key of `request.META` is (T21)."""
    header = getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    if not (isinstance(header, (list, tuple)) and header and isinstance(header[0], str)):
        return []  # not set; or Django says so itself, at the first request
    key = header[0].upper().replace("-", "_")
    right = key if key.startswith("HTTP_") else f"HTTP_{key}"
    if header[0] == right:
        return []
    return [
        Warning(
            f"SECURE_PROXY_SSL_HEADER names {header[0]!r}, which is no key of request.META:"
            " requests count as http, and Patreon refuses the redirect URI.",
            hint=f"Write {right!r}.",
            id="django_patreon.W019",
        )
    ]


@register(Tags.templates)
def check_templates(**_: Any) -> list[CheckMessage]:
    """Look whether Django finds the templates of this app."""
    try:
        get_template("django_patreon/locked.html")
    except TemplateDoesNotExist as error:
        missing = str(error)
    except (TemplateSyntaxError, ImproperlyConfigured):
        return []  # the page of a site's own is wrong; or Django says so itself
    else:
        return []
    return [
        Warning(
            f"Django does not find the template {missing}: the pages of this app fail.",
            hint="Set APP_DIRS to True in TEMPLATES, or add"
            ' "django.template.loaders.app_directories.Loader" to its loaders.',
            id="django_patreon.W022",
        )
    ]


@register
def check_time_zone(**_: Any) -> list[CheckMessage]:
    """Look for dates that are ambiguous for an hour when the clocks go back."""
    return list(_ambiguous_hour())


def _ambiguous_hour() -> Iterator[CheckMessage]:
    if settings.USE_TZ:
        return
    try:
        zone = ZoneInfo(settings.TIME_ZONE)
    except (KeyError, OSError, TypeError, ValueError):
        return  # Django says so itself
    year = datetime.now(zone).year
    if len({datetime(year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)}) == 1:
        return
    yield Warning(
        f"USE_TZ is off and the clocks of {settings.TIME_ZONE} change: dates in the hour that comes"
        " twice are ambiguous, so a token or a pass may end an hour off.",
        hint="Set USE_TZ = True, which is Django's default.",
        id="django_patreon.W023",
    )

"""Is our middleware installed, and does it stand behind those of Django that it relies on?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.utils.module_loading import import_string

__all__ = ["check_middleware"]

OURS = "django_patreon.middleware.PatreonMiddleware"
BEFORE_OURS = {
    "django.contrib.auth.middleware.AuthenticationMiddleware": "a gate that is asked in between"
    " takes everybody for signed out",
    "django.middleware.csrf.CsrfViewMiddleware": "the button with which staff stop looking at the"
    " site as a patron may be refused",
}


@register(Tags.security)
def check_middleware(**_: Any) -> list[CheckMessage]:
    """Look for our middleware, and at what stands behind it."""
    installed = [_class_at(path) for path in settings.MIDDLEWARE]
    place = _place(OURS, installed)
    if place is None:
        return [
            Warning(
                "PatreonMiddleware is not installed: there is no request.patreon, every gate asks"
                " the database anew, pages with a gate in a template or an API may be kept by"
                " caches, and nothing tells staff that they look at the site as a patron.",
                hint=f'Add "{OURS}" to MIDDLEWARE, behind AuthenticationMiddleware: last will do.',
                id="django_patreon.W007",
            )
        ]
    return [
        Warning(
            f"PatreonMiddleware stands before {path.rpartition('.')[2]}: {harm}.",
            hint=f'Move "{OURS}" behind "{path}" in MIDDLEWARE.',
            id="django_patreon.W008",
        )
        for path, harm in BEFORE_OURS.items()
        if (_place(path, installed) or 0) > place
    ]


def _place(path: str, installed: list[Any]) -> int | None:
    """Find a middleware, or one that a site has made of it."""
    wanted = import_string(path)
    for place, each in enumerate(installed):
        if isinstance(each, type) and issubclass(each, wanted):
            return place
    return None


def _class_at(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:
        return None  # Django says so itself, at the start

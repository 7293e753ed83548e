"""Can people reach the sign-in, the account page and LOGIN_URL?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from django_patreon.access.gates import is_gated
from django_patreon.own_urls import USUAL, own_url

__all__ = ["check_urls"]


@register(Tags.urls)
def check_urls(**_: Any) -> list[CheckMessage]:
    """Look for the URLs that sign-in and gates lead to."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    try:
        return [*_missing(), *_login_url()]
    except Exception:  # Django's own check of the URLs says what is wrong with them
        return []


def _missing() -> list[CheckMessage]:
    namespace = getattr(settings, "SOCIAL_AUTH_URL_NAMESPACE", None) or "social"
    wanted: list[tuple[str, Callable[[], str], str]] = [
        (
            f"{namespace}:begin",
            partial(reverse, f"{namespace}:begin", args=["patreon"]),
            'path("", include("social_django.urls", namespace='
            '"social")): without it nobody can sign in.',
        ),
        (
            f"{USUAL}:account",
            partial(own_url, "account"),
            'path("patreon/", include("django_patreon.urls")): the account page'
            " and the button that checks again.",
        ),
    ]
    faults: list[CheckMessage] = []
    for name, find, what in wanted:
        try:
            find()
        except NoReverseMatch:
            faults.append(
                Warning(
                    f"There is no URL {name!r}.",
                    hint=f"Add {what}",
                    id="django_patreon.W011",
                )
            )
    return faults


def _login_url() -> list[CheckMessage]:
    """LOGIN_URL is where a gate sends people who are not signed in."""
    try:
        address = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        address = ""
    if "://" in address or address.startswith("//"):
        return []  # they sign in on another host
    try:
        view = resolve(address.partition("?")[0]).func
    except Resolver404:
        return [
            Warning(
                f"LOGIN_URL is {str(settings.LOGIN_URL)!r}, and this site has no such page.",
                hint="Name a page that has the sign-in button.",
                id="django_patreon.W012",
            )
        ]
    if not is_gated(view):
        return []
    return [
        Error(
            f"LOGIN_URL is {str(settings.LOGIN_URL)!r}, which is closed to people who are not"
            " signed in: they would be sent there for ever.",
            hint="Name a page that everybody may open.",
            id="django_patreon.E014",
        )
    ]

"""Does the site's Content-Security-Policy let the sign-in button lead to Patreon?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from django_patreon.conf import patreon_settings

__all__ = ["check_csp"]


@register(Tags.security)
def check_csp(**_: Any) -> list[CheckMessage]:
    """Look at `form-action` in the settings of Django (since 6.0) and of django-csp.

    The button is a form of this site, whose answer redirects to Patreon. Browsers such as Chrome
    hold the redirect against `form-action`, too, and then nothing at all happens.
    """
    try:
        address = patreon_settings().browser_url
    except ImproperlyConfigured:
        return []  # E002 has said it
    return [
        Warning(
            f"The sign-in button may do nothing: form-action in {name} does not allow {address}.",
            hint=f'Add "{address}" to it. The button posts to this site, which redirects to'
            " Patreon, and browsers such as Chrome apply form-action to that redirect.",
            id="django_patreon.W015",
        )
        for name, sources in _policies()
        if not any(_allows(each, address) for each in sources)
    ]


def _policies() -> Iterator[tuple[str, Iterable[str]]]:
    """Yield where `form-action` is set, and what it allows."""
    of_django_csp = getattr(settings, "CONTENT_SECURITY_POLICY", None)
    found = {
        "SECURE_CSP": _directive(getattr(settings, "SECURE_CSP", None)),
        "CONTENT_SECURITY_POLICY": _directive(
            of_django_csp.get("DIRECTIVES") if isinstance(of_django_csp, dict) else None
        ),
        "CSP_FORM_ACTION": getattr(settings, "CSP_FORM_ACTION", None),
    }
    for name, value in found.items():
        if isinstance(value, str):
            yield name, value.split()
        elif isinstance(value, Iterable):
            yield name, [str(each) for each in value]


def _directive(policy: Any) -> Any:
    return policy.get("form-action") if isinstance(policy, dict) else None


def _allows(source: str, address: str) -> bool:
    """Does one source of a policy, such as `https://*.patreon.com`, allow the address?"""
    wanted = urlsplit(address)
    if source in ("*", f"{wanted.scheme}:"):
        return True
    if source.startswith("'") or source.endswith(":"):
        return False
    scheme, mark, rest = source.rpartition("://")
    if mark and scheme != wanted.scheme:
        return False
    host = rest.partition("/")[0]
    if host.startswith("*."):
        return wanted.netloc.endswith(host[1:])
    return host == wanted.netloc

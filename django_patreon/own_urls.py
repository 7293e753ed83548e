"""The addresses of our own pages, under whatever namespace a site has put them.

A site may have an app of its own whose URLs are called `patreon`. Then it includes ours as
`include("django_patreon.urls", namespace="supporters")`, and nothing of ours asks for a name that
the site owns.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.urls import get_resolver, get_urlconf, reverse

__all__ = ["own_url"]

USUAL = "patreon"
_URLCONF = "django_patreon.urls"


def own_url(name: str, *args: Any) -> str:
    """Return the address of one of our pages, such as "account". Raises `NoReverseMatch`."""
    return reverse(f"{_namespace(get_resolver(get_urlconf())) or USUAL}:{name}", args=args)


@lru_cache(maxsize=16)
def _namespace(resolver: Any) -> str | None:
    for name, (_prefix, included) in resolver.namespace_dict.items():
        if getattr(included.urlconf_name, "__name__", "") == _URLCONF:
            return str(name)
        inner = _namespace(included)
        if inner is not None:
            return f"{name}:{inner}"
    return None

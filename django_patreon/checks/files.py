"""Do the URLs of private files say which file is meant?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from django_patreon.access import PatronFileView

__all__ = ["check_files"]


@register(Tags.urls)
def check_files(**_: Any) -> list[CheckMessage]:
    """Look at the URLs that lead to a `PatronFileView`."""
    with suppress(Exception):  # Django's own check of the URLs says what is wrong with them
        return list(_faults(get_resolver(), "", set()))
    return []


def _faults(resolver: URLResolver, before: str, given: set[str]) -> Iterator[CheckMessage]:
    """Walk down; `before` and `given` are the address and the arguments so far."""
    for each in resolver.url_patterns:
        address = f"{before}{each.pattern}"
        groups = each.pattern.regex
        names = {*given, *groups.groupindex}
        if isinstance(each, URLResolver):
            yield from _faults(each, address, {*names, *each.default_kwargs})
        elif (
            _is_ours(each)
            and "path" not in {*names, *each.default_args}
            and groups.groups == len(groups.groupindex)  # one without a name is the file, too
        ):
            yield Error(
                f"The URL {address!r} of PatronFileView does not say which file is meant.",
                hint="Let it end in <path:path>.",
                id="django_patreon.E011",
            )


def _is_ours(pattern: URLPattern) -> bool:
    view = getattr(pattern.callback, "view_class", None)
    return (
        isinstance(view, type)
        and issubclass(view, PatronFileView)
        and view.get is PatronFileView.get  # one of its own may know from elsewhere
    )

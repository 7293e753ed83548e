"""Does every view that says a rule ask it? What REST framework and Django would not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from django_patreon.access.gates import is_gated

__all__ = ["check_views"]

_ID = "django_patreon.E015"


@register(Tags.urls)
def check_views(**_: Any) -> list[CheckMessage]:
    """Look at the classes of all views that URLs lead to."""
    with suppress(Exception):  # Django's own check of the URLs says what is wrong with them
        views = dict.fromkeys(_views(get_resolver()))
        return [fault for kind, gated in views for fault in _faults(kind, gated)]
    return []


def _views(resolver: URLResolver) -> Iterator[tuple[type, bool]]:
    """List each class of a view, and whether something around it is a gate already."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from _views(each)
        elif isinstance(each, URLPattern):
            kind = getattr(each.callback, "cls", getattr(each.callback, "view_class", None))
            if isinstance(kind, type):
                yield kind, is_gated(each.callback)


def _faults(kind: type, gated: bool) -> Iterator[CheckMessage]:
    name = f"{kind.__module__}.{kind.__qualname__}"
    is_api = hasattr(kind, "check_permissions") and hasattr(kind, "permission_classes")
    listed = getattr(kind, "permission_classes", ()) if is_api else ()
    wrong = _wrong_shape(listed)
    if wrong:
        yield Error(f"{name}.permission_classes is {wrong[0]}.", hint=wrong[1], id=_ID)
        return
    ours = [] if isinstance(listed, property) else [*_ours(listed)]
    for other in _unread_permissions(kind) if is_api else ():
        yield Error(
            f"{name}.{other} lists IsPatron, and REST framework does not read it.",
            hint="Write permission_classes = [IsPatron].",
            id=_ID,
        )
    for each in ours:
        try:
            each.check_view(kind)
        except TypeError as error:
            yield Error(f"{error}", id=_ID, obj=kind)
            return
    works_it_out = is_api and _has_its_own(kind, "get_permissions")
    is_asked = gated or ours or works_it_out or isinstance(listed, property)
    if not is_asked and any(hasattr(kind, each) for each in ("patron_rule", "get_patron_rule")):
        yield Error(
            f"{name} has a patron_rule that nothing reads: it is open to everybody.",
            hint="List IsPatron in its permission_classes."
            if is_api
            else "Name PatronRequiredMixin as its first base class.",
            id=_ID,
        )


def _wrong_shape(listed: Any) -> tuple[str, str] | None:
    """Say what is wrong with a `permission_classes`, and what to write; None: it is right."""
    right = 'Write permission_classes = [IsPatron], or [IsPatron.of(tier="gold")] for a rule.'
    if isinstance(listed, property):
        return None
    if isinstance(listed, type) or _is_combined(listed):
        return "a class, and no list of classes", right
    if isinstance(listed, str | Mapping) or not hasattr(listed, "__iter__"):
        return f"of the type {type(listed).__name__}, and no list of classes", right
    for each in listed:
        if not isinstance(each, type) and not _is_combined(each):
            kind = type(each).__name__
            return f"a list with something of the type {kind}, which is no class", right
    return None


def _is_combined(permission: Any) -> bool:
    """Is it made of others with `&`, `|` or `~`?"""
    return hasattr(permission, "operator_class") and hasattr(permission, "op1_class")


def _ours(listed: Any) -> Iterator[Any]:
    """Find `IsPatron` among permissions and in what is made of them."""
    for each in listed:
        if _is_combined(each):
            yield from _ours([each.op1_class, getattr(each, "op2_class", None)])
        elif getattr(each, "is_patron_gate", False):
            yield each


def _unread_permissions(kind: type) -> Iterator[str]:
    """Name the attributes that list `IsPatron` and are not `permission_classes`."""
    for base in kind.__mro__:
        for name, value in vars(base).items():
            many = value if isinstance(value, list | tuple | set) else [value]
            if name != "permission_classes" and any(_ours(many)):
                yield name


def _has_its_own(kind: type, method: str) -> bool:
    owner = next(each for each in kind.__mro__ if method in vars(each))
    return not owner.__module__.startswith("rest_framework.")

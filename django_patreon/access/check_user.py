"""check and acheck: ask about a user, in whatever code. They find the `Patron` of the user."""

from __future__ import annotations

from typing import Any, Never, Unpack

from asgiref.sync import sync_to_async
from django.utils.functional import LazyObject, empty

from django_patreon.entitlement import Decision

from .current import current_request, explain_async_error, require_user
from .patron import Patron, patron_of
from .spelling import Asked

__all__ = ["acheck", "check", "patron_for"]


def check(user: Any, *unnamed: Never, **rule: Unpack[Asked]) -> Decision:
    """Say whether `user` may come in: `check(user, tier="gold")`, `check(user)` for any patron.

    Arguments are those of `Rule`. Never calls Patreon. At most one query, and none when the
    user of the current request has been asked about before. Raises `TypeError` where `user` is no
    user, or an argument is unknown or has no name.
    """
    return patron_for(user).check(*unnamed, **rule)


async def acheck(user: Any, *unnamed: Never, **rule: Unpack[Asked]) -> Decision:
    """`check`, in an async view."""
    request = current_request()
    if request is not None and hasattr(request, "_acached_user") and _is_unread(request.user):
        # Where Django keeps what `request.auser()` found; `request.user` would ask once more.
        request.user = request._acached_user
    return await sync_to_async(check)(user, *unnamed, **rule)


@explain_async_error
def patron_for(user: Any) -> Patron:
    """Return the current request's `Patron` if it is about this user, else a new one."""
    require_user(user)
    request = current_request()
    if request is not None and user is not None and is_reader(request, user):
        return patron_of(request)
    return Patron(user)


def is_reader(request: Any, user: Any) -> bool:
    """Is it the user of this request?"""
    current = getattr(request, "user", None)
    if current is None:
        return False
    return current is user or (current.pk is not None and current.pk == getattr(user, "pk", None))


def _is_unread(user: Any) -> bool:
    return isinstance(user, LazyObject) and user._wrapped is empty

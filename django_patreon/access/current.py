"""Where and when a gate is asked: in which request, at what time, and not in async code."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.utils import timezone

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["acting_in", "current_request", "now", "with_a_cure"]

_request: ContextVar[HttpRequest | None] = ContextVar("django_patreon_request", default=None)


def current_request() -> HttpRequest | None:
    """Return the request that is being answered here; None outside of one."""
    return _request.get()


class acting_in:
    """Let `check(user)` know of the request it is called in."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __enter__(self) -> None:
        self.token = _request.set(self.request)

    def __exit__(self, *exc: object) -> None:
        _request.reset(self.token)


def now() -> datetime:
    """The time, aware whatever the site's settings."""
    found = timezone.now()
    return found if settings.USE_TZ else timezone.make_aware(found)


_Told = TypeVar("_Told", bound=Callable[..., Any])


def with_a_cure(function: _Told) -> _Told:
    """Name the cure where Django says that the database cannot be asked from async code."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SynchronousOnlyOperation:
            raise SynchronousOnlyOperation(
                "A gate asks the database. In an async view `await request.patreon.aload()` first,"
                " or use `acheck` or `patron_required`."
            ) from None

    return cast("_Told", wrapper)

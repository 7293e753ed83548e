"""Where a gate is asked: in which request, about whom, in which transaction, not in async code."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.contrib.auth import get_user_model
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connections, models, transaction

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = [
    "Write",
    "current_request",
    "explain_async_error",
    "require_user",
    "set_current_request",
    "uncacheable",
]

_request: ContextVar[HttpRequest | None] = ContextVar("django_patreon_request", default=None)


def current_request() -> HttpRequest | None:
    """Return the request that this thread or task is answering; None outside of a request."""
    return _request.get()


class set_current_request:
    """Make a request the current one, so that `check(user)` can use what it has read already."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __enter__(self) -> None:
        self.token = _request.set(self.request)

    def __exit__(self, *exc: object) -> None:
        _request.reset(self.token)


@cache
def uncacheable(kind: Any) -> Any:
    """Return a subclass of the request's class that Django's cache never stores an answer for.

    The mark is a property, since `cache_page` sets it when it begins, which may be after a gate was
    asked in a decorator around it or in a middleware.
    """
    fixed = property(lambda request: False, lambda request, value: None)
    return type(kind.__name__, (kind,), {"_cache_update_cache": fixed})


def require_user(given: Any) -> None:
    """Raise `TypeError` for a request or a row of another model, which are given by mistake.

    Anything else that is no user, such as a template's empty variable, counts as signed out.
    """
    another = isinstance(given, models.Model) and not isinstance(given, get_user_model())
    if another or (hasattr(given, "META") and hasattr(given, "method")):
        raise TypeError(
            f"A gate wants a user, such as request.user, and not {type(given).__name__}."
        )


class Write:
    """A write inside a transaction that is still open. Django drops the callbacks of a block that
    is rolled back, so this object notices whether it was committed."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.is_committed = False
        transaction.on_commit(self, using=using)

    def __call__(self) -> None:
        self.is_committed = True

    def is_rolled_back(self) -> bool:
        waiting = connections[self.using].run_on_commit
        return not self.is_committed and all(each[1] is not self for each in waiting)


_Told = TypeVar("_Told", bound=Callable[..., Any])


def explain_async_error(function: _Told) -> _Told:
    """Add what to do to Django's error that the database cannot be used from async code."""

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

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
    """Return the request that is being answered here; None outside of one."""
    return _request.get()


class set_current_request:
    """Let `check(user)` know of the request it is called in."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __enter__(self) -> None:
        self.token = _request.set(self.request)

    def __exit__(self, *exc: object) -> None:
        _request.reset(self.token)


@cache
def uncacheable(kind: Any) -> Any:
    """Return the request's class with an answer for Django's cache that nobody can change.

    `cache_page` begins by setting it, which may be after the question was asked: in a decorator
    around it, or in a middleware.
    """
    fixed = property(lambda request: False, lambda request, value: None)
    return type(kind.__name__, (kind,), {"_cache_update_cache": fixed})


def require_user(given: Any) -> None:
    """Raise `TypeError` for a request, or a row of another model whose key may be a user's, too.

    What else is no user, such as a template's empty variable, is nobody.
    """
    another = isinstance(given, models.Model) and not isinstance(given, get_user_model())
    if another or (hasattr(given, "META") and hasattr(given, "method")):
        raise TypeError(
            f"A gate wants a user, such as request.user, and not {type(given).__name__}."
        )


class Write:
    """A write that a request made while it was open. Django drops the callbacks of a block that is
    rolled back, so this one knows what became of it."""

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

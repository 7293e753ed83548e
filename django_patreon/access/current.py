"""Which request is being answered, for code that is told of a user only."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["acting_in", "current_request"]

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

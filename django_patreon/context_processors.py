"""`django_patreon.context_processors.patreon`: `{% if patreon.is_patron %}` in every template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .access import patron_of

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["patreon"]


def patreon(request: HttpRequest) -> dict[str, Any]:
    """Add `patreon`, the request's `Patron`. Costs nothing until a template uses it."""
    return {"patreon": patron_of(request)}

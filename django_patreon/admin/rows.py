"""Bases of the admin's pages for rows that this app writes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .notice import TellsOfClosedGates

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["GoesWithItsOwner", "ToLookAt"]


class GoesWithItsOwner(TellsOfClosedGates):
    """Rows that nobody deletes here. They go when what they belong to is deleted elsewhere, such
    as their user, if the operator may delete them at all."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        match = request.resolver_match
        own = f"{self.opts.app_label}_{self.opts.model_name}_"
        is_here = match is not None and (match.url_name or "").startswith(own)
        return not is_here and super().has_delete_permission(request, obj)


class ToLookAt(GoesWithItsOwner):
    """Rows that somebody else writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

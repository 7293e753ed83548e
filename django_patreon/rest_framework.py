"""`IsPatron` for Django REST framework, which a site installs itself."""

from __future__ import annotations

from typing import Any, Unpack

from rest_framework.permissions import BasePermission

from .access import Asked, Rule, patron_of, sentence
from .entitlement import Reason

__all__ = ["IsPatron"]


class IsPatron(BasePermission):
    """Let patrons in: `permission_classes = [IsPatron]`, or `[IsPatron.of(tier="gold")]`."""

    rule = Rule()
    message = ""

    @classmethod
    def of(cls, **rule: Unpack[Asked]) -> type[IsPatron]:
        """Return the permission for a rule; arguments are those of `Rule`."""
        made = Rule(**rule).declare(f"{cls.__name__}.of({rule})")
        return type(cls.__name__, (cls,), {"rule": made})

    def has_permission(self, request: Any, view: Any) -> bool:
        """Ask whoever DRF has authenticated; who is not, DRF itself asks to sign in."""
        _ = request.user  # makes DRF authenticate, and tell Django's request of it
        decision = patron_of(request).decide(self.rule)
        if decision.reason is not Reason.ANONYMOUS:
            self.message = sentence(decision)
        return decision.allowed

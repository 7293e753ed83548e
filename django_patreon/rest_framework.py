"""`IsPatron` for Django REST framework, which a site installs itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Unpack

from rest_framework.permissions import BasePermission

from .access import Asked, Rule, patron_of, sentence
from .entitlement import Reason

__all__ = ["IsPatron"]


class IsPatron(BasePermission):
    """Let patrons in: `permission_classes = [IsPatron]`, or `[IsPatron.of(tier="gold")]`."""

    rule = Rule()
    message = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "rule" in vars(cls):
            cls.rule.declare(f"{cls.__module__}.{cls.__qualname__}")

    @classmethod
    def of(cls, **rule: Unpack[Asked]) -> type[IsPatron]:
        """Return the permission for a rule, the same one each time; arguments are `Rule`'s."""
        base: Any = cls
        return _permission(base, Rule(**rule).declare(f"{cls.__name__}.of({rule})"))

    def has_permission(self, request: Any, view: Any) -> bool:
        """Ask whoever DRF has authenticated; who is not, DRF itself asks to sign in."""
        _ = request.user  # makes DRF authenticate, and tell Django's request of it
        decision = patron_of(request).decide(self.rule)
        if decision.reason is not Reason.ANONYMOUS:
            self.message = sentence(decision)
        return decision.allowed


@lru_cache(maxsize=1000)
def _permission(base: type[IsPatron], rule: Rule) -> type[IsPatron]:
    """A view may ask for its permission anew at every request."""
    made: type[IsPatron] = type(base.__name__, (base,), {})
    made.rule = rule
    return made

"""`IsPatron` for Django REST framework, which a site installs itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Never, Unpack

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import BasePermission

from .access import Rule, patron_of, sentence
from .access.classes import refuse_another_name
from .access.rules import rule_of
from .access.spelling import Asked

__all__ = ["IsPatron"]


class IsPatron(BasePermission):
    """Let patrons in: `permission_classes = [IsPatron]`, or `[IsPatron.of(tier="gold")]`.

    The rule may stand on a class, as in `PatronRequiredMixin`: `patron_rule = {"tier": "gold"}`, on
    the permission or on the view that lists plain `IsPatron`.
    """

    patron_rule: dict[str, Any] | None = None
    message = ""
    code = ""
    is_patron_gate = True
    """For the system checks, which look for it among the permissions of a view."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_another_name(cls)
        if hasattr(cls, "get_patron_rule"):
            raise TypeError(f"{cls.__qualname__}.get_patron_rule is not read: put it on the view.")
        if cls.patron_rule is not None:
            rule = rule_of(cls.patron_rule, f"{cls.__qualname__}.patron_rule")
            rule.declare(f"{cls.__module__}.{cls.__qualname__}")

    @classmethod
    def of(cls, *unnamed: Never, **rule: Unpack[Asked]) -> type[IsPatron]:
        """Return the permission for a rule, the same one each time; arguments are `Rule`'s."""
        base: Any = cls
        return _permission(base, Rule(*unnamed, **rule).declare(f"{cls.__name__}.of({rule})"))

    @classmethod
    def check_view(cls, view: Any) -> None:
        """Raise `TypeError` for the class of a view whose rule has a name that is not read, where
        this permission asks what the view says."""
        if cls._made is None and cls.patron_rule is None:
            _refuse_another_name(view)

    def rule_for(self, view: Any) -> Rule:
        """Return what the permission asks for, or else the view that lists it.

        Raises `ImproperlyConfigured` where both say something.
        """
        theirs = getattr(view, "patron_rule", None)
        if hasattr(view, "get_patron_rule"):
            theirs = view.get_patron_rule()
        if theirs is not None and (self._made is not None or self.patron_rule is not None):
            raise ImproperlyConfigured(
                f"{type(view).__name__}.patron_rule and its permission both name a rule."
            )
        if self._made is not None:
            return self._made
        self.check_view(type(view))
        return rule_of(self.patron_rule or theirs or {}, f"{type(view).__name__}.patron_rule")

    _made: Rule | None = None

    def has_permission(self, request: Any, view: Any) -> bool:
        """Ask whoever DRF has authenticated; who is not, DRF itself asks to sign in."""
        _ = request.user  # makes DRF authenticate, and tell Django's request of it
        decision = patron_of(request).decide(self.rule_for(view))
        # REST framework says it with status 403. With status 401, where a view has authenticators
        # and nobody is signed in, it uses a sentence of its own.
        self.message, self.code = sentence(decision), decision.reason
        return decision.allowed


@lru_cache(maxsize=1000)
def _permission(base: type[IsPatron], rule: Rule) -> type[IsPatron]:
    """A view may ask for its permission anew at every request."""
    made: type[IsPatron] = type(base.__name__, (base,), {})
    made._made = rule
    return made


@lru_cache(maxsize=1000)
def _refuse_another_name(view: type) -> None:
    """Raise `TypeError` for a view whose rule has a name that is not read; look at it once."""
    refuse_another_name(view)

"""Gates in views: the decorator, the class, and what people see who may not come in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.decorators import classonlymethod
from django.views.generic.base import View

from django_patreon.entitlement import Decision, Reason, Requirement

from .loading import KnownTier
from .patron import Patron, patron_of
from .rules import Asked, Rule
from .words import needs_in_words, sentence

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

__all__ = ["PatronRequiredMixin", "keep_private", "locked", "patron_required"]

_PRIVATE = "private, no-store"
_UNSURE = frozenset(
    {Reason.NEEDS_RECONNECT, Reason.TOO_OLD, Reason.UNKNOWN_STATUS, Reason.UNKNOWN_CHARGE}
)
_View = TypeVar("_View", bound=Callable[..., Any])


@overload
def patron_required(view: _View, /) -> _View: ...
@overload
def patron_required(**rule: Unpack[Asked]) -> Callable[[_View], _View]: ...
def patron_required(view: Any = None, /, **rule: Unpack[Asked]) -> Any:
    """Open a view, function or async function, to patrons only.

    `@patron_required` asks for any support, `@patron_required(tier="gold")` for what `Rule` says.
    """
    made = Rule(**rule)

    def decorate(view: Any) -> Any:
        made.declare(f"{view.__module__}.{getattr(view, '__qualname__', view)}")

        if _is_async(view):

            @wraps(view)
            async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                await patron_of(request).aload()
                found = locked(request, made) or view(request, *args, **kwargs)
                return keep_private(await found if isawaitable(found) else found)

        else:

            @wraps(view)
            def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                return keep_private(locked(request, made) or view(request, *args, **kwargs))

        return wrapper

    return decorate if view is None else decorate(view)


def _is_async(view: Any) -> bool:
    """Will the answer be awaited? `method_decorator` hands over the `dispatch` of an async class,
    which gives an awaitable and is no coroutine function."""
    if iscoroutinefunction(view):
        return True
    while view is not None:
        owner = getattr(getattr(view, "func", view), "__self__", None)
        if isinstance(owner, View):
            return owner.view_is_async
        view = getattr(view, "__wrapped__", None)
    return False


class PatronRequiredMixin(View):
    """Open a class-based view to patrons only: `patron_rule = {"tier": "gold"}`.

    For a rule that depends on the request override `get_patron_rule`.
    """

    patron_rule: dict[str, Any] = {}  # noqa: RUF012  (as attributes of Django's views are)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "patron_rule" in vars(cls):
            Rule(**cls.patron_rule).declare(f"{cls.__module__}.{cls.__qualname__}")

    @classonlymethod
    def as_view(cls, **given: Any) -> Any:
        if "patron_rule" in given:
            Rule(**given["patron_rule"]).declare(f"{cls.__module__}.{cls.__qualname__}.as_view()")
        return super().as_view(**given)

    def get_patron_rule(self) -> dict[str, Any]:
        """Return the arguments of `Rule`."""
        return self.patron_rule

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.view_is_async:
            return self._adispatch(request, *args, **kwargs)
        refusal = locked(request, Rule(**self.get_patron_rule()))
        return keep_private(refusal or super().dispatch(request, *args, **kwargs))

    async def _adispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        await patron_of(request).aload()
        refusal = locked(request, Rule(**self.get_patron_rule()))
        if refusal is None:
            answer: Any = super().dispatch(request, *args, **kwargs)
            return keep_private(await answer)
        return keep_private(refusal)


def locked(request: HttpRequest, rule: Rule) -> HttpResponse | None:
    """Return what to answer instead of the page; None when they may come in.

    Who is not signed in is asked to sign in and comes back; who is sees the locked page.
    """
    patron = patron_of(request)
    decision = patron.decide(rule)
    if decision.allowed:
        return None
    if decision.reason is Reason.ANONYMOUS:
        return redirect_to_login(request.get_full_path())
    return locked_page(request, decision, patron=patron)


def locked_page(
    request: HttpRequest,
    decision: Decision,
    *,
    patron: Patron,
    come_back_to: str | None = None,
    status: int = 403,
) -> HttpResponse:
    """Say what they need, what they have, and how to go on. No query of its own."""
    known = patron.known
    # Where we do not know how things stand, no tier is the cure: asking Patreon is.
    needs = None if decision.reason in _UNSURE else decision.needs
    offers = _offers(needs, list(known.tiers.values()), patron.case().campaign_id)
    if come_back_to is None:
        come_back_to = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    return render(
        request,
        "django_patreon/locked.html",
        {
            "decision": decision,
            "why": sentence(decision),
            "needs": needs_in_words(needs, known.tiers),
            "has": [] if decision.reason in _UNSURE else patron.tiers,
            "offers": offers,
            "is_linked": known.is_linked and not known.needs_reconnect,
            "needs_reconnect": known.needs_reconnect,
            "next": come_back_to,
        },
        status=status,
    )


def keep_private(response: Any) -> Any:
    """Let no cache keep the answer, open or locked: the next one may be another (T25)."""
    if not isinstance(response, HttpResponseBase):
        return response  # Django says what is wrong with it
    response.headers["Cache-Control"] = _PRIVATE
    patch_vary_headers(response, ["Cookie"])
    return response


def _offers(
    needs: Requirement | None, tiers: list[KnownTier], campaign_id: str | None
) -> list[KnownTier]:
    """Pick the tiers that would open the gate: those named, or the cheapest that is enough."""
    if needs is None:
        return []
    sold = [each for each in tiers if each.published and (each.amount_cents or 0) > 0]
    if needs.tiers is not None:
        return [each for each in tiers if each.id in needs.tiers]
    least = max(needs.cents or 1, (needs.at_least.amount_cents or 0) if needs.at_least else 1)
    if needs.at_least is not None and needs.at_least.amount_cents is None:
        return [each for each in tiers if each.id == needs.at_least.id]
    enough = [
        each
        for each in sold
        if each.campaign_id == campaign_id and (each.amount_cents or 0) >= least
    ]
    return sorted(enough, key=lambda each: (each.amount_cents or 0, each.id))[:1]

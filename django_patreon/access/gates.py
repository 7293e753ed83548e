"""Gates in views: the decorator, the class, and what people see who may not come in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.decorators import classonlymethod
from django.views.generic.base import View

from .answers import refusal
from .classes import refuse_a_way_round, refuse_another_argument, refuse_another_name
from .patron import patron_of
from .rules import Rule, rule_of
from .spelling import Asked, refuse_arguments

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

__all__ = [
    "PatronRequiredMixin",
    "alocked",
    "is_gated",
    "keep_private",
    "let_browser_keep",
    "locked",
    "patron_required",
]

_PRIVATE = "private, no-store"
_View = TypeVar("_View", bound=Callable[..., Any])


@overload
def patron_required(view: _View, /) -> _View: ...
@overload
def patron_required(**rule: Unpack[Asked]) -> Callable[[_View], _View]: ...
def patron_required(view: Any = None, /, **rule: Unpack[Asked]) -> Any:
    """Open a view, function or async function, to patrons only.

    `@patron_required` asks for any support, `@patron_required(tier="gold")` for what `Rule` says.
    """
    refuse_arguments(() if view is None or callable(view) else (view,), rule)
    made = Rule(**rule)

    def decorate(view: Any) -> Any:
        _require_view_function(view)
        made.declare(f"{view.__module__}.{getattr(view, '__qualname__', view)}")

        if _is_async(view):

            @wraps(view)
            async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                found = await alocked(request, made) or view(request, *args, **kwargs)
                return keep_private(await found if isawaitable(found) else found)

        else:

            @wraps(view)
            def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                return keep_private(locked(request, made) or view(request, *args, **kwargs))

        wrapper.is_patron_gate = True  # type: ignore[attr-defined]
        return wrapper

    return decorate if view is None else decorate(view)


def _require_view_function(view: Any) -> None:
    """Raise `TypeError` for a class or a method, whose first argument is no request."""
    code = getattr(view, "__code__", None)
    if isinstance(view, type) or (code is not None and code.co_varnames[:1] == ("self",)):
        raise TypeError(
            f"patron_required closes view functions; {view.__qualname__} is a class or a method."
            " Derive the class from PatronRequiredMixin, or decorate it with"
            ' @method_decorator(patron_required(...), name="dispatch").'
        )


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
        refuse_another_name(cls)
        refuse_a_way_round(cls, PatronRequiredMixin)
        if "patron_rule" in vars(cls):
            where = f"{cls.__module__}.{cls.__qualname__}"
            rule_of(cls.patron_rule, f"{cls.__qualname__}.patron_rule").declare(where)

    @classonlymethod
    def as_view(cls, **given: Any) -> Any:
        refuse_another_argument(cls, given, "patron_rule")
        if "patron_rule" in given:
            where = f"{cls.__module__}.{cls.__qualname__}.as_view()"
            rule_of(given["patron_rule"], "as_view(patron_rule=...)").declare(where)
        return super().as_view(**given)

    def get_patron_rule(self) -> dict[str, Any]:
        """Return the arguments of `Rule`. Called at each request."""
        return self.patron_rule

    def _rule(self) -> Rule:
        return rule_of(self.get_patron_rule(), f"{type(self).__qualname__}.get_patron_rule()")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.view_is_async:
            return self._adispatch(request, *args, **kwargs)
        refused = locked(request, self._rule())
        return keep_private(refused or super().dispatch(request, *args, **kwargs))

    async def _adispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        refused = await alocked(request, self._rule())
        if refused is None:
            found: Any = super().dispatch(request, *args, **kwargs)
            # Django's own mixins redirect at once, also from an async view.
            return keep_private(await found if isawaitable(found) else found)
        return keep_private(refused)


def is_gated(view: Any) -> bool:
    """Say whether a view of a URL is closed to people who are not signed in, as far as it shows."""
    kind = getattr(view, "view_class", None)
    if isinstance(kind, type) and issubclass(kind, PatronRequiredMixin):
        return True
    return bool(getattr(view, "is_patron_gate", False))


def locked(request: HttpRequest, rule: Rule) -> HttpResponse | None:
    """Return what to answer instead of the page; None when they may come in."""
    return refusal(request, patron_of(request).decide(rule), rule.campaign_id)


async def alocked(request: HttpRequest, rule: Rule) -> HttpResponse | None:
    """`locked`, in an async view."""
    patron = patron_of(request)
    await patron.aload()
    if patron.decide(rule).allowed:
        return None
    # In a thread: the page is made of the site's own templates, which may ask the database.
    return await sync_to_async(locked)(request, rule)


def let_browser_keep(response: HttpResponseBase, *, seconds: int) -> None:
    """Let the visitor's browser, and no other cache, use this answer again for so many seconds."""
    response.patreon_cache_control = f"private, max-age={seconds:d}"  # type: ignore[attr-defined]


def keep_private(response: Any) -> Any:
    """Let no cache keep the answer, open or locked: the next one may be another (T25).

    The visitor's own browser may keep it after `let_browser_keep`.
    """
    if not isinstance(response, HttpResponseBase):
        return response  # Django says what is wrong with it
    headers = response.headers
    allowed = getattr(response, "patreon_cache_control", _PRIVATE)
    if headers.get("Cache-Control") != allowed:
        headers["Cache-Control"] = allowed
    varies = headers.get("Vary")
    if varies is None:
        headers["Vary"] = "Cookie"
    elif varies != "Cookie":  # that is by the gate, before the middleware
        patch_vary_headers(response, ["Cookie"])
    return response

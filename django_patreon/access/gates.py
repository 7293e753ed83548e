"""Gates in views: the decorator, the class, and what people see who may not come in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isawaitable, unwrap
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.decorators import classonlymethod
from django.views.generic.base import View

from django_patreon.entitlement import Decision, Reason

from .page import locked_page
from .patron import patron_of
from .rules import Asked, Rule

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
    "refusal",
    "refuse_a_way_round",
    "refuse_another_name",
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
    if view is not None and not callable(view):
        raise TypeError(f'What a gate asks for is named: patron_required(tier="{view}").')
    made = Rule(**rule)

    def decorate(view: Any) -> Any:
        _refuse_what_is_no_view(view)
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


def _refuse_what_is_no_view(view: Any) -> None:
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
        refusal = await alocked(request, Rule(**self.get_patron_rule()))
        if refusal is None:
            found: Any = super().dispatch(request, *args, **kwargs)
            # Django's own mixins redirect at once, also from an async view.
            return keep_private(await found if isawaitable(found) else found)
        return keep_private(refusal)


def is_gated(view: Any) -> bool:
    """Say whether a view of a URL is closed to people who are not signed in, as far as it shows."""
    kind = getattr(view, "view_class", None)
    if isinstance(kind, type) and issubclass(kind, PatronRequiredMixin):
        return True
    return bool(getattr(view, "is_patron_gate", False))


def refuse_another_name(cls: type) -> None:
    """Raise `TypeError` for a rule under a name that no gate reads: it would ask for nothing."""
    wrong = {"rule", "patron_rules", "patreon_rule"}
    own = getattr(cls, "get_patron_rule", None)
    if not getattr(cls, "patron_rule", None) and own in (None, PatronRequiredMixin.get_patron_rule):
        wrong |= Asked.__annotations__.keys()  # beside a rule they may be the class's own
    for name in sorted(each for each in wrong if hasattr(cls, each)):
        raise TypeError(
            f'{cls.__qualname__}.{name} is not read. Write patron_rule = {{"tier": "gold"}}.'
        )


def refuse_a_way_round(cls: type, gate: type) -> None:
    """Raise `TypeError` where a `dispatch` before the gate's does not call the next: nobody would
    be refused."""
    for each in cls.__mro__[: cls.__mro__.index(gate)]:
        dispatch = unwrap(vars(each)["dispatch"]) if "dispatch" in vars(each) else None
        code = getattr(dispatch, "__code__", None)
        if code is not None and not {"super", "dispatch"} <= {*code.co_names}:
            raise TypeError(
                f"{cls.__qualname__} would be open to everybody: {each.__qualname__}.dispatch"
                f" comes before that of {gate.__name__} and does not call super().dispatch()."
                f" Name {gate.__name__} as the first base class."
            )


def locked(request: HttpRequest, rule: Rule) -> HttpResponse | None:
    """Return what to answer instead of the page; None when they may come in.

    Who is not signed in is asked to sign in and comes back; who is sees the locked page.
    """
    return refusal(request, patron_of(request).decide(rule), rule.campaign_id)


def refusal(
    request: HttpRequest, decision: Decision, campaign_id: str | None
) -> HttpResponse | None:
    """Return the answer for a decision that is made; None when they may come in."""
    if decision.allowed:
        return None
    if decision.reason is Reason.ANONYMOUS:
        return _sign_in_first(request)
    return locked_page(request, decision, patron=patron_of(request), campaign_id=campaign_id)


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    """Ask for it, and say the way back in full where people sign in on another host, as Django's
    `login_required` does."""
    sign_in = resolve_url(settings.LOGIN_URL)
    scheme, host = urlsplit(sign_in)[:2]
    is_here = not host or (host == request.get_host() and scheme in ("", request.scheme))
    back = request.get_full_path() if is_here else request.build_absolute_uri()
    return redirect_to_login(back, sign_in)


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

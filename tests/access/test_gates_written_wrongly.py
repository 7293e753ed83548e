"""A gate that is written wrongly is refused when it is made; it never becomes a weaker one."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.decorators import method_decorator
from django.views import View, generic
from django.views.decorators.cache import never_cache
from rest_framework.views import APIView

from django_patreon import access
from django_patreon.access import (
    Patron,
    PatronGatedDetailView,
    PatronRequiredMixin,
    Rule,
    acheck,
    check,
    gate_for,
    patron_required,
)
from django_patreon.rest_framework import IsPatron
from tests.gates.models import Show


class GoesRound(View):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse("open")


@method_decorator(never_cache, name="dispatch")
class Wrapped(View):
    """Its `dispatch` is Django's own, in a decorator."""


@pytest.mark.parametrize("base", [APIView, GoesRound, Wrapped])
def test_a_base_that_goes_round_the_gate_is_refused(base: type) -> None:
    with pytest.raises(TypeError, match="Name PatronRequiredMixin as the first base class"):
        type("Page", (base, PatronRequiredMixin), {})
    with pytest.raises(TypeError, match="Name PatronGatedDetailView as the first base class"):
        type("Page", (base, PatronGatedDetailView), {})


def test_a_dispatch_of_ones_own_that_goes_round_the_gate_is_refused() -> None:
    with pytest.raises(TypeError, match="does not call super"):

        class Page(PatronRequiredMixin, View):
            def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
                return HttpResponse("open")


def plainly_decorated(function: Any) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


class Gate(PatronRequiredMixin):
    """A site's own base of its gates."""


class ByName(Gate):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return Gate.dispatch(self, request, *args, **kwargs)


class ByPlace(Gate):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return access.PatronRequiredMixin.dispatch(self, request, *args, **kwargs)


class ByMethod(Gate):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self.answer(request, *args, **kwargs)

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)


def in_another_function(view: Any, request: HttpRequest) -> Any:
    return super(ByFunction, view).dispatch(request)


class ByFunction(Gate):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return in_another_function(self, request)


class ByLambda(Gate):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return (lambda: super(ByLambda, self).dispatch(request, *args, **kwargs))()


class ByGetattr(Gate):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(), "dispatch")(request, *args, **kwargs)  # noqa: B009


class Decorated(Gate):
    @plainly_decorated
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)


class SignedInFirst(LoginRequiredMixin, PatronRequiredMixin):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return LoginRequiredMixin.dispatch(self, request, *args, **kwargs)


@pytest.mark.parametrize(
    "kind",
    [ByName, ByPlace, ByMethod, ByFunction, ByLambda, ByGetattr, Decorated, SignedInFirst],
)
def test_a_dispatch_that_calls_the_next_in_another_way_is_a_gate(
    rf: RequestFactory, kind: Any
) -> None:
    page = type("Page", (kind, View), {"get": lambda self, request: HttpResponse("open")})
    request = rf.get("/")
    request.user = AnonymousUser()
    assert page.as_view()(request).status_code == 302


def test_a_dispatch_that_calls_one_behind_the_gate_is_refused() -> None:
    def by_name(self: Any, request: HttpRequest) -> Any:
        return View.dispatch(self, request)

    def both(self: Any, request: HttpRequest) -> Any:
        if request.method == "HEAD":
            return super(PatronRequiredMixin, self).dispatch(request)
        return View.dispatch(self, request)

    def out_of_place(self: Any, request: HttpRequest) -> Any:
        return generic.View.dispatch(self, request)

    def in_a_helper(self: Any, request: HttpRequest) -> Any:
        return self.answer(request)

    for dispatch in (by_name, both, out_of_place, in_a_helper, plainly_decorated(by_name)):
        with pytest.raises(TypeError, match="would be open to everybody"):
            type("Page", (PatronRequiredMixin, View), {"dispatch": dispatch, "answer": by_name})


def test_bases_that_call_the_next_stand_where_they_like() -> None:
    class Page(LoginRequiredMixin, PatronRequiredMixin, View):
        pass

    class Endpoint(PatronRequiredMixin, APIView):
        pass

    class Logged(Page):
        def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return super().dispatch(request, *args, **kwargs)

    @method_decorator(never_cache, name="dispatch")
    class Decorated(Page):
        pass

    class Below(Decorated):
        pass


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("rule", "tier"),
        ("patron_rules", "tier"),
        ("patron_rul", "tier"),
        ("patreon_rule", "tier"),
        ("tier", "tier"),
        ("teir", "tier"),
        ("tiers", "tier"),
        ("at_least", "at_least"),
        ("at_lease", "at_least"),
        ("cents", "cents"),
        ("kampaign", "campaign"),
    ],
)
def test_a_rule_under_another_name_is_refused(name: str, meant: str) -> None:
    said = re.escape(f'{name} is not read. Write patron_rule = {{"{meant}": "gold"}}')
    for base in ((PatronRequiredMixin, View), (IsPatron,)):
        with pytest.raises(TypeError, match=said):
            type("Page", base, {name: "gold"})


@pytest.mark.parametrize("name", ["get_rule", "get_patreon_rule", "get_patron_rules"])
def test_a_method_under_another_name_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="Write get_patron_rule"):
        type("Page", (PatronRequiredMixin, View), {name: lambda self: {"tier": "gold"}})


def test_an_argument_of_as_view_under_another_name_is_refused() -> None:
    for given in ({"tier": "gold"}, {"rule": {"tier": "gold"}}, {"teir": "gold"}):
        with pytest.raises(TypeError, match=r'Write patron_rule={"tier": "gold"}'):
            PatronRequiredMixin.as_view(**given)
    with pytest.raises(TypeError, match="Write patron_campaign='5120934'"):
        PatronGatedDetailView.as_view(campaign="5120934")


@pytest.mark.parametrize("name", ["campaign", "patreon_campaign", "patron_kampaign", "kampaign"])
def test_a_campaign_under_another_name_is_refused_at_the_view_of_a_row(name: str) -> None:
    with pytest.raises(TypeError, match='Write patron_campaign = "5120934"'):
        type("Page", (PatronGatedDetailView,), {name: "5120934"})


@pytest.mark.parametrize("name", ["patron_rule", "rule", "tier", "teir", "get_patron_rule"])
def test_a_rule_is_refused_at_the_view_of_a_row(name: str) -> None:
    with pytest.raises(TypeError, match="the columns of the row decide"):
        type("Page", (PatronGatedDetailView,), {name: {"tier": "gold"}})


def test_the_view_of_a_row_may_be_a_gate_of_its_own_as_well() -> None:
    names = {"patron_rule": {"tier": "1"}, "patron_campaign": "2", "campaign": "its own"}
    type("Page", (PatronRequiredMixin, PatronGatedDetailView), names)


def test_a_row_that_says_nothing_of_patrons_is_refused(rf: RequestFactory) -> None:
    with pytest.raises(TypeError, match="a row of a PatronGated model, and not Show"):
        gate_for(rf.get("/"), Show())


def test_names_of_a_views_own_are_welcome() -> None:
    own = {"title": "Gold", "patreon_url": "https://www.patreon.com/x", "timeout": 5, "filter": 1}
    own |= {"tiers_of": lambda self: [], "get_rules_text": lambda self: "", "ruler": 1}
    type("Page", (PatronRequiredMixin, View), own)
    type("Page", (PatronGatedDetailView,), own | {"campaign": property(str)})


def test_a_class_with_a_rule_may_have_a_tier_of_its_own() -> None:
    type("Page", (PatronRequiredMixin, View), {"patron_rule": {"tier": "1"}, "tier": None})


def test_a_misspelt_word_is_refused() -> None:
    with pytest.raises(TypeError, match="teir"):
        patron_required(teir="gold")
    with pytest.raises(TypeError, match="teir"):
        type("Page", (PatronRequiredMixin, View), {"patron_rule": {"teir": "gold"}})
    with pytest.raises(TypeError, match="teir"):
        type("Gold", (IsPatron,), {"patron_rule": {"teir": "gold"}})


FORMS: list[Any] = [
    Rule,
    patron_required,
    IsPatron.of,
    Patron().check,
    lambda *unnamed, **rule: check(AnonymousUser(), *unnamed, **rule),
    lambda *unnamed, **rule: async_to_sync(acheck)(AnonymousUser(), *unnamed, **rule),
    lambda *unnamed, **rule: async_to_sync(Patron().acheck)(*unnamed, **rule),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("gold", 'tier="gold"'),
        ({"at_least": "silver", "cents": 5}, 'at_least="silver", cents=5'),
        (500, "cents=500"),
        (None, 'tier="gold"'),
    ],
)
def test_what_has_no_name_is_refused_and_said_how_to_write(
    form: Any, value: Any, meant: str
) -> None:
    if form is patron_required and value is None:
        return  # it is how the decorator is called without arguments
    with pytest.raises(TypeError, match=f"by name.*write {re.escape(meant)}\\."):
        form(value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("teir", 'tier="gold"'),
        ("tiers", 'tier="gold"'),
        ("at_lease", 'at_least="gold"'),
        ("required_tier", 'at_least="gold"'),
        ("min_cents", 'cents="gold"'),
        ("kampaign", 'campaign="gold"'),
        ("patron_rule", 'tier="gold"'),
        ("colour", 'tier="gold"'),
    ],
)
def test_an_unknown_argument_is_refused_and_the_right_one_named(
    form: Any, name: str, meant: str
) -> None:
    with pytest.raises(TypeError, match=f"no argument {name}. Write {meant}"):
        form(**{name: "gold"})


@pytest.mark.parametrize("given", ["gold", None, 500, ["gold"], property(lambda self: {})])
def test_a_rule_that_is_no_dict_is_refused(given: Any) -> None:
    for base in ((PatronRequiredMixin, View), (IsPatron,)):
        if base == (IsPatron,) and given is None:
            continue  # it asks what the view says
        with pytest.raises(TypeError, match="patron_rule must be a dict such as"):
            type("Page", base, {"patron_rule": given})
    with pytest.raises(TypeError, match=r"patron_rule=\.\.\.\) must be a dict"):
        PatronRequiredMixin.as_view(patron_rule=given)


def test_a_rule_that_is_worked_out_wrongly_closes_the_page(rf: RequestFactory) -> None:
    async def later(self: Any) -> dict[str, Any]:
        return {}

    for work in (lambda self: None, lambda self: "gold", later, lambda self: {"teir": "gold"}):
        page = type("Page", (PatronRequiredMixin, View), {"get_patron_rule": work})
        request = rf.get("/")
        request.user = AnonymousUser()
        with pytest.raises(TypeError, match=r"Page.get_patron_rule\(\).*tier"):
            page.as_view()(request)


def test_a_rule_may_be_a_rule() -> None:
    page = type("Page", (PatronRequiredMixin, View), {"patron_rule": Rule(cents=500)})
    assert page()._rule() == Rule(cents=500)


def test_the_decorator_is_refused_on_a_class_and_on_a_method() -> None:
    with pytest.raises(TypeError, match="PatronRequiredMixin"):
        patron_required(View)
    with pytest.raises(TypeError, match="PatronRequiredMixin"):

        class Page(View):
            @patron_required(tier="1")
            def get(self, request: HttpRequest) -> HttpResponse:
                return HttpResponse("open")


def test_the_decorator_is_welcome_through_djangos_own() -> None:
    @method_decorator(patron_required(tier="1"), name="dispatch")
    class Page(View):
        @method_decorator(patron_required)
        def get(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse("open")


class Plain:
    rule: ClassVar = {"cents": 9000}


def test_a_wrong_name_that_is_inherited_is_refused() -> None:
    with pytest.raises(TypeError, match="patron_rule"):
        type("Page", (Plain, PatronRequiredMixin, View), {})


@pytest.mark.parametrize("name", ["rule", "patron_rules", "cents"])
def test_a_rule_under_another_name_on_a_view_of_an_api_is_refused(name: str) -> None:
    view = type("Endpoint", (APIView,), {name: {"cents": 9000}})()
    with pytest.raises(TypeError, match="patron_rule"):
        IsPatron().rule_for(view)


def test_a_view_of_an_api_may_work_its_rule_out() -> None:
    view = type("Endpoint", (APIView,), {"get_patron_rule": lambda self: {"cents": 9000}})()
    assert IsPatron().rule_for(view).cents == 9000
    with pytest.raises(TypeError, match="put it on the view"):
        type("Mine", (IsPatron,), {"get_patron_rule": lambda self: {"cents": 9000}})

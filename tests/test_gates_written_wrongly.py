"""A gate that is written wrongly is refused when it is made; it never becomes a weaker one."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from rest_framework.views import APIView

from django_patreon.access import PatronGatedDetailView, PatronRequiredMixin, patron_required
from django_patreon.rest_framework import IsPatron


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


@pytest.mark.parametrize("name", ["rule", "patron_rules", "tier", "at_least", "cents"])
def test_a_rule_under_another_name_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="patron_rule"):
        type("Page", (PatronRequiredMixin, View), {name: "gold"})
    with pytest.raises(TypeError, match="patron_rule"):
        type("Gold", (IsPatron,), {name: "gold"})


def test_a_class_with_a_rule_may_have_a_tier_of_its_own() -> None:
    type("Page", (PatronRequiredMixin, View), {"patron_rule": {"tier": "1"}, "tier": None})


def test_a_misspelt_word_is_refused() -> None:
    with pytest.raises(TypeError, match="teir"):
        patron_required(teir="gold")
    with pytest.raises(TypeError, match="teir"):
        type("Page", (PatronRequiredMixin, View), {"patron_rule": {"teir": "gold"}})
    with pytest.raises(TypeError, match="teir"):
        type("Gold", (IsPatron,), {"patron_rule": {"teir": "gold"}})


def test_a_tier_without_its_word_is_refused() -> None:
    with pytest.raises(TypeError, match=r'IsPatron.of\(tier="gold"\)'):
        IsPatron.of("gold")
    with pytest.raises(TypeError, match=r'patron_required\(tier="gold"\)'):
        patron_required("gold")


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

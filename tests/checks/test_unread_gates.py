"""A rule or a permission that nothing reads leaves a view open: `manage.py check` finds it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.urls import include, path
from django.views import View
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from django_patreon.access import PatronGatedDetailView, PatronRequiredMixin, patron_required
from django_patreon.checks import check_views
from django_patreon.rest_framework import IsPatron
from tests.gates.models import Story
from tests.urls import urlpatterns as site

RULE = {"tier": "9100003"}


def view(base: type, **names: Any) -> Any:
    def get(self: Any, request: Any) -> HttpResponse:
        return HttpResponse("open")

    return type("Page", (base,), {"get": get, **names}).as_view()


def of(base: type, **names: Any) -> Any:
    kind: Any = type("Set", (base,), {"list": lambda self, request: Response("open"), **names})
    return kind.as_view({"get": "list"})


@api_view()
@permission_classes([IsPatron])
def by_function(request: Any) -> Response:
    return Response("open")


class WorksItOut(APIView):
    patron_rule = RULE

    def get_permissions(self) -> list[Any]:
        return [IsPatron()]


WRONG = {
    "a-class": (view(APIView, permission_classes=IsPatron), "is a class, and no list"),
    "combined": (view(APIView, permission_classes=IsPatron | IsAuthenticated), "is a class"),
    "an-instance": (view(APIView, permission_classes=IsPatron()), "of the type IsPatron, and no"),
    "a-listed-one": (view(APIView, permission_classes=[IsPatron()]), "something of the type IsP"),
    "a-text": (view(APIView, permission_classes="IsPatron"), "is of the type str"),
    "texts": (view(APIView, permission_classes=["IsPatron"]), "something of the type str"),
    "a-rule": (view(APIView, permission_classes=RULE), "is of the type dict"),
    "nothing-in-it": (view(APIView, permission_classes={}), "is of the type dict"),
    "rules": (view(APIView, permission_classes=[RULE]), "something of the type dict"),
    "nothing": (view(APIView, permission_classes=None), "is of the type NoneType"),
    "singular": (view(APIView, permission_class=[IsPatron]), "permission_class lists IsPatron"),
    "short": (of(ViewSet, permissions=IsPatron.of(cents=5)), "permissions lists IsPatron"),
    "no-permission": (view(APIView, patron_rule=RULE), "nothing reads: it is open to everybody"),
    "in-a-set": (of(ViewSet, patron_rule=RULE), "nothing reads: it is open to everybody"),
    "no-mixin": (view(View, patron_rule=RULE), "nothing reads: it is open to everybody"),
    "a-method": (view(View, get_patron_rule=lambda self: RULE), "nothing reads: it is open"),
    "a-slip": (view(APIView, permission_classes=[IsPatron], teir="gold"), "teir is not read"),
    "a-name": (view(APIView, permission_classes=[IsPatron], rule=RULE), "rule is not read"),
}
RIGHT = [
    view(APIView, permission_classes=[IsPatron], patron_rule=RULE),
    view(APIView, permission_classes=(IsPatron | IsAuthenticated,), patron_rule=RULE),
    view(APIView, permission_classes=[~IsPatron], patron_rule=RULE),
    view(APIView, permission_classes=[IsPatron.of(cents=5)], tier="a name of its own"),
    view(APIView, permission_classes=property(lambda self: [IsPatron]), patron_rule=RULE),
    view(APIView, permission_classes=[IsAuthenticated]),
    view(APIView),
    view(View),
    view(PatronRequiredMixin, patron_rule=RULE),
    patron_required(view(View, patron_rule=RULE)),
    PatronGatedDetailView.as_view(model=Story),
    of(ViewSet, permission_classes=[IsPatron]),
    WorksItOut.as_view(),
    by_function,
]
urlpatterns = [
    path("api/", include([path(f"{name}/", each) for name, (each, _) in WRONG.items()])),
    *(path(f"right/{number}/", each) for number, each in enumerate(RIGHT)),
    *site,
]


@pytest.mark.django_db  # Django's own checks ask the database what it can do
@pytest.mark.urls(__name__)
def test_each_is_said_once_and_what_is_right_is_not() -> None:
    found = [each for each in run_checks() if each.id == "django_patreon.E015"]
    assert len(found) == len(WRONG), [each.msg for each in found]
    for name, (_, words) in WRONG.items():
        assert any(words in each.msg for each in found), name
    assert all("[IsPatron" in each.hint for each in found if "permission_classes is" in each.msg)


def test_a_site_whose_urls_are_broken_hears_it_from_django(settings: Any) -> None:
    settings.ROOT_URLCONF = "no.such.module"
    assert check_views() == []

"""Gates of an API: REST framework has a request of its own around Django's."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.template import RequestContext, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from django_patreon.access import check, patron_of
from django_patreon.entitlement import Reason
from django_patreon.rest_framework import IsPatron

from .dance import Dance
from .urls import urlpatterns as site

User = get_user_model()
TAG = Template("{% load patreon %}{% patrons_only %}in{% locked %}out{% endpatrons_only %}")


class ByToken(BaseAuthentication):
    def authenticate(self, request: Any) -> Any:
        name = request.headers.get("X-Token")
        return (User.objects.get(username=name), None) if name else None

    def authenticate_header(self, request: Any) -> str:
        return "Token"


class Every(APIView):
    """All forms of gate that an endpoint can have."""

    authentication_classes = (ByToken,)
    permission_classes: Any = ()

    def get(self, request: Any) -> Response:
        return Response(
            {
                "tag": TAG.render(RequestContext(request)),
                "check": check(request.user).allowed,
                "own": patron_of(request).is_patron,
                "request": request.patreon.is_patron,
            }
        )


class Gated(Every):
    permission_classes = (IsPatron,)


class WithoutAuthenticators(Gated):
    authentication_classes: Any = ()


urlpatterns = [
    path("every/", Every.as_view()),
    path("gated/", Gated.as_view()),
    path("bare/", WithoutAuthenticators.as_view()),
    *site,
]
pytestmark = pytest.mark.urls(__name__)


def ask(address: str, name: str = "") -> Any:
    return Client().get(address, headers={"X-Token": name} if name else {})


@pytest.mark.parametrize("address", ["/every/", "/gated/"])
def test_whoever_the_token_belongs_to_is_asked_about(dance: Dance, address: str) -> None:
    dance.sign_in("gold")
    with CaptureQueriesContext(connection) as found:
        answer = ask(address, dance.user.username)
    assert answer.json() == {"tag": "in", "check": True, "own": True, "request": True}
    assert sum("django_patreon_membership" in each["sql"] for each in found) == 1
    assert answer["Cache-Control"] == "private, no-store"
    assert "Cookie" in answer["Vary"]


def test_who_has_none_is_asked_to_sign_in(db: None) -> None:
    assert ask("/gated/").status_code == 401
    assert ask("/every/").json() == {"tag": "out", "check": False, "own": False, "request": False}


def test_who_is_no_patron_is_told_why(dance: Dance) -> None:
    dance.sign_in("free")
    answer = ask("/gated/", dance.user.username)
    assert answer.status_code == 403
    assert "You follow this campaign for free" in answer.json()["detail"]


def test_an_endpoint_that_can_sign_nobody_in_says_so_all_the_same(db: None) -> None:
    answer = ask("/bare/")
    assert (answer.status_code, answer.json()) == (403, {"detail": "Please sign in first."})


def test_a_program_can_tell_reasons_apart(dance: Dance, rf: Any) -> None:
    dance.sign_in("free")
    view = Gated()
    view.headers = {}
    request = view.initialize_request(rf.get("/", headers={"X-Token": dance.user.username}))
    with pytest.raises(PermissionDenied) as refused:
        view.check_permissions(request)
    assert refused.value.get_codes() == Reason.NEVER

"""T25: what a gate has let through for one person is never shown to another out of a cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.test import Client
from django.urls import path
from django.views.decorators.cache import cache_page
from rest_framework.views import APIView

from django_patreon.access import check, keep_private, patron_required
from django_patreon.models import PatreonAccount
from django_patreon.rest_framework import IsPatron

from .dance import Dance
from .gates.models import Story
from .gates.urls import said
from .urls import urlpatterns as site

TAG = Template("{% load patreon %}{% patrons_only %}open{% endpatrons_only %}")


@cache_page(60)
def tag(request: HttpRequest) -> HttpResponse:
    return HttpResponse(TAG.render(RequestContext(request)))


@cache_page(60)
def rows(request: HttpRequest) -> HttpResponse:
    return HttpResponse("".join(each.title for each in Story.objects.visible_to(request.user)))


@cache_page(60)
@patron_required
def inside(request: HttpRequest) -> HttpResponse:
    return said(True)


@patron_required
@cache_page(60)
def outside(request: HttpRequest) -> HttpResponse:
    return said(True)


@cache_page(60)
def of_a_token(request: HttpRequest) -> HttpResponse:
    """An API that knows people in a way of its own."""
    found = PatreonAccount.objects.filter(patreon_id=request.headers.get("X-Token", "")).first()
    return said(found is not None and check(found.user).allowed)


@cache_page(60)
def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("plain")


class Api(APIView):
    authentication_classes = ()
    permission_classes = (IsPatron,)


FORMS = {each.__name__: each for each in (tag, rows, inside, outside, of_a_token, plain)}
urlpatterns = [
    path("api/", cache_page(60)(Api.as_view())),
    *(path(f"cached/{name}/", view) for name, view in FORMS.items()),
    *site,
]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def read(client: Client, name: str, **headers: str) -> str:
    return client.get(f"/cached/{name}/", headers={"host": "localhost", **headers}).content.decode()


@pytest.mark.parametrize("form", ["tag", "rows", "inside", "outside"])
def test_the_next_one_does_not_get_the_patrons_page(dance: Dance, form: str) -> None:
    Story.objects.create(title="open")
    dance.sign_in("gold")
    assert read(dance.client, form) == "open"
    assert "open" not in read(Client(), form)
    dance.client.logout()
    dance.sign_in("free")
    assert "open" not in read(dance.client, form)


def test_nor_the_patron_what_another_was_refused(dance: Dance) -> None:
    assert read(Client(), "tag") == ""
    dance.sign_in("gold")
    assert read(dance.client, "tag") == "open"


def test_nor_does_another_token(dance: Dance) -> None:
    dance.sign_in("gold")
    token = dance.user.patreon_account.patreon_id
    assert read(Client(), "of_a_token", **{"X-Token": token}) == "open"
    assert read(Client(), "of_a_token") == "closed"


def test_a_cache_behind_the_gate_may_keep_the_page(dance: Dance) -> None:
    dance.sign_in("gold")
    read(dance.client, "outside")
    kept: Any = cache
    assert len(kept._cache) == 2  # the page, and what it varies on


def test_a_page_without_a_gate_is_cached(dance: Dance) -> None:
    dance.sign_in("gold")
    read(dance.client, "plain")
    assert len(cache._cache) == 2


def test_an_endpoint_that_refuses_is_not_kept(db: None) -> None:
    assert Client().get("/api/").status_code == 403
    assert not cache._cache


def test_a_page_that_is_private_already_varies_all_the_same() -> None:
    answer = HttpResponse(headers={"Cache-Control": "private, no-store", "Vary": "Accept"})
    assert keep_private(answer)["Vary"] == "Accept, Cookie"

"""T25: what a gate has let through for one person is never shown to another out of a cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user
from django.core.cache import cache
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import RequestContext, Template
from django.test import AsyncClient, Client
from django.urls import path
from django.views.decorators.cache import cache_page
from rest_framework.response import Response
from rest_framework.views import APIView

from django_patreon.access import check, keep_private, patron_required
from django_patreon.models import PatreonAccount
from django_patreon.rest_framework import IsPatron
from tests.dance import Dance
from tests.gates.models import Story
from tests.gates.urls import said
from tests.urls import urlpatterns as site

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


def flag(view: Any) -> Any:
    """A decorator of a site's own, which asks before the cache is looked at."""

    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        request.is_patron = check(request.user).allowed
        return view(request)

    return wrapper


class Flag:
    """A middleware of a site's own, which asks at each request."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        request.is_patron = check(request.user).allowed
        return self.get_response(request)


@flag
@cache_page(60)
def asked_before(request: HttpRequest) -> HttpResponse:
    return said(request.is_patron)


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


class Strangers(APIView):
    """REST framework may have no user at all (`UNAUTHENTICATED_USER`)."""

    authentication_classes = ()

    def get(self, request: Any) -> Response:
        return Response({"in": check(None).allowed})


def somebody_new(request: HttpRequest) -> HttpResponse:
    """What `get_user` gives is not the object that `request.user` is."""
    return said(check(get_user(request)).allowed)


def streamed(request: Any) -> StreamingHttpResponse:
    def text() -> Iterator[str]:
        yield "open" if request.patreon.is_patron else "closed"

    return StreamingHttpResponse(text())


def for_all(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(["the news"], headers={"Cache-Control": "max-age=60"})


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(BytesIO(b"a picture"))


FORMS = {
    each.__name__: each for each in (tag, rows, inside, outside, asked_before, of_a_token, plain)
}
urlpatterns = [
    path("api/", cache_page(60)(Api.as_view())),
    path("strangers/", Strangers.as_view()),
    path("somebody-new/", somebody_new),
    path("streamed/", streamed),
    path("for-all/", for_all),
    path("file/", file),
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


@pytest.mark.parametrize("form", ["tag", "rows", "inside", "outside", "asked_before"])
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


def test_a_cache_behind_the_gate_keeps_nothing(dance: Dance) -> None:
    """The page may say more of the person than that they may come in."""
    dance.sign_in("gold")
    read(dance.client, "outside")
    kept: Any = cache
    assert not kept._cache


def test_nor_does_one_behind_a_middleware_that_asks(dance: Dance, settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.access.test_caches.Flag"]
    dance.sign_in("gold")
    read(dance.client, "plain")
    kept: Any = cache
    assert not kept._cache


def test_a_page_without_a_gate_is_cached(dance: Dance) -> None:
    dance.sign_in("gold")
    read(dance.client, "plain")
    assert len(cache._cache) == 2


def test_an_endpoint_that_refuses_is_not_kept(db: None) -> None:
    assert Client().get("/api/").status_code == 403
    assert not cache._cache


@pytest.mark.parametrize("url", ["/strangers/", "/somebody-new/", "/streamed/"])
def test_whoever_is_asked_about_and_when_the_answer_is_private(dance: Dance, url: str) -> None:
    dance.sign_in("gold")
    for client in (Client(), dance.client):
        answer = client.get(url)
        assert answer["Cache-Control"] == "private, no-store"
        assert "Cookie" in answer["Vary"]


@pytest.mark.django_db(transaction=True)
def test_so_is_a_streamed_one_under_asgi(dance: Dance) -> None:
    dance.sign_in("gold")
    client = AsyncClient()
    client.cookies = dance.client.cookies
    answer = async_to_sync(client.get)("/streamed/")
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(("url", "keeps"), [("/for-all/", "max-age=60"), ("/file/", None)])
def test_what_is_for_all_may_be_kept(url: str, keeps: str | None) -> None:
    answer = Client().get(url)
    assert answer.get("Cache-Control") == keeps
    assert not answer.has_header("Vary")


def test_a_page_that_is_private_already_varies_all_the_same() -> None:
    answer = HttpResponse(headers={"Cache-Control": "private, no-store", "Vary": "Accept"})
    assert keep_private(answer)["Vary"] == "Accept, Cookie"

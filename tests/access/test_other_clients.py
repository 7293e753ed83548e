"""What a closed view answers to programs: JSON to who prefers it, a way out of the page to HTMX."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from django.views import View

from django_patreon.access import PatronGatedDetailView, PatronRequiredMixin, patron_required
from django_patreon.models import Grant, Tier
from django_patreon.sandbox.ids import GOLD
from tests.dance import Dance
from tests.gates.models import Story
from tests.urls import urlpatterns as site


@patron_required(tier=GOLD)
def function(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


@patron_required(tier=GOLD)
async def in_async(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


class Page(PatronRequiredMixin, View):
    patron_rule = {"tier": GOLD}  # noqa: RUF012

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("open")


@patron_required(cents=100)
def cheap(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


row = PatronGatedDetailView.as_view(model=Story)
VIEWS = {"function": function, "async": in_async, "class": Page.as_view()}
urlpatterns = [
    *(path(f"{name}/", view) for name, view in VIEWS.items()),
    path("rows/<int:pk>/", row),
    path("cheap/", cheap),
    *site,
]
pytestmark = pytest.mark.urls(__name__)
JSON = {"Accept": "application/json"}
AXIOS = {"Accept": "application/json, text/plain, */*"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
BOTH = {"Accept": "application/json;q=0.5, text/html"}
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/stories/?page=2"}
CHECKOUT = f"https://www.patreon.com/checkout/lanternhouse?rid={GOLD}"


def addresses() -> list[str]:
    gold = Tier.objects.filter(patreon_id=GOLD).first()
    story = Story.objects.create(title="For Gold", required_tier=gold)
    return [*(f"/{name}/" for name in VIEWS), f"/rows/{story.pk}/"]


@pytest.fixture
def bronze(dance: Dance) -> Dance:
    dance.sign_in("bronze")
    return dance


@pytest.mark.parametrize("accept", [JSON, AXIOS])
def test_a_program_is_told_why_and_where_to_join(bronze: Dance, accept: dict[str, str]) -> None:
    for address in addresses():
        answer = bronze.client.get(address, headers=accept)
        assert answer.status_code == 403
        assert answer.headers["Cache-Control"] == "private, no-store"
        said = answer.json()
        assert said["code"] in ("other_tier", "higher_tier")
        assert said["detail"].startswith("This is for ")
        assert (said["join"], said["sign_in"]) == (CHECKOUT, None)


def test_a_program_is_told_to_sign_in_first(bronze: Dance) -> None:
    there, bronze.client = addresses(), Client()
    for address in there:
        answer = bronze.client.get(address, headers=JSON, HTTP_HOST="localhost")
        assert answer.status_code == 401
        assert answer.json() == {
            "code": "anonymous",
            "detail": "Please sign in first.",
            "join": CHECKOUT,
            "sign_in": "/login/",
        }


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, BROWSER, BOTH, {"Accept": "image/*"}])
def test_everybody_else_is_shown_a_page(bronze: Dance, headers: dict[str, str]) -> None:
    answer = bronze.client.get("/function/", headers=headers)
    assert answer.status_code == 403
    assert "text/html" in answer.headers["Content-Type"]
    assert Client().get("/function/", headers=headers).status_code == 302


def test_the_link_mends_what_is_wrong(dance: Dance) -> None:
    dance.sign_in("declined-out")
    said = dance.client.get("/cheap/", headers=JSON).json()
    assert said["join"].startswith("https://www.patreon.com/")
    Grant.objects.deny(dance.user)
    said = dance.client.get("/cheap/", headers=JSON).json()
    assert (said["code"], said["join"]) == ("denied", None)


def test_where_no_tier_helps_the_link_is_the_page_about_the_membership(
    dance: Dance, time_machine_at: Any
) -> None:
    dance.sign_in("bronze")
    user = dance.user
    time_machine_at(days=15)
    dance.client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    said = dance.client.get("/cheap/", headers=JSON).json()
    assert (said["code"], said["join"]) == ("too_old", "/patreon/locked/")
    assert dance.client.get(said["join"]).status_code == 200


def test_htmx_leaves_the_page_for_the_locked_one(bronze: Dance) -> None:
    for address in addresses():
        answer = bronze.client.get(f"{address}?part=1", headers=HTMX)
        assert (answer.status_code, answer.content) == (403, b"")
        assert answer.headers["HX-Redirect"] == f"{address}?part=1"
        page = bronze.client.get(answer.headers["HX-Redirect"])
        assert f'href="{CHECKOUT}"'.encode() in page.content


def test_htmx_leaves_the_page_for_the_sign_in_and_comes_back_to_it(bronze: Dance) -> None:
    there, bronze.client = addresses(), Client()
    for address in there:
        answer = bronze.client.get(address, headers=HTMX, HTTP_HOST="localhost")
        assert answer.status_code == 401
        target = urlsplit(answer.headers["HX-Redirect"])
        assert (target.path, parse_qs(target.query)) == ("/login/", {"next": ["/stories/?page=2"]})


@pytest.mark.parametrize("elsewhere", ["https://evil.example/x", "//evil.example", "", "\0", "x"])
def test_htmx_is_sent_nowhere_else(db: None, elsewhere: str) -> None:
    headers = {**HTMX, "HX-Current-URL": elsewhere}
    answer = Client().get("/function/?a=1", headers=headers)
    assert "evil" not in answer.headers["HX-Redirect"]
    assert answer.headers["HX-Redirect"].startswith("/login/?next=/")


def test_what_htmx_has_posted_ends_at_the_page_about_the_membership(bronze: Dance) -> None:
    answer = bronze.client.post("/function/", headers=HTMX)
    assert answer.status_code == 403
    target = answer.headers["HX-Redirect"]
    assert target == "/patreon/locked/?next=%2Fstories%2F%3Fpage%3D2"
    assert bronze.client.get(target).status_code == 200
    assert Client().post("/function/", headers=HTMX).headers["HX-Redirect"].startswith("/login/")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["/async/", "/function/"])
def test_it_is_so_under_asgi(address: str) -> None:
    visit = async_to_sync(AsyncClient().get)
    answer: Any = visit(address, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (401, "anonymous")
    answer = visit(address, headers=HTMX)
    assert answer.headers["HX-Redirect"].startswith("/login/?next=")


def test_who_may_come_in_gets_the_page(dance: Dance) -> None:
    dance.sign_in("gold")
    for headers in (JSON, HTMX):
        assert dance.client.get("/function/", headers=headers).content == b"open"

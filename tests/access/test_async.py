"""Gates in async views, of every make; and views that are decorated more than once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import RequestContext, Template
from django.test import AsyncClient
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.views import View
from django.views.decorators.cache import cache_control
from rest_framework.views import APIView

from django_patreon.access import PatronRequiredMixin, acheck, check, patron_required
from django_patreon.access.current import set_current_request
from django_patreon.access.rules import declared_rules
from django_patreon.rest_framework import IsPatron
from django_patreon.sandbox.ids import GOLD, SILVER
from tests.dance import Dance
from tests.gates.models import Story
from tests.gates.urls import said
from tests.urls import urlpatterns as site

User = get_user_model()
TAG = Template("{% load patreon %}{% patrons_only %}open{% endpatrons_only %}")
GATE = patron_required(tier=GOLD)


class Async(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return said(True)


class Sync(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return said(True)


@method_decorator(GATE, name="dispatch")
class AsyncByMethod(Async):
    pass


def passes_on(view: Any) -> Any:
    """A decorator that hides the class from those around it."""
    return wraps(view)(lambda *args, **kwargs: view(*args, **kwargs))


@method_decorator([cache_control(max_age=5), GATE, passes_on], name="dispatch")
class AsyncByMethods(Async):
    pass


@method_decorator(GATE, name="get")
class AsyncByGet(Async):
    pass


@method_decorator(GATE, name="dispatch")
class SyncByMethod(Sync):
    pass


class Asking(APIView):
    def get_permissions(self) -> list[Any]:
        return [IsPatron.of(tier=GOLD)()]

    def get(self, request: Any) -> HttpResponse:
        return said(True)


def loaded(ask: Callable[[HttpRequest], object]) -> Callable[..., Any]:
    async def view(request: HttpRequest) -> HttpResponse:
        if "loaded" in request.path:
            await request.patreon.aload()  # type: ignore[attr-defined]
        return said(bool(ask(request)))

    return view


async def rows(request: HttpRequest) -> HttpResponse:
    await request.patreon.aload()  # type: ignore[attr-defined]
    found = [each.title async for each in Story.objects.visible_to(request.user)]
    return HttpResponse("".join(found))


VIEWS = {
    "function": GATE(Async.as_view()),
    "method": AsyncByMethod.as_view(),
    "methods": AsyncByMethods.as_view(),
    "get": AsyncByGet.as_view(),
    "sync-function": GATE(Sync.as_view()),
    "sync-method": SyncByMethod.as_view(),
}
FORMS: dict[str, Callable[[Any], object]] = {
    "tag": lambda request: TAG.render(RequestContext(request)),
    "own": lambda request: request.patreon.is_patron,
    "check": lambda request: check(request.user),
    "rows": lambda request: Story.objects.visible_to(request.user) is not None,
}
urlpatterns = [
    *(path(f"views/{name}/", view) for name, view in VIEWS.items()),
    *(
        path(f"{how}/{name}/", loaded(ask))
        for name, ask in FORMS.items()
        for how in ("loaded", "bare")
    ),
    path("rows/", rows),
    path("asking/", Asking.as_view()),
    *site,
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


def visit(dance: Dance, address: str) -> Any:
    client = AsyncClient()
    client.cookies = dance.client.cookies

    async def go() -> Any:
        return await client.get(address, headers={"host": "localhost"})

    return async_to_sync(go)()


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize(("slug", "status"), [("gold", 200), ("free", 403), ("", 302)])
def test_every_kind_of_view_is_gated(dance: Dance, name: str, slug: str, status: int) -> None:
    if slug:
        dance.sign_in(slug)
    for answer in (dance.client.get(f"/views/{name}/"), visit(dance, f"/views/{name}/")):
        assert answer.status_code == status
        assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("name", VIEWS)
def test_the_locked_page_may_stand_in_a_frame_that_asks_the_database(
    dance: Dance, settings: Any, tmp_path: Path, name: str
) -> None:
    frame = tmp_path / "django_patreon" / "base.html"
    frame.parent.mkdir()
    frame.write_text("{{ user.groups.count }} groups {% block content %}{% endblock %}")
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [engine | {"DIRS": [tmp_path]}]
    dance.sign_in("free")
    answer = visit(dance, f"/views/{name}/")
    assert answer.status_code == 403
    assert b"0 groups" in answer.content


def test_other_methods_are_djangos(dance: Dance) -> None:
    dance.sign_in("gold")
    for name in VIEWS:
        assert dance.client.post(f"/views/{name}/").status_code == 405
        assert dance.client.options(f"/views/{name}/").status_code == 200


@pytest.mark.parametrize("form", FORMS)
def test_what_is_asked_in_an_async_view_is_loaded_first(dance: Dance, form: str) -> None:
    dance.sign_in("gold")
    assert visit(dance, f"/loaded/{form}/").content in (b"open", b"closed")
    with pytest.raises(SynchronousOnlyOperation, match=r"await request\.patreon\.aload\(\)"):
        visit(dance, f"/bare/{form}/")


def test_rows_are_read_in_an_async_view(dance: Dance) -> None:
    Story.objects.create(title="any")
    dance.sign_in("gold")
    assert visit(dance, "/rows/").content == b"any"


def test_a_view_that_answers_nothing_is_djangos_to_explain(dance: Dance, rf) -> None:
    dance.sign_in("gold")

    @patron_required
    def view(request: HttpRequest) -> None:
        return None

    request = rf.get("/")
    request.user = dance.user
    assert view(request) is None


class TestAsking:
    """`acheck` knows the user that `request.auser()` has found, and no older one."""

    def ask(self, request: Any, user: Any) -> None:
        async def go() -> None:
            with set_current_request(request):
                await acheck(user)

        async_to_sync(go)()

    def test_who_has_signed_in_meanwhile_stays(self, dance: Dance, rf) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user, request._acached_user = dance.user, AnonymousUser()
        self.ask(request, dance.user)
        assert request.user == dance.user

    def test_who_was_found_is_not_asked_for_again(self, dance: Dance, rf) -> None:
        dance.sign_in("gold")
        request = rf.get("/")

        def fail() -> None:
            raise AssertionError("asked again")

        request.user, request._acached_user = SimpleLazyObject(fail), dance.user
        self.ask(request, dance.user)
        assert request.user == dance.user


def test_what_is_decorated_at_every_request_is_remembered_once(dance: Dance) -> None:
    dance.sign_in("gold")
    addresses = ("/views/sync-method/", "/views/method/", "/asking/")
    for address in addresses:
        dance.client.get(address)
    before = declared_rules()
    for address in addresses:
        for _ in range(3):
            assert dance.client.get(address).status_code == 200
    assert declared_rules() == before
    assert IsPatron.of(tier=[GOLD]) is IsPatron.of(tier=(GOLD,))
    assert IsPatron.of(tier=[GOLD]) is not IsPatron.of(tier=[SILVER])


class Leads(View):
    """One of Django's mixins: it answers at once, also for an async view."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return HttpResponseRedirect("/elsewhere/") if request else super().dispatch(request)


class Led(PatronRequiredMixin, Leads, Async):
    patron_rule: ClassVar = {"tier": GOLD}


def test_an_async_class_may_be_led_elsewhere_at_once(dance: Dance, rf: Any) -> None:
    dance.sign_in("gold")
    request = rf.get("/")
    request.user = dance.user
    answer = async_to_sync(Led.as_view())(request)
    assert (answer.status_code, answer["Location"]) == (302, "/elsewhere/")
    assert "no-store" in answer["Cache-Control"]

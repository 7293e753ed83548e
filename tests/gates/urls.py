"""`/gates/<form>/<rule>/` says "open", or refuses."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import path
from django.views import View
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from django_patreon.access import (
    PatronFileView,
    PatronRequiredMixin,
    acheck,
    check,
    patron_required,
)
from django_patreon.models import Campaign
from django_patreon.rest_framework import IsPatron

from .models import Story

RULES: dict[str, dict[str, Any]] = {
    "any": {},
    "gold": {"tier": "9100003"},
    "silver": {"at_least": "9100002"},
    "cents": {"cents": 500},
    "given": {"lifetime_cents": 4000},
    "foreign": {"campaign": "5120934"},
}
ROOT = Path(tempfile.gettempdir()) / "django_patreon_gates"
ROOT.mkdir(exist_ok=True)
(ROOT / "open.txt").write_text("open")


def says_open(text: str) -> bool:
    """Is it written there? Four letters alone might be those of a token."""
    return re.search(r"\b(open)+\b", text) is not None


def said(allowed: bool) -> HttpResponse:
    return HttpResponse("open" if allowed else "closed", status=200 if allowed else 403)


def in_words(rule: dict[str, Any]) -> str:
    return " ".join(f'{k}="{v}"' if isinstance(v, str) else f"{k}={v}" for k, v in rule.items())


def decorator(rule: dict[str, Any]) -> Callable[..., Any]:
    @patron_required(**rule)
    def view(request: HttpRequest) -> HttpResponse:
        return said(True)

    return view


def async_decorator(rule: dict[str, Any]) -> Callable[..., Any]:
    @patron_required(**rule)
    async def view(request: HttpRequest) -> HttpResponse:
        return said(True)

    return view


def klass(rule: dict[str, Any]) -> Callable[..., Any]:
    class Page(PatronRequiredMixin, View):
        patron_rule = rule

        def get(self, request: HttpRequest) -> HttpResponse:
            return said(True)

    return Page.as_view()


def async_klass(rule: dict[str, Any]) -> Callable[..., Any]:
    class Page(PatronRequiredMixin, View):
        patron_rule = rule

        async def get(self, request: HttpRequest) -> HttpResponse:
            return said(True)

    return Page.as_view()


def function(rule: dict[str, Any]) -> Callable[..., Any]:
    return lambda request: said(check(request.user, **rule).allowed)


def async_function(rule: dict[str, Any]) -> Callable[..., Any]:
    async def view(request: HttpRequest) -> HttpResponse:
        return said((await acheck(await request.auser(), **rule)).allowed)

    return view


def on_request(rule: dict[str, Any]) -> Callable[..., Any]:
    return lambda request: said(request.patreon.check(**rule).allowed)


def async_on_request(rule: dict[str, Any]) -> Callable[..., Any]:
    async def view(request: HttpRequest) -> HttpResponse:
        return said((await request.patreon.acheck(**rule)).allowed)

    return view


def template(source: str) -> Callable[..., Any]:
    made = Template("{% load patreon %}" + source)
    return lambda request: HttpResponse(made.render(RequestContext(request)))


def theirs(request: HttpRequest) -> HttpResponse:
    """The filter, given a campaign itself."""
    made = Template("{% load patreon %}{% if user|is_patron:campaign %}open{% endif %}")
    campaign = Campaign(patreon_id="5120934")
    return HttpResponse(made.render(RequestContext(request, {"campaign": campaign})))


def tag(rule: dict[str, Any]) -> Callable[..., Any]:
    return template(
        f"{{% patrons_only {in_words(rule)} %}}open{{% locked %}}closed{{% endpatrons_only %}}"
    )


def fifty(rule: dict[str, Any]) -> Callable[..., Any]:
    """A page with every form of gate that a template can have, fifty times."""
    each = (
        f"{{% patrons_only {in_words(rule)} %}}open{{% locked %}}closed{{% endpatrons_only %}}"
        "{% if user|is_patron %}{% endif %}{% if patreon.is_patron %}{% endif %}"
    )
    return template(each * 50)


def api(rule: dict[str, Any]) -> Callable[..., Any]:
    class Endpoint(APIView):
        authentication_classes = (SessionAuthentication,)
        permission_classes = (IsPatron.of(**rule),)

        def get(self, request: Any) -> Response:
            return Response("open")

    return Endpoint.as_view()


def file(rule: dict[str, Any]) -> Callable[..., Any]:
    view = PatronFileView.as_view(root=ROOT, patron_rule=rule)
    return lambda request: view(request, path="open.txt")


def song(max_age: int | None) -> Callable[..., Any]:
    view = PatronFileView.as_view(root=ROOT, patron_rule=RULES["gold"], max_age=max_age)
    return lambda request: view(request, path="song.mp3")


def listing(request: HttpRequest) -> HttpResponse:
    found = Story.objects.visible_to(request.user).order_by("title")
    return HttpResponse(",".join(each.title for each in found), content_type="text/plain")


def page(request: HttpRequest) -> HttpResponse:
    """A whole page, as a site's own template has it."""
    answer = template("<!doctype html><body class=x>{% if user|is_patron %}open{% endif %}")(
        request
    )
    answer["Content-Length"] = str(len(answer.content))
    return answer


def given_page(request: HttpRequest) -> HttpResponse:
    """Whatever the test has put into the setting PAGE."""
    kind = getattr(settings, "PAGE_TYPE", "text/html; charset=utf-8")
    answer = HttpResponse(settings.PAGE, content_type=kind)
    answer["Content-Length"] = str(len(answer.content))
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; form-action 'self'"
    return answer


def ungated(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"open to {request.user.get_username()}")


FORMS = {
    each.__name__: each
    for each in (
        decorator,
        async_decorator,
        klass,
        async_klass,
        function,
        async_function,
        on_request,
        async_on_request,
        tag,
        api,
        file,
        fifty,
    )
}
ONLY = {
    ("filter", "any"): template("{% if user|is_patron %}open{% endif %}"),
    ("filter", "gold"): template('{% if user|is_patron:"9100003" %}open{% endif %}'),
    ("filter", "foreign"): theirs,
    ("own", "foreign"): lambda request: said(request.patreon.is_patron_of("5120934")),
    ("context", "any"): template("{% if patreon.is_patron %}open{% endif %}"),
}
urlpatterns = [
    path("listing/", listing),
    path("page/", page),
    path("given-page/", given_page),
    path("song/", song(None)),
    *(path(f"song/kept-{seconds}/", song(seconds)) for seconds in (0, 3600)),
    path("ungated/", ungated),
    *(path(f"{f}/{r}/", make(rule)) for f, make in FORMS.items() for r, rule in RULES.items()),
    *(path(f"{f}/{r}/", view) for (f, r), view in ONLY.items()),
]

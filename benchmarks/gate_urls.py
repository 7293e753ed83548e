"""The pages that `benchmarks.gates` measures: the same page, and the gate in front of it."""

from __future__ import annotations

import os
from collections.abc import Callable

import requests
from allauth.socialaccount.models import SocialAccount
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from django_patreon.access import check, loading, patron_required
from django_patreon.models import Membership

SESSION = requests.Session()
ROWS = [{"title": f"Story {n}", "words": 1000 * n} for n in range(50)]
PAGE = engines["django"].from_string(
    "<h1>open to {{ user.username }}</h1>"
    "{% for row in rows %}<li>{{ row.title|upper }}, {{ row.words }} words</li>{% endfor %}"
)


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.render({"rows": ROWS}, request))


def allauths_gate(times: int) -> Callable[[HttpRequest], HttpResponse]:
    """What sites on django-allauth write: its provider keeps the title of the first tier."""

    def view(request: HttpRequest) -> HttpResponse:
        for _ in range(times):
            account = SocialAccount.objects.get(user=request.user, provider="patreon")
            assert account.extra_data["pledge_level"] == "T2"
        return nothing(request)

    return view


def asks_patreon(request: HttpRequest) -> HttpResponse:
    """An API call for each view; here to a sandbox on this machine, on a warm connection."""
    answer = SESSION.get(
        f"{os.environ['BENCHMARK_PATREON']}/api/oauth2/v2/identity",
        params={"include": "memberships", "fields[member]": "patron_status"},
        headers={"Authorization": f"Bearer {os.environ['BENCHMARK_TOKEN']}"},
        timeout=10,
    )
    members = answer.json()["included"]
    assert [each for each in members if each["attributes"]["patron_status"] == "active_patron"]
    return nothing(request)


def others_gate(times: int) -> Callable[[HttpRequest], HttpResponse]:
    """One query a gate, and no more of a rule than a status: as peers do."""

    def view(request: HttpRequest) -> HttpResponse:
        for _ in range(times):
            row = Membership.objects.get(account__user=request.user, campaign__patreon_id="1")
            assert row.patron_status == "active_patron"
        return nothing(request)

    return view


def at_first(request: HttpRequest) -> HttpResponse:
    """Our gate for somebody whom this process has not seen since anything about them changed."""
    loading.read.cache_clear()
    return ours(request)


ours = patron_required(at_least="2")(nothing)


@patron_required(at_least="2")
def fifty(request: HttpRequest) -> HttpResponse:
    for _ in range(49):
        assert check(request.user, at_least="2")
    return nothing(request)


urlpatterns = [
    path("nothing/", nothing),
    path("ours/", ours),
    path("first/", at_first),
    path("ours50/", fifty),
    path("get/", others_gate(1)),
    path("get50/", others_gate(50)),
    path("allauth/", allauths_gate(1)),
    path("allauth50/", allauths_gate(50)),
    path("asks/", asks_patreon),
]

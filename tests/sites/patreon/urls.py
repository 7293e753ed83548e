"""`patreon:account` is the site's own page, and there is no `patreon:locked`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

app_name = "patreon"


def account(request: HttpRequest) -> HttpResponse:
    return HttpResponse("the site's own page")


urlpatterns = [path("account/", account, name="account")]

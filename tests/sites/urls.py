"""The addresses of a site without an admin."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def front(request: HttpRequest) -> HttpResponse:
    return HttpResponse("front")


urlpatterns = [
    path("", front),
    path("", include("social_django.urls", namespace="social")),
    path("patreon/", include("django_patreon.urls")),
]

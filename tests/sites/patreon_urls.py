"""The addresses of a site that has an app of its own called `patreon`."""

from __future__ import annotations

from django.urls import include, path

from .urls import front

urlpatterns = [
    path("", front),
    path("", include("social_django.urls", namespace="social")),
    path("patreon/", include("tests.sites.patreon.urls")),
    path("supporters/", include("django_patreon.urls", namespace="supporters")),
]

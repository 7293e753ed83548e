"""The addresses of the tests' site, and allauth's."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("tests.urls")),
]

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import authenticate, login
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import include, path

PAGE = Template(
    "{% load patreon %}{% csrf_token %}"
    "{% if user.is_authenticated %}signed in as {{ user.username }}"
    "{% else %}{% patreon_login_button %}{% endif %}"
)


def front(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.render(RequestContext(request)))


def by_password(request: HttpRequest) -> HttpResponse:
    user = authenticate(request, username=request.POST["name"], password=request.POST["password"])
    login(request, user)
    return HttpResponse("welcome")


urlpatterns = [
    path("password/", by_password),
    path("", front),
    path("login/", front),
    path("inside/", front),
    path("admin/", admin.site.urls),
    path("gates/", include("tests.gates.urls")),
    path("patreon/", include("django_patreon.urls")),
    path("", include("social_django.urls", namespace="social")),
]

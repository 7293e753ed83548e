"""`path("patreon/", include("django_patreon.urls"))`"""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "patreon"

urlpatterns = [
    path("account/", views.account, name="account"),
    path("unlink/", views.unlink, name="unlink"),
]

"""`path("patreon/", include("django_patreon.urls"))`"""

from __future__ import annotations

from django.urls import path

from . import health_views, views, webhook_views

app_name = "patreon"

urlpatterns = [
    path("account/", views.account, name="account"),
    path("refresh/", views.refresh, name="refresh"),
    path("locked/", views.locked, name="locked"),
    path("view-as/", views.view_as, name="view_as"),
    path("unlink/", views.unlink, name="unlink"),
    path("health/", health_views.health, name="health"),
    path("webhook/", webhook_views.webhook, name="webhook"),
    path("webhook/<int:key>/", webhook_views.webhook, name="webhook"),
]

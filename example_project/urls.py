from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from . import magazine, views

urlpatterns = [
    path("", views.front, name="front"),
    path("stories/ledger/", views.ledger, name="ledger"),
    path("stories/salt/", views.salt, name="salt"),
    path("stories/staircase/", views.staircase, name="staircase"),
    path("magazine/", magazine.magazine, name="magazine"),
    path("magazine/podcast/", magazine.new_podcast_address, name="new_podcast_address"),
    path("magazine/<slug:slug>/", magazine.ArticlePage.as_view(), name="article"),
    path("podcast/<str:key>/", magazine.podcast, name="podcast"),
    path("podcast/<str:key>/<path:path>", magazine.episode, name="episode"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("login/", auth_views.LoginView.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("register/", views.register, name="register"),
    path("password/", views.set_password, name="set_password"),
    path("patreon/", include("django_patreon.urls")),
    path("admin/", admin.site.urls),
    path("", include("social_django.urls", namespace="social")),
]

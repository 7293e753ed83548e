from __future__ import annotations

from django.urls import include, path

from .contenders import by_hand_begin, by_hand_complete, floor_begin, floor_complete

urlpatterns = [
    path("floor/begin/", floor_begin),
    path("floor/complete/", floor_complete),
    path("by-hand/begin/", by_hand_begin),
    path("by-hand/complete/", by_hand_complete),
    path("allauth/", include("allauth.urls")),
    path("", include("social_django.urls", namespace="social")),
]

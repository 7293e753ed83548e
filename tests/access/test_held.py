"""What a request or a long-lived `Patron` keeps in mind, and who may be asked about at all."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import RequestFactory
from django.urls import path
from django.utils import timezone
from rest_framework.request import Request

from django_patreon.access import Patron, PatronGatedDetailView, check, gate_for
from django_patreon.access.current import set_current_request
from django_patreon.models import Campaign, Grant, Tier
from django_patreon.sandbox.ids import BRONZE, FOREIGN, GOLD, HOME
from tests.dance import Dance
from tests.gates.models import Story
from tests.urls import urlpatterns as site


class Undo(Exception):
    """Rolls a block back."""


@pytest.fixture
def request_of(dance: Dance, rf: RequestFactory) -> Any:
    """A request by somebody who is no patron."""
    dance.sign_in("stranger")
    request = rf.get("/")
    request.user = dance.user
    return request


def test_a_pass_that_is_rolled_back_opens_nothing(request_of: Any) -> None:
    user = request_of.user
    with set_current_request(request_of):
        assert not check(user).allowed
        with suppress(Undo), transaction.atomic():
            Grant.objects.give(user, cents=500)
            assert check(user).allowed
            raise Undo
        assert not check(user).allowed


def test_nor_does_an_inner_one_while_the_outer_one_stands(request_of: Any) -> None:
    user = request_of.user
    with set_current_request(request_of), transaction.atomic():
        Grant.objects.give(user, cents=300)
        with suppress(Undo), transaction.atomic():
            Grant.objects.give(user, cents=2000)
            assert check(user, cents=2000).allowed
            raise Undo
        assert not check(user, cents=2000).allowed
        assert check(user, cents=300).allowed


def test_a_patron_that_is_held_for_long_is_read_again(request_of: Any, time_machine_at) -> None:
    held = Patron(request_of.user)
    assert not held.is_patron
    Grant.objects.give(request_of.user, cents=500)
    assert not held.is_patron
    time_machine_at(minutes=2)
    assert held.is_patron


def test_a_group_a_request_and_another_row_are_no_users(request_of: Any) -> None:
    Grant.objects.give(request_of.user, cents=500)
    group = Group.objects.create(pk=request_of.user.pk, name="whose key is the user's")
    for other in (group, request_of, Request(request_of), Tier()):
        with pytest.raises(TypeError, match="wants a user"):
            check(other)
        with pytest.raises(TypeError, match="wants a user"):
            Story.objects.visible_to(other)


def test_somebody_deactivated_is_let_in_nowhere(request_of: Any) -> None:
    user = request_of.user
    Grant.objects.give(user, cents=500)
    story = Story.objects.create(title="For patrons")
    assert check(user).allowed
    user.is_active = False
    assert not check(user).allowed
    assert not story.decision_for(user).allowed
    assert not Story.objects.visible_to(user).exists()


def show(request: Any, pk: int) -> Any:
    row = Story.objects.get(pk=pk)
    return gate_for(request, row) or detail(request, pk=pk)


detail = PatronGatedDetailView.as_view(model=Story, template_name="gates/story.html")
urlpatterns = [
    path("by-function/<int:pk>/", show),
    path("by-class/<int:pk>/", detail),
    *site,
]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("slug", ["gold", "bronze", "foreign-only", "stranger", None])
def test_a_view_of_one_row_agrees_with_the_list(dance: Dance, settings, slug: str | None) -> None:
    settings.TEMPLATES = [
        {
            **settings.TEMPLATES[0],
            "APP_DIRS": False,
            "OPTIONS": {
                **settings.TEMPLATES[0]["OPTIONS"],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"gates/story.html": "open"}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ]
    dance.sign_in("foreign-only")  # so that all campaigns and tiers are known
    dance.client.logout()
    dance.sign_in("gold")
    dance.client.logout()
    if slug is not None:
        dance.sign_in(slug)
    foreign = Tier.objects.filter(campaign__patreon_id=FOREIGN).first()
    soon, past = (timezone.now() + timedelta(days=each) for each in (1, -1))
    tiers = [None, foreign, *Tier.objects.filter(patreon_id__in=[BRONZE, GOLD])]
    assert Campaign.objects.filter(patreon_id=HOME, is_ours=True).exists()
    for tier in tiers:
        for cents in (None, 300, 5000):
            for opens in (None, past, soon):
                Story.objects.create(
                    title="A story", required_tier=tier, min_cents=cents, public_from=opens
                )
    reader = dance.user
    visible = set(Story.objects.visible_to(reader).values_list("pk", flat=True))
    for row in Story.objects.all():
        for way in ("by-function", "by-class"):
            response = dance.client.get(f"/{way}/{row.pk}/")
            is_open = response.status_code == 200 and response.content == b"open"
            assert is_open == (row.pk in visible), (slug, way, row.required_tier, row.min_cents)
            assert "no-store" in response["Cache-Control"]

"""The locked page for visitors who are signed out, and its amounts and buttons."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path
from django.utils import translation

from django_patreon.access import PatronGatedDetailView, patron_required
from django_patreon.access.words import amount_in_words
from django_patreon.models import Campaign, Tier
from django_patreon.sandbox.ids import GOLD
from tests.dance import Dance
from tests.gates.models import Story
from tests.gates.urls import said
from tests.urls import urlpatterns as site


class Read(PatronGatedDetailView):
    model = Story


urlpatterns = [
    path("story/<int:pk>/", Read.as_view()),
    path("plain/", patron_required(at_least=GOLD)(lambda request: said(True))),
    *site,
]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def story(dance: Dance) -> Story:
    dance.sign_in("gold")
    dance.client.logout()
    Campaign.objects.update(is_ours=True)
    return Story.objects.create(required_tier=Tier.objects.get(patreon_id=GOLD))


def test_connecting_comes_first_for_who_has_not_connected(client: Client, story: Story) -> None:
    client.force_login(User.objects.create_user("reader"))
    text = client.get(f"/story/{story.pk}/").content.decode()
    assert 'class="patreon-join patreon-join--second"' in text
    assert 'class="patreon-join"' not in text
    assert text.count("patreon-login__button") == 1


class TestSignedOut:
    def test_they_are_redirected_unless_the_site_says_otherwise(
        self, client: Client, story: Story
    ) -> None:
        answer = client.get(f"/story/{story.pk}/")
        assert answer.status_code == 302

    @pytest.mark.parametrize("address", ["/story/{}/", "/plain/"])
    def test_they_get_the_page_and_a_button_that_comes_back_here(
        self, client: Client, story: Story, settings: Any, address: str
    ) -> None:
        settings.PATREON = {**settings.PATREON, "LOCKED_PAGE_FOR_ALL": True}
        here = address.format(story.pk)
        answer = client.get(here)
        assert answer.status_code == 403
        assert "no-store" in answer["Cache-Control"]
        text = answer.content.decode()
        assert "Continue with Patreon" in text
        assert f'name="next" value="{here}"' in text
        assert "check again" not in text
        assert text.count("patreon-price") == 1

    def test_a_program_gets_what_it_got_before(
        self, client: Client, story: Story, settings: Any
    ) -> None:
        settings.PATREON = {**settings.PATREON, "LOCKED_PAGE_FOR_ALL": True}
        answer = client.get("/plain/", headers={"accept": "application/json"})
        assert answer.status_code == 401
        assert answer.json()["code"] == "anonymous"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "1,234.50 EUR"), ("de", "1.234,50 EUR"), ("fr", "1 234,50 EUR")]
)
def test_amounts_are_written_as_the_language_does(settings: Any, language: str, words: str) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    with translation.override(language):
        assert re.sub(r"\s", " ", amount_in_words(123450, "EUR")) == words
        assert amount_in_words(500, "EUR") == "5 EUR"


@pytest.mark.parametrize(("slug", "is_there"), [("declined", True), ("gold", False)])
def test_the_account_page_leads_to_the_repair_of_a_declined_payment(
    dance: Dance, slug: str, is_there: bool
) -> None:
    dance.sign_in(slug)
    text = dance.client.get("/patreon/account/").content.decode()
    assert ("Update your payment on Patreon" in text) is is_there

"""Which tiers a form of a `PatronGated` model offers and takes; an operator drives the admin."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.forms import modelform_factory
from django.test import Client
from django.urls import path
from django.utils import timezone

from django_patreon.admin import TierChoices
from django_patreon.models import Campaign, Tier
from django_patreon.sandbox.ids import FOREIGN, FOREIGN_GOLD, GOLD, HOME, SILVER
from tests.dance import Dance
from tests.gates.models import Episode, Show, Story
from tests.urls import urlpatterns as site


class ByKey(TierChoices):
    raw_id_fields = ("required_tier",)


class ByName(TierChoices):
    autocomplete_fields = ("required_tier",)


DESKS = {name: admin.AdminSite(name) for name in ("desk", "by_key", "by_name")}
for desk, choices in zip(DESKS.values(), (TierChoices, ByKey, ByName), strict=True):
    desk.register(Story, choices)
    desk.register(Episode, admin.ModelAdmin)
    for model in (Tier, Campaign):
        desk.register(model, type(admin.site._registry[model]))
urlpatterns = [*(path(f"{name}/", desk.urls) for name, desk in DESKS.items()), *site]
pytestmark = pytest.mark.urls(__name__)
OTHERS = "a tier of Paper Boats, and this site does not act for that campaign."


@pytest.fixture
def operator(dance: Dance, settings: Any) -> Client:
    """An operator of a site which knows two campaigns, and acts for HOME."""
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
    dance.sign_in("foreign-first")
    Campaign.objects.filter(patreon_id=HOME).update(is_ours=True)
    Campaign.objects.filter(patreon_id=FOREIGN).update(name="Paper Boats")
    client = Client()
    client.force_login(
        get_user_model().objects.create_superuser("operator", password="x"),
        "django.contrib.auth.backends.ModelBackend",
    )
    return client


def key(tier: str) -> int:
    return Tier.objects.get(patreon_id=tier).pk


def offered(client: Client, address: str) -> set[str]:
    """Read the ids of the tiers that the form's select offers."""
    page = client.get(address).content.decode()
    (select,) = re.findall(r'<select name="required_tier".*?</select>', page, re.DOTALL)
    keys = re.findall(r'value="(\d+)"', select)
    return set(Tier.objects.filter(pk__in=keys).values_list("patreon_id", flat=True))


def of(campaign: str) -> set[str]:
    return set(Tier.objects.filter(campaign=campaign).values_list("patreon_id", flat=True))


def story(tier: str | None, **values: Any) -> dict[str, Any]:
    return {"title": "A story", "required_tier": key(tier) if tier else "", **values}


def show(campaign: str | None) -> Show:
    found = None if campaign is None else Campaign.objects.get(patreon_id=campaign)
    return Show.objects.create(campaign=found)


class TestAModelWithoutCampaigns:
    def test_offers_our_tiers(self, operator: Client, settings: Any) -> None:
        assert of(FOREIGN)
        assert offered(operator, "/desk/gates/story/add/") == of(HOME)
        settings.PATREON = {"CAMPAIGN_ID": FOREIGN}
        assert offered(operator, "/desk/gates/story/add/") == of(HOME) | of(FOREIGN)

    @pytest.mark.parametrize("desk", DESKS)
    def test_takes_our_tiers_and_no_others(self, operator: Client, desk: str) -> None:
        address = f"/{desk}/gates/story/add/"
        assert operator.get(address).status_code == 200
        assert operator.post(address, story(FOREIGN_GOLD)).status_code == 200
        assert not Story.objects.exists()
        assert operator.post(address, story(GOLD)).status_code == 302
        assert Story.objects.get().required_tier_id == key(GOLD)

    def test_keeps_what_a_row_has_and_says_what_is_wrong_with_it(self, operator: Client) -> None:
        row = Story.objects.create(title="Old", required_tier_id=key(FOREIGN_GOLD))
        address = f"/desk/gates/story/{row.pk}/change/"
        assert offered(operator, address) == of(HOME) | {FOREIGN_GOLD}
        answer = operator.post(address, story(FOREIGN_GOLD))
        assert OTHERS in answer.content.decode()
        assert operator.post(address, story(SILVER)).status_code == 302

    def test_finds_our_tiers_by_name(self, operator: Client) -> None:
        asked = {"app_label": "gates", "model_name": "story", "field_name": "required_tier"}
        found = operator.get("/by_name/autocomplete/", {"term": "", **asked}).json()["results"]
        assert {int(each["id"]) for each in found} == {key(each) for each in of(HOME)}
        found = operator.get("/by_name/autocomplete/", {"term": "Silver", **asked}).json()[
            "results"
        ]
        assert [int(each["id"]) for each in found] == [key(SILVER)]

    def test_is_judged_without_a_form(self, operator: Client) -> None:
        row = Story(title="A story", required_tier_id=key(FOREIGN_GOLD))
        with pytest.raises(ValidationError) as refused:
            row.full_clean()
        assert OTHERS in refused.value.message_dict["required_tier"][-1]
        Story(title="A story", required_tier_id=key(GOLD)).full_clean()
        Story(title="A story").full_clean()
        with pytest.raises(ValidationError) as refused:
            Story(title="x" * 60, required_tier_id=key(FOREIGN_GOLD)).full_clean()
        assert set(refused.value.message_dict) == {"title", "required_tier"}


class TestRowsThatLeadToACampaign:
    def test_are_offered_its_tiers(self, operator: Client) -> None:
        for campaign in (HOME, FOREIGN):
            row = Episode.objects.create(show=show(campaign))
            assert offered(operator, f"/desk/gates/episode/{row.pk}/change/") == of(campaign)

    def test_that_lead_to_none_are_offered_ours(self, operator: Client) -> None:
        row = Episode.objects.create(show=show(None))
        assert offered(operator, f"/desk/gates/episode/{row.pk}/change/") == of(HOME)
        assert offered(operator, "/desk/gates/episode/add/") == of(HOME)
        show(FOREIGN)
        assert offered(operator, "/desk/gates/episode/add/") == of(HOME) | of(FOREIGN)

    @pytest.mark.parametrize(
        ("campaign", "tier", "is_taken"),
        [
            (HOME, GOLD, True),
            (HOME, FOREIGN_GOLD, False),
            (FOREIGN, FOREIGN_GOLD, True),
            (FOREIGN, GOLD, False),
            (None, GOLD, True),
            (HOME, None, True),
        ],
    )
    def test_take_its_tiers_only(
        self, operator: Client, campaign: str | None, tier: str | None, is_taken: bool
    ) -> None:
        for each in (HOME, FOREIGN):
            show(each)
        sent = {"show": show(campaign).pk, "required_tier": key(tier) if tier else ""}
        answer = operator.post("/desk/gates/episode/add/", sent)
        assert Episode.objects.exists() is is_taken
        if not is_taken:
            assert "another campaign than the one this is about" in answer.content.decode()

    def test_may_change_both_at_once(self, operator: Client) -> None:
        row = Episode.objects.create(show=show(HOME), required_tier_id=key(GOLD))
        address = f"/desk/gates/episode/{row.pk}/change/"
        sent = {"show": show(FOREIGN).pk, "required_tier": key(FOREIGN_GOLD)}
        assert operator.post(address, sent).status_code == 302
        row.refresh_from_db()
        assert row.required_tier_id == key(FOREIGN_GOLD)

    def test_are_judged_in_a_form_that_moves_them_and_shows_no_tier(self, operator: Client) -> None:
        row = Episode.objects.create(show=show(HOME), required_tier_id=key(GOLD))
        move: Any = modelform_factory(Episode, fields=["show"])
        form = move({"show": show(FOREIGN).pk}, instance=row)
        assert "another campaign" in form.non_field_errors()[0]
        assert move({"show": show(HOME).pk}, instance=row).is_valid()

    def test_without_their_parent_are_told_that_only(self, operator: Client) -> None:
        made: Any = modelform_factory(Episode, fields=["show", "required_tier"])
        form = made({"show": "", "required_tier": key(GOLD)})
        assert set(form.errors) == {"show"}


def test_a_form_of_the_sites_own_offers_the_same(operator: Client) -> None:
    made: Any = modelform_factory(Story, fields=["title", "required_tier"])
    assert {each.patreon_id for each in made().fields["required_tier"].queryset} == of(HOME)

    class Own(forms.ModelForm):
        class Meta:
            model = Story
            fields = ("required_tier",)

        def clean(self) -> None:
            """Calls nothing of ours."""

    assert "required_tier" in Own({"required_tier": key(FOREIGN_GOLD)}).errors


def test_tiers_are_read_only(operator: Client) -> None:
    pk = key(GOLD)
    page = operator.get("/desk/django_patreon/tier/", {"q": "Gold"}).content.decode()
    assert f"/desk/django_patreon/tier/{pk}/change/" in page
    address = f"/desk/django_patreon/tier/{pk}"
    assert 'name="_save"' not in operator.get(f"{address}/change/").content.decode()
    for way in (f"{address}/change/", f"{address}/delete/", "/desk/django_patreon/tier/add/"):
        assert operator.post(way, {"title": "x", "post": "yes"}).status_code == 403
    assert Tier.objects.get(pk=pk).title == "Gold"


def test_what_is_offered_needs_no_migration_of_the_sites(db: None) -> None:
    call_command("makemigrations", "gates", check=True, dry_run=True)


def test_a_tier_of_a_new_campaign_is_offered_when_it_is_made_ours(operator: Client) -> None:
    other = Campaign.objects.create(patreon_id="8", fetched_at=timezone.now())
    other.tiers.create(patreon_id="88", amount_cents=5, fetched_at=timezone.now())
    assert "88" not in offered(operator, "/desk/gates/story/add/")
    Campaign.objects.filter(pk=other.pk).update(is_ours=True)
    assert "88" in offered(operator, "/desk/gates/story/add/")

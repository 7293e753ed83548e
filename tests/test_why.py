"""`manage.py patreon_why`: what an operator reads when somebody asks for their perk."""

from __future__ import annotations

import io
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_patreon.models import Campaign, Grant, Membership, PatreonAccount
from django_patreon.sandbox.ids import FOREIGN, GOLD, HOME, SILVER
from django_patreon.sync import sync_account
from tests.sync.test_memberships import at_patreon

from .dance import Dance


def why(user: str, *words: str, **options: object) -> str:
    out = io.StringIO()
    call_command("patreon_why", user, *words, stdout=out, no_color=True, **options)
    return out.getvalue()


def test_it_tells_the_decision_the_steps_and_the_facts(dance: Dance, settings) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD}}
    dance.sign_in("bronze")
    said = why("BrunoVale", tier="gold")
    for words in (
        "the tier Gold",
        f"of campaign {HOME}, Lanternhouse",
        "linked to Patreon",
        "Bronze 9100001 (300 cents)",
        "minutes ago",
        "Is it enough for this rule?",
        "other_tier",
        "BrunoVale MAY NOT COME IN: This is for another tier than yours.",
        "missing: the tier Gold",
    ):
        assert words in said
    assert "MAY COME IN: You are a patron" in why(dance.user.patreon_account.patreon_id)


def test_it_tells_of_passes_other_campaigns_and_blanks(dance: Dance, settings) -> None:
    settings.PATREON = {"CAMPAIGN_ID": HOME}
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
    dance.sign_in("foreign-first")
    there = at_patreon(dance, "foreign-first")
    there.tier_ids, there.currently_entitled_amount_cents = [], 0
    sync_account(dance.user.patreon_account)
    Grant.objects.give(dance.user, cents=100)
    said = why("FaridAziz", cents=200)
    assert "another campaign: ignored" in said
    assert "a pass for 100 cents a month, in force" in said
    Grant.objects.deny(dance.user, campaign=Campaign.objects.get(patreon_id=FOREIGN))
    assert f"a ban of campaign {FOREIGN}, in force" in why("FaridAziz")
    assert "before: " in said
    assert "Bronze 9100001" in said.partition("before: ")[2]
    assert "until " in said


def test_it_tells_of_the_amount_that_is_remembered(dance: Dance) -> None:
    dance.sign_in("custom")
    there = at_patreon(dance, "custom")
    there.currently_entitled_amount_cents = 0
    sync_account(dance.user.patreon_account)
    said = why(dance.user.username, cents=500)
    assert "blank_grace" in said
    assert "before: no tier; 700 cents a month" in said


def test_it_tells_of_the_settings_that_it_went_by(dance: Dance, settings) -> None:
    dance.sign_in("gold")
    assert "DECLINED_GRACE 7 days, 0:00:00, BLANK_GRACE 3 days" in why("AlmaReyes")
    assert "not counted" not in why("AlmaReyes")
    settings.PATREON = {"COUNT_GIFTED": False, "STAFF_BYPASS": False}
    assert "not counted: gifts, staff" in why("AlmaReyes")


def test_it_tells_patreons_own_word(dance: Dance) -> None:
    dance.sign_in("gold")
    Membership.objects.update(patron_status="paused_patron")
    PatreonAccount.objects.update(last_refresh_message="")
    assert "Patreon's word: paused_patron" in why("AlmaReyes")


def test_a_step_that_decided_nothing_goes_on(dance: Dance) -> None:
    dance.sign_in("bronze")
    lines = why("BrunoVale").splitlines()
    steps = {line.strip(): line.split()[-1] for line in lines if "?" in line}
    assert list(steps.values()).count("on") == len(steps) - 1
    assert any(line.endswith("goes on") for line in steps)
    assert not any(line.endswith(" -") for line in steps)


def test_a_user_name_comes_before_an_id_of_patreons(dance: Dance) -> None:
    dance.sign_in("gold")
    key = dance.user.patreon_account.patreon_id
    assert "AlmaReyes MAY COME IN" in why(key)
    get_user_model().objects.create_user(key)
    assert f"{key} MAY NOT COME IN" in why(key)


def test_a_senseless_amount_is_refused_in_words(dance: Dance) -> None:
    dance.sign_in("gold")
    with pytest.raises(CommandError, match="cents must be 0 cents or more, not -5"):
        why("AlmaReyes", cents=-5)


def test_an_address_does_too(dance: Dance) -> None:
    dance.sign_in("gold")
    user = dance.user
    user.email = "alma@here.example"
    user.save()
    for address in ("ALMA@here.example", user.patreon_account.email):
        assert "AlmaReyes MAY COME IN" in why(address)
    get_user_model().objects.create_user("other", email="Alma@here.example")
    with pytest.raises(CommandError, match="More than one user"):
        why("alma@here.example")
    with pytest.raises(CommandError, match="Nobody here is called"):
        why("nobody@here.example")


@pytest.mark.parametrize("option", ["tier", "at_least"])
def test_a_misspelt_tier_is_said_and_what_may_be_meant(dance: Dance, settings, option: str) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD, "silver": SILVER}}
    dance.sign_in("gold")
    with pytest.raises(CommandError, match=r"the tier 'glod'\. Did you mean 'gold'\?"):
        why("AlmaReyes", **{option: "glod"})
    with pytest.raises(CommandError, match=r"Known: gold, silver\."):
        why("AlmaReyes", **{option: "Laterne"})


def test_it_knows_who_is_not_here(dance: Dance) -> None:
    dance.sign_in("gold")
    key = dance.user.patreon_account.patreon_id
    get_user_model().objects.all().delete()
    with pytest.raises(CommandError, match="nobody's account here"):
        why(key)
    with pytest.raises(CommandError, match="Nobody here is called"):
        why("nobody")


def test_all_times_are_of_one_zone_that_is_named(dance: Dance, settings) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    dance.sign_in("cancelled")
    said = why("CaraWells")
    end = Membership.objects.get().next_charge_date.astimezone(ZoneInfo("Asia/Tokyo"))
    assert "What is known (times are of Asia/Tokyo):" in said
    assert f"next on {end:%Y-%m-%d %H:%M}" in said
    Membership.objects.update(next_charge_date=timezone.now() + timedelta(days=2))
    end = Membership.objects.get().next_charge_date.astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"until {end:%Y-%m-%d %H:%M}, unless" in why("CaraWells")


def test_what_the_site_has_not_heard_of_is_called_unknown(dance: Dance, settings) -> None:
    dance.sign_in("gold")
    assert "unknown" not in why("AlmaReyes", tier=GOLD, at_least=SILVER)
    assert "tier 12345 is unknown" in why("AlmaReyes", tier="12345")
    assert "tier 12345 is unknown" in why("AlmaReyes", at_least="12345")
    assert "of campaign 777, unknown" in why("AlmaReyes", campaign="777")
    settings.PATREON = {"CAMPAIGN_ID": "888"}
    assert "of campaign 888, unknown" in why("AlmaReyes")
    settings.PATREON = {}
    Campaign.objects.update(is_ours=False)
    assert "of campaign unknown: this site has not said" in why("AlmaReyes")


def test_it_asks_since_when(dance: Dance) -> None:
    dance.sign_in("gold")
    assert "MAY COME IN" in why("AlmaReyes", "--since=2100-01-01")
    said = why("AlmaReyes", "--since=2000-01-01T12:00+02:00")
    assert "MAY NOT COME IN: This is for people who joined earlier" in said
    assert "missing: to have joined by Jan. 1, 2000" in said
    with pytest.raises(CommandError, match="'May' is no date such as 2024-05-01"):
        why("AlmaReyes", "--since=May")


def test_it_tells_that_an_inactive_user_cannot_sign_in(dance: Dance) -> None:
    dance.sign_in("gold")
    assert "inactive" not in why("AlmaReyes")
    get_user_model().objects.update(is_active=False)
    said = why("AlmaReyes", cents=500)
    assert "AlmaReyes MAY NOT COME IN" in said
    assert "the user is inactive: Django does not let them sign in" in said
    assert "Gold 9100003 (1000 cents)" in said, "the facts are told all the same"

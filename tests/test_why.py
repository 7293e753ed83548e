"""`manage.py patreon_why`: what an operator reads when somebody asks for their perk."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from django_patreon.models import Grant, Membership, PatreonAccount
from django_patreon.sandbox.people import GOLD, HOME, SILVER
from django_patreon.sync import sync_account

from .dance import Dance
from .test_sync import at_patreon


def why(user: str, **options: object) -> str:
    out = io.StringIO()
    call_command("patreon_why", user, stdout=out, no_color=True, **options)
    return out.getvalue()


def test_it_tells_the_decision_the_steps_and_the_facts(dance: Dance, settings) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD}}
    dance.sign_in("bronze")
    said = why("BrunoVale", tier="gold")
    for words in (
        "the tier Gold",
        f"of campaign {HOME}",
        "linked to Patreon",
        "9100001 (300 cents)",
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
    assert "before: 9100000, 9100001" in said or "before: 9100001, 9100000" in said
    assert "until " in said


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

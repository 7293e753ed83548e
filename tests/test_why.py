"""`manage.py patreon_why`: what an operator reads when somebody asks for their perk."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from django_patreon.models import Grant, Membership, PatreonAccount
from django_patreon.sandbox.people import GOLD, HOME
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


def test_it_knows_who_is_not_here(dance: Dance) -> None:
    dance.sign_in("gold")
    key = dance.user.patreon_account.patreon_id
    get_user_model().objects.all().delete()
    with pytest.raises(CommandError, match="nobody's account here"):
        why(key)
    with pytest.raises(CommandError, match="Nobody here is called"):
        why("nobody")

"""What `check --database default` says of webhooks."""

from __future__ import annotations

from typing import Any

from django.core.checks import run_checks

from django_patreon.models import Campaign, Webhook
from django_patreon.sandbox.ids import HOME
from tests.dance import Dance


def faults() -> dict[str, str]:
    found = run_checks(databases=["default"])
    ids = ("django_patreon.E017", "django_patreon.W017")
    return {each.id.removeprefix("django_patreon."): each.msg for each in found if each.id in ids}


def test_a_campaign_that_is_not_connected_needs_no_webhook(ours: Campaign) -> None:
    assert faults() == {}


def test_a_connected_campaign_without_a_webhook_is_named(connected: Dance, settings: Any) -> None:
    assert list(faults()) == ["W017"]
    assert "Lanternhouse" in faults()["W017"]
    settings.PATREON = {**settings.PATREON, "WEBHOOK_SECRETS": ["that of Patreon's page"]}
    assert faults() == {}


def test_a_registered_webhook_is_enough(connected: Dance) -> None:
    campaign = Campaign.objects.get(patreon_id=HOME)
    Webhook.objects.create(campaign=campaign, patreon_id="7", secret="of-the-hook")
    assert faults() == {}


def test_a_secret_that_no_key_opens_is_named(connected: Dance, settings: Any) -> None:
    campaign = Campaign.objects.get(patreon_id=HOME)
    Webhook.objects.create(campaign=campaign, patreon_id="7", secret="of-the-hook")
    settings.SECRET_KEY = "another key, as after a restored backup"
    assert "webhook 7" in faults()["E017"]

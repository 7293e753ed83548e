"""`patreon:health`: 200 while the site keeps up with Patreon, else 503 and a word for the cause."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from django_patreon.doctor import health
from django_patreon.models import Campaign, PatreonAccount, Webhook, WebhookDelivery
from django_patreon.sandbox.ids import HOME

from .dance import Dance
from .webhooks.conftest import connected

__all__ = ["connected"]  # a fixture
ROOT = Path(__file__).parent.parent


def asked(client: Client) -> tuple[int, list[str]]:
    answer = client.get("/patreon/health/")
    assert "no-store" in answer["Cache-Control"]
    return answer.status_code, answer.json()["problems"]


@pytest.fixture
def clean(connected: Dance) -> Campaign:
    call_command("patreon_sync", verbosity=0)
    return Campaign.objects.get(patreon_id=HOME)


def test_a_site_that_keeps_up_is_healthy_in_three_statements(
    clean: Campaign, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(3):
        assert asked(Client()) == (200, [])
    assert Client().post("/patreon/health/").status_code == 405


def test_a_sync_that_is_late(clean: Campaign, settings: Any) -> None:
    Campaign.objects.update(synced_at=timezone.now() - timedelta(days=3))
    assert asked(Client()) == (503, ["sync_late"])
    settings.PATREON = {"SYNC_EVERY": timedelta.max, "RATE_LIMIT": None}
    assert asked(Client()) == (200, [])
    Campaign.objects.update(synced_at=None)
    assert asked(Client()) == (503, ["sync_late"])


def test_a_creator_who_must_reconnect(clean: Campaign) -> None:
    PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
    assert asked(Client()) == (503, ["reconnect"])


def test_a_webhook_that_is_paused_and_deliveries_that_wait(clean: Campaign) -> None:
    Webhook.objects.create(campaign=clean, patreon_id="77", is_paused=True)
    then = timezone.now() - timedelta(hours=2)
    WebhookDelivery.objects.create(
        digest="d", body=b"{}", received_at=then, last_received_at=then, due_at=then
    )
    assert asked(Client()) == (503, ["webhook_paused", "deliveries_wait"])


def test_settings_that_cannot_be_read(clean: Campaign, settings: Any) -> None:
    settings.PATREON = {"SYNC_EVERY": "daily"}
    settings.MIDDLEWARE = []
    assert asked(Client()) == (503, ["settings"])


def test_the_docs_list_every_problem() -> None:
    code = Path(health.__file__).read_text()
    words = re.findall(r'(?:add|append)\("(\w+)"\)|return \["(\w+)"\]', code)
    table = (ROOT / "docs/operators.md").read_text().split("## Monitoring")[1].split("\n## ")[0]
    assert {a or b for a, b in words} == set(re.findall(r"^\| `(\w+)` ", table, re.M))

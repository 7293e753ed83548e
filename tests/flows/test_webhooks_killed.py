"""Processes that apply webhook deliveries, killed again and again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_patreon import webhooks
from django_patreon.models import Campaign, Membership, MembershipEvent, WebhookDelivery
from django_patreon.sandbox.ids import HOME
from tests.webhooks.conftest import sample

from .conftest import Browser, Patreon
from .crew import ROOT
from .test_sync_killed import CREATORS_SCOPES, at_patreon, here

pytestmark = pytest.mark.django_db(transaction=True)
DELIVERIES = 250
KILLS = int(os.environ.get("STRESS_ROUNDS", "4"))
APPLY = """
import django
from django.conf import settings
settings.PATREON = settings.PATREON | {"RATE_LIMIT": None}
django.setup()
from django_patreon import webhooks
print("ready", flush=True)
print(webhooks.apply_waiting(), flush=True)
"""


@pytest.fixture
def campaign(visitor: Browser, patreon: Patreon, settings: Any) -> Campaign:
    """The creator's campaign, connected, with a crowd that the site does not know yet."""
    patreon.control("crowd", members=1000)
    settings.SOCIAL_AUTH_PATREON_SCOPE = CREATORS_SCOPES
    visitor.sign_in("creator")
    return Campaign.objects.get(patreon_id=HOME)


@contextmanager
def a_worker(patreon: Patreon) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.flows.worker_settings",
        "WORKER_DATABASE": str(connection.settings_dict["NAME"]),
        "WORKER_PATREON": patreon.url,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", APPLY], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def let_leases_end() -> None:
    """As if it were some minutes later."""
    left = WebhookDelivery.objects.filter(state__in=("waiting", "working"))
    left.update(due_at=timezone.now())


def test_what_killed_workers_leave_is_applied_once_by_the_next(
    campaign: Campaign, patreon: Patreon
) -> None:
    there = at_patreon(campaign)
    told = sorted(there)[:DELIVERIES]
    for key in told:
        document = json.loads(sample("members_pledge_create"))
        document["data"]["id"] = key
        webhooks.receive(json.dumps(document).encode(), "members:update")
    chance = random.Random()
    for _ in range(KILLS):
        with a_worker(patreon) as one, a_worker(patreon) as other:
            time.sleep(chance.uniform(0, 0.8))
            one.kill()
            time.sleep(chance.uniform(0, 0.3))
            other.kill()
        known = here()
        # A member is written whole or not at all.
        assert known == {key: there[key] for key in known}
        let_leases_end()
    with a_worker(patreon) as last:
        said, _ = last.communicate(timeout=120)
        assert last.returncode == 0, said
    assert Counter(WebhookDelivery.objects.values_list("state", flat=True)) == {"done": len(told)}
    known = here()
    assert {key: known[key] for key in told} == {key: there[key] for key in told}
    changes = MembershipEvent.objects.filter(membership__patreon_id__in=told)
    assert max(Counter(changes.values_list("membership", "kind")).values(), default=1) == 1
    assert Membership.objects.count() >= len(told)

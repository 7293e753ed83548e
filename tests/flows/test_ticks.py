"""`patreon_tick` in processes of their own, more than one at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_patreon.models import (
    Campaign,
    Membership,
    PatreonAccount,
    SyncPage,
    SyncRun,
    WantedLook,
)
from django_patreon.sandbox.ids import HOME

from .conftest import Browser, Patreon

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parent.parent.parent


def start(patreon: Patreon, *words: str) -> subprocess.Popen[str]:
    """Begin a tick on the test's database."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.flows.worker_settings",
        "WORKER_DATABASE": str(connection.settings_dict["NAME"]),
        "WORKER_PATREON": patreon.url,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "django", "patreon_tick", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def campaign(visitor: Browser, patreon: Patreon, settings: Any) -> Campaign:
    """A connected campaign of 3,000 members."""
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["campaigns", "campaigns.members"]
    visitor.sign_in("creator")
    patreon.control("crowd", members=3000)
    patreon.control("requests", method="DELETE")
    return Campaign.objects.get(patreon_id=HOME)


def test_two_at_once_do_everything_once(
    campaign: Campaign, visitor: Browser, patreon: Patreon
) -> None:
    for slug in ("gold", "silver", "bronze"):
        visitor.session.cookies.clear()
        visitor.sign_in(slug)
    long_ago = timezone.now() - timedelta(days=8)
    Membership.objects.update(fetched_at=long_ago)
    for row in Membership.objects.all():
        WantedLook.objects.create(membership=row, wanted_at=timezone.now())
    PatreonAccount.objects.update(token_expires_at=timezone.now() + timedelta(days=3))
    patreon.control("requests", method="DELETE")
    ticks = [start(patreon) for _ in range(2)]
    said = [each.communicate(timeout=120)[0] for each in ticks]
    assert [each.returncode for each in ticks] == [0, 0], said
    assert all(text.count("\n") == 7 for text in said), said
    run = SyncRun.objects.get()
    assert run.state == "complete"
    assert run.seen == run.total == Membership.objects.count() > 3000
    asked = Counter(patreon.api_requests)
    looks = {each: count for each, count in asked.items() if "/v2/members/" in each}
    assert sorted(looks.values()) == [1, 1, 1]
    assert asked[f"GET /api/oauth2/v2/campaigns/{HOME}/members 200"] == run.pages
    assert asked["POST /api/oauth2/token 200"] == 4
    assert not WantedLook.objects.exists()


def test_a_killed_one_is_gone_on_with_after_its_lease(campaign: Campaign, patreon: Patreon) -> None:
    path = f"/api/oauth2/v2/campaigns/{HOME}/members"
    patreon.control("faults", kind="slow", seconds=1, path=path, times=None)
    killed = start(patreon)
    while not SyncPage.objects.exists():
        assert killed.poll() is None
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    patreon.control("faults", method="DELETE")
    second = start(patreon)
    assert "Another process is syncing" in second.communicate(timeout=60)[0]
    assert second.returncode == 0
    lease_ago = timezone.now() - timedelta(minutes=6)
    SyncRun.objects.update(taken_at=lease_ago)
    SyncPage.objects.update(at=lease_ago)
    third = start(patreon)
    assert "members seen" in third.communicate(timeout=60)[0]
    assert third.returncode == 0
    run = SyncRun.objects.get()
    assert (run.state, run.attempt, run.seen) == ("complete", 2, run.total)

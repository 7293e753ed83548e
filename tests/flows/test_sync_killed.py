"""`manage.py patreon_sync` in a process of its own, killed again and again."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from django_patreon import tokens
from django_patreon.models import Campaign, Membership, SyncPage, SyncRun
from django_patreon.sandbox.ids import HOME

from .conftest import Browser, Patreon
from .crew import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
CREATORS_SCOPES = ["campaigns", "campaigns.members", "w:campaigns.webhook"]
CROWD = 6000
KILLS = int(os.environ.get("STRESS_ROUNDS", "4"))


@pytest.fixture
def campaign(visitor: Browser, patreon: Patreon, settings: Any) -> Campaign:
    """The creator's campaign, connected, with a crowd."""
    patreon.control("crowd", members=CROWD)
    settings.SOCIAL_AUTH_PATREON_SCOPE = CREATORS_SCOPES
    visitor.sign_in("creator")
    return Campaign.objects.get(patreon_id=HOME)


@contextmanager
def a_sync(patreon: Patreon) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.flows.worker_settings",
        "WORKER_DATABASE": str(connection.settings_dict["NAME"]),
        "WORKER_PATREON": patreon.url,
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "patreon_sync"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_somewhere(patreon: Patreon, chance: random.Random) -> None:
    """Start a sync, and kill it a moment after one of its pages."""
    with a_sync(patreon) as process:
        assert process.stdout is not None
        for _ in range(chance.randint(0, 2)):
            process.stdout.readline()
        time.sleep(chance.uniform(0, 0.8))
        process.kill()
    let_leases_end()


def sync_to_the_end(patreon: Patreon) -> None:
    with a_sync(patreon) as process:
        said, errors = process.communicate(timeout=120)
        assert process.returncode == 0, said + errors


def let_leases_end() -> None:
    """As if it were six minutes later."""
    by = timedelta(minutes=6)
    SyncRun.objects.exclude(taken_at=None).update(taken_at=F("taken_at") - by)
    SyncPage.objects.update(at=F("at") - by)


Known = dict[str, tuple[str | None, int | None, frozenset[str]]]


def at_patreon(campaign: Campaign) -> Known:
    assert campaign.creator is not None
    members = tokens.client_for(campaign.creator).members(HOME)
    found = {
        each.id: (
            each.patron_status,
            each.currently_entitled_amount_cents,
            frozenset(each.tier_ids or ()),
        )
        for each in members
    }
    assert members.complete
    return found


def here() -> Known:
    found: dict[str, tuple[str | None, int | None, set[str]]] = {}
    rows = Membership.objects.filter(campaign_id=HOME).values_list(
        "patreon_id", "patron_status", "currently_entitled_amount_cents", "tiers__patreon_id"
    )
    for key, status, cents, tier in rows:
        found.setdefault(key, (status, cents, set()))[2].update({tier} - {None})
    return {key: (status, cents, frozenset(held)) for key, (status, cents, held) in found.items()}


def test_a_first_sync_that_is_killed_again_and_again_ends_at_the_truth(
    campaign: Campaign, patreon: Patreon
) -> None:
    """T14."""
    chance = random.Random()
    there = at_patreon(campaign)
    for _ in range(KILLS):
        kill_somewhere(patreon, chance)
        known = here()
        # A page is written whole or not at all.
        assert known == {key: there[key] for key in known}
    sync_to_the_end(patreon)
    assert here() == there
    assert not SyncPage.objects.exists()


def test_later_syncs_that_are_killed_demote_nobody(campaign: Campaign, patreon: Patreon) -> None:
    """T14."""
    chance = random.Random()
    sync_to_the_end(patreon)
    paying = set(Membership.objects.paying().values_list("patreon_id", flat=True))
    patreon.control("members", do="cancel_now", user="gold")
    patreon.control("members", do="change", user="silver", tier="Gold")
    patreon.control("members", do="pledge", user="stranger", tier="Gold")
    there = at_patreon(campaign)
    left = {key for key in paying if not there[key][1] and not there[key][2]}
    for _ in range(KILLS):
        kill_somewhere(patreon, chance)
        now = set(Membership.objects.paying().values_list("patreon_id", flat=True))
        assert paying - now <= {key for key in paying if not (there[key][1] or 0)} | left
    sync_to_the_end(patreon)
    sync_to_the_end(patreon)  # what was killed may have gone on from pages of before
    assert here() == there

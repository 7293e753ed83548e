"""The background work as task objects, with a framework for them and without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import django
import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from django_patreon import tasks, tokens
from django_patreon.models import Campaign, Grant, PatreonAccount

from .dance import Dance

pytestmark = pytest.mark.django_db(transaction=True)


def test_tokens_are_renewed_by_a_queue(dance: Dance) -> None:
    dance.sign_in("gold")
    account = PatreonAccount.objects.get()
    before = account.access_token.open()
    result = tasks.refresh_tokens.enqueue(days=40, workers=1)
    assert result.return_value == {"renewed": 1, "reconnect": [], "failed": {}}
    account.refresh_from_db()
    assert str(tokens.access_token(account)) != before


def test_what_a_task_says_of_bad_accounts_is_json_without_a_token(dance: Dance) -> None:
    dance.sign_in("gold")
    dance.sandbox.tokens.kill()
    account = PatreonAccount.objects.get()
    found = tasks.refresh_tokens.call(days=40)
    assert json.loads(json.dumps(found)) == found
    assert found["reconnect"] == [account.patreon_id]


def test_a_pass_that_ends_by_the_clock_ends_in_the_groups_too(settings: Any) -> None:
    settings.PATREON = {"TIER_GROUPS": {"2": ["supporters"]}}
    now = timezone.now()
    campaign = Campaign.objects.create(patreon_id="1", is_ours=True, fetched_at=now)
    gold = campaign.tiers.create(patreon_id="2", amount_cents=1000, fetched_at=now)
    user = User.objects.create_user("somebody")
    Grant.objects.give(user, tier=gold, until=now + timedelta(days=1))
    assert user.groups.get().name == "supporters"
    with time_machine.travel(now + timedelta(days=2)):
        assert tasks.keep_groups.call() == {"changed": 1}
        assert not user.groups.exists()
        assert tasks.keep_groups.call() == {"changed": 0}


@pytest.mark.parametrize(
    ("missing", "framework"),
    [
        ((), "django." if django.VERSION >= (6,) else "django_tasks."),
        (("django.tasks", "django_tasks"), "django_patreon."),
    ],
)
def test_the_same_file_works_with_a_framework_and_without(
    missing: tuple[str, ...], framework: str
) -> None:
    program = (
        "import sys, django; sys.modules |= dict.fromkeys(sys.argv[1:]); django.setup();"
        "from django_patreon import tasks;"
        "print(type(tasks.keep_groups).__module__, tasks.keep_groups.func.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *missing],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.startswith(framework)
    assert run.stdout.split()[1] == "keep_groups"

"""How long renewing many accounts takes within Patreon's limits, and how much memory.

`python -m benchmarks.refresh 10000`, against a sandbox that keeps Patreon's limits itself.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ACCOUNTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
scratch = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = f"sqlite:///{Path(scratch.name) / 'refresh.sqlite3'}"
sandbox = subprocess.Popen(
    [sys.executable, "-m", "django_patreon.sandbox", "--port", "0", "--members", str(ACCOUNTS)],
    stdout=subprocess.PIPE,
    text=True,
)
assert sandbox.stdout is not None
url = sandbox.stdout.readline().split()[-1]
os.environ["PATREON_BASE_URL"] = url
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

import django

django.setup()

import requests
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from django_patreon.models import PatreonAccount
from django_patreon.tokens import refresh_expiring


def pairs_from_sandbox() -> list[tuple[str, str, str]]:
    """A pair for each of the crowd, as their sign-ins would have brought."""
    answer = requests.post(f"{url}/_sandbox/tokens/issue", json={"members": ACCOUNTS}, timeout=60)
    answer.raise_for_status()
    return [(each["user"], each["access"], each["refresh"]) for each in answer.json()["pairs"]]


try:
    settings.DEBUG = False  # which would keep every query in memory
    call_command("migrate", verbosity=0)
    user_model, now = get_user_model(), timezone.now()
    for number, (user_id, access, refresh) in enumerate(pairs_from_sandbox()):
        user = user_model.objects.create(username=f"member-{number}")
        PatreonAccount.objects.create(
            user=user,
            patreon_id=user_id,
            access_token=access,
            refresh_token=refresh,
            token_expires_at=now + timedelta(hours=1),
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    result = refresh_expiring(timedelta(days=7), workers=8)
    seconds = time.monotonic() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    refused = [
        each
        for each in requests.get(f"{url}/_sandbox/requests", timeout=60).json()["requests"]
        if each["status"] == 429
    ]
    print(
        f"{result.renewed} renewed, {len(result.reconnect)} must reconnect,"
        f" {len(result.failed)} failed in {seconds:.0f} s"
        f" ({result.renewed / seconds:.1f} a second);"
        f" {grown / 1024:.1f} MB more memory; {len(refused)} answers of 429"
    )
finally:
    sandbox.terminate()
    sandbox.wait()
    scratch.cleanup()

"""Nothing is lost while the example site is away or a secret is replaced: over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from example_project.processes import (
    HOST,
    free_port,
    prepare_database,
    running,
    start_sandbox,
    start_site,
)
from example_project.rehearsal import ADMIN, connect_campaign

from .conftest import Browser, Patreon

ROOT = Path(__file__).parent.parent.parent
HOUR = 3600
SINCE = [  # What people do at Patreon meanwhile.
    ("gold", "refund", ""),
    ("custom", "cancel", ""),
    ("silver", "decline", ""),
    ("bronze", "change", "Gold"),
    ("stranger", "pledge", "Gold"),
    ("stranger", "change", "Bronze"),
    ("free", "delete", ""),
]


@dataclass
class Site:
    """The example site and the sandbox that it talks to. The site can be stopped and started."""

    database: str
    port: int = field(default_factory=free_port)
    patreon: Patreon = field(default_factory=lambda: Patreon(f"http://{HOST}:{free_port()}"))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def sandbox_port(self) -> int:
        return int(self.patreon.url.rpartition(":")[2])

    def start(self) -> ExitStack:
        """Return what stops it."""
        stack = ExitStack()
        site = start_site(
            self.port, sandbox_port=self.sandbox_port, quiet=True, DATABASE_URL=self.database
        )
        stack.enter_context(running(site))
        return stack

    def manage(self, *words: str) -> tuple[int, str]:
        """Run a command of the site; return its exit code and what it says."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "example_project.settings",
                "DATABASE_URL": self.database,
                "PATREON_BASE_URL": self.patreon.url,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def missing(self) -> dict[str, int]:
        """Return what a sync would change, by kind."""
        code, said = self.manage("patreon_sync", "--dry-run", "--json")
        assert code == 0, said
        found: Any = json.loads(said)
        [run] = found if isinstance(found, list) else [found]
        return {kind: run[kind] for kind in ("added", "changed", "demoted") if run[kind]}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(f"sqlite:///{tmp_path}/site.sqlite3")
    with running(start_sandbox(made.sandbox_port)):
        prepare_database(made.database)
        yield made


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("repair", ["Patreon tries again", "an operator unpauses"])
def test_an_hour_away_is_made_good(site: Site, repair: str) -> None:
    up = site.start()
    connect_campaign(site.url, site.patreon.url, admin=ADMIN)
    assert site.manage("patreon_webhooks", "register", "--url", site.url)[0] == 0
    code, said = site.manage("patreon_webhooks", "test")
    assert (code, "the test has arrived" in said) == (0, True), said
    assert site.manage("patreon_sync", "--verbosity", "0")[0] == 0
    gold, bronze = Browser(site.url), Browser(site.url)
    gold.sign_in("gold")
    bronze.sign_in("bronze")
    assert gold.get("/stories/staircase/").status_code == 200
    assert bronze.get("/stories/staircase/").status_code == 403
    assert not site.missing()

    up.close()
    site.patreon.control("settings", webhook_order="shuffled", webhook_copies=2)
    for user, do, tier in SINCE:
        site.patreon.control("members", user=user, do=do, **({"tier": tier} if tier else {}))
    site.patreon.control("clock", advance=HOUR)
    [hook] = site.patreon.control("hooks", method="GET")["hooks"]
    assert len(hook["queue"]) >= 2 * len(SINCE)
    assert hook["num_consecutive_times_failed"] > 1
    with site.start():
        assert site.missing()
        code, said = site.manage("patreon_webhooks", "health")
        assert (code, "failed" in said or "paused" in said) == (1, True), said
        if repair == "Patreon tries again":
            site.patreon.control("clock", advance=HOUR)
        else:
            code, said = site.manage("patreon_webhooks", "unpause")
            assert (code, "sends again" in said) == (0, True), said
        until(lambda: gold.get("/stories/staircase/").status_code == 403)
        until(lambda: bronze.get("/stories/staircase/").status_code == 200)
        [hook] = site.patreon.control("hooks", method="GET")["hooks"]
        assert (hook["queue"], hook["num_consecutive_times_failed"]) == ([], 0)
        until(lambda: not site.missing())
        assert site.manage("patreon_webhooks", "health")[0] == 0


def test_nothing_is_lost_while_the_secret_is_replaced(site: Site) -> None:
    with site.start():
        connect_campaign(site.url, site.patreon.url, admin=ADMIN)
        assert site.manage("patreon_webhooks", "register", "--url", site.url)[0] == 0
        assert site.manage("patreon_sync", "--verbosity", "0")[0] == 0
        [before] = site.patreon.control("hooks", method="GET")["hooks"]
        with ThreadPoolExecutor(1) as pool:
            rotating = pool.submit(site.manage, "patreon_webhooks", "rotate")
            tiers = cycle(["Gold", "Bronze", "Silver"])
            while not rotating.done():
                site.patreon.control("members", user="gold", do="change", tier=next(tiers))
                time.sleep(0.02)
        assert rotating.result()[0] == 0, rotating.result()
        [after] = site.patreon.control("hooks", method="GET")["hooks"]
        assert before["secret"] != after["secret"]
        time.sleep(1.1)  # the site looks for a webhook that it does not know once a second
        site.patreon.control("clock", advance=60)  # the first retry
        found = site.patreon.control("deliveries", method="GET")
        assert found["pending"] == 0
        statuses = {
            attempt["status"] for each in found["deliveries"] for attempt in each["attempts"]
        }
        # 503: before the new secret is stored. Patreon sends those again.
        assert 200 in statuses <= {200, 503}
        until(lambda: not site.missing())

"""The same sign-ins on sites that are set up in other ways, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.settings import TEST_DB

ROOT = Path(__file__).parent.parent.parent
ON_A_SERVER = ["requests in a transaction"]
OTHERS = [
    "plain",
    "users without names",
    "short columns",
    "no default database",
    "a replica that is behind",
    "requests in a transaction",
    "social-auth's middleware",
    "one key for all providers",
    "associations of its own",
    "an app called patreon",
    "a client for each host",
]
RENEWED_BY = {"a client for each host": ["sandbox-client", "second-client"]}
PAGES = [[200, True], [200, True], 302]
"""The account page and the locked page, and "check again"."""


on_sqlite = pytest.mark.skipif(TEST_DB != "sqlite", reason="one site is enough on a server")


def told(site: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sites.drive", site],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("site", OTHERS if TEST_DB == "sqlite" else ON_A_SERVER)
def test_everybody_signs_in_on(site: str) -> None:
    found = told(site)
    assert found.pop("tiers") == [True, True]
    assert found.pop("signals after the commit")
    assert found.pop("associations") == [True, True, True]
    assert found.pop("gold again") == found["gold"]
    assert found.pop("pages") == PAGES
    assert found.pop("faults") == []
    assert found.pop("renewed") == RENEWED_BY.get(site, ["sandbox-client"] * 2)
    for status, user in found.values():
        assert status == 302
        assert user


@on_sqlite
def test_a_site_that_knows_people_by_their_address_signs_in_who_has_one() -> None:
    found = told("users known by e-mail")
    assert found["gold"] == found["gold again"] == [302, "gold@example.org"]
    assert found["emoji"][0] == found["long names"][0] == 302
    for slug in ("no-email", "unverified", "a long address"):
        status, user = found[slug]
        assert (400 <= status < 500, user) == (True, None), slug
    assert found["tiers"] == [True, True]
    assert found["associations"] == [True, True, True]


@on_sqlite
def test_nobody_is_joined_by_an_address_that_only_a_stale_replica_still_has() -> None:
    assert told("users are read from a replica") == {"joined": ["AlmaReyes"]}

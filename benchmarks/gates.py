"""`python -m benchmarks.gates`: what a gate costs, beside the same page without one; in turns.

    nothing     the page of a signed-in person, without a gate
    ours        with our gate; and with fifty of them
    first       with our gate, for somebody whom this process meets for the first time
    get         with the least that others write: an ORM get() for each gate; and fifty of those
    allauth     with allauth's account and the tier that its provider keeps; and fifty of those
    asks        with a call of Patreon's API in the view, to a sandbox on this machine

`--database postgres` (or mariadb) takes another database than SQLite. Each round measures all of a
group, so that what the machine does meanwhile falls on all alike; a ratio is the median of the
rounds' own. Then: visible_to over 100,000 rows.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

PAGES = {
    "one gate": ("nothing", "ours", "first", "get", "allauth"),
    "among pages that do a lot": ("nothing", "ours", "ours50", "get50", "allauth50", "asks"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.gates", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    os.environ["TEST_DB"] = given.database
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.gate_settings"
    import django  # noqa: PLC0415  (after the environment is set)

    django.setup()
    from django.test.utils import setup_databases, teardown_databases  # noqa: PLC0415

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with a_sandbox():
            measure_pages(given.rounds, given.database)
        measure_list(given.rows)
    finally:
        teardown_databases(databases, verbosity=0)


@contextmanager
def a_sandbox() -> Iterator[None]:
    """Patreon in a process of its own, and a token of somebody there."""
    command = [sys.executable, "-m", "django_patreon.sandbox", "--port", "0", "--no-rate-limit"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        url = process.stdout.readline().split()[-1]
        answer = requests.post(f"{url}/_sandbox/tokens/issue", json={"user": "silver"}, timeout=10)
        os.environ["BENCHMARK_PATREON"] = url
        os.environ["BENCHMARK_TOKEN"] = answer.json()["pairs"][0]["access"]
        yield
        process.terminate()
        process.wait()


def measure_pages(rounds: int, database: str) -> None:
    from django.conf import settings  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    settings.MIDDLEWARE = settings.MIDDLEWARE[:-1]  # of allauth's, nothing in any page's way
    user = a_patron()
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    print(f"A page on {database:12} queries   median      ratio")
    for title, pages in PAGES.items():
        print(f"{title}")
        queries = {}
        for page in pages:
            with CaptureQueriesContext(connection) as found:
                assert b"open" in client.get(f"/{page}/").content
            queries[page] = len(found)
        times: dict[str, list[float]] = {page: [] for page in pages}
        for turn in range(rounds + 20):
            # In another order each time: what a page finds in the machine's caches is the last's.
            for page in random.sample(pages, len(pages)):
                started = time.perf_counter()
                client.get(f"/{page}/")
                if turn >= 20:
                    times[page].append(time.perf_counter() - started)
        for page in pages:
            median = statistics.median(times[page])
            # Round by round: machines change their pace, and then medians are of different times.
            rounds_of_both = zip(times[page], times["nothing"], strict=True)
            ratio = statistics.median(mine / floor for mine, floor in rounds_of_both)
            print(f"  {page:20} {queries[page]:7} {1e6 * median:8.0f} us {ratio:8.2f}")


def measure_list(count: int) -> None:
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from django_patreon.access import Patron  # noqa: PLC0415
    from django_patreon.models import Tier  # noqa: PLC0415
    from tests.gates.models import Story  # noqa: PLC0415

    user = a_patron()
    tiers = list(Tier.objects.all())
    Story.objects.bulk_create(
        (
            Story(title=str(n), required_tier=tiers[n % 4], min_cents=None if n % 3 else 100 * n)
            for n in range(count)
        ),
        batch_size=5000,
    )
    analyze()
    newest = Story.objects.visible_to(user).order_by("-pk")
    for name, ask in (
        ("the newest 20", lambda: list(newest[:20])),
        ("how many", newest.count),
        ("what is known of the person", lambda: Patron(user).known),
    ):
        with CaptureQueriesContext(connection) as found:
            ask()
        print(f"  {name:30} {len(found)} query {1e3 * best_of(ask):8.2f} ms")
    stranger = get_user_model().objects.create_user("stranger")
    few = Story.objects.visible_to(stranger)
    print(f"  {'how many for a stranger':30} 1 query {1e3 * best_of(few.count):8.2f} ms")
    for name, queryset in (("the newest 20", newest[:20]), ("a stranger's", few)):
        print(f"{name}:\n{queryset.explain()}")


def best_of(ask: Callable[[], Any]) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        ask()
        times.append(time.perf_counter() - started)
    return min(times)


def analyze() -> None:
    """Let the database know its tables, as one that has run for a while does."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("ANALYZE TABLE gates_story, django_patreon_membership")
            cursor.fetchall()
        else:
            cursor.execute("ANALYZE")


def a_patron() -> Any:
    """Somebody who holds Silver, among ten thousand others."""
    from allauth.socialaccount.models import SocialAccount  # noqa: PLC0415
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from django_patreon.models import Campaign, Membership, PatreonAccount  # noqa: PLC0415

    user, is_new = get_user_model().objects.get_or_create(username="patron")
    if not is_new:
        return user
    now = timezone.now()
    campaign = Campaign.objects.create(patreon_id="1", is_ours=True, fetched_at=now)
    tiers = [
        campaign.tiers.create(patreon_id=str(n), title=f"T{n}", amount_cents=c, fetched_at=now)
        for n, c in enumerate((0, 300, 500, 1000))
    ]
    facts = {
        "campaign": campaign,
        "fetched_at": now,
        "patron_status": "active_patron",
        "last_charge_status": "Paid",
        "currently_entitled_amount_cents": 500,
        "pledge_cadence": 1,
    }
    others = Membership.objects.bulk_create(
        Membership(patreon_id=f"m{n}", patreon_user_id=str(n), **facts) for n in range(10_000)
    )
    held = Membership.tiers.through
    held.objects.bulk_create(
        (held(membership_id=each.pk, tier_id=tiers[2].pk) for each in others), batch_size=5000
    )
    account = PatreonAccount.objects.create(user=user, patreon_id="me")
    mine = Membership.objects.create(
        patreon_id="mine", patreon_user_id="me", account=account, **facts
    )
    mine.tiers.set([tiers[0], tiers[2]])
    SocialAccount.objects.create(
        user=user, provider="patreon", uid="me", extra_data={"pledge_level": "T2"}
    )
    analyze()
    return user


if __name__ == "__main__":
    main()

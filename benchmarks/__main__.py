"""What the callback of a sign-in costs: requests, connections, statements, CPU.

All contenders in turns, each for a person who returns and for a new one. The floor signs a user in
and keeps nothing; "by hand" is a view that keeps account, tokens and membership in our tables.
Statements are those that read or write rows; in brackets without Django's sessions and `login`,
which all have alike.

Nothing passes or fails: times can be compared within one run only, so CPU is given as a ratio, too.
A ratio is the median of those of the rounds, since machines change their pace.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

Cost = tuple[int, int, int, int, float]
"""Requests, connections, statements, those without sessions and login, seconds of CPU."""
TRANSACTION = re.compile("BEGIN|COMMIT|SAVEPOINT|RELEASE|ROLLBACK")
LOGIN = re.compile('django_session|UPDATE "auth_user" SET "last_login"')


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        patreon = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.patreon", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            os.environ["BENCHMARK_PATREON"] = patreon.stdout.readline().strip()
            os.environ["REQUESTS_CA_BUNDLE"] = str(Path(folder) / "authority.pem")
            os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
            measure(patreon, rounds)
        finally:
            patreon.kill()
            patreon.wait()


def measure(patreon: subprocess.Popen[str], rounds: int) -> None:
    import django  # noqa: PLC0415  (after the environment is set)

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    settings.BENCHMARK_AUTHORITY = os.environ["REQUESTS_CA_BUNDLE"]
    from .contenders import CONTENDERS  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    for title, is_new in (("a person who returns", False), ("a new person", True)):
        found: dict[str, list[Cost]] = {name: [] for name in CONTENDERS}
        for turn in range(rounds + 3):  # the first three warm everybody up
            for name, (begin, slug) in CONTENDERS.items():
                if is_new:
                    forget_everybody()
                one = one_callback(patreon, begin, slug)
                if turn >= 3:
                    found[name].append(one)
        report(title, found)


def forget_everybody() -> None:
    """Delete people, and leave what is known of campaigns and tiers."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415

    from django_patreon.models import Membership  # noqa: PLC0415

    Membership.objects.all().delete()
    get_user_model().objects.all().delete()


def one_callback(patreon: subprocess.Popen[str], begin: str, slug: str) -> Cost:
    import requests  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    browser = Client(headers={"host": "localhost"})
    address = browser.post(begin)["Location"]
    consent = requests.get(
        f"{address}&sandbox_user={slug}", allow_redirects=False, timeout=10
    ).headers["Location"]
    parts = urlsplit(consent)
    ask(patreon)
    with CaptureQueriesContext(connection) as queries:
        started = time.process_time()
        response = browser.get(f"{parts.path}?{parts.query}")
        cpu = time.process_time() - started
    assert response.status_code == 302, response.content[:500]
    assert "_auth_user_id" in browser.session, response["Location"]
    api_requests, connections = ask(patreon)
    statements = [each["sql"] for each in queries if not TRANSACTION.match(each["sql"])]
    own = [each for each in statements if not LOGIN.search(each)]
    return api_requests, connections, len(statements), len(own), cpu


def ask(patreon: subprocess.Popen[str]) -> tuple[int, int]:
    patreon.stdin.write("?\n")
    patreon.stdin.flush()
    api_requests, connections = patreon.stdout.readline().split()
    return int(api_requests), int(connections)


def report(title: str, found: dict[str, list[Cost]]) -> None:
    print(f"{title:22} requests  connections  statements    CPU     to the floor   to by hand")
    for name, ones in found.items():
        requests, connections, statements, own, cpu = (
            statistics.median(column) for column in zip(*ones, strict=True)
        )
        ratios = [
            statistics.median(
                mine[-1] / other[-1] for mine, other in zip(ones, found[base], strict=True)
            )
            for base in ("the floor", "by hand")
        ]
        print(
            f"  {name:20} {requests:8.0f} {connections:12.0f} {statements:6.0f} ({own:2.0f})"
            f" {1000 * cpu:9.2f} ms {ratios[0]:11.2f} {ratios[1]:12.2f}"
        )


if __name__ == "__main__":
    main()

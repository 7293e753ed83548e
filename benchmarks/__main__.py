"""What one callback costs: requests, connections, queries and CPU; all contenders in turns.

No pass and no fail: times are for comparing within one run, so CPU is also given as a ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
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
    found = {name: [] for name in CONTENDERS}
    for turn in range(rounds + 3):  # the first three warm everybody up
        for name, (begin, slug) in CONTENDERS.items():
            one = one_callback(patreon, begin, slug)
            if turn >= 3:
                found[name].append(one)
    report(found)


def one_callback(
    patreon: subprocess.Popen[str], begin: str, slug: str
) -> tuple[int, int, int, float]:
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
    return api_requests, connections, len(queries), cpu


def ask(patreon: subprocess.Popen[str]) -> tuple[int, int]:
    patreon.stdin.write("?\n")
    patreon.stdin.flush()
    api_requests, connections = patreon.stdout.readline().split()
    return int(api_requests), int(connections)


def report(found: dict[str, list[tuple[int, int, int, float]]]) -> None:
    floor = statistics.median(each[3] for each in found["the floor"])
    print(f"{'a callback of':20} requests  connections  queries  CPU (median)  ratio to the floor")
    for name, ones in found.items():
        requests, connections, queries, cpu = (
            statistics.median(column) for column in zip(*ones, strict=True)
        )
        print(
            f"{name:20} {requests:8.0f} {connections:12.0f} {queries:8.0f}"
            f" {1000 * cpu:10.2f} ms {cpu / floor:12.2f}"
        )


if __name__ == "__main__":
    main()

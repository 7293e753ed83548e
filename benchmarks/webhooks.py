"""`python -m benchmarks.webhooks`: what a webhook delivery costs, beside a bare view; in turns.

    bare      a view that verifies the signature, reads the JSON and creates one row by the ORM
    ours      our address: verified, stored once, to be applied afterwards
    again     ours, for a delivery that is stored already
    forged    ours, for a wrong signature
    anymail   its view for Mailgun, and a receiver that creates one row
    djstripe  its view, for an event that nothing is to be done about

CPU times of the view alone, without middleware; a ratio is the median of the rounds' own. Then
`--server`: the deliveries that two gunicorn workers answer in a second, over HTTP.
`--database postgres` (or mariadb) takes another database than SQLite.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import requests

SECRET = "benchmark-secret"
SAMPLE = Path(__file__).parent.parent / "tests/samples/hook_members_pledge_create.json"
DOCUMENT = json.loads(SAMPLE.read_text())
DOCUMENT["data"]["attributes"]["campaign_lifetime_support_cents"] = 987654321
TEMPLATE = json.dumps(DOCUMENT).encode()
BATCH = 20
"""Deliveries of each kind in a round."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.webhooks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--server", type=float, default=0, metavar="SECONDS")
    given = parser.parse_args()
    os.environ["TEST_DB"] = given.database
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.webhook_settings"
    import django  # noqa: PLC0415  (after the environment is set)

    django.setup()
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import setup_databases, teardown_databases  # noqa: PLC0415

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        measure_views(given.rounds, given.database)
        if given.server:
            os.environ["BENCHMARK_DATABASE"] = str(connection.settings_dict["NAME"])
            measure_server(given.server)
    finally:
        teardown_databases(databases, verbosity=0)


def delivery(number: int) -> tuple[bytes, dict[str, str]]:
    """Return a body of which no two are the same, and its headers."""
    body = TEMPLATE.replace(b"987654321", str(number).encode())
    signature = hmac.new(SECRET.encode(), body, hashlib.md5).hexdigest()
    return body, {"X-Patreon-Event": "members:update", "X-Patreon-Signature": signature}


def measure_views(rounds: int, database: str) -> None:
    from django.conf import settings  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import RequestFactory  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from djstripe.models import Account, APIKey, WebhookEndpoint  # noqa: PLC0415

    from benchmarks.webhook_urls import anymail, bare, djstripe  # noqa: PLC0415
    from django_patreon.webhook_views import webhook  # noqa: PLC0415

    factory = RequestFactory()
    numbers = iter(range(10**9))
    known = [delivery(next(numbers)) for _ in range(BATCH)]

    account = Account.objects.create(id="acct_1", livemode=False)
    key = settings.STRIPE_TEST_SECRET_KEY
    # With the account known, dj-stripe has nothing to ask Stripe for.
    APIKey.objects.create(
        id="key_1", type="secret", secret=key, livemode=False, djstripe_owner_account=account
    )
    endpoint = WebhookEndpoint.objects.create(
        id="we_1",
        secret=SECRET,
        url="https://example.org",
        djstripe_tolerance=30000,
        enabled_events=["*"],
        livemode=False,
        djstripe_owner_account=account,
    )

    def requests_of(kind: str) -> list[Any]:
        if kind == "anymail":
            return [factory.post("/", *mailgun(next(numbers))) for _ in range(BATCH)]
        if kind == "djstripe":
            return [stripe_request(factory, next(numbers)) for _ in range(BATCH)]
        made = known if kind == "again" else [delivery(next(numbers)) for _ in range(BATCH)]
        wrong = {"X-Patreon-Signature": "0" * 32} if kind == "forged" else {}
        return [
            factory.post("/", body, content_type="application/json", headers=headers | wrong)
            for body, headers in made
        ]

    kinds: dict[str, tuple[Any, int]] = {
        "bare": (bare, 200),
        "ours": (webhook, 200),
        "again": (webhook, 200),
        "forged": (webhook, 403),
        "anymail": (anymail, 200),
        "djstripe": (partial(djstripe, uuid=endpoint.djstripe_uuid), 200),
    }
    for request in requests_of("again"):
        webhook(request)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, (view, status) in kinds.items():
            prepared = requests_of(kind)
            began = time.process_time()
            answers = [view(request).status_code for request in prepared]
            times[kind].append((time.process_time() - began) / BATCH)
            assert set(answers) == {status}
    print(f"A webhook delivery on {database}, CPU of the view")
    for kind, (view, _) in kinds.items():
        with CaptureQueriesContext(connection) as statements:
            view(requests_of(kind)[0])
        ratio = statistics.median(a / b for a, b in zip(times[kind], times["bare"], strict=True))
        micro = statistics.median(times[kind]) * 1e6
        print(f"  {kind:8} {micro:7.0f} µs {ratio:6.2f} times bare, {len(statements)} statements")


def mailgun(number: int) -> tuple[bytes, str]:
    """Return body and content type of an event of Mailgun's, as large as one of Patreon's."""
    stamp, token = str(int(time.time())), f"token-{number}"
    signed = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    document = {
        "signature": {"timestamp": stamp, "token": token, "signature": signed},
        "event-data": {"event": "delivered", "id": f"event-{number}", "timestamp": time.time()}
        | {"user-variables": DOCUMENT["data"]},
    }
    return json.dumps(document).encode(), "application/json"


def stripe_request(factory: Any, number: int) -> Any:
    """Return an event of Stripe's that nothing is to be done about."""
    stamp = int(time.time())
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "api_version": "2020-08-27",
        "created": stamp,
        "livemode": False,
        "type": "reporting.report_type.updated",
        "request": None,
        "data": {"object": {"id": f"rt_{number}", "object": "report", **DOCUMENT["data"]}},
    }
    body = json.dumps(event).encode()
    signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={stamp},v1={signed}"}
    return factory.post("/", body, content_type="application/json", headers=headers)


def measure_server(seconds: float) -> None:
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    port = 8765
    command = [
        *(sys.executable, "-m", "gunicorn", "benchmarks.webhook_wsgi"),
        *("--workers", "2", "--bind", f"127.0.0.1:{port}", "--log-level", "error"),
    ]
    process = subprocess.Popen(command)
    try:
        _wait(f"http://127.0.0.1:{port}/bare/")
        for turn in range(4):
            for kind in rates:
                rates[kind].append(_rate(f"http://127.0.0.1:{port}/{kind}/", seconds, turn))
    finally:
        process.terminate()
        process.wait()
    bare, ours = (statistics.median(rates[kind]) for kind in ("bare", "ours"))
    print(f"Two gunicorn workers: bare {bare:.0f} a second, ours {ours:.0f}: {ours / bare:.2f}")


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            requests.get(url, timeout=1)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
        else:
            return


def _rate(url: str, seconds: float, turn: int) -> float:
    """Return how many deliveries of four senders are answered in a second; all with 200."""
    counts: list[int] = []

    def send(sender: int) -> None:
        session, count = requests.Session(), 0
        while time.monotonic() < end:
            number = hash((url, turn, sender, count)) % 10**9
            body, headers = delivery(number)
            headers["Content-Type"] = "application/json"
            assert session.post(url, body, headers=headers, timeout=10).status_code == 200
            count += 1
        counts.append(count)

    end = time.monotonic() + seconds
    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(counts) == len(threads), "a sender met an error"
    return sum(counts) / seconds


if __name__ == "__main__":
    main()

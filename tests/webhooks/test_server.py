"""The address of webhooks behind a real server: what abuse of it answers, and what it leaves.

Each case is a whole request as bytes, the expected status, and how many deliveries are stored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import connection

from django_patreon.models import Campaign, Membership, WebhookDelivery
from django_patreon.webhook_views import MOST_BYTES
from example_project.processes import free_port

from .conftest import ADDRESS, SECRET, sample, sign

pytest.importorskip("gunicorn")
pytestmark = pytest.mark.django_db(transaction=True)

BODY = sample("members_pledge_create")
OTHER = "an-older-secret"
GOOD = sign(BODY)
UPDATE = "X-Patreon-Event: members:update"


def request(
    body: bytes = BODY,
    *headers: str,
    signature: str | None = None,
    method: str = "POST",
    path: str = ADDRESS,
    length: int | None = None,
) -> bytes:
    """Return a request, signed unless `signature` says otherwise ("" leaves the header out)."""
    given = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    given += [f"Content-Length: {len(body) if length is None else length}"]
    made = sign(body) if signature is None else signature
    given += [f"X-Patreon-Signature: {made}"] if made else []
    given += headers or (UPDATE, "Content-Type: application/json")
    return "\r\n".join([*given, "", ""]).encode("latin-1") + body


def chunked(body: bytes) -> bytes:
    head = [
        f"POST {ADDRESS} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Transfer-Encoding: chunked",
        f"X-Patreon-Signature: {sign(body)}",
        UPDATE,
        "",
        "",
    ]
    return "\r\n".join(head).encode() + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def sha256(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def changed(**attributes: object) -> bytes:
    return sample("members_pledge_create", **attributes)


def with_relation(name: str, value: object) -> bytes:
    document = json.loads(BODY)
    document["data"]["relationships"][name] = value
    return json.dumps(document).encode()


def with_data(**values: object) -> bytes:
    document = json.loads(BODY)
    document["data"] |= values
    return json.dumps(document).encode()


KINDS = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/json; charset=utf-16",
    "application/vnd.api+json",
    "",
]
WRONG = {
    "numbers": {"patron_status": 7, "full_name": 8, "note": 9.5},
    "lists": {"patron_status": [], "email": [1], "last_charge_date": [[]]},
    "objects": {"patron_status": {}, "pledge_cadence": {"a": 1}},
    "booleans": {"currently_entitled_amount_cents": True, "last_charge_date": False},
    "nulls": dict.fromkeys(json.loads(BODY)["data"]["attributes"]),
    "texts": {"currently_entitled_amount_cents": "500", "is_gifted": "yes"},
    "huge numbers": {"currently_entitled_amount_cents": 10**300},
    "negative": {"currently_entitled_amount_cents": -(10**12), "pledge_cadence": -1},
    "fractions": {"currently_entitled_amount_cents": 499.99},
    "NUL": {"full_name": "a\0b", "note": "\0", "email": "a\0@b.c"},
    "surrogates": {"full_name": "\ud800", "note": "\udfff\ud800"},
    "emoji": {"full_name": "🐙" * 500, "note": "🐙" * 5000},
    "long": {"full_name": "x" * 50_000, "email": "x" * 50_000},
    "dates": {"last_charge_date": "2026-02-31", "next_charge_date": "0000-00-00T00:00:00Z"},
    "far dates": {"last_charge_date": "9999-12-31T23:59:59+14:00"},
    "new words": {"patron_status": "super_patron", "last_charge_status": "Exploded"},
}
CASES: dict[str, tuple[bytes, int, int]] = {
    # The signature.
    "signed": (request(), 200, 1),
    "signed with the other secret": (request(signature=sign(BODY, OTHER)), 200, 1),
    "no signature": (request(signature=""), 403, 0),
    "an empty signature": (request(BODY, "X-Patreon-Signature:", UPDATE, signature=""), 403, 0),
    "a wrong one": (request(signature="0" * 32), 403, 0),
    "one digit less": (request(signature=GOOD[:-1]), 403, 0),
    "one digit more": (request(signature=f"{GOOD}0"), 403, 0),
    "in upper case": (request(signature=GOOD.upper()), 403, 0),
    "with a name before it": (request(signature=f"md5={GOOD}"), 403, 0),
    "in quotes": (request(signature=f'"{GOOD}"'), 403, 0),
    "sent twice": (request(BODY, f"X-Patreon-Signature: {GOOD}", UPDATE), 403, 0),
    "listed twice": (request(signature=f"{GOOD}, {GOOD}"), 403, 0),
    "not ASCII": (request(signature="ü" * 32), 403, 0),
    "not hex": (request(signature="g" * 32), 403, 0),
    "SHA-256": (request(signature=sha256(BODY)), 403, 0),
    "half of SHA-256": (request(signature=sha256(BODY)[:32]), 403, 0),
    "an unknown secret": (request(signature=sign(BODY, "another")), 403, 0),
    "an empty secret": (request(signature=sign(BODY, "")), 403, 0),
    "of another body": (request(BODY + b" ", signature=GOOD), 403, 0),
    "of the body written anew": (
        request(json.dumps(json.loads(BODY), separators=(",", ":")).encode(), signature=GOOD),
        403,
        0,
    ),
    "very long": (request(signature="a" * 4000), 403, 0),
    "in a cookie": (request(BODY, f"Cookie: X-Patreon-Signature={GOOD}", signature=""), 403, 0),
    "in the address": (request(path=f"{ADDRESS}?signature={GOOD}", signature=""), 403, 0),
    # The method and the address.
    "GET": (request(b"", method="GET"), 200, 0),
    "HEAD": (request(b"", method="HEAD"), 200, 0),
    "OPTIONS": (request(b"", method="OPTIONS"), 200, 0),
    "PUT": (request(method="PUT"), 405, 0),
    "DELETE": (request(method="DELETE"), 405, 0),
    "PATCH": (request(method="PATCH"), 405, 0),
    "a query": (request(path=f"{ADDRESS}?a=1&b=%00"), 200, 1),
    "without the last slash": (request(path=ADDRESS[:-1]), 404, 0),
    "an unknown webhook": (request(path=f"{ADDRESS}999/"), 503, 0),
    "a webhook that is no number": (request(path=f"{ADDRESS}x/"), 404, 0),
    "a huge number of a webhook": (request(path=f"{ADDRESS}{'9' * 40}/"), 503, 0),
    # How the body is sent.
    **{
        f"as {kind or 'nothing'}": (request(BODY, UPDATE, f"Content-Type: {kind}"), 200, 1)
        for kind in KINDS
    },
    "compressed, they say": (request(BODY, UPDATE, "Content-Encoding: gzip"), 200, 1),
    "chunked": (chunked(BODY), 403, 0),
    "cut off": (request(BODY[:-10], length=len(BODY), signature=GOOD), 403, 0),
    "longer than said": (request(length=len(BODY) - 10), 403, 0),
    "a negative length": (request(length=-1), 400, 0),
    "too long": (request(b'{"a": "' + b"x" * MOST_BYTES + b'"}'), 413, 0),
    "10 MB, they say": (request(length=10 * 1024 * 1024), 413, 0),
    "nearly too long": (request(b'{"a": "' + b"x" * (MOST_BYTES - 9) + b'"}'), 200, 1),
    "with Expect": (request(BODY, UPDATE, "Expect: 100-continue"), 200, 1),
    # What is no JSON object.
    "empty": (request(b""), 400, 1),
    "no JSON": (request(b"hello"), 400, 1),
    "half of it": (request(BODY[:100]), 400, 1),
    "a list": (request(b"[]"), 400, 1),
    "a text": (request(b'"a"'), 400, 1),
    "null": (request(b"null"), 400, 1),
    "not UTF-8": (request(b"\xff\xfe\xfd"), 400, 1),
    "UTF-16": (request('{"a": 1}'.encode("utf-16")), 200, 1),
    "with a byte order mark": (request(b"\xef\xbb\xbf{}"), 200, 1),
    "nested deeply": (request(b"[" * 50_000 + b"]" * 50_000), 400, 1),
    "objects nested deeply": (request(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), 400, 1),
    "a number of 10,000 digits": (request(b'{"data": ' + b"9" * 10_000 + b"}"), 400, 1),
    "NaN": (request(b'{"data": NaN}'), 200, 1),
    "NUL bytes": (request(b"\0" * 100), 400, 1),
    "one name twice": (request(b'{"data": 1, "data": {"id": null}}'), 200, 1),
    # What it says.
    "an empty object": (request(b"{}"), 200, 1),
    "data is a text": (request(b'{"data": "x"}'), 200, 1),
    "the portal's test": (request(sample("portal_test_v1_shape")), 200, 1),
    "another type": (request(with_data(type="user")), 200, 1),
    "an id that is a number": (request(with_data(id=7)), 200, 1),
    "an id that is too long": (request(with_data(id="x" * 65)), 200, 1),
    "an id with NUL": (request(with_data(id="a\0")), 200, 1),
    "no attributes": (request(with_data(attributes=None)), 200, 1),
    "no relationships": (request(with_data(relationships=None)), 200, 1),
    "a foreign campaign": (
        request(with_relation("campaign", {"data": {"type": "campaign", "id": "5120934"}})),
        200,
        1,
    ),
    "tiers that are no list": (
        request(with_relation("currently_entitled_tiers", {"data": {"id": "1"}})),
        200,
        1,
    ),
    "a person with a strange id": (
        request(with_relation("user", {"data": {"type": "user", "id": "\ud800"}})),
        200,
        1,
    ),
    **{f"wrong values: {name}": (request(changed(**v)), 200, 1) for name, v in WRONG.items()},
    # The event.
    "no event": (request(BODY, "Content-Type: application/json"), 200, 1),
    "an unknown event": (request(BODY, "X-Patreon-Event: chats:message"), 200, 1),
    "an event of v1": (request(BODY, "X-Patreon-Event: pledges:create"), 200, 1),
    "an event that is too long": (request(BODY, f"X-Patreon-Event: {'x' * 500}"), 200, 1),
    "an event that is not ASCII": (request(BODY, "X-Patreon-Event: ü"), 200, 1),
    "two events": (request(BODY, UPDATE, "X-Patreon-Event: members:delete"), 200, 1),
}


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[int]:
    """Two workers of gunicorn on the test's database."""
    port = free_port()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.webhooks.server_settings",
        "SERVER_DATABASE": str(connection.settings_dict["NAME"]),
    }
    command = [sys.executable, "-m", "gunicorn", "tests.webhooks.wsgi", "--workers", "2"]
    process = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}", "--log-level", "critical"], env=environment
    )
    try:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def answer(port: int, given: bytes) -> tuple[int, bytes]:
    """Send bytes; return the status and the body of the answer."""
    received = b""
    for _ in range(20):
        # A server that does not read a large body resets the connection, which may lose its answer.
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=20) as connected,
        ):
            with suppress(OSError):
                connected.sendall(given)
                connected.shutdown(socket.SHUT_WR)
            while part := connected.recv(65536):
                received += part
        if received:
            break
    received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_the_table_has_at_least_eighty_cases() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", CASES)
def test_abuse(server: int, ours: Campaign, name: str) -> None:
    given, status, stored = CASES[name]
    found, body = answer(server, given)
    assert found == status
    assert not body or status in (400, 404), body
    assert GOOD.encode() not in body
    assert WebhookDelivery.objects.count() == stored
    assert answer(server, request(changed(note=name)))[0] == 200  # the server lives


def test_fifty_at_once_and_a_hundred_times_are_one(server: int, ours: Campaign) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(lambda _: answer(server, request())[0], range(150)))
    assert statuses == {200}
    [delivery] = WebhookDelivery.objects.all()
    assert delivery.times == 150
    end = time.monotonic() + 10
    while not Membership.objects.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert Membership.objects.count() == 1  # the server has applied it by itself

"""Webhooks are sent to local addresses only, however an address is written or resolved."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from django_patreon.sandbox import Sandbox

from .client import act, control, send, send_all, webhook_body
from .conftest import Receiver


def test_a_closed_port_is_a_failure_and_foreign_addresses_are_not_called(
    sandbox: Sandbox, creator: str
) -> None:
    for uri in ("http://127.0.0.1:1/", "https://example.org/hook"):
        send(sandbox, creator, "POST", "/webhooks", webhook_body(uri))
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    refused, elsewhere = control(sandbox, "GET", "deliveries").json()["deliveries"]
    words = {each["attempts"][0]["words"] for each in (refused, elsewhere)}
    assert {each["attempts"][0]["status"] for each in (refused, elsewhere)} == {None}
    assert any("--hooks-anywhere" in each for each in words)


@pytest.mark.parametrize(
    "uri",
    [
        "http://134744072/",
        "http://0x8.0x8.0x8.0x8/",
        "http://010.010.010.010/",
        "http://[::ffff:8.8.8.8]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
    ],
)
def test_a_hook_elsewhere_is_refused_however_its_address_is_written(
    sandbox: Sandbox, creator: str, uri: str
) -> None:
    assert send(sandbox, creator, "POST", "/webhooks", webhook_body(uri)).status == 400
    assert sandbox.world.hooks == {}
    secure = uri.replace("http://", "https://")
    assert send(sandbox, creator, "POST", "/webhooks", webhook_body(secure)).status == 201
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    [delivery] = control(sandbox, "GET", "deliveries").json()["deliveries"]
    assert "not a local address" in delivery["attempts"][0]["words"]


def test_a_host_that_resolves_elsewhere_is_not_called(
    sandbox: Sandbox, creator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver("8.8.8.8"))
    send(sandbox, creator, "POST", "/webhooks", webhook_body("http://intranet/"))
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    [delivery] = control(sandbox, "GET", "deliveries").json()["deliveries"]
    assert "not a local address" in delivery["attempts"][0]["words"]


def test_a_hook_is_sent_to_the_address_that_was_judged(
    sandbox: Sandbox, creator: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to another address a moment later (DNS rebinding) gains nothing."""
    resolver = Resolver("127.0.0.1", "8.8.8.8")
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    uri = receiver.uri.replace("127.0.0.1", "rebinding.test")
    send(sandbox, creator, "POST", "/webhooks", webhook_body(uri))
    act(sandbox, "stranger", "join")
    send_all(sandbox)
    assert receiver.events == ["members:create"]
    assert receiver.received[0].headers["Host"] == urlsplit(uri).netloc
    assert resolver.asked == 1


class Resolver:
    """The DNS, as it answers one question after the other."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.asked = addresses, 0

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        address = self.addresses[min(self.asked, len(self.addresses) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from django_patreon.sandbox import Sandbox

from .client import send, tokens_for, webhook_body


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


@pytest.fixture
def creator(sandbox: Sandbox) -> str:
    """An access token of the creator."""
    return str(tokens_for(sandbox, "creator")["access_token"])


@dataclass
class Received:
    """One delivery, as it came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["X-Patreon-Event"]

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A site with a webhook; `answers` are the statuses of the next answers, then 200."""

    uri: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    always: int = 200
    calls_back: Any = None
    came: threading.Event = field(default_factory=threading.Event)
    """Set when something has been received."""

    @property
    def events(self) -> list[str]:
        return [each.event for each in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    site = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            site.received.append(Received(dict(self.headers.items()), body))
            site.came.set()
            if site.calls_back:
                site.calls_back()
            self.send_response(site.answers.pop(0) if site.answers else site.always)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.uri = f"http://127.0.0.1:{server.server_address[1]}/hook?a=1"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hook(sandbox: Sandbox, creator: str, receiver: Receiver) -> Any:
    """A webhook of the client, which leads to the receiver."""
    response = send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri))
    assert response.status == 201, response.body
    return response.json()["data"]

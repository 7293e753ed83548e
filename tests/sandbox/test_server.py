"""The HTTP server, over sockets."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.server import Server
from django_patreon.sandbox.web.rate_limits import RateLimits

from .client import authorize, control

NEW_PERSON = b'{"slug": "zoe", "full_name": "Zoe Park"}'


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[Server]:
    with sandbox.serve() as running:
        yield running


def head(server: Server, *lines: str, length: int = len(NEW_PERSON)) -> bytes:
    first = ("POST /_sandbox/people HTTP/1.1", f"Host: 127.0.0.1:{server.port}")
    about = ("Content-Type: application/json", f"Content-Length: {length}")
    return "\r\n".join([*first, *about, *lines, "", ""]).encode()


def connected(server: Server) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", server.port), timeout=5))


def test_a_client_that_waits_for_100_continue_is_told_to_send_its_body(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(head(server, "Expect: 100-continue"))
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(NEW_PERSON)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_waits_is_not_told_to_send_a_body_that_is_too_large(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(head(server, "Expect: 100-continue", length=99_999_999))
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_truncated_body_changes_nothing(server: Server, sandbox: Sandbox) -> None:
    with connected(server) as connection:
        connection.sendall(head(server, length=len(NEW_PERSON) + 10) + NEW_PERSON)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert sandbox.world.person_called("zoe") is None


@pytest.mark.parametrize("status", [204, 304])
def test_no_body_follows_a_status_that_has_none(
    server: Server, sandbox: Sandbox, status: int
) -> None:
    control(sandbox, "POST", "faults", {"kind": "custom", "status": status, "body": "more"})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    with closing(connection):
        for expected in (status, 401):
            connection.request("GET", "/api/oauth2/v2/identity", headers={"User-Agent": "a client"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == expected


def test_a_form_of_the_room_is_answered_with_one_length(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    with closing(connection):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/", b"control=reset", form)
        answer = connection.getresponse()
        assert answer.status == 303
        assert answer.headers.get_all("Content-Length") == ["0"]


def test_a_notice_is_kept_for_the_tab_that_sent_the_form(server: Server) -> None:
    back = requests.post(
        server.url,
        {"control": "people", "slug": "zoe", "full_name": "Zoe"},
        allow_redirects=False,
        timeout=5,
    ).headers["Location"]
    assert "Done: people" not in requests.get(server.url, timeout=5).text  # another tab
    assert "Done: people" in requests.get(f"{server.url}{back}", timeout=5).text


@pytest.mark.parametrize("host", ["0.0.0.0", ""])  # noqa: S104
def test_a_server_on_all_addresses_is_linked_to_by_one_that_works(host: str) -> None:
    with Sandbox().serve(host=host) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert requests.get(server.url, timeout=5).ok


def test_links_begin_with_the_address_that_others_use() -> None:
    sandbox = Sandbox()
    with sandbox.serve(url="http://sandbox:8001/") as server:
        room = requests.get(f"http://127.0.0.1:{server.port}", timeout=5).text
    assert "http://sandbox:8001</code>" in room


def test_a_redirect_uri_elsewhere_is_taken_once_it_is_registered() -> None:
    back = "https://site.example/complete/patreon/"
    strict = authorize(Sandbox(), redirect_uri=back, sandbox_user="gold")
    assert strict.header("Location").startswith("/oauth2/errors?")
    sandbox = Sandbox(redirect_uris=[back])
    assert (
        authorize(sandbox, redirect_uri=back, sandbox_user="gold")
        .header("Location")
        .startswith(f"{back}?code=")
    )
    for other in (f"{back}x", "https://site.example/", "https://evil.example/complete/patreon/"):
        refused = authorize(sandbox, redirect_uri=other, sandbox_user="gold")
        assert refused.header("Location").startswith("/oauth2/errors?")
    assert authorize(sandbox, sandbox_user="gold").status == 302


def test_junk_tokens_are_forgotten_after_a_minute() -> None:
    now = 0.0
    limits = RateLimits(lambda: now)
    for number in range(5000):
        now += 0.1
        assert limits.retry_after(f"Bearer junk-{number}") == 0
    assert limits.windows <= 601
    for _ in range(200):
        limits.retry_after("Bearer one")
    assert limits.retry_after("Bearer one") > 0
    assert limits.windows <= 601

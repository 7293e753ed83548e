"""The one HTTP session of the process: warm, private to each call, safe in threads and forks."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import override_settings
from django.views.debug import ExceptionReporter

from django_patreon import api
from django_patreon.api.errors import document_of
from django_patreon.api.transport import send
from django_patreon.exceptions import (
    MalformedAnswer,
    PatreonAPIError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from django_patreon.sandbox import Fault, Sandbox
from django_patreon.sandbox.server import Server
from django_patreon.secret import Secret


@pytest.fixture
def server() -> Iterator[Server]:
    with (
        Sandbox().serve() as server,
        override_settings(PATREON={"BASE_URL": server.url, "RATE_LIMIT": None}),
    ):
        yield server


def ask(server: Server, slug: str = "gold") -> str | None:
    """Ask who somebody is, as the client does; return the name."""
    sandbox = server._http.sandbox
    person = sandbox.world.person_called(slug)
    pair = sandbox.tokens.issue_pair(person.id, frozenset({"identity", "identity[email]"}))
    token = Secret(pair.access_token)
    return api.PatreonClient(token, patience=api.NEVER).identity().user.full_name


def test_a_warm_process_needs_one_connection(server: Server) -> None:
    for _ in range(20):
        assert ask(server) == "Alma Reyes"
    assert server.connections == 1


def test_threads_share_the_session_and_never_an_answer(server: Server) -> None:
    people = {"gold": "Alma Reyes", "silver": "Silvia Moreau", "bronze": "Bruno Vale"}
    slugs = list(people) * 40
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda slug: ask(server, slug), slugs))
    assert names == [people[slug] for slug in slugs]
    assert server.connections <= 8


def test_a_forked_child_opens_connections_of_its_own(server: Server) -> None:
    ask(server)
    person = server._http.sandbox.world.person_called("silver")
    pair = server._http.sandbox.tokens.issue_pair(person.id, frozenset({"identity"}))
    client = api.PatreonClient(Secret(pair.access_token))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  (coverage cannot follow)
        try:
            os.write(writer, str(client.identity().user.full_name).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"Silvia Moreau"
    os.waitpid(child, 0)
    assert ask(server) == "Alma Reyes"
    assert server.connections == 2


def test_a_connection_that_was_closed_meanwhile_is_replaced(server: Server) -> None:
    ask(server)
    for each in list(server._http._open):
        server._http.shutdown_request(each)
    assert ask(server) == "Alma Reyes"


class _Rude(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers.items()))
        moved = self.path.startswith("/moved")
        self.send_response(302 if moved else 200)
        self.send_header("Set-Cookie", "session=somebody; Path=/")
        if moved:
            self.send_header(
                "Location", unquote(self.path.partition("?")[2], "latin-1") or "/elsewhere"
            )
        body = b"x" * (64 * 2**20) if self.path.startswith("/moved/far") else b"{}"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def rude() -> Iterator[str]:
    _Rude.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Rude) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_no_cookie_is_kept_from_one_call_for_another(rude: str) -> None:
    for _ in range(3):
        send("GET", rude)
    assert all("Cookie" not in each for each in _Rude.seen)


def test_a_redirect_is_not_followed(rude: str) -> None:
    """C.10: a token goes to the host we chose and no other."""
    answer = send("GET", f"{rude}/moved", headers={"Authorization": "Bearer x"})
    assert answer.status == 302
    assert len(_Rude.seen) == 1
    with pytest.raises(MalformedAnswer, match="redirect"):
        document_of(answer)


@pytest.mark.parametrize("where", ["http://[", "%FF%FE", "//", "x" * 9000])
def test_a_redirect_to_nowhere_is_no_crash(rude: str, where: str) -> None:
    with pytest.raises(MalformedAnswer):
        document_of(send("GET", f"{rude}/moved?{where}"))


def test_what_comes_with_a_redirect_is_not_held_in_memory(rude: str) -> None:
    with pytest.raises(MalformedAnswer, match="larger than 16 MB"):
        send("GET", f"{rude}/moved/far")


def test_no_traceback_shows_a_token_among_its_variables(rude: str) -> None:
    """As Django's page for errors, mails to admins and error trackers do."""
    token = "an-access-token-" + "x" * 27
    with (
        override_settings(PATREON={"BASE_URL": f"{rude}/moved?", "RATE_LIMIT": None}),
        pytest.raises(MalformedAnswer) as caught,
    ):
        api.PatreonClient(Secret(token)).identity()
    page = ExceptionReporter(
        None, caught.type, caught.value, caught.tb.tb_next
    ).get_traceback_html()
    assert "Authorization" in page
    assert token not in page


def test_a_netrc_cannot_replace_our_token(rude: str, tmp_path, monkeypatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    send("GET", rude, headers={"Authorization": "Bearer ours"})
    assert _Rude.seen[0]["Authorization"] == "Bearer ours"


def test_an_unknown_certificate_is_refused(tmp_path, settings) -> None:
    """TLS verification is never off, whatever social-auth is told."""
    settings.SOCIAL_AUTH_VERIFY_SSL = False
    certificate = _self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Rude) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(Unavailable) as caught:
            send("GET", f"https://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert caught.value.code == "tls_error"


def _self_signed(folder: Any) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(path)


def test_a_host_that_never_answers_costs_the_timeout_and_no_more(settings) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.PATREON = {"TIMEOUT": 0.2, "RATE_LIMIT": None}
        with pytest.raises(Unavailable) as caught:
            send("GET", f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    ("kind", "error", "code", "wait"),
    [
        ("http_400", Refused, "BadRequest", None),
        ("http_401", Unauthorized, "Unauthorized", None),
        ("http_403_html", Refused, "", None),
        ("http_404", Refused, "NotFound", None),
        ("http_429", RateLimited, "RequestThrottled", 7.0),
        ("http_429_empty", RateLimited, "", None),
        ("http_500_html", Unavailable, "", None),
        ("cut", Unavailable, "connection_failed", None),
        ("reset", Unavailable, "connection_failed", None),
    ],
)
def test_one_table_turns_answers_into_errors(
    server: Server, kind: str, error: type[PatreonAPIError], code: str, wait: float | None
) -> None:
    options = {"retry_after": 7} if kind == "http_429" else {}
    server._http.sandbox.faults.arm(Fault.read({"kind": kind, **options}))
    with pytest.raises(error) as caught:
        ask(server)
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.retry_after) == (code, wait)


def test_no_error_carries_anything_secret(server: Server, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    token = "an-access-token-" + "x" * 27
    with pytest.raises(Unauthorized) as caught:
        api.PatreonClient(Secret(token)).identity()
    shown = [str(caught.value), repr(caught.value), repr(vars(caught.value)), caplog.text]
    assert not [each for each in shown if token in each]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None

"""Connections to Patreon: private certificates, proxies, and one deadline for a call."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from django_patreon.api import transport
from django_patreon.api.transport import send
from django_patreon.exceptions import Unavailable

from .wires import Answers, Authority, Drips, Proxy, listening

NAMES = (
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
)


class Site:
    """A site's process, just started, with these environment variables."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        self.monkeypatch, self.settings = monkeypatch, settings
        self.start()

    def start(self, **environment: Any) -> None:
        for name in NAMES:
            self.monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            self.monkeypatch.setenv(name, str(value))
        transport._start_afresh()

    def ask(self, address: str, **more: Any) -> str:
        """Return the status of the answer, or the code of the error."""
        self.settings.PATREON = {"BASE_URL": address, "RATE_LIMIT": None, **more}
        try:
            return str(send("GET", address).status)
        except Unavailable as error:
            self.error = str(error)
            return error.code


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Site]:
    yield Site(monkeypatch, settings)
    monkeypatch.undo()
    transport._start_afresh()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def secure(authority: Authority, stack: ExitStack) -> str:
    return f"https://127.0.0.1:{stack.enter_context(listening(Answers(authority)))}/"


@pytest.fixture(params=["directly", "through a proxy"])
def way(request: pytest.FixtureRequest, stack: ExitStack) -> dict[str, str]:
    if request.param == "directly":
        return {}
    return {"HTTPS_PROXY": f"http://127.0.0.1:{stack.enter_context(listening(Proxy()))}"}


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]
)
def test_a_private_authority_is_trusted(
    site: Site, secure: str, authority: Authority, way: dict[str, str], variable: str, tmp_path
) -> None:
    bundle: Path = authority.bundle
    if variable == "SSL_CERT_DIR":  # whose files are named by a hash
        bundle = tmp_path
        (tmp_path / f"{_hash_of(authority.bundle)}.0").write_bytes(authority.bundle.read_bytes())
    assert site.ask(secure) == "tls_error"
    site.start(**way)
    assert site.ask(secure) == "tls_error"
    site.start(**way, **{variable: bundle})
    assert site.ask(secure) == "200"


def _hash_of(certificate: Path) -> str:
    """Name a certificate as OpenSSL looks for it in a folder."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("only the program openssl names the files of such a folder")
    found = subprocess.run(
        [program, "x509", "-hash", "-noout", "-in", str(certificate)],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def test_the_proxy_is_used(site: Site, secure: str, authority: Authority, stack: ExitStack) -> None:
    proxy = Proxy()
    address = f"http://127.0.0.1:{stack.enter_context(listening(proxy))}"
    site.start(HTTPS_PROXY=address, REQUESTS_CA_BUNDLE=authority.bundle)
    assert site.ask(secure) == "200"
    assert proxy.seen == [secure.removeprefix("https://").rstrip("/")]


def test_a_proxy_that_is_spoken_to_over_tls_is_verified_in_the_same_way(
    site: Site, secure: str, authority: Authority, stack: ExitStack
) -> None:
    proxy = Proxy()

    def over_tls(connection: Any) -> None:
        with authority.context.wrap_socket(connection, server_side=True) as inner:
            inner.settimeout(3)  # neither end shuts it down half
            proxy(inner)

    address = f"https://127.0.0.1:{stack.enter_context(listening(over_tls))}"
    site.start(HTTPS_PROXY=address)
    assert site.ask(secure) == "connection_failed"
    assert not proxy.seen
    site.start(HTTPS_PROXY=address, SSL_CERT_FILE=authority.bundle)
    assert site.ask(secure) == "200"
    assert proxy.seen


def test_certificates_that_cannot_be_read_are_named(site: Site, secure: str) -> None:
    site.start(REQUESTS_CA_BUNDLE="/nowhere/bundle.pem")
    assert site.ask(secure) == "tls_error"
    assert "REQUESTS_CA_BUNDLE" in site.error
    site.start(SSL_CERT_FILE="/nowhere/bundle.pem", SSL_CERT_DIR="/nowhere")  # as OpenSSL does
    assert site.ask(secure) == "tls_error"
    assert "SSL_CERT" not in site.error


DRIPPING = {
    "status": (b"", b"H"),
    "headers": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", b"x"),
    "until closed": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "refusal": (b"HTTP/1.1 503 No\r\nContent-Length: 10000\r\n\r\n", b"x"),
}
SHORT = (0.4, 0.4)
AT_MOST = 60
"""Drops in three seconds; the time-outs above allow 16. There would be 200 without a deadline."""


@pytest.mark.parametrize(
    ("scheme", "part"),
    [
        *(("http", part) for part in DRIPPING),
        *(("https", part) for part in ("headers", "body")),
        *(("https through a proxy", part) for part in ("headers", "body")),
    ],
)
def test_an_answer_that_drips_ends_with_the_time_for_the_call(
    site: Site, authority: Authority, stack: ExitStack, scheme: str, part: str
) -> None:
    server = Drips(*DRIPPING[part], None if scheme == "http" else authority)
    address = f"{scheme.split()[0]}://127.0.0.1:{stack.enter_context(listening(server))}/"
    way = {"REQUESTS_CA_BUNDLE": str(authority.bundle)}
    if "proxy" in scheme:
        way["HTTPS_PROXY"] = f"http://127.0.0.1:{stack.enter_context(listening(Proxy()))}"
    site.start(**way)
    threads = threading.active_count()
    assert site.ask(address, TIMEOUT=SHORT) == "timeout"
    assert threading.active_count() <= threads + 3  # the servers' own
    assert server.drops < AT_MOST


@pytest.mark.parametrize("part", ["status", "headers"])
def test_a_proxy_that_drips_ends_with_the_time_for_the_call(
    site: Site, secure: str, stack: ExitStack, part: str
) -> None:
    proxy = Drips(*DRIPPING[part])
    site.start(HTTPS_PROXY=f"http://127.0.0.1:{stack.enter_context(listening(proxy))}")
    assert site.ask(secure, TIMEOUT=SHORT) == "timeout"
    assert proxy.drops < AT_MOST


def test_a_handshake_that_drips_ends_with_the_time_for_the_call(
    site: Site, stack: ExitStack
) -> None:
    hello = Drips(b"\x16\x03\x03\x40\x00", b"\x02")  # a record of 16 KB, a byte at a time

    def talk(connection: Any) -> None:
        connection.recv(4096)
        hello.drip(connection)

    address = f"https://127.0.0.1:{stack.enter_context(listening(talk))}/"
    assert site.ask(address, TIMEOUT=SHORT) == "timeout"
    assert hello.drops < AT_MOST


def test_an_answer_that_comes_in_pieces_in_time_is_read(site: Site, stack: ExitStack) -> None:
    class Pieces(Answers):
        def answer(self, connection: Any) -> None:
            for piece in (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 2\r\n", b"\r\n{", b"}"):
                connection.sendall(piece)
                threading.Event().wait(0.05)

    address = f"http://127.0.0.1:{stack.enter_context(listening(Pieces()))}/"
    assert site.ask(address, TIMEOUT=(2, 3)) == "200"

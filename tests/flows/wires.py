"""What stands between a client and a server: certificates, a proxy, a server that drips."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
PAUSE = 0.05


class Authority:
    """A private authority, its certificate, and one that it has given to 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Private")])
        self.bundle = folder / "authority.pem"
        signs = x509.KeyUsage(
            **dict.fromkeys(("key_cert_sign", "crl_sign"), True),
            **dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment"), False),
            **dict.fromkeys(
                ("data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
            ),
        )
        authority = (
            self._certificate(self.key, self.name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(signs, critical=True)
        )
        self.bundle.write_bytes(
            authority.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        key = ec.generate_private_key(ec.SECP256R1())
        host = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        certificate = self._certificate(key, host).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        chain = folder / "server.pem"
        chain.write_bytes(
            certificate.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)

    def _certificate(
        self, key: ec.EllipticCurvePrivateKey, subject: x509.Name
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            # Python 3.13 verifies strictly: a certificate names its key and that of its issuer.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
            )
        )


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer each connection to a port of this machine with `talk`; yield the port."""
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            talk(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        acceptor.join()
    for each in threads:
        each.join()


def request_of(connection: socket.socket) -> bytes:
    """Read the head of a request."""
    head = b""
    while b"\r\n\r\n" not in head and (piece := connection.recv(4096)):
        head += piece
    return head


class Answers:
    """Answers a request, over TLS if it has a context."""

    def __init__(self, authority: Authority | None = None) -> None:
        self.authority = authority

    def __call__(self, connection: socket.socket) -> None:
        if self.authority:
            with self.authority.context.wrap_socket(connection, server_side=True) as secure:
                self.answer(secure)
        else:
            self.answer(connection)

    def answer(self, connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(HELLO)


class Drips(Answers):
    """Answers with `start` at once, then with `drop` again and again, for ten seconds."""

    def __init__(self, start: bytes, drop: bytes, authority: Authority | None = None) -> None:
        super().__init__(authority)
        self.start, self.drop, self.drops = start, drop, 0

    def answer(self, connection: socket.socket) -> None:
        request_of(connection)
        self.drip(connection)

    def drip(self, connection: socket.socket) -> None:
        connection.sendall(self.start)
        connection.settimeout(PAUSE)
        for _ in range(200):
            with suppress(TimeoutError, ssl.SSLWantReadError):
                if not connection.recv(1):
                    return  # the client has had enough
            self.drops += 1
            connection.sendall(self.drop)


class Proxy:
    """A proxy for CONNECT. `seen`: the targets that it was asked for."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, connection: socket.socket) -> None:
        target = request_of(connection).split()[1].decode()
        self.seen.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as server:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pour, args=(server, connection))
            back.start()
            _pour(connection, server)
            back.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(4096):
            target.sendall(piece)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)

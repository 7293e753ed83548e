"""`python -m benchmarks.patreon FOLDER`: the sandbox over TLS, in a process of its own.

Writes its certificate to FOLDER and its URL to stdout; then answers each line on stdin with how
many API requests and TCP connections there were since the last.
"""

from __future__ import annotations

import ipaddress
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from django_patreon.sandbox import Sandbox


def make_certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1, which is its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "authority.pem").write_bytes(text)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "server.pem"
    path.write_bytes(text + private)
    return path


def main(folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(folder))
    sandbox = Sandbox()
    server = sandbox.serve()
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    sandbox.url = server.url.replace("http://", "https://")
    with server:
        print(sandbox.url, flush=True)
        connections = server.connections
        for _ in sys.stdin:
            requests = sum(1 for each in sandbox.journal if each["path"].startswith("/api/"))
            print(requests, server.connections - connections, flush=True)
            sandbox.journal.clear()
            connections = server.connections


if __name__ == "__main__":
    main(Path(sys.argv[1]))

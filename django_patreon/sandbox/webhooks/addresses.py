"""The addresses that webhooks may be sent to: those of this machine and of private networks.

The address that is checked is the address that is connected to, so DNS cannot change it between.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

__all__ = ["RefusedAddress", "connect", "is_local_address", "is_local_host", "why_invalid_uri"]

_NAMES = (".localhost", ".local", ".internal", ".test")


class RefusedAddress(Exception):
    """A host has no address in a local network."""


def is_local_address(text: str) -> bool:
    """Is this IP address on this machine or in a private network?

    Link-local addresses are excluded: cloud providers serve a machine's credentials there.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast:
        return False
    return address.is_loopback or address.is_private


def is_local_host(host: str) -> bool:
    """Is this host name or address local, as far as can be told without DNS?"""
    try:
        return is_local_address(host)
    except ValueError:
        pass
    try:  # resolvers take 134744072, 0x8.8.8.8 and 010.8.8.8 for addresses
        return is_local_address(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        return "." not in host or host.endswith(_NAMES)


def connect(host: str, port: int, *, timeout: float, anywhere: bool) -> tuple[socket.socket, bool]:
    """Resolve a host once, and connect to the first allowed address that answers.

    Returns the socket, and whether its address is local. Raises `RefusedAddress` if no address is
    allowed, and `OSError` if none answers.
    """
    if not (anywhere or is_local_host(host)):
        raise RefusedAddress
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [each for each in found if anywhere or is_local_address(str(each[4][0]))]
    if not allowed:
        raise RefusedAddress
    failure: OSError | None = None
    for family, kind, protocol, _, address in allowed:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = failure or error
        else:
            return connection, is_local_address(str(address[0]))
    raise failure or OSError("no address")


def _is_local(uri: str) -> bool:
    """Is the host of this URI local? The sender checks the resolved address, too."""
    try:
        name = urlsplit(uri).hostname or ""
    except ValueError:
        return False
    return is_local_host(name)


def why_invalid_uri(uri: object) -> str:
    """Return why a webhook cannot have this URI; empty if it can.

    Patreon accepts https only (observed). The sandbox accepts http for local hosts, too.
    """
    if not isinstance(uri, str) or len(uri) > 2000 or not uri.isascii():
        return "uri must be an address."
    try:
        parts = urlsplit(uri)
        bare = not parts.hostname or parts.port == 0
    except ValueError:
        return "uri must be an address."
    if bare or any(character <= " " for character in uri):
        return "uri must be an address."
    if parts.scheme == "https" or (parts.scheme == "http" and _is_local(uri)):
        return ""
    return "uri must begin with https://."

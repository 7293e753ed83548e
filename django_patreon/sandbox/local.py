"""Keeps webhooks in local networks: the address that is judged is the one that is connected to."""

from __future__ import annotations

import ipaddress
import socket

__all__ = ["RefusedAddress", "connect", "is_local_address", "is_local_host"]

_NAMES = (".localhost", ".local", ".internal", ".test")


class RefusedAddress(Exception):
    """A host does not look local, or has no address in a local network."""


def is_local_address(text: str) -> bool:
    """Is this IP address on this machine or in a private network?

    Link-local addresses are not: clouds answer there with the credentials of the machine.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast:
        return False
    return address.is_loopback or address.is_private


def is_local_host(host: str) -> bool:
    """Does this host look local, without asking the DNS?"""
    try:
        return is_local_address(host)
    except ValueError:
        pass
    try:  # 134744072, 0x8.8.8.8 and 010.8.8.8 are addresses to every resolver
        return is_local_address(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        return "." not in host or host.endswith(_NAMES)


def connect(host: str, port: int, *, timeout: float, anywhere: bool) -> tuple[socket.socket, bool]:
    """Resolve a host once, then connect to the first address that is allowed and answers.

    Returns the connection, and whether its address is local. Raises `RefusedAddress` if no
    address is allowed, `OSError` if none answers.
    """
    if not (anywhere or is_local_host(host)):
        raise RefusedAddress
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [each for each in found if anywhere or is_local_address(str(each[4][0]))]
    if not allowed:
        raise RefusedAddress
    failure: OSError | None = None
    for family, kind, protocol, _, address in allowed:
        line = socket.socket(family, kind, protocol)
        line.settimeout(timeout)
        try:
            line.connect(address)
        except OSError as error:
            line.close()
            failure = failure or error
        else:
            return line, is_local_address(str(address[0]))
    raise failure or OSError("no address")

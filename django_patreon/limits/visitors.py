"""How often Patreon may refuse what one visitor brings to sign in.

Anybody can come back from "Patreon" with a code that they have made up. The site has to ask Patreon
about it, and Patreon counts the refusal against the site. So a visitor has a small budget, by
session and by address; see "Failed sign-ins" in docs/settings.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from django_patreon.conf import patreon_settings

from .gate import UNKNOWN_VISITORS, Budget, current_gate, refusals_count_for
from .rates import ADDRESS, CODES, SESSION

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["counted_for_visitor", "wait_of_visitor"]


def wait_of_visitor(request: HttpRequest | None) -> float:
    """Return the seconds for which no code of this visitor is sent to Patreon; 0.0 if it may be."""
    gate = current_gate()
    return 0.0 if gate is None or request is None else gate.wait_of(_budgets_of(request))


@contextmanager
def counted_for_visitor(request: HttpRequest | None) -> Iterator[None]:
    """Count refusals by Patreon inside as the visitor's, not as the site's."""
    with refusals_count_for(_budgets_of(request) if request is not None else ()):
        yield


def _budgets_of(request: HttpRequest) -> list[Budget]:
    address = _address_of(request)
    found = [
        ("codes", CODES),
        (f"codes:{address}", ADDRESS) if address else UNKNOWN_VISITORS,
    ]
    session = getattr(getattr(request, "session", None), "session_key", None)
    if session:  # a digest, which does not reveal the session key
        found.append((f"codes:{hashlib.sha256(session.encode()).hexdigest()[:24]}", SESSION))
    return found


def _address_of(request: HttpRequest) -> str:
    """Return the visitor's IPv4 address, or the /48 of an IPv6 one; "" when it is not known.

    A private `REMOTE_ADDR` is that of a proxy in front of the site. Then the last address of
    `X-Forwarded-For` is used, which is the one that the proxy itself added.
    """
    key = patreon_settings().CLIENT_ADDRESS
    if key:
        return _parsed(request.META.get(key, ""), private=True)
    direct = _parsed(request.META.get("REMOTE_ADDR", ""))
    return direct or _parsed(request.headers.get("x-forwarded-for", ""))


def _parsed(text: str, *, private: bool = False) -> str:
    """Return the last address of a list, without its port; "" if it is not one, or private."""
    host = text.rpartition(",")[2].strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if not (private or address.is_global):
        return ""
    # One customer of a provider has at least 2**64 addresses, and often 2**80.
    return str(ip_network((address, 48), strict=False) if address.version == 6 else address)

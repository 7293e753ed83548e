"""The signature of a delivery: lowercase hex of HMAC-MD5 over the raw body (official)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

from django_patreon.secret import Secret

__all__ = ["is_signed", "signature_of"]

_HEX = re.compile(r"[0-9a-f]{32}")


def is_signed(body: bytes, signature: str, secrets: Iterable[Secret]) -> bool:
    """Return True if `signature` is that of `body` with one of the secrets.

    It must be exactly 32 lowercase hex digits. All secrets are compared, each in constant time.
    """
    if _HEX.fullmatch(signature) is None:
        return False
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(signature_of(body, secret), signature)
    return found


def signature_of(body: bytes, secret: Secret) -> str:
    """Return the signature of a body."""
    return hmac.new(secret.encode(), body, "md5").hexdigest()

"""The only writer of token columns: store a pair, and renew it once, whatever the concurrency.

    access_token(account)   a live access token, renewed first if it must be
    client_for(account)     a PatreonClient that renews by itself
    refresh(account)        a new pair, now
    store(account, grant)   a pair that a sign-in brought
    revoke(account)         delete the pair here; ask Patreon to revoke it after the commit

`life` is what callers use, `renewal` the one request, `lease` who may make it; `durable` sees to it
that what Patreon gave is never rolled back. `batch` renews many, `keys` encrypts all anew.
"""

from .batch import Renewals, refresh_expiring
from .keys import Rotation, rotate_keys
from .life import access_token, client_for, store
from .renewal import refresh
from .revocation import revoke, revoke_deleted

__all__ = [
    "Renewals",
    "Rotation",
    "access_token",
    "client_for",
    "refresh",
    "refresh_expiring",
    "revoke",
    "revoke_deleted",
    "rotate_keys",
    "store",
]

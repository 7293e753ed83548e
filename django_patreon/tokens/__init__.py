"""The only writer of token columns: store a pair, and renew it once, whatever the concurrency.

    access_token(account)   a live access token, renewed first if it must be
    client_for(account)     a PatreonClient that renews by itself
    refresh(account)        a new pair, now
    store(account, grant)   a pair that a sign-in brought

`lease` decides who renews, `durable` sees to it that what Patreon gave is never rolled back.
"""

from .life import access_token, client_for, refresh, store

__all__ = ["access_token", "client_for", "refresh", "store"]

"""Everything that is said to Patreon over HTTP, and nothing else. No database.

`transport` makes requests, `errors` judges the answers, `oauth` is the token endpoint, `client`
is API v2 and `asking` how it asks, `paging` walks its lists, `retry` tries again, `gate` keeps the
limits.
"""

from .client import PatreonClient
from .gate import Gate, install_gate
from .oauth import (
    OAuthClient,
    TokenGrant,
    authorize_url,
    exchange_code,
    read_grant,
    refresh_tokens,
    revoke_token,
    token_url,
)
from .paging import SeenIds, Walk
from .retry import BRIEFLY, NEVER, Patience

__all__ = [
    "BRIEFLY",
    "NEVER",
    "Gate",
    "OAuthClient",
    "Patience",
    "PatreonClient",
    "SeenIds",
    "TokenGrant",
    "Walk",
    "authorize_url",
    "exchange_code",
    "install_gate",
    "read_grant",
    "refresh_tokens",
    "revoke_token",
    "token_url",
]

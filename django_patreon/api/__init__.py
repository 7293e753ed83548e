"""Everything that is said to Patreon over HTTP, and nothing else. No database.

`transport` makes requests, `errors` judges the answers, `oauth` is the token endpoint, `client`
is API v2.
"""

from .client import PatreonClient
from .oauth import (
    OAuthClient,
    TokenGrant,
    authorize_url,
    exchange_code,
    refresh_tokens,
    revoke_token,
    token_url,
)

__all__ = [
    "OAuthClient",
    "PatreonClient",
    "TokenGrant",
    "authorize_url",
    "exchange_code",
    "refresh_tokens",
    "revoke_token",
    "token_url",
]

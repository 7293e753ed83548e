"""All HTTP requests, nearly all of them to Patreon. No database.

`transport` makes requests, `errors` judges the answers, `oauth` is the token endpoint, `client`
is API v2 and `authorized` how it asks, `paging` walks its lists, `retry` tries again, `gate` keeps
the limits. `probe` asks this site itself.
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
from .probe import AuthorizeAnswer, post_to_self, try_authorize
from .retry import BRIEFLY, NEVER, Patience

__all__ = [
    "BRIEFLY",
    "NEVER",
    "AuthorizeAnswer",
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
    "post_to_self",
    "read_grant",
    "refresh_tokens",
    "revoke_token",
    "token_url",
    "try_authorize",
]

"""Every error we raise.

    PatreonError
    ├── PatreonAPIError            Patreon's answer, or the lack of one
    │   ├── Refused                4xx: asking again the same way is useless
    │   │   └── Unauthorized       401: the token is dead, or a scope is missing
    │   ├── RateLimited            429: ask later
    │   ├── Unavailable            5xx, time-out, lost connection: ask later
    │   └── MalformedAnswer        a 2xx that is not what Patreon documents
    ├── CampaignNotChosen          a second campaign would close the gates that name none
    ├── ReconnectRequired          the person has to sign in with Patreon again
    └── UnsafeToRefresh            not inside this transaction: a new pair could be lost

Wrong configuration is Django's `ImproperlyConfigured`. No message, `repr` or attribute of
these carries a token, a secret, a header or a body.
"""

from __future__ import annotations

__all__ = [
    "CampaignNotChosen",
    "MalformedAnswer",
    "PatreonAPIError",
    "PatreonError",
    "RateLimited",
    "ReconnectRequired",
    "Refused",
    "Unauthorized",
    "Unavailable",
    "UnsafeToRefresh",
]


class PatreonError(Exception):
    """Base of all; do not raise directly."""


class PatreonAPIError(PatreonError):
    """A request to Patreon that did not end in a usable answer.

    `status`: the HTTP status, or None when no answer came.
    `code`: Patreon's own word for it (`invalid_grant`, `RequestThrottled`, ...), or one of ours
    (`timeout`, `tls_error`, `connection_failed`, `malformed_response`), or "".
    `retry_after`: seconds to wait before asking again, when Patreon named them.
    `request_id`: Patreon's id of the request, for their support, when there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.request_id = request_id


class Refused(PatreonAPIError):
    """Patreon said no (4xx)."""


class Unauthorized(Refused):
    """Patreon said 401; its text does not tell a dead token from a missing scope (observed)."""


class RateLimited(PatreonAPIError):
    """Patreon said 429."""


class Unavailable(PatreonAPIError):
    """Patreon is down, slow, or out of reach."""


class MalformedAnswer(PatreonAPIError):
    """Patreon said yes and then nothing that makes sense."""


class CampaignNotChosen(PatreonError):
    """A second campaign cannot become this site's: nothing says which one unnamed gates mean."""


class ReconnectRequired(PatreonError):
    """No stored token works any more: the person must sign in with Patreon again.

    `was_refused`: True if Patreon has just refused the tokens, False if nothing was sent.
    """

    def __init__(self, message: str, *, was_refused: bool = False) -> None:
        super().__init__(message)
        self.was_refused = was_refused


class UnsafeToRefresh(PatreonError):
    """Refreshing here could lose the new pair, so nothing was sent and nothing is spent."""

"""One pooled HTTP session for the whole process, and nothing that could leak between people.

Kept-alive connections make a sign-in cheap: no new TCP connection, no TLS handshake, no TLS
context to build. The session keeps no cookies, follows no redirects, reads no `.netrc` (which
would replace our Authorization header), never turns TLS verification off, and is made anew in a
forked child, whose copy of a parent's socket would mix two conversations.
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
from dataclasses import dataclass
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies
from urllib3.exceptions import HTTPError

from django_patreon import __version__
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer, Unavailable

from .errors import wait_of
from .gate import gate

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer", "send"]

logger = logging.getLogger("django_patreon")

MAX_BODY = 16 * 1024 * 1024
"""Bytes of an answer that we are willing to hold. A page of 1000 members is under 2 MB."""
MAX_SECONDS = 60.0
"""The longest an answer may take to arrive in full, however steadily it drips."""
POOL_SIZE = 20
"""Connections kept per process; more threads than this still work, with new connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: `status`, the few headers we use, and the body's bytes (never shown)."""

    status: int
    retry_after: str
    request_id: str
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status}, request_id={self.request_id!r})"


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    json: Any = None,
    timeout: tuple[float, float] | None = None,
    bucket: str = "",
    counts_refusals: bool = True,
) -> Answer:
    """Make one request to Patreon and return its answer, whatever the status.

    It passes the site's gate first, in which `bucket` names whose calls count together; there it
    may wait, or end in `RateLimited` without having been sent. Too many refusals shut the gate;
    `counts_refusals` is False for a request whose refusal says nothing against the site.

    Raises `Unavailable` (code `timeout`, `tls_error` or `connection_failed`) when no answer came
    and `MalformedAnswer` (code `malformed_response`) when it is larger than `MAX_BODY`.
    """
    conf, limits = patreon_settings(), gate()
    limits.enter(bucket)
    started = time.monotonic()
    try:
        response = _session().request(
            method,
            url,
            headers={"User-Agent": conf.USER_AGENT or _default_user_agent(), **(headers or {})},
            params=params,
            data=data,
            json=json,
            timeout=timeout or conf.TIMEOUT,
            allow_redirects=False,
            stream=True,
            proxies=_proxies(conf.base_url),
        )
        with response:
            body = _read(response, deadline=started + MAX_SECONDS)
    # What an answer can hold that no parser likes is a ValueError, below `requests` as well.
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        failure = _failure(error)
    else:
        answer = Answer(
            status=response.status_code,
            retry_after=response.headers.get("Retry-After", ""),
            request_id=response.headers.get("x-patreon-uuid", ""),
            body=body,
        )
        logger.debug(
            "Patreon answered %s to %s %s in %.0f ms",
            answer.status,
            method,
            url.partition("?")[0],
            1000 * (time.monotonic() - started),
        )
        if answer.status == 429:
            limits.told_to_wait(wait_of(answer))
        if 400 <= answer.status < 500 and counts_refusals:
            limits.refused()
        return answer
    # Raised out here so that the error drags no frame along that holds a header or a form.
    raise failure


def _read(response: requests.Response, *, deadline: float) -> bytes:
    """Return the body, decoded; leave the connection ready for the next request."""
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(64 * 1024):
        size += len(piece)
        if size > MAX_BODY:
            raise _TooLarge
        if time.monotonic() > deadline:
            raise requests.Timeout
        pieces.append(piece)
    return b"".join(pieces)


class _TooLarge(requests.RequestException):
    pass


def _failure(error: Exception) -> Unavailable | MalformedAnswer:
    """Say what went wrong on the way, without the URL or anything sent."""
    if isinstance(error, _TooLarge):
        return MalformedAnswer(
            f"Patreon's answer was larger than {MAX_BODY // 2**20} MB.", code="malformed_response"
        )
    if isinstance(error, requests.exceptions.SSLError | ssl.SSLError):
        return Unavailable(
            "A secure connection to Patreon could not be made. Check this machine's clock and its"
            " certificates.",
            code="tls_error",
        )
    if isinstance(error, requests.Timeout | TimeoutError):
        return Unavailable("Patreon did not answer in time.", code="timeout")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return MalformedAnswer(
            "Patreon's answer could not be decompressed.", code="malformed_response"
        )
    if not isinstance(error, requests.RequestException | HTTPError | OSError):
        return MalformedAnswer("Patreon's answer is no HTTP.", code="malformed_response")
    return Unavailable("The connection to Patreon failed.", code="connection_failed")


class _VerifyingAdapter(HTTPAdapter):
    """Builds its TLS context once, instead of for every connection, and always verifies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        kwargs["ssl_context"] = (
            ssl.create_default_context(capath=bundle)
            if bundle and os.path.isdir(bundle)
            else ssl.create_default_context(cafile=bundle or DEFAULT_CA_BUNDLE_PATH)
        )
        super().init_poolmanager(*args, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # the context already holds the certificates


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow nothing, and read nothing of where it would lead: the header is anybody's."""


_shared: requests.Session | None = None
_lock = threading.Lock()


def _session() -> requests.Session:
    global _shared
    if _shared is None:
        with _lock:
            if _shared is None:
                _shared = _new_session()
    return _shared


def _new_session() -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", _VerifyingAdapter(pool_maxsize=POOL_SIZE))
    session.mount("http://", HTTPAdapter(pool_maxsize=POOL_SIZE))
    return session


def _start_afresh() -> None:
    """In a forked child: the parent's sockets are not ours, and its lock may be held for ever."""
    global _lock, _shared
    _lock = threading.Lock()
    _shared = None


os.register_at_fork(after_in_child=_start_afresh)


@cache
def _proxies(base_url: str) -> dict[str, str]:
    """The proxies that the environment asks for, found once: `trust_env` is off."""
    return dict(get_environ_proxies(base_url))


def _default_user_agent() -> str:
    return f"django-patreon/{__version__} (python-requests/{requests.__version__})"

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
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from django_patreon import __version__
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer, Unavailable

from .deadline import deadline_in, keep_deadlines
from .errors import code_of, wait_of
from .gate import gate

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer", "send"]

logger = logging.getLogger("django_patreon")

MAX_BODY = 16 * 1024 * 1024
"""Largest answer in bytes. A page of 1000 members is under 2 MB."""
POOL_SIZE = 20
"""Connections kept open in a process. More threads than this open new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of Patreon: `status`, the few headers that we use, and the body (never shown)."""

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
    renews: bool = False,
    counts_refusals: bool = True,
) -> Answer:
    """Make one request to Patreon and return its answer, whatever the status.

    The site's rate limit comes first: the request may wait for it, or raise `RateLimited` without
    being sent. Requests with the same `bucket` count together. Refusals (4xx) are counted, too.
    `renews` is True for a request that spends a refresh token; its refusals are counted apart.
    `counts_refusals` is False for a request that Patreon may refuse as a matter of course.
    `timeout`: seconds to connect, and for the answer; by default the setting TIMEOUT. Together
    they are the longest that the request takes once it has passed the gate, whether the server is
    silent or sends a byte at a time.

    Raises `Unavailable` (code `timeout`, `tls_error` or `connection_failed`) when no answer came
    and `MalformedAnswer` (code `malformed_response`) when it is larger than `MAX_BODY`.
    """
    conf, limits = patreon_settings(), gate()
    connect, read = timeout or conf.TIMEOUT
    limits.enter(bucket, renews=renews)
    started = time.monotonic()
    try:
        with (
            deadline_in(connect + read),
            _session().request(
                method,
                url,
                headers={"User-Agent": conf.USER_AGENT or _default_user_agent(), **(headers or {})},
                params=params,
                data=data,
                json=json,
                timeout=(connect, read),
                allow_redirects=False,
                stream=True,
                proxies=_proxies(conf.base_url),
            ) as response,
        ):
            body = _read(response)
    # urllib3 raises ValueError, too, for an answer that it cannot parse.
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        failure = _failure(error)
    else:
        answer = Answer(
            status=response.status_code,
            retry_after=response.headers.get("Retry-After", ""),
            request_id=response.headers.get("x-patreon-uuid", ""),
            body=body,
        )
        duration = 1000 * (time.monotonic() - started)
        logger.debug(
            "Patreon answered %s to %s %s in %.0f ms",
            answer.status,
            method,
            url.partition("?")[0],
            duration,
            extra={"status": answer.status, "duration_ms": round(duration)},
        )
        if answer.status == 429:
            limits.told_to_wait(wait_of(answer))
        if 400 <= answer.status < 500 and counts_refusals:
            limits.refused(answer.status, code_of(answer), renews=renews)
        return answer
    # Raised here so that its traceback has no frame that holds a header or a form.
    raise failure


def _read(response: requests.Response) -> bytes:
    """Return the body, decoded; leave the connection ready for the next request."""
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(64 * 1024):
        size += len(piece)
        if size > MAX_BODY:
            raise _TooLarge
        pieces.append(piece)
    return b"".join(pieces)


class _TooLarge(requests.RequestException):
    pass


def _failure(error: Exception) -> Unavailable | MalformedAnswer:
    """Return our error for one of `requests`, without the URL or anything that was sent."""
    if isinstance(error, _NoCertificates):
        return Unavailable(str(error), code="tls_error")
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
    # `requests` reports a time-out inside the body as a lost connection.
    cause = error.args[0] if error.args else None
    if isinstance(error, requests.Timeout | TimeoutError) or isinstance(cause, Urllib3Timeout):
        return Unavailable("Patreon did not answer in time.", code="timeout")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return MalformedAnswer(
            "Patreon's answer could not be decompressed.", code="malformed_response"
        )
    if not isinstance(error, requests.RequestException | HTTPError | OSError):
        return MalformedAnswer("Patreon's answer is no HTTP.", code="malformed_response")
    return Unavailable("The connection to Patreon failed.", code="connection_failed")


class _NoCertificates(OSError):
    pass


def _tls_context() -> ssl.SSLContext:
    """Return a context that trusts the certificates which the environment names.

    `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE` (a file or a folder) replaces the certificates of
    certifi, as in `requests`. `SSL_CERT_FILE` and `SSL_CERT_DIR`, which OpenSSL reads, are trusted
    as well; what they name need not exist. Raises `OSError` when a bundle cannot be read.
    """
    variables = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    named = next((each for each in variables if os.environ.get(each)), None)
    bundle = os.environ[named] if named else DEFAULT_CA_BUNDLE_PATH
    is_folder = os.path.isdir(bundle)
    try:
        context = ssl.create_default_context(
            cafile=None if is_folder else bundle, capath=bundle if is_folder else None
        )
    except OSError:
        raise _NoCertificates(
            f"The certificates that {named or 'certifi'} names cannot be read, so no secure"
            " connection to Patreon can be made."
        ) from None
    file, folder = os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
    if os.path.isfile(file):
        context.load_verify_locations(cafile=file)
    for each in filter(os.path.isdir, folder.split(os.pathsep)):
        context.load_verify_locations(capath=each)
    return context


class _Adapter(HTTPAdapter):
    """Makes connections, direct and through a proxy, that verify and that keep deadlines.

    The TLS context is built once, instead of for every connection.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self._tls = _tls_context()
        super().init_poolmanager(*args, **kwargs, ssl_context=self._tls)
        keep_deadlines(self.poolmanager, self._tls)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        kwargs["ssl_context"] = self._tls
        if proxy.lower().startswith("https"):
            kwargs["proxy_ssl_context"] = self._tls
        manager = super().proxy_manager_for(proxy, **kwargs)
        keep_deadlines(manager, self._tls)
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # the context already holds the certificates


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect, and do not parse its address, which may be anything."""


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
    adapter = _Adapter(pool_maxsize=POOL_SIZE)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


@cache
def _proxies(base_url: str) -> dict[str, str]:
    """Return the proxies that the environment names. Cached, since `trust_env` is off."""
    return dict(get_environ_proxies(base_url))


def _start_afresh() -> None:
    """Drop the session in a forked child: its sockets and locks are the parent's."""
    global _lock, _shared
    _lock = threading.Lock()
    _shared = None
    _proxies.cache_clear()


os.register_at_fork(after_in_child=_start_afresh)


def _default_user_agent() -> str:
    return f"django-patreon/{__version__} (python-requests/{requests.__version__})"

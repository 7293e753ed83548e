"""Sandbox: one pretend Patreon. Two in one process know nothing of each other."""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections import deque
from typing import Any

from . import control
from .api import Api
from .faults import Faults, throttled
from .grants import Grants
from .http import REQUEST_ID, Request, Response, api_error, edge_refusal, page
from .limits import RateLimits
from .oauth import OAuth
from .paging import LAST_PAGES
from .people import default_world
from .server import Server

__all__ = ["Sandbox"]

logger = logging.getLogger("django_patreon.sandbox")

LARGEST_BODY = 1024 * 1024


class Sandbox:
    """A pretend Patreon. `handle` answers one request; `serve` does it over HTTP.

    `url` is what its own links begin with. `rate_limit` puts Patreon's limits in force.
    """

    def __init__(self, *, url: str = "http://127.0.0.1:8001", rate_limit: bool = False) -> None:
        self.url = url.rstrip("/")
        self.rate_limit = rate_limit
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Begin again, as if just started."""
        with self._lock:
            self.world = default_world()
            self.grants = Grants(clock=self.world.clock)
            self.faults = Faults()
            self.last_page = LAST_PAGES[0]
            self._random = random.Random(1)  # noqa: S311  (the same in every run, on purpose)
            self.limits = RateLimits(self.world.clock.tick)
            self.journal: deque[dict[str, Any]] = deque(maxlen=2000)

    def handle(self, request: Request) -> Response:
        """Answer a request. Never raises: what is wrong with a request is an answer, too."""
        try:
            with self._lock:
                REQUEST_ID.set(self._new_id())
                response = self._route(request)
        except Exception:
            logger.exception("The sandbox stumbled over %s %s", request.method, request.path)
            response = api_error(500, code_name="InternalServerError")
        response.headers.append(("x-patreon-uuid", REQUEST_ID.get()))
        return response

    def serve(self, port: int = 0, host: str = "127.0.0.1") -> Server:
        """Return a server that answers over HTTP while it is entered as a context.

        Raises `OSError` when the port is taken.
        """
        return Server(self, host=host, port=port)

    def _route(self, request: Request) -> Response:
        path = request.path
        if path == "/":
            return _home()
        if f"{path}/".startswith(control.PREFIX):
            return control.answer_control(self, request)
        fault = self.faults.strike(request)
        if fault is None or fault.comes_after_the_work:
            response = self._patreon(request, path)
        else:
            response = Response(status=200)
        if fault is not None:
            response = fault.apply(response)
        self._note(request, path, response)
        return response

    def _patreon(self, request: Request, path: str) -> Response:
        if len(request.body) > LARGEST_BODY:
            return api_error(413, code_name="PayloadTooLarge")
        if not path.startswith("/api/") and request.method not in ("GET", "HEAD", "POST"):
            return edge_refusal(405, "This page can only be looked at, and its form sent.")
        if path in ("/oauth2/authorize", "/oauth2/become-patron"):
            return OAuth(self.world, self.grants).authorize(request)
        if path == "/oauth2/errors":
            return OAuth(self.world, self.grants).errors_page(request)
        if not path.startswith("/api/"):
            return edge_refusal(404, "There is no such page.")
        # Mandatory, on the token call as well (official).
        if not request.header("User-Agent"):
            return edge_refusal(403, "A User-Agent is required.")
        if self.rate_limit:
            if self.limits.closed():
                return edge_refusal(403, "Too many errors from here. Come back in half an hour.")
            wait = self.limits.retry_after(request.header("Authorization"))
            if wait:
                self.limits.refused()
                return throttled(wait)
        response = self._api(request, path)
        if self.rate_limit and 400 <= response.status < 500:
            self.limits.refused()
        return response

    def _api(self, request: Request, path: str) -> Response:
        if path.rstrip("/") == "/api/oauth2/token":
            if request.method != "POST":
                return api_error(405, code_name="MethodNotAllowed")
            return OAuth(self.world, self.grants).token(request)
        if path == "/api/oauth2/token/revoke" and request.method == "POST":
            return OAuth(self.world, self.grants).revoke(request)
        response = Api(self.world, self.grants, self.url, self.last_page).answer(request)
        # All of these are observed by name; no client should keep the cookies.
        response.headers += [
            ("Cache-Control", "private"),
            ("cf-cache-status", "DYNAMIC"),
            ("cf-ray", f"{self._random.getrandbits(64):016x}-AMS"),
            ("x-patreon-sha", f"{0:040x}"),
            ("Set-Cookie", f"patreon_device_id={self._new_id()}; Path=/; HttpOnly"),
            ("Set-Cookie", f"__cf_bm={self._random.getrandbits(128):032x}; Path=/; HttpOnly"),
            ("Set-Cookie", f"a_csrf={self._random.getrandbits(128):032x}; Path=/"),
        ]
        return response

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _note(self, request: Request, path: str, response: Response) -> None:
        """Keep what came in, without anything secret: no query, no body, no header but one."""
        self.journal.append(
            {
                "method": request.method,
                "path": path,
                "status": 0 if response.reset else response.status,
                "user_agent": request.header("User-Agent"),
            }
        )


def _home() -> Response:
    return page(
        "<h1>A pretend Patreon</h1><p>Point a client at this address in place of"
        " <code>https://www.patreon.com</code>. Client <code>sandbox-client</code>, secret"
        " <code>sandbox-secret</code>; any redirect URI on localhost or 127.0.0.1.</p>"
        '<p>Switches for scripts: <a href="/_sandbox/">/_sandbox/</a>, people:'
        ' <a href="/_sandbox/people">/_sandbox/people</a>.</p>',
        title="Sandbox",
    )

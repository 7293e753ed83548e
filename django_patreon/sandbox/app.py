"""Sandbox: one pretend Patreon. Two in one process know nothing of each other."""

from __future__ import annotations

import logging
import random
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from . import control, room
from .api import Api
from .checkout import CHECKOUT, answer_checkout
from .courier import Courier
from .faults import Faults, edge_block, throttled, unauthorized
from .grants import Grants
from .http import REQUEST_ID, Request, Response, api_error, edge_refusal
from .legacy import LEGACY, Legacy
from .life import Life
from .limits import RateLimits
from .oauth import OAuth
from .pages import answer_page
from .passing import Passing
from .scenario import Scenario, apply_scenario
from .server import Server
from .start import default_world
from .state import read_state, write_state
from .switches import Switches
from .things import Delivery

__all__ = ["Sandbox"]

logger = logging.getLogger("django_patreon.sandbox")

LARGEST_BODY = 1024 * 1024


class Sandbox(Passing):
    """A pretend Patreon. `handle` answers one request; `serve` does it over HTTP.

    `url` is what its own links begin with. `rate_limit` puts Patreon's limits in force. `scenario`
    is what the world is like at start; `state` is a file that survives, and wins over the scenario
    once it is there. `hooks_anywhere` lets webhooks leave this machine and its networks.
    `redirect_uris` are registered for the client besides those on localhost.

    Raises `ValueError` for a state file that makes no sense, `OSError` for one out of reach.
    """

    def __init__(
        self,
        *,
        url: str = "http://127.0.0.1:8001",
        rate_limit: bool = False,
        scenario: Scenario | None = None,
        state: Path | None = None,
        hooks_anywhere: bool = False,
        redirect_uris: Sequence[str] = (),
    ) -> None:
        self.url = url.rstrip("/")
        self.rate_limit = rate_limit
        self.hooks_anywhere = hooks_anywhere
        self.redirect_uris = frozenset(redirect_uris)
        self._scenario, self._state = scenario, state
        super().__init__()
        self._courier: Courier | None = None
        kept = read_state(state) if state else None
        self.reset()
        if kept is not None:
            self.world, self.switches, self.grants = kept.world, kept.switches, kept.grants()
            self.faults.armed = kept.faults
            self._attach(kept.deliveries)
        self.save()  # says now what would fail later

    def reset(self) -> None:
        """Begin again, as if started for the first time."""
        with self._lock:
            self.world, self.switches = default_world(), Switches()
            self.faults = Faults()
            if self._scenario is not None:
                self.faults.armed = apply_scenario(self._scenario, self.world, self.switches)
            self.grants = Grants(clock=self.world.clock, switches=self.switches)
            self._random = random.Random(1)  # noqa: S311  (the same in every run, on purpose)
            self.limits = RateLimits(self.world.clock.tick)
            self.journal: deque[dict[str, Any]] = deque(maxlen=2000)
            self.notices: deque[tuple[str, str]] = deque(maxlen=20)
            self._attach()

    def _attach(self, sent: Iterable[Delivery] = ()) -> None:
        """Let life and courier work on the world that is there now."""
        if self._courier is not None:
            self._courier.close()
        self._courier = Courier(
            self.world,
            self.switches,
            self._lock,
            anywhere=self.hooks_anywhere,
            after_each=self.keep,
            log=sent,
        )
        self.life = Life(self.world, self.switches, lambda: self.url)

    @property
    def courier(self) -> Courier:
        """Who carries the webhooks of the world that is there now."""
        assert self._courier is not None  # noqa: S101  (made in __init__)
        return self._courier

    # -- requests

    def handle(self, request: Request) -> Response:
        """Answer a request. Never raises: what is wrong with a request is an answer, too."""
        with self._lock:
            request_id = self._new_id()
        REQUEST_ID.set(request_id)
        ours = request.path == "/" or f"{request.path}/".startswith(control.PREFIX)
        passed = False
        try:
            passed = self._catch_up()
            response = self._answer(request, ours=ours)
        except Exception:
            logger.exception("The sandbox stumbled over %s %s", request.method, request.path)
            response = api_error(500, code_name="InternalServerError")
        response.headers.append(("x-patreon-uuid", request_id))
        if not ours:
            with self._lock:
                self._note(request, response)
        if passed or request.method not in ("GET", "HEAD") or request.path.startswith("/oauth2/"):
            self.keep()
        self.tick()
        return response

    def _answer(self, request: Request, *, ours: bool) -> Response:
        with self._turn():
            fault = None if ours else self.faults.strike(request)
            if fault is None or fault.comes_after_the_work:
                response = self._route(request)
            else:
                response = Response(status=200)
        if response.later is not None:
            response = response.later()
        if response.flushes:
            response = self._flushed(request, response)
        return response if fault is None else fault.apply(response)

    def _route(self, request: Request) -> Response:
        if request.path == "/":
            return room.answer_room(self, request)
        if f"{request.path}/".startswith(control.PREFIX):
            return control.answer_control(self, request)
        return self._patreon(request, request.path)

    def _patreon(self, request: Request, path: str) -> Response:
        if len(request.body) > LARGEST_BODY:
            return api_error(413, code_name="PayloadTooLarge")
        if not path.startswith("/api/") and request.method not in ("GET", "HEAD", "POST"):
            return edge_refusal(405, "This page can only be looked at, and its form sent.")
        if path in ("/oauth2/authorize", "/oauth2/become-patron"):
            return OAuth(self.world, self.grants, self.redirect_uris).authorize(request)
        if path == "/oauth2/errors":
            return OAuth(self.world, self.grants, self.redirect_uris).errors_page(request)
        if path.startswith(CHECKOUT):
            return answer_checkout(self, request)
        if not path.startswith("/api/"):
            return answer_page(self, request) or edge_refusal(404, "There is no such page.")
        # Mandatory, on the token call as well (official).
        if not request.header("User-Agent"):
            return edge_refusal(403, "A User-Agent is required.")
        if self.rate_limit:
            if self.limits.closed():
                return edge_block(1800)
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
                response = api_error(405, code_name="MethodNotAllowed")
                response.headers.append(("Allow", "POST"))
                return response
            return OAuth(self.world, self.grants).token(request)
        if path == "/api/oauth2/token/revoke" and request.method == "POST":
            return OAuth(self.world, self.grants).revoke(request)
        if path.startswith(LEGACY):
            legacy = Legacy(self.world, self.switches, self.url)
            return legacy.answer(request, self.grants, unauthorized())
        response = Api(self.world, self.grants, self.switches, self.url).answer(request)
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

    def _flushed(self, request: Request, response: Response) -> Response:
        """Send a hook's queue, wait how that goes, and answer with how the hook is then."""
        self.courier.settle(response.flushes, seconds=60)
        again = Request(method="GET", target=request.target, headers=request.headers)
        with self._lock:
            return self._api(again, again.path)

    # -- serving and keeping

    def serve(self, port: int = 0, host: str = "127.0.0.1", url: str = "") -> Server:
        """Return a server that answers over HTTP while it is entered as a context.

        `url` is the address that others reach it at, if that is another one. Raises `OSError`
        when the port is taken.
        """
        return Server(self, host=host, port=port, url=url.rstrip("/"))

    def save(self) -> None:
        """Write the state file, if there is to be one. Raises `OSError`."""
        if self._state is not None:
            with self._lock:
                write_state(
                    self._state, self.world, self.grants, self.faults.armed, self.courier.log
                )

    def keep(self) -> bool:
        """Save, and return True; or log why that failed. It is tried again after each change."""
        try:
            self.save()
        except Exception:
            logger.exception("The sandbox could not write its state file")
            return False
        return True

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _note(self, request: Request, response: Response) -> None:
        """Keep what came in, without anything secret: no query, no body, no header but one."""
        self.journal.append(
            {
                "method": request.method,
                "path": request.path,
                "status": 0 if response.reset else response.status,
                "user_agent": request.header("User-Agent"),
            }
        )

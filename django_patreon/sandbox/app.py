"""Sandbox: a pretend Patreon that answers requests. Several in one process are independent."""

from __future__ import annotations

import logging

from . import checkout, public_pages
from .api import v1, v2
from .control import endpoints, page
from .core import Core
from .oauth import pages as oauth_pages
from .oauth import token_endpoint
from .server import Server
from .web.errors import api_error, edge_block, edge_page, throttled
from .web.messages import LARGEST_BODY, REQUEST_ID, Request, Response
from .web.rate_limits import BLOCK_SECONDS

__all__ = ["Sandbox"]

logger = logging.getLogger("django_patreon.sandbox")

_AUTHORIZE = ("/oauth2/authorize", "/oauth2/become-patron")


class Sandbox(Core):
    """A pretend Patreon. `handle` answers one request; `serve` answers over HTTP.

    The arguments are those of `Core`.
    """

    def serve(self, port: int = 0, host: str = "127.0.0.1", url: str = "") -> Server:
        """Return a server that answers over HTTP while it is used as a context manager.

        `url` is the address for links, if others reach the server at another one. Raises
        `OSError` if the port is taken.
        """
        server = Server(self, host=host, port=port, url=url.rstrip("/"))
        self.url = server.url
        return server

    def handle(self, request: Request) -> Response:
        """Return the response to a request. Never raises: an error is a response, too."""
        with self.locked():
            request_id = self.new_id()
        REQUEST_ID.set(request_id)
        is_control = request.path == "/" or f"{request.path}/".startswith(endpoints.PREFIX)
        changed = False
        try:
            changed = self.catch_up()
            response = self._respond(request, is_control=is_control)
        except Exception:
            logger.exception("The sandbox failed at %s %s", request.method, request.path)
            response = api_error(500, code_name="InternalServerError")
        response.headers.append(("x-patreon-uuid", request_id))
        if not is_control:
            self._add_to_journal(request, response)
        # Only these requests cannot have changed anything.
        is_reading = request.method in ("GET", "HEAD") and not request.path.startswith("/oauth2/")
        if changed or not is_reading:
            self.try_to_save()
        self.tick()
        return response

    def _respond(self, request: Request, *, is_control: bool) -> Response:
        with self.turn():
            fault = None if is_control else self.faults.take(request)
            if fault is None or fault.is_after_handling:
                response = self._route(request)
            else:
                response = Response(status=200)
        if response.later is not None:
            response = response.later()
        if response.flushes:
            response = self._after_sending(request, response.flushes)
        return response if fault is None else fault.apply(response)

    def _route(self, request: Request) -> Response:
        path = request.path
        if len(request.body) > LARGEST_BODY:
            return api_error(413, code_name="PayloadTooLarge")
        if path == "/":
            return page.answer(self, request)
        if f"{path}/".startswith(endpoints.PREFIX):
            return endpoints.answer(self, request)
        if path.startswith("/api/"):
            return self._limited_api(request)
        if request.method not in ("GET", "HEAD", "POST"):
            return edge_page(405, "This page takes GET, HEAD and POST only.")
        if path in _AUTHORIZE:
            return oauth_pages.authorize(self, request)
        if path == "/oauth2/errors":
            return oauth_pages.errors_page(self, request)
        if path.startswith(checkout.PREFIX):
            return checkout.answer(self, request)
        return public_pages.answer(self, request) or edge_page(404, "There is no such page.")

    def _limited_api(self, request: Request) -> Response:
        """Answer an API request, or refuse it as the edge in front of Patreon does."""
        # The User-Agent is mandatory, at the token endpoint, too (official).
        if not request.header("User-Agent"):
            return edge_page(403, "A User-Agent is required.")
        if self.rate_limit:
            if self.limits.is_blocked():
                return edge_block(BLOCK_SECONDS)
            wait = self.limits.retry_after(request.header("Authorization"))
            if wait:
                self.limits.count_error()
                return throttled(wait)
        response = self._api(request)
        if self.rate_limit and 400 <= response.status < 500:
            self.limits.count_error()
        return response

    def _api(self, request: Request) -> Response:
        path = request.path
        if path.rstrip("/") == "/api/oauth2/token":
            return token_endpoint.token(self, request)
        if path == "/api/oauth2/token/revoke" and request.method == "POST":
            return token_endpoint.revoke(self, request)
        if path.startswith(v1.PREFIX):
            return v1.answer(self, request)
        response = v2.answer(self, request)
        # Observed headers. A client should not keep these cookies.
        response.headers += [
            ("Cache-Control", "private"),
            ("cf-cache-status", "DYNAMIC"),
            ("cf-ray", f"{self.random.getrandbits(64):016x}-AMS"),
            ("x-patreon-sha", f"{0:040x}"),
            ("Set-Cookie", f"patreon_device_id={self.new_id()}; Path=/; HttpOnly"),
            ("Set-Cookie", f"__cf_bm={self.random.getrandbits(128):032x}; Path=/; HttpOnly"),
            ("Set-Cookie", f"a_csrf={self.random.getrandbits(128):032x}; Path=/"),
        ]
        return response

    def _after_sending(self, request: Request, hook_id: str) -> Response:
        """Send the queue of a webhook, and then answer with its new state."""
        self.sender.send_all(hook_id, seconds=60)
        again = Request(method="GET", target=request.target, headers=request.headers)
        with self.locked():
            return self._api(again)

    def _add_to_journal(self, request: Request, response: Response) -> None:
        """Store a request without secrets: no query, no body, no header but User-Agent."""
        with self.locked():
            self.journal.append(
                {
                    "method": request.method,
                    "path": request.path,
                    "status": 0 if response.reset else response.status,
                    "user_agent": request.header("User-Agent"),
                }
            )

"""The sandbox over HTTP/1.1: a thread for each connection, kept alive as Patreon keeps them."""

from __future__ import annotations

import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .http import Request, Response, api_error

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["Server"]

_LARGEST_BODY = 2 * 1024 * 1024
_ALL_ADDRESSES = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_WITHOUT_BODY = (204, 304)


class Server:
    """Serves while entered as a context; `url` says where. `connections` counts them.

    Links begin with `url`. Without one they begin with the address that the server listens on; a
    server that listens on all addresses is linked to by the one of this machine.
    """

    def __init__(self, sandbox: Sandbox, *, host: str, port: int, url: str = "") -> None:
        self._http = _HTTPServer((host, port), sandbox)
        self.host, self.port = host, self._http.server_address[1]
        name = _ALL_ADDRESSES.get(host, host)
        self.url = url or f"http://{f'[{name}]' if ':' in name else name}:{self.port}"
        sandbox.url = self.url
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    @property
    def connections(self) -> int:
        """TCP connections accepted so far."""
        return self._http.accepted

    def _run(self) -> None:
        self._http.serve_forever(poll_interval=0.05)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.accepted = 0
        self._open: set[socket.socket] = set()
        self._next_tick = 0.0
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without looking our own name up in the DNS, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.accepted += 1
        self._open.add(connection)
        return connection, address

    def service_actions(self) -> None:
        """Called all the time: let the sandbox's own clock bring what is due."""
        if time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + 0.5
            self.sandbox.tick()

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):  # kept-alive ones would outlive us
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HTTPServer
    timeout = 60
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        request = Request(
            method=self.command, target=self.path, headers=dict(self.headers.items()), body=body
        )
        self._send(self.server.sandbox.handle(request))

    def __getattr__(self, name: str) -> Any:
        """The base class looks for `do_` and the method: the sandbox answers all there are."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request at all; the base class would send a page of its own."""
        self.close_connection = True
        name = "".join(filter(str.isalpha, HTTPStatus(code).phrase.title()))
        self._send(api_error(code, code_name=name))

    def handle_expect_100(self) -> bool:
        """Ask for the body, unless it is going to be refused."""
        if self._length_error() is None:
            super().handle_expect_100()
            self.wfile.flush()  # the client waits for this line
        return True

    def _length_error(self) -> int | None:
        """Return the status that refuses the body because of its length, if any."""
        length = self.headers.get("Content-Length", "0").strip()
        if self.headers.get("Transfer-Encoding") or not length.isdecimal():
            return 411
        return 413 if len(length) > 9 or int(length) > _LARGEST_BODY else None

    def _body(self) -> bytes | None:
        """Read the body. Answer with an error and return None if it is refused or incomplete."""
        status = self._length_error()
        if status is not None:
            self.send_error(status)
            return None
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:  # the client closed the connection too early
            self.send_error(400)
            return None
        return body

    def _send(self, response: Response) -> None:
        if response.delay:
            time.sleep(response.delay)
        if response.reset:
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value.replace("\r", " ").replace("\n", " "))
        if self.close_connection:
            self.send_header("Connection", "close")
        if response.status not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and response.status not in _WITHOUT_BODY:
            self.wfile.write(response.body[: response.cut_after])
        if response.cut_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet: the journal under /_sandbox/requests has it, without secrets."""

    def version_string(self) -> str:
        return "sandbox"

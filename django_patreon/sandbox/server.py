"""The HTTP/1.1 server: one thread for each connection. Connections are kept alive."""

from __future__ import annotations

import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Protocol

from .web.errors import api_error
from .web.messages import LARGEST_BODY, Request, Response

__all__ = ["Server"]

_ALL_ADDRESSES = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_WITHOUT_BODY = (204, 304)


class Application(Protocol):
    """What a server needs of the sandbox that it serves."""

    def handle(self, request: Request) -> Response:
        """Return the response to a request. Never raises."""
        ...

    def tick(self) -> None:
        """Do what is due. The server calls it twice a second."""
        ...


class Server:
    """Serves a sandbox while it is used as a context manager.

    `url` is the beginning of links. By default it is the address that the server listens on, and
    that of this machine for a server that listens on all addresses. Raises `OSError` if the port
    is taken.
    """

    def __init__(self, sandbox: Application, *, host: str, port: int, url: str = "") -> None:
        self._http = _HTTPServer((host, port), sandbox)
        self.host, self.port = host, self._http.server_address[1]
        name = _ALL_ADDRESSES.get(host, host)
        self.url = url or f"http://{f'[{name}]' if ':' in name else name}:{self.port}"
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    @property
    def connections(self) -> int:
        """How many TCP connections were accepted so far."""
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

    def __init__(self, address: tuple[str, int], sandbox: Application) -> None:
        self.sandbox = sandbox
        self.accepted = 0
        self._open: set[socket.socket] = set()
        self._next_tick = 0.0
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without a DNS query for the name of this machine, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.accepted += 1
        self._open.add(connection)
        return connection, address

    def service_actions(self) -> None:
        """Make the changes that are due. The base class calls this again and again."""
        if time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + 0.5
            self.sandbox.tick()

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):  # those that are kept alive
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that closes the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HTTPServer
    timeout = 60
    wbufsize = -1  # head and body are sent in one packet
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
        """Return the handler `do_GET` and so on: the sandbox answers all methods."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a malformed request in the shape of the API, not with the base class's page."""
        self.close_connection = True
        name = "".join(filter(str.isalpha, HTTPStatus(code).phrase.title()))
        self._send(api_error(code, code_name=name))

    def handle_expect_100(self) -> bool:
        """Ask the client for the body, unless it is going to be refused."""
        if self._length_error() is None:
            super().handle_expect_100()
            self.wfile.flush()  # the client waits for this line
        return True

    def _length_error(self) -> int | None:
        """Return the status that refuses the body because of its length, if any."""
        length = self.headers.get("Content-Length", "0").strip()
        if self.headers.get("Transfer-Encoding") or not length.isdecimal():
            return 411
        return 413 if len(length) > 9 or int(length) > LARGEST_BODY else None

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
        """Log nothing: /_sandbox/requests lists the requests, without secrets."""

    def version_string(self) -> str:
        return "sandbox"

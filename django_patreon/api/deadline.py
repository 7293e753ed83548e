"""Sockets that keep one deadline for a whole call: connecting, TLS, headers and body.

A socket's own timeout starts again with every piece that arrives, so a server that sends one byte
a second is never too slow for it. Here each operation of a socket gets at most the time that is
left of the call. That needs no thread, and no system call while the socket's timeout is shorter.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from urllib3 import PoolManager

__all__ = ["deadline_in", "keep_deadlines"]

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline_in(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` from reading and writing inside once `seconds` have passed.

    Only on connections of a pool manager that `keep_deadlines` has been called for. Looking up the
    host's name is not covered: the operating system has a time limit of its own for that.
    """
    before = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(before)


def keep_deadlines(manager: PoolManager, context: ssl.SSLContext) -> None:
    """Let the connections that `manager` makes, and TLS over `context`, keep deadlines.

    Connections through a SOCKS proxy are of another class: TLS over them keeps deadlines, and
    connecting does not.
    """
    context.sslsocket_class = _TLSSocket
    if manager.pool_classes_by_scheme["http"] is HTTPConnectionPool:
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


class _KeepsDeadline:
    """Limits each operation of a socket to the time that is left until the deadline."""

    if TYPE_CHECKING:

        def gettimeout(self) -> float | None: ...
        def settimeout(self, value: float | None) -> None: ...

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        deadline, allowed = _deadline.get(), self.gettimeout()
        left = None if deadline is None else deadline - time.monotonic()
        if left is None or (allowed is not None and allowed <= left):
            yield
            return
        if left <= 0:
            raise TimeoutError("The call has taken too long.")
        self.settimeout(left)
        try:
            yield
        finally:
            self.settimeout(allowed)

    def connect(self, *args: Any) -> Any:
        with self._in_time():
            return super().connect(*args)  # type: ignore[misc]

    def do_handshake(self, *args: Any) -> Any:
        with self._in_time():
            return super().do_handshake(*args)  # type: ignore[misc]

    def recv(self, *args: Any) -> Any:
        with self._in_time():
            return super().recv(*args)  # type: ignore[misc]

    def recv_into(self, *args: Any) -> Any:
        with self._in_time():
            return super().recv_into(*args)  # type: ignore[misc]

    def send(self, *args: Any) -> Any:
        with self._in_time():
            return super().send(*args)  # type: ignore[misc]

    def sendall(self, *args: Any) -> Any:
        with self._in_time():
            return super().sendall(*args)  # type: ignore[misc]


class _Socket(_KeepsDeadline, socket.socket):
    pass


class _TLSSocket(_KeepsDeadline, ssl.SSLSocket):
    pass


class _Connects:
    """Opens the socket of a connection, within the deadline."""

    if TYPE_CHECKING:
        _dns_host: str
        port: int
        timeout: Any
        socket_options: Any

    def _new_conn(self) -> socket.socket:
        """Connect to the first address of the host that answers. Raises `OSError` if none does."""
        failure = OSError("The host has no address.")
        host = self._dns_host.strip("[]")  # of an IPv6 address
        for *kind, _name, address in socket.getaddrinfo(host, self.port, 0, socket.SOCK_STREAM):
            sock = _Socket(*kind)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(self.timeout)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failure


class _Connection(_Connects, HTTPConnection):
    pass


class _TLSConnection(_Connects, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection

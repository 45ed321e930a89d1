"""A proxy before a real server, which loses requests and answers on purpose.

It speaks HTTP as far as it has to, to know when a request and its answer are whole:
an answer is lost only after the server has done what was asked.
"""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from attrs import define, field, frozen

_PIECE: Final = 64 * 1024
# What belongs to one connection is not passed on to the next one.
_OF_A_CONNECTION: Final = {
    "connection",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
}
_SECONDS: Final = 60.0
_WRITING: Final = {"PUT", "POST", "PATCH", "DELETE"}


class Loss(StrEnum):
    """What happens to a request that is chosen."""

    REQUEST = "request"
    """It never reaches the server; the connection is reset."""
    ANSWER = "answer"
    """The server has done it; the connection is reset."""
    HALF = "half"
    """Half of the answer's body comes, and then the connection ends."""
    REFUSED = "refused"
    """It never reaches the server; 503."""
    DOUBTFUL = "doubtful"
    """The server has done it; 503."""


@frozen
class Plan:
    """Which requests are hit.

    Attributes:
        loss: What happens to them.
        at: The first one, from 1.
        times: How many, from there on; None: all that come.
        writing: Whether only requests that may change the store are counted.
    """

    loss: Loss
    at: int = 1
    times: int | None = 1
    writing: bool = False

    def hits(self, number: int) -> bool:
        """Tell whether request *number* is hit."""
        after = number - self.at
        return after >= 0 and (self.times is None or after < self.times)


@define
class Proxy:
    """What a test asks of the proxy.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        target: Port of the server behind it, on 127.0.0.1.
        latency: Seconds that each request takes longer.
        plan: Which requests are lost; None: none of them.
        requests: Every request, as (method, path), since :meth:`begin`.
        fired: How many were hit since then.
    """

    port: int
    target: int
    latency: float = 0.0
    plan: Plan | None = None
    requests: list[tuple[str, str]] = field(factory=list)
    fired: int = 0
    _lock: Any = field(factory=threading.Lock, repr=False)

    def begin(self, plan: Plan | None) -> None:
        """Count from now on, and lose requests as *plan* says."""
        with self._lock:
            self.plan = plan
            self.requests.clear()
            self.fired = 0

    def next(self, method: str, path: str) -> Loss | None:
        """Count a request; return what is to happen to it."""
        with self._lock:
            self.requests.append((method, path))
            if self.plan is None:
                return None
            number = len(self.requests)
            if self.plan.writing:
                if method not in _WRITING:
                    return None
                number = sum(asked in _WRITING for asked, _ in self.requests)
            if not self.plan.hits(number):
                return None
            self.fired += 1
            return self.plan.loss


class _Handler(BaseHTTPRequestHandler):
    """Passes one request after the other on."""

    protocol_version = "HTTP/1.1"
    proxy: Proxy
    timeout = _SECONDS

    def do_any(self) -> None:
        """Pass a request on, and its answer back, unless they are to be lost."""
        body = self._body()
        loss = self.proxy.next(self.command, self.path)
        if self.proxy.latency:
            time.sleep(self.proxy.latency)
        if loss is Loss.REQUEST:
            self._reset()
        elif loss is Loss.REFUSED:
            self._unavailable()
        else:
            self._pass_on(body, loss)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_any  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _pass_on(self, body: bytes, loss: Loss | None) -> None:
        server = http.client.HTTPConnection(
            "127.0.0.1", self.proxy.target, timeout=_SECONDS
        )
        try:
            server.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in {*_OF_A_CONNECTION, "content-length"}:
                    server.putheader(name, value)
            if body or "Content-Length" in self.headers:
                server.putheader("Content-Length", str(len(body)))
            server.endheaders(body or None)
            answer = server.getresponse()
            data = answer.read()
        finally:
            server.close()
        if loss is Loss.ANSWER:
            self._reset()
        elif loss is Loss.DOUBTFUL:
            self._unavailable()
        else:
            self._answer(answer, data, half=loss is Loss.HALF)

    def _answer(
        self, answer: http.client.HTTPResponse, data: bytes, *, half: bool
    ) -> None:
        self.send_response_only(answer.status, answer.reason)
        length = str(len(data))
        for name, value in answer.getheaders():
            if name.lower() == "content-length":
                length = value  # a HEAD tells of a body that does not come
            elif name.lower() not in _OF_A_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if half else data)
        if half:
            self._reset()

    def _unavailable(self) -> None:
        self.send_response_only(503, "Service Unavailable")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _reset(self) -> None:
        """End the connection as a broken one ends: at once, with a reset."""
        self.close_connection = True
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def finish(self) -> None:
        """Flush, where there is still somebody."""
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients go away whenever they like."""


@contextmanager
def proxy_before(target: int) -> Iterator[Proxy]:
    """Listen on a free port, and pass what comes on to *target*."""

    class Handler(_Handler):
        """Passes on what comes to this proxy."""

    server = _Server(("127.0.0.1", 0), Handler)
    proxy = Proxy(server.server_address[1], target)
    Handler.proxy = proxy
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

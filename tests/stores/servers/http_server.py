"""Two servers of plain HTTP over a folder: one with ranges, and one without."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field


class WithoutRanges(http.server.SimpleHTTPRequestHandler):
    """What ``python -m http.server`` runs: a range is answered with the whole."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str]]] = []
    status: ClassVar[int] = 0
    encoding: ClassVar[str] = ""

    def do_GET(self) -> None:
        """Count, then answer; or refuse, where a test says so."""
        self.seen.append((self.path, self.headers.get("Range", "")))
        if self.status:
            self.send_error(self.status)
        else:
            super().do_GET()

    def end_headers(self) -> None:
        """Say of every file how it is packed, as some servers do of ``.gz``."""
        if self.encoding:
            self.send_header("Content-Encoding", self.encoding)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        """Say nothing."""


class WithRanges(WithoutRanges):
    """As files lie behind nginx, Apache or a content network."""

    def do_GET(self) -> None:
        """Answer a range with 206, and one behind the end with 416."""
        asked = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if self.status or asked is None or not path.is_file():
            super().do_GET()
            return
        self.seen.append((self.path, asked))
        data = path.read_bytes()
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last or len(data) - 1) + 1, len(data))
        if start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        self.wfile.write(data[start:stop])


@define
class Web:
    """A server that is running.

    Attributes:
        port: On 127.0.0.1.
        root: The folder that it shows.
        handler: The class of its requests.
    """

    port: int
    root: Path
    handler: Any = field(repr=False)

    @property
    def seen(self) -> list[tuple[str, str]]:
        """Path and range of every request."""
        found: list[tuple[str, str]] = self.handler.seen
        return found

    def refuse(self, status: int) -> None:
        """Answer everything with *status*; 0: as usual."""
        self.handler.status = status

    def url(self, name: str) -> str:
        """Return the address of the folder *name*."""
        return f"http://127.0.0.1:{self.port}/{name}"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients hang up in the middle."""


@contextmanager
def http_server(root: Path, *, ranges: bool) -> Iterator[Web]:
    """Show the folder *root* on a free port, from a thread of this process."""
    base = WithRanges if ranges else WithoutRanges
    handler = type("Handler", (base,), {"seen": [], "status": 0})
    server = _Server(("127.0.0.1", 0), partial(handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Web(server.server_address[1], root, handler)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A proxy that knows nothing of what it passes on, and cuts a connection once.

It counts what comes back from the server. The piece at which it cuts is lost: the
server has done what was asked, and nobody hears of it.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from attrs import define, field

_PIECE: Final = 256 * 1024


@define
class Cutter:
    """What a test asks of the proxy.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        target: Port of the server behind it.
        left: Pieces until it cuts; 0: never.
        cuts: How often it has.
        passing: A thread for each direction of each connection.
    """

    port: int
    target: int
    left: int = 0
    cuts: int = 0
    passing: list[threading.Thread] = field(factory=list, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def cut_at(self, piece: int) -> None:
        """Lose the connection at the piece of that number from now on, from 1."""
        with self._lock:
            self.left = piece

    def is_lost(self) -> bool:
        """Count a piece; tell whether it is to be lost."""
        with self._lock:
            if self.left == 0:
                return False
            self.left -= 1
            self.cuts += self.left == 0
            return self.left == 0

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                for one, other, counts in (
                    (client, server, False),
                    (server, client, True),
                ):
                    words = (one, other, counts)
                    passing = threading.Thread(
                        target=self._pass, args=words, daemon=True
                    )
                    passing.start()
                    self.passing.append(passing)

    def _pass(self, one: socket.socket, other: socket.socket, counts: object) -> None:
        with suppress(OSError):
            while piece := one.recv(_PIECE):
                if counts and self.is_lost():
                    break
                other.sendall(piece)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        one.close()  # the other one is closed by the other direction


@contextmanager
def cutter_before(target: int) -> Iterator[Cutter]:
    """Listen on a free port, and pass what comes on to *target*."""
    listener = socket.create_server(("127.0.0.1", 0))
    cutter = Cutter(listener.getsockname()[1], target)
    taking = threading.Thread(target=cutter.serve, args=(listener,), daemon=True)
    taking.start()
    try:
        yield cutter
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        taking.join(10)
        listener.close()
        for each in cutter.passing:
            each.join(1)

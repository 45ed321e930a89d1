"""Reading what is registered: into the caller's memory, and noticing every change."""

import io
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from modelver._bundle.collect import Item, reading
from modelver._bundle.memory import Stamp, settled
from modelver._values.digests import new_hasher
from modelver.errors import ErrorKind, InvalidInputError

# It stays in the processor's cache between reading and hashing.
PIECE: Final = 256 * 1024
_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


def changed(path: Path) -> InvalidInputError:
    """Return the error for a file that is not what it was."""
    return InvalidInputError(
        f"{os.fspath(path)!r} changed while it was read",
        kind=ErrorKind.CHANGED_DURING_READ,
        hint="Register when nothing writes there any more.",
    )


class Source:
    """An item's bytes, in order, for as many as were listed and no more.

    Use it as a context manager; :meth:`finish` says whether they were what was listed.
    """

    def __init__(self, item: Item) -> None:
        self._item = item
        self._file: io.RawIOBase | io.BytesIO | None = None
        self.size = item.size
        self.at = 0
        # By which the file can be known again; None where a change might not show.
        self.stamp: Stamp | None = None

    def read_into(self, view: memoryview) -> int:
        """Read the next bytes into *view*, and return how many came.

        Raises:
            InvalidInputError: There are fewer than were listed.
        """
        wanted = min(len(view), self.size - self.at)
        got = 0
        with self._reading():
            assert self._file is not None  # noqa: S101 - inside the with block
            while got < wanted:
                found = self._file.readinto(view[got:wanted])
                if not found:
                    raise self._changed()
                got += found
        self.at += got
        return got

    def peek(self, start: int, end: int) -> bytes:
        """Return bytes ``start:end`` for looking at; it goes on where it was."""
        with self._reading():
            assert self._file is not None  # noqa: S101 - inside the with block
            self._file.seek(start)
            wanted = max(0, min(end, self.size) - start)
            pieces = []
            while wanted > 0:
                piece = self._file.read(min(wanted, 2**20))
                if not piece:
                    break
                pieces.append(piece)
                wanted -= len(piece)
            self._file.seek(self.at)
        return b"".join(pieces)

    def finish(self) -> None:
        """Check that these were all bytes, and that nobody wrote meanwhile.

        Raises:
            InvalidInputError: It grew, shrank, or was written to.
        """
        if self._item.info is None:
            return
        with self._reading():
            assert isinstance(self._file, io.FileIO)  # noqa: S101 - it has an info
            more = self._file.read(1)
            info = os.fstat(self._file.fileno())
            if more or self.at != self.size or self._differs(info):
                raise self._changed()

    def _differs(self, info: os.stat_result) -> bool:
        regular = stat.S_ISREG(info.st_mode)
        return not regular or (info.st_size, info.st_mtime_ns) != self._item.stamp

    def _reading(self) -> reading:
        origin = self._item.origin
        return reading(Path("memory") if isinstance(origin, bytes) else origin)

    def _changed(self) -> InvalidInputError:
        assert isinstance(self._item.origin, Path)  # noqa: S101 - bytes cannot
        return changed(self._item.origin)

    def __enter__(self) -> Self:
        origin = self._item.origin
        if isinstance(origin, bytes):
            self._file = io.BytesIO(origin)
            return self
        with self._reading():
            descriptor = os.open(origin, _READ)
        info = os.fstat(descriptor)
        if self._differs(info):  # it may be a folder or a pipe by now
            os.close(descriptor)
            raise self._changed()
        self._file = io.FileIO(descriptor)
        if settled(info, descriptor):
            self.stamp = Stamp.of(info)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def digest_item(item: Item, algorithm: str) -> str:
    """Return the digest of an item's bytes, reading it once.

    Raises:
        InvalidInputError: It changed while it was read.
    """
    hasher = new_hasher(algorithm)
    view = memoryview(bytearray(min(PIECE, max(item.size, 1))))
    with Source(item) as source:
        while got := source.read_into(view):
            hasher.update(view[:got])
        source.finish()
    return f"{algorithm}:{hasher.hexdigest()}"

"""A file of a version that is read where it lies, as far as somebody asks."""

import errno
import io
import os
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from threading import Lock
from typing import Any, Final

from modelver._bundle.parallel import Job, run_jobs
from modelver._bundle.pieces import READ, Piece, Source, bring, reads_of, span_of
from modelver._bundle.read import BundleReader
from modelver._values.manifest import FileEntry, Slice, slice_digests

# The buffer before it, which asks for so much in advance.
AHEAD: Final = 64 * 2**10
# A slice that is longer is not worth bringing and verifying only for that.
_CHEAP: Final = 256 * 2**10
# A slice is verified as a whole, so that it is in memory as a whole.
_LONGEST: Final = 32 * 2**20
# Bytes that stay in memory for whoever reads on from there.
_HELD: Final = 32 * 2**20
_NOTHING: Final = memoryview(b"")
_THREADS: Final = 2
_FAR_THREADS: Final = 8


class RangedFile(io.RawIOBase):
    """A file, to be read only, of which nothing comes but the slices that are touched.

    Each is verified by itself before a byte of it is given out. Wrap it into an
    ``io.BufferedReader`` of :data:`AHEAD` bytes, which also keeps threads apart.
    """

    @staticmethod
    def suits(cut: Sequence[Slice]) -> bool:
        """Whether a file of these slices can be read so, in bounded memory."""
        return all(piece.length <= _LONGEST for piece in cut)

    def __init__(self, reader: BundleReader, file: FileEntry) -> None:
        """Read nothing yet.

        Args:
            reader: Of the file's version.
            file: One whose slices this suits.
        """
        super().__init__()
        self.name = file.path
        self._reader = reader
        self._file = file
        self._cut = reader.cut(file)
        self._digests = slice_digests(file, self._cut)
        self._starts = list(accumulate((s.length for s in self._cut), initial=0))
        self._at = 0
        self._reading = Lock()
        # By where their slice begins: verified bytes up to its end, and where those
        # begin. The ones that were used last are at the end.
        self._held: OrderedDict[int, tuple[int, memoryview]] = OrderedDict()
        self._held_bytes = 0
        self._holding = Lock()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, which may lie behind the end; return it.

        Raises:
            OSError: It lies before the beginning.
            ValueError: The file is closed, or *whence* unknown.
        """
        self._require_open()
        bases = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._at,
            os.SEEK_END: self._file.size,
        }
        if whence not in bases:
            raise ValueError(f"whence is {whence!r}, expected 0, 1 or 2")
        at = bases[whence] + offset
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer* as far as the file goes; return how many bytes came.

        Less than there is if it is a small one and a long slice would follow: it may
        be that nobody wants that.

        Raises:
            IntegrityError: They are not the ones that were registered.
            StorageError: The store cannot tell.
            ValueError: The file is closed.
        """
        self._require_open()
        view = memoryview(buffer).cast("B")
        with self._reading:
            start = self._at
            end = max(start, min(start + len(view), self._file.size))
            if end > start:
                if len(view) <= AHEAD:
                    end = min(end, self._cheap_end(start, end))
                self._fill(view[: end - start], start, end)
            self._at = end
        return end - start

    def readall(self) -> bytes:
        """Return all that follows."""
        # Not at once: how much that is, only the manifest says as yet.
        pieces = []
        while piece := self.read(READ):
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Let go of what is held in memory."""
        with self._holding:
            self._held.clear()
            self._held_bytes = 0
        super().close()

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def _fill(self, view: memoryview, start: int, end: int) -> None:
        """Put bytes ``start:end`` of the file into *view*."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_left(self._starts, end)
        missing = []
        for piece in map(self._piece, range(first, last)):
            low, high = max(start, piece.at), min(end, piece.at + piece.length)
            if not self._give(piece.at, low, view[low - start : high - start]):
                missing.append(piece)
        reads = list(reads_of(missing))
        if self._reader.objects.local:
            copy = partial(self._copy, view, start)
            jobs = [Job(partial(copy, read)) for read in reads]
            threads = _THREADS
        else:
            put = partial(self._put, view, start)
            jobs = []
            for read in reads:
                low, high = span_of(read)
                act = partial(bring, self._reader, read, put)
                jobs.append(Job(act, cost=high - low))
            threads = _FAR_THREADS
        run_jobs(jobs, threads if len(jobs) > 1 else 0)

    def _copy(self, view: memoryview, start: int, read: list[Piece]) -> None:
        """Read slices out of an object of this machine, as few bytes twice as can be.

        What is wanted of one goes where it is wanted at once, if that is most of it.
        """
        with Source(self._reader) as source:
            for piece in read:
                low, high = _shared(view, start, piece)
                source.require(piece.file, piece.object, piece.end)
                if high - low < piece.length // 2:
                    data = memoryview(bytearray(piece.length))
                    source.scatter(piece, [data])
                    self._put(view, start, piece, data)
                    continue
                head = memoryview(bytearray(low - piece.at))
                tail = memoryview(bytearray(piece.at + piece.length - high))
                source.scatter(piece, [head, view[low - start : high - start], tail])
                if tail:
                    self._hold(piece.at, high, tail)

    def _put(
        self, view: memoryview, start: int, piece: Piece, data: memoryview
    ) -> None:
        low, high = _shared(view, start, piece)
        view[low - start : high - start] = data[low - piece.at : high - piece.at]
        self._hold(piece.at, piece.at, data)

    def _cheap_end(self, start: int, end: int) -> int:
        """Return up to where bytes are had with the slice at *start*, or cheaply."""
        following = bisect_right(self._starts, start)
        while self._starts[following] < end and self._cut[following].length <= _CHEAP:
            following += 1
        return self._starts[following]

    def _piece(self, number: int) -> Piece:
        cut, digest = self._cut[number], self._digests[number]
        at = self._starts[number]
        return Piece(self._file, cut.object, cut.offset, cut.length, at, digest)

    def _give(self, at: int, low: int, view: memoryview) -> bool:
        """Fill *view* with what lies at *low*, if that is held; tell whether it is."""
        with self._holding:
            begin, data = self._held.get(at, (self._file.size, _NOTHING))
            if low < begin:
                return False
            self._held.move_to_end(at)
        view[:] = data[low - begin :][: len(view)]
        return True

    def _hold(self, at: int, begin: int, data: memoryview) -> None:
        """Keep verified bytes of the slice at *at*, from *begin* to its end."""
        # What came with others would keep all of them in memory.
        whole = isinstance(data.obj, bytes | bytearray) and len(data) == len(data.obj)
        kept = data if whole else memoryview(bytes(data))
        with self._holding:
            _, before = self._held.pop(at, (0, _NOTHING))
            self._held[at] = begin, kept
            self._held_bytes += len(kept) - len(before)
            while self._held_bytes > _HELD:
                _, (_, oldest) = self._held.popitem(last=False)
                self._held_bytes -= len(oldest)


def _shared(view: memoryview, start: int, piece: Piece) -> tuple[int, int]:
    """Return what a piece and a view share of the file, which begins at *start*."""
    return max(start, piece.at), min(start + len(view), piece.at + piece.length)

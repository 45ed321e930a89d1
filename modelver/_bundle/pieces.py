"""What is asked of a store at once: slices, in pieces or together, as reads."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from types import TracebackType
from typing import Final, Self

from attrs import evolve, frozen

from modelver._bundle import disk
from modelver._bundle.read import BundleReader
from modelver._values.digests import Hasher, new_hasher
from modelver._values.manifest import FileEntry, Slice, slice_digests

# Bytes of one read; only a slice that must be verified as a whole is longer.
READ: Final = 16 * 2**20
# Bytes between two slices that are read along, rather than the two asked for apart.
_GAP: Final = 2**20


@frozen
class Piece:
    """A stretch of an object that is a stretch of a file.

    Attributes:
        file: The file.
        object: The object's name.
        offset: Bytes from the object's start.
        length: Bytes.
        at: Bytes from the file's start.
        digest: What verifies it; None: it is verified with what is around it.
    """

    file: FileEntry
    object: str
    offset: int
    length: int
    at: int
    digest: str | None

    @property
    def end(self) -> int:
        """Where it ends in the object."""
        return self.offset + self.length


def pieces_of(
    file: FileEntry, cut: Sequence[Slice], limit: int = READ
) -> Iterator[Piece]:
    """Yield the slices of a file in order, those above *limit* in several pieces."""
    starts = accumulate((piece.length for piece in cut), initial=0)
    digests = slice_digests(file, cut)
    for piece, digest, start in zip(cut, digests, starts, strict=False):
        for done in range(0, piece.length, limit):
            length = min(limit, piece.length - done)
            yield Piece(
                file,
                piece.object,
                piece.offset + done,
                length,
                start + done,
                digest if length == piece.length else None,
            )


def reads_of(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield those together that lie close to each other in one object."""
    together: list[Piece] = []
    end = 0
    for piece in sorted(pieces, key=lambda piece: (piece.object, piece.offset)):
        if together and (
            piece.object != together[0].object
            or piece.offset > end + _GAP
            or max(piece.end, end) - together[0].offset > READ
        ):
            yield together
            together = []
        end = max(piece.end, end) if together else piece.end
        together.append(piece)
    if together:
        yield together


def span_of(read: Sequence[Piece]) -> tuple[int, int]:
    """Return the range of its object that a read covers."""
    return read[0].offset, max(piece.end for piece in read)


def bring(
    reader: BundleReader,
    read: Sequence[Piece],
    put: Callable[[Piece, memoryview], object],
) -> None:
    """Read once, verify each piece, and hand it to *put*.

    Raises:
        IntegrityError: The object is damaged, missing or short.
        StorageError: The store cannot tell.
    """
    start, end = span_of(read)
    view = memoryview(reader.load(read[0].object, start, end))
    for piece in read:
        data = view[piece.offset - start : piece.end - start]
        if piece.digest is not None:
            reader.check(piece.file, piece.object, piece.digest, data)
        put(piece, data)


class Source:
    """The objects' own files, one of them open at a time."""

    def __init__(self, reader: BundleReader) -> None:
        self._reader = reader
        self._name = ""
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def open(self, name: str) -> int:
        """Return the descriptor of an object's file, open until the next one is."""
        if name != self._name:
            self._close()
            self._descriptor = self._reader.descriptor(name)
            self._name = name
        return self._descriptor

    def require(self, file: FileEntry, name: str, end: int) -> None:
        """Refuse an object that ends before byte *end*, however much is said of it.

        Raises:
            IntegrityError: It does, or is missing.
        """
        if end > os.fstat(self.open(name)).st_size:
            raise self._reader.cut_short(file, name, end)

    def read(self, piece: Piece, view: memoryview, hasher: Hasher) -> None:
        """Read a piece into *view*, which is of its length, and into *hasher*.

        Raises:
            IntegrityError: The object is missing or short.
        """
        descriptor, done = self.open(piece.object), 0
        while done < piece.length:
            # What has just been read is hashed while the processor has it at hand.
            part = view[done : done + disk.PIECE]
            count = disk.read_into(descriptor, part, piece.offset + done)
            if count == 0:
                raise self._reader.cut_short(piece.file, piece.object, piece.end)
            hasher.update(part[:count])
            done += count

    def scatter(self, piece: Piece, views: Sequence[memoryview]) -> None:
        """Read a piece that has a digest into *views*, one after the other.

        Where it is not what was registered, nothing of it is left in them.

        Raises:
            IntegrityError: The object is damaged, missing or short.
        """
        algorithm = self._reader.objects.algorithm
        hasher = new_hasher(algorithm)
        at = 0
        try:
            for view in views:
                offset, at = piece.offset + at, at + len(view)
                part = evolve(piece, offset=offset, length=len(view))
                self.read(part, view, hasher)
        except BaseException:
            _clear(views)
            raise
        actual = f"{algorithm}:{hasher.hexdigest()}"
        if actual != piece.digest:
            _clear(views)
            digest = str(piece.digest)
            raise self._reader.damage(piece.file, [piece.object], digest, actual)

    def copy(self, piece: Piece, target: int) -> None:
        """Copy a piece to its place in a file."""
        source = self.open(piece.object)
        done = disk.copy(source, piece.offset, piece.length, target, piece.at)
        if done < piece.length:
            raise self._reader.cut_short(piece.file, piece.object, piece.end)

    def _close(self) -> None:
        descriptor, self._descriptor, self._name = self._descriptor, -1, ""
        if descriptor >= 0:
            os.close(descriptor)


def _clear(views: Sequence[memoryview]) -> None:
    for view in views:
        view[:] = bytes(len(view))

"""Verified files out of a store, as fast as it gives them.

A few threads bring bytes into the files. The caller's thread follows, in order: it
hashes what the files hold by now, reports, and finishes. So the size of a file does not
decide how much memory it takes, and none is done before it was read back whole.

Where objects are files of this machine they are copied inside the kernel. Elsewhere
they are read side by side, each slice verified when it comes; what lies close together
in one object is read at once.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate, chain
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import define

from modelver._bundle import disk
from modelver._bundle.parallel import Job, nothing, run_jobs
from modelver._bundle.pieces import (
    READ,
    Piece,
    Source,
    bring,
    pieces_of,
    reads_of,
    span_of,
)
from modelver._bundle.ports import Progress
from modelver._bundle.read import BundleReader
from modelver._values.digests import Hasher, new_hasher
from modelver._values.manifest import FileEntry, Slice, slice_digests
from modelver.errors import ErrorKind, IntegrityError, ModelverError

# Files that are held in memory as a whole, and how many of them are one job.
_SMALL: Final = 2**20
_FAR_SMALL: Final = 4 * 2**20
_BATCH: Final = 16
# Making a file is waiting for the file system; copying keeps a processor busy, and the
# hashing beside it another one.
_SMALL_THREADS: Final = 2
_COPY_THREADS: Final = 1
_FAR_THREADS: Final = 8

Wanted = list[tuple[FileEntry, Path]]


def fetch_files(
    reader: BundleReader,
    files: Iterable[FileEntry],
    root: Path,
    progress: Progress | None = None,
    *,
    shown: Path | None = None,
) -> None:
    """Write *files* to their bundle paths below *root*, each of them verified.

    Args:
        reader: Of their version.
        files: None of them may be there yet.
        root: Folders are made below it as needed.
        progress: Told of bytes that are done; the caller has said how many there are.
        shown: What errors call *root*.

    Raises:
        IntegrityError: A file is damaged; what was written so far is left behind.
        StorageError: The store cannot tell; or the disk is full, or refuses.
    """
    wanted = [(file, root / file.path) for file in files]
    with _translated(root if shown is None else shown):
        for folder in {path.parent for _, path in wanted}:
            folder.mkdir(parents=True, exist_ok=True)
        with _Fetch(reader, progress, resume=False) as fetch:
            fetch.run(wanted)


def fetch_file(
    reader: BundleReader,
    file: FileEntry,
    path: Path,
    *,
    progress: Progress | None = None,
    resume: bool = False,
) -> None:
    """Write one verified file.

    Args:
        reader: Of its version.
        file: Which.
        path: Where; its folder is made.
        progress: As for :func:`fetch_files`.
        resume: Whether a part of it may be there, from a call that was interrupted:
            slices that are right are kept. Otherwise nothing may be there.

    Raises:
        IntegrityError: It is damaged; what was written so far is left behind.
        StorageError: As for :func:`fetch_files`; what was written may be resumed.
    """
    with _translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _Fetch(reader, progress, resume=resume) as fetch:
            fetch.run([(file, path)])


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except ModelverError:
        raise
    except OSError as error:
        raise disk.translate(error, path) from error


@define
class _Target:
    """A file that is being written.

    Attributes:
        file: What it is to hold.
        descriptor: Open for reading and writing.
        hasher: Of what it holds up to *hashed*.
        kept: The pieces that it held from the beginning, by where they are.
        fits: Whether the disk was found to have the room.
    """

    file: FileEntry
    descriptor: int
    hasher: Hasher
    hashed: int = 0
    kept: frozenset[int] = frozenset()
    fits: bool = False


class _Fetch:
    """One call; closes what it opened."""

    def __init__(
        self, reader: BundleReader, progress: Progress | None, *, resume: bool
    ) -> None:
        self._reader = reader
        self._progress = progress
        self._resume = resume
        self._local = reader.objects.local
        self._open: set[int] = set()
        self._buffer = memoryview(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for descriptor in self._open:
            os.close(descriptor)

    def run(self, wanted: Wanted) -> None:
        """Write every file; the folders are there."""
        small: Wanted = []
        large: Wanted = []
        for file, path in wanted:
            (small if self._is_small(file) else large).append((file, path))
        larges = chain.from_iterable(self._write(file, path) for file, path in large)
        if not self._local:
            alone = len(wanted) == 1 and wanted[0][0].size < _SMALL
            jobs = chain(self._read_small(small), larges)
            run_jobs(jobs, 0 if alone else _FAR_THREADS)
            return
        few = len(small) <= _BATCH
        run_jobs(self._copy_small(small), 0 if few else _SMALL_THREADS)
        tiny = sum(file.size for file, _ in large) < _SMALL
        run_jobs(larges, 0 if tiny else _COPY_THREADS)

    def _is_small(self, file: FileEntry) -> bool:
        if self._resume:
            return False
        if self._local:
            return file.size < _SMALL
        return file.size <= _FAR_SMALL and len(self._reader.cut(file)) <= 1

    # Small files: each is verified in memory, and written at once.

    def _read_small(self, wanted: Wanted) -> Iterator[Job]:
        paths = {file.path: path for file, path in wanted}
        empty = [(file, path) for file, path in wanted if not file.size]
        yield from self._copy_small(empty)

        def put(piece: Piece, data: memoryview) -> None:
            _write_new(paths[piece.file.path], piece.file, data)

        pieces = (
            piece
            for file, _ in wanted
            for piece in pieces_of(file, self._reader.cut(file))
        )
        for read in reads_of(pieces):
            start, end = span_of(read)
            done = sum(piece.length for piece in read)
            act = partial(bring, self._reader, read, put)
            yield Job(act, partial(self._report, done), end - start)

    def _copy_small(self, wanted: Wanted) -> Iterator[Job]:
        def place(pair: tuple[FileEntry, Path]) -> list[tuple[str, int]]:
            return [(s.object, s.offset) for s in self._reader.cut(pair[0])]

        wanted = sorted(wanted, key=place)
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            done = sum(file.size for file, _ in batch)
            act = partial(self._copy_batch, batch)
            yield Job(act, partial(self._report, done))

    def _copy_batch(self, batch: Wanted) -> None:
        buffer = memoryview(bytearray(max(file.size for file, _ in batch)))
        with Source(self._reader) as source:
            for file, path in batch:
                hasher = self._hasher()
                for piece in pieces_of(file, self._reader.cut(file)):
                    source.read(piece, buffer[piece.at :][: piece.length], hasher)
                self._judge(file, hasher)
                _write_new(path, file, buffer[: file.size])

    # Large files: brought piece by piece, and hashed behind that.

    def _write(self, file: FileEntry, path: Path) -> Iterator[Job]:
        target = self._begin(file, path)
        cut = self._reader.cut(file)
        missing = [
            s for at, s in zip(_starts(cut), cut, strict=False) if at not in target.kept
        ]
        if self._local:
            self._measure(file, missing)
            disk.reserve(target.descriptor, file.size)
        else:
            self._probe(file, missing)
        for stretch in _stretches(pieces_of(file, cut)):
            end = stretch[-1].at + stretch[-1].length
            follow = partial(self._follow, target, end)
            pieces = [piece for piece in stretch if piece.at not in target.kept]
            if not pieces:
                yield Job(None, follow)
            elif self._local:
                yield Job(partial(self._copy, target, pieces), follow)
            else:
                yield from self._read(target, pieces, follow)
        yield Job(None, partial(self._finish, target))

    def _begin(self, file: FileEntry, path: Path) -> _Target:
        descriptor = disk.open_target(
            path, executable=file.executable, resume=self._resume
        )
        self._open.add(descriptor)
        if not self._buffer:
            self._buffer = memoryview(bytearray(disk.PIECE))
        target = _Target(file, descriptor, self._hasher())
        if self._resume:
            target.kept = frozenset(self._kept(target))
        return target

    def _kept(self, target: _Target) -> Iterator[int]:
        """Yield where the pieces are that the file holds already."""
        cut = self._reader.cut(target.file)
        size = os.fstat(target.descriptor).st_size
        digests = slice_digests(target.file, cut)
        for start, piece, digest in zip(_starts(cut), cut, digests, strict=False):
            end = start + piece.length
            if end > size:
                return
            hasher = self._hasher()
            disk.hash_range(target.descriptor, start, end, hasher, self._buffer)
            if self._digest(hasher) == digest:
                yield from range(start, end, READ)

    def _measure(self, file: FileEntry, cut: Iterable[Slice]) -> None:
        """Refuse slices that end behind their object, however far they claim to go."""
        ends: dict[str, int] = {}
        for piece in cut:
            end = piece.offset + piece.length
            ends[piece.object] = max(end, ends.get(piece.object, 0))
        with Source(self._reader) as source:
            for name, end in ends.items():
                source.require(file, name, end)

    def _probe(self, file: FileEntry, cut: Iterable[Slice]) -> None:
        """Do so where sizes are not told, for the one that claims most."""
        piece = max(cut, key=lambda piece: piece.length, default=None)
        if piece is None or piece.length <= READ:
            return
        end = piece.offset + piece.length
        try:
            self._reader.load(piece.object, end - 1, end)
        except IntegrityError as error:
            if error.kind is ErrorKind.OBJECT_MISSING:
                raise
            raise self._reader.cut_short(file, piece.object, end) from error

    def _copy(self, target: _Target, pieces: list[Piece]) -> None:
        with Source(self._reader) as source:
            for piece in pieces:
                source.copy(piece, target.descriptor)

    def _read(
        self, target: _Target, pieces: list[Piece], follow: Callable[[], object]
    ) -> Iterator[Job]:
        def put(piece: Piece, data: memoryview) -> None:
            if not target.fits:
                # Not before: until bytes come, its size is only what somebody says.
                disk.check_room(target.descriptor, target.file.size)
                target.fits = True
            disk.write_at(target.descriptor, data, piece.at)

        reads = [*reads_of(pieces)]
        for read in reads:
            start, end = span_of(read)
            act = partial(bring, self._reader, read, put)
            yield Job(act, follow if read is reads[-1] else nothing, end - start)

    def _follow(self, target: _Target, end: int) -> None:
        """Hash what has come of a file by now."""
        disk.hash_range(
            target.descriptor, target.hashed, end, target.hasher, self._buffer
        )
        self._report(end - target.hashed)
        target.hashed = end

    def _finish(self, target: _Target) -> None:
        self._judge(target.file, target.hasher)
        if self._resume:
            os.ftruncate(target.descriptor, target.file.size)
        self._open.discard(target.descriptor)
        os.close(target.descriptor)

    # What both have in common.

    def _hasher(self) -> Hasher:
        return new_hasher(self._reader.objects.algorithm)

    def _digest(self, hasher: Hasher) -> str:
        return f"{self._reader.objects.algorithm}:{hasher.hexdigest()}"

    def _judge(self, file: FileEntry, hasher: Hasher) -> None:
        """Refuse a file whose bytes are not the ones that were registered."""
        actual = self._digest(hasher)
        if actual == file.digest:
            return
        cut = self._reader.cut(file)
        if self._local or any(piece.length > READ for piece in cut):
            raise self._reader.find_damage(file, actual)
        # Each slice was verified when it came.
        objects = sorted({piece.object for piece in cut})
        raise self._reader.damage(file, objects, file.digest, actual)

    def _report(self, done: int) -> None:
        if self._progress is not None and done:
            self._progress.relative_update(done)


def _starts(cut: Sequence[Slice]) -> Iterator[int]:
    """Yield where each slice begins in its file, and at last where the file ends."""
    return accumulate((piece.length for piece in cut), initial=0)


def _stretches(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield pieces of a file that are brought together, in order.

    A pack is not divided where that is two reads instead of one.
    """
    together: list[Piece] = []
    size = 0
    objects: set[str] = set()
    for piece in pieces:
        size += piece.length
        more = piece.object in objects
        if together and size > (2 * READ if more else READ):
            yield together
            together, size, objects = [], piece.length, set()
        together.append(piece)
        objects.add(piece.object)
    if together:
        yield together


def _write_new(path: Path, file: FileEntry, data: memoryview) -> None:
    descriptor = disk.open_target(path, executable=file.executable, resume=False)
    try:
        disk.write_at(descriptor, data, 0)
    finally:
        os.close(descriptor)

"""Batches: stretches of files in one buffer, stored by a few threads.

The reader fills a buffer with parts and hands it over; a worker hashes each part,
finds out whether the store holds it already, and puts those that are new. Buffers are
few and used again, so that memory is bounded whatever the size of the files, and
pages are touched once.
"""

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from attrs import Factory, define

from modelver._bundle.cutting import WINDOW
from modelver._bundle.known import Known
from modelver._bundle.memory import Stamp
from modelver._bundle.ports import Objects
from modelver._values.digests import digest_of, hex_of, new_hasher
from modelver._values.manifest import Slice

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# A part of this size is an object of its own; smaller ones share one.
OWN_OBJECT: Final = 4 * 2**20
# Less than this is not worth a thread.
_ALONE: Final = 4 * 2**20
_BUFFERS: Final = 3
_WORKERS: Final = 4
# The position of a part that is the whole of its file.
WHOLE: Final = -1

Release = Callable[[], None]


@define
class Stored:
    """A file on its way: where each of its parts lies, once that is known.

    Attributes:
        digest: Of the file; None until it is known.
        parts: (digest, slice) by position.
        stamp: By which the file can be known again, or None.
    """

    digest: str | None = None
    parts: dict[int, tuple[str, Slice]] = Factory(dict)
    stamp: Stamp | None = None

    def cut(self) -> tuple[Slice, ...]:
        """Return the slices, each with the digest that verifies it."""
        if len(self.parts) == 1:
            return (_slice(self.parts[0][1], None),)
        return tuple(
            _slice(piece, None if _is_object(piece, digest) else digest)
            for _, (digest, piece) in sorted(self.parts.items())
        )


def _slice(piece: Slice, digest: str | None) -> Slice:
    return Slice(
        object=piece.object, offset=piece.offset, length=piece.length, digest=digest
    )


def _is_object(piece: Slice, digest: str) -> bool:
    """Whether *piece* is the whole of its object."""
    return piece.offset == 0 and piece.object.partition(".")[0] == hex_of(digest)


@define
class Batch:
    """A buffer and the parts in it.

    Attributes:
        view: The whole buffer.
        fill: How many bytes of it are used.
        parts: (start, end, the file, position in the file).
    """

    view: memoryview
    fill: int = 0
    parts: list[tuple[int, int, Stored, int]] = Factory(list)

    @property
    def cut(self) -> int:
        """Where the last part ends."""
        return self.parts[-1][1] if self.parts else 0

    @property
    def room(self) -> int:
        """How many bytes may still be added."""
        return len(self.view) - self.fill

    def add(self, length: int, file: Stored, position: int) -> None:
        """Note that the next *length* bytes are a part of *file*."""
        self.parts.append((self.cut, self.cut + length, file, position))


class Storing:
    """Stores batches; use it as a context manager, which waits for all of them."""

    def __init__(
        self, objects: Objects, known: Known, *, incarnation: int, expected: int
    ) -> None:
        """Make one.

        Args:
            objects: The store's objects.
            known: What need not be stored; told of what was.
            incarnation: The sequence number of the registry's last sweep, or 0.
            expected: Bytes that will come, about.
        """
        self._objects = objects
        self._known = known
        self._incarnation = incarnation
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._running: list[Future[None]] = []
        self._pool = None if expected <= _ALONE else _pool()
        size = max(expected, 1) if self._pool is None else WINDOW
        # Pages of a fresh buffer cost nothing until they are written to.
        for _ in range(_BUFFERS):
            self._free.put(memoryview(bytearray(size)))

    def batch(self) -> Batch:
        """Return an empty batch; waits for a buffer.

        Raises:
            StorageError: What a worker ran into.
        """
        self._raise_first()
        return Batch(self._free.get())

    def store(self, batch: Batch) -> None:
        """Hand over *batch*, which is not to be used again."""
        if self._pool is None:
            self._store(batch)
        else:
            self._running.append(self._pool.submit(self._store, batch))

    def _raise_first(self) -> None:
        done = [future for future in self._running if future.done()]
        self._running = [future for future in self._running if not future.done()]
        for future in done:
            future.result()

    def _store(self, batch: Batch) -> None:
        free = iter([batch.view])

        def release() -> None:
            for view in free:
                self._free.put(view)

        try:
            self._put(batch, release)
        finally:
            release()

    def _put(self, batch: Batch, release: Release) -> None:
        new: dict[str, tuple[memoryview, list[tuple[Stored, int]]]] = {}
        for start, end, file, position in batch.parts:
            view = batch.view[start:end]
            digest = digest_of(self._objects.algorithm, view)
            if position == WHOLE:
                file.digest = digest
            found = self._known.part(digest, end - start)
            at = max(position, 0)
            if found is not None:
                file.parts[at] = (digest, found)
            else:
                new.setdefault(digest, (view, []))[1].append((file, at))
        alone = {d: v for d, (v, _) in new.items() if len(v) >= OWN_OBJECT}
        shared = {d: v for d, (v, _) in new.items() if d not in alone}
        objects = [[part] for part in alone.items()]
        if shared:
            objects.append(list(shared.items()))
        for number, parts in enumerate(objects):
            last = number == len(objects) - 1
            for digest, piece in self._put_object(parts, release if last else None):
                self._known.add_part(digest, piece)
                for file, at in new[digest][1]:
                    file.parts[at] = (digest, piece)

    def _put_object(
        self, parts: list[tuple[str, memoryview]], taken: Release | None
    ) -> Iterator[tuple[str, Slice]]:
        """Store *parts* as one object; yield where each of them lies."""
        if len(parts) == 1:
            digest = parts[0][0]
        else:
            hasher = new_hasher(self._objects.algorithm)
            for _, view in parts:
                hasher.update(view)
            digest = f"{self._objects.algorithm}:{hasher.hexdigest()}"
        lengths = [len(view) for _, view in parts]
        name = self._objects.put(
            [view for _, view in parts],
            digest,
            incarnation=self._incarnation,
            taken=taken,
        )
        offset = 0
        for (part, _), length in zip(parts, lengths, strict=True):
            yield part, Slice(object=name, offset=offset, length=length)
            offset += length

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            # After an error nothing that waits is worth its upload any more.
            self._pool.shutdown(cancel_futures=error is not None)
        if error is None:
            self._raise_first()


def _pool() -> "ThreadPoolExecutor":
    from concurrent.futures import (  # noqa: PLC0415 - only large files need it
        ThreadPoolExecutor,
    )

    return ThreadPoolExecutor(_WORKERS, "modelver-store")

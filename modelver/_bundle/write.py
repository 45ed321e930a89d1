"""From listed files to objects in the store.

Each byte is read once. Files up to 16 MiB are one part; larger ones are cut where
their format says so, or where their content does. What is known is not stored again.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from modelver._bundle.batches import WHOLE, Batch, Stored, Storing
from modelver._bundle.collect import Item
from modelver._bundle.cutting import WINDOW, cutter_for
from modelver._bundle.known import Known
from modelver._bundle.memory import Stamp
from modelver._bundle.ports import Objects, Progress
from modelver._bundle.source import PIECE, Source
from modelver._values.digests import digest_of, new_hasher
from modelver._values.manifest import FileEntry, Slice
from modelver.errors import ErrorKind, InternalError, InvalidInputError

Placed = tuple[FileEntry, tuple[Slice, ...]]

# Reading less than this costs no more than looking up whether it must be read.
_REMEMBERED: Final = 2**20


class Stamps(Protocol):
    """What is remembered of files that were registered before."""

    def recall(self, stamps: Mapping[str, Stamp]) -> Mapping[str, str]:
        """Return the digests of the paths whose stamp is the one remembered."""

    def remember(self, found: Mapping[str, tuple[Stamp, str]]) -> None:
        """Remember stamps and digests."""


class BundleWriter:
    """Stores files for one registration."""

    def __init__(
        self,
        objects: Objects,
        *,
        known: Known | None = None,
        stamps: Stamps | None = None,
        incarnation: int = 0,
        progress: Progress | None = None,
    ) -> None:
        """Make a writer.

        Args:
            objects: The store's objects.
            known: What the store holds already.
            stamps: Which files of this machine need not be read again; None: all are
                read.
            incarnation: The sequence number of the registry's last sweep, or 0.
            progress: Told of bytes.
        """
        self._objects = objects
        self._known = known or Known()
        self._stamps = stamps
        self._incarnation = incarnation
        self._progress = progress
        self._hash = objects.algorithm

    def place(self, items: list[Item]) -> list[Placed]:
        """Store every item, and return its entry and slices, in the same order.

        Raises:
            InvalidInputError: A file changed while it was read.
            StorageError: The store refuses.
        """
        total = sum(item.size for item in items)
        if self._progress is not None:
            self._progress.set_size(total)
        placed: dict[int, Placed] = {}
        fresh: dict[int, Stored] = {}
        unread = self._recall(items) if total >= _REMEMBERED else {}
        left = total - sum(items[n].size for n in unread)
        storing = Storing(
            self._objects, self._known, incarnation=self._incarnation, expected=left
        )
        with storing:
            reader = _Reader(storing, self._progress)
            for number, item in enumerate(items):
                if number in unread:
                    placed[number] = unread[number]
                    self._done(item.size)
                elif item.size == 0:
                    placed[number] = self._empty(item)
                else:
                    fresh[number] = reader.read(item, self._hash)
            reader.flush()
        for number, stored in fresh.items():
            assert stored.digest is not None  # noqa: S101 - all batches are stored
            entry = _entry(items[number], stored.digest)
            placed[number] = entry, self._known.file(entry.digest) or stored.cut()
            self._known.add_file(*placed[number])
        if total >= _REMEMBERED:
            self._remember(items, placed, fresh)
        return [placed[number] for number in range(len(items))]

    def _done(self, size: int) -> None:
        if self._progress is not None:
            self._progress.relative_update(size)

    def _empty(self, item: Item) -> Placed:
        with Source(item) as source:
            source.finish()
        return _entry(item, digest_of(self._hash, b"")), ()

    def _recall(self, items: list[Item]) -> dict[int, Placed]:
        """Return the items that lie as they did when they were read last."""
        if self._stamps is None:
            return {}
        asked = {_place(i): Stamp.of(i.info) for i in items if i.info is not None}
        digests = self._stamps.recall(asked)
        found: dict[int, Placed] = {}
        for number, item in enumerate(items):
            if item.info is None:
                continue
            digest = digests.get(_place(item))
            cut = None if digest is None else self._known.file(digest, find=True)
            if digest is not None and cut is not None and _size(cut) == item.size:
                found[number] = _entry(item, digest), cut
        return found

    def _remember(
        self, items: list[Item], placed: dict[int, Placed], fresh: dict[int, Stored]
    ) -> None:
        if self._stamps is None:
            return
        self._stamps.remember(
            {
                _place(items[number]): (stored.stamp, placed[number][0].digest)
                for number, stored in fresh.items()
                if stored.stamp is not None
            }
        )


class _Reader:
    """Fills batches with what it reads."""

    def __init__(self, storing: Storing, progress: Progress | None) -> None:
        self._storing = storing
        self._progress = progress
        self._batch: Batch | None = None

    def read(self, item: Item, algorithm: str) -> Stored:
        """Read *item* and hand it over; known once the batches are stored."""
        with Source(item) as source:
            stored = Stored(stamp=source.stamp)
            if item.size <= WINDOW:
                self._read_whole(source, stored)
            else:
                self._read_in_parts(source, stored, item.path, algorithm)
            source.finish()
        return stored

    def flush(self) -> None:
        """Hand over what was read and waits for more."""
        if self._batch is not None:
            self._storing.store(self._batch)
            self._batch = None

    def _read_whole(self, source: Source, stored: Stored) -> None:
        if self._batch is not None and self._batch.room < source.size:
            self.flush()
        if self._batch is None:
            self._batch = self._storing.batch()
        while source.at < source.size:
            self._read(source, self._batch, self._batch.room)
        self._batch.add(source.size, stored, WHOLE)

    def _read_in_parts(
        self, source: Source, stored: Stored, path: str, algorithm: str
    ) -> None:
        self.flush()
        cutter = cutter_for(path, source.size, source.peek)
        hasher = new_hasher(algorithm)
        batch, position = self._storing.batch(), 0
        while True:
            while batch.fill < cutter.want() and source.at < source.size:
                hasher.update(self._read(source, batch, cutter.want() - batch.fill))
            last = source.at == source.size
            for length in cutter.cut(batch.view[: batch.fill], last=last):
                batch.add(length, stored, position)
                position += 1
            if last:
                break
            if not batch.parts:
                raise InternalError(f"{path!r} was not cut: it would never end")
            rest = batch.view[batch.cut : batch.fill]
            following = self._storing.batch()
            following.view[: len(rest)] = rest
            following.fill = len(rest)
            self._storing.store(batch)
            batch = following
        self._storing.store(batch)
        stored.digest = f"{algorithm}:{hasher.hexdigest()}"

    def _read(self, source: Source, batch: Batch, most: int) -> memoryview:
        """Read the next piece into *batch*, and return it."""
        view = batch.view[batch.fill : batch.fill + min(most, PIECE)]
        got = source.read_into(view)
        batch.fill += got
        if self._progress is not None:
            self._progress.relative_update(got)
        return view[:got]


def _place(item: Item) -> str:
    assert isinstance(item.origin, Path)  # noqa: S101 - asked of files only
    return os.path.abspath(item.origin)  # noqa: PTH100 - keeps links


def _size(cut: tuple[Slice, ...]) -> int:
    return sum(piece.length for piece in cut)


def _entry(item: Item, digest: str) -> FileEntry:
    return FileEntry(
        path=item.path,
        role=item.role,
        size=item.size,
        digest=digest,
        executable=item.executable,
    )


def check_unchanged(before: list[Item], after: list[Item]) -> None:
    """Refuse folders whose listing changed between two looks.

    Raises:
        InvalidInputError: A file came, went or changed (kind CHANGED_DURING_READ).
    """
    listed = {item.path: item.stamp for item in before}
    again = {item.path: item.stamp for item in after}
    if listed != again:
        different = {
            p for p in listed.keys() | again.keys() if listed.get(p) != again.get(p)
        }
        raise InvalidInputError(
            f"the folder changed while it was read: {sorted(different)[:3]}",
            kind=ErrorKind.CHANGED_DURING_READ,
            hint="Register when nothing writes there any more.",
        )

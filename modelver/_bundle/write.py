"""From listed files to objects in the store.

Each byte is read once, or hashed first where the store may hold it already.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from modelver._bundle.collect import Item, collect, reading
from modelver._bundle.ports import Objects, Progress
from modelver._values.digests import digest_of, new_hasher
from modelver._values.manifest import FileEntry, Input, Slice
from modelver.errors import ErrorKind, InvalidInputError

# 256 KiB stays in the processor's cache between hashing and writing.
_PIECE: Final = 256 * 1024
_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)
)

Placed = tuple[FileEntry, tuple[Slice, ...]]


def _changed(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{os.fspath(path)!r} changed while it was read",
        kind=ErrorKind.CHANGED_DURING_READ,
        hint="Register when nothing writes there any more.",
    )


def _pieces(item: Item) -> Iterator[bytes]:
    """Yield an item's bytes; refuse a file that is not the one that was listed."""
    if isinstance(item.origin, bytes):
        for start in range(0, len(item.origin), _PIECE):
            yield item.origin[start : start + _PIECE]
        return
    path = item.origin
    with reading(path):
        descriptor = os.open(path, _READ)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise _changed(path)
            total = 0
            while piece := os.read(descriptor, _PIECE):
                total += len(piece)
                if total > before.st_size:
                    raise _changed(path)  # it grows: it might never end
                yield piece
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    for info in (before, after):
        if item.stamp is not None and (info.st_size, info.st_mtime_ns) != item.stamp:
            raise _changed(path)
    if total != before.st_size:
        raise _changed(path)


def _digest(item: Item, algorithm: str) -> tuple[str, int]:
    hasher = new_hasher(algorithm)
    size = 0
    for piece in _pieces(item):
        hasher.update(piece)
        size += len(piece)
    return f"{algorithm}:{hasher.hexdigest()}", size


def _size(item: Item) -> int:
    return item.stamp[0] if item.stamp is not None else len(item.origin)  # type: ignore[arg-type]


def folder_digest(files: Iterable[tuple[str, str]], algorithm: str) -> str:
    """Return the digest of a folder: of its sorted lines, a digest and a path each.

    Args:
        files: (path below the folder, digest of the bytes) of each file.
        algorithm: The registry's digest.
    """
    lines = sorted(f"{digest} {path}\n" for path, digest in files)
    return digest_of(algorithm, "".join(lines).encode())


def inputs_of(placed: Iterable[tuple[Item, FileEntry]], algorithm: str) -> list[Input]:
    """Return one input for each top-level thing, sorted by name."""
    groups: dict[tuple[str, bool], list[tuple[Item, FileEntry]]] = {}
    for item, entry in placed:
        groups.setdefault(item.group, []).append((item, entry))
    inputs = []
    for (name, is_folder), members in sorted(groups.items()):
        digest = members[0][1].digest
        if is_folder:
            files = ((item.inner, entry.digest) for item, entry in members)
            digest = folder_digest(files, algorithm)
        inputs.append(
            Input(
                name=name,
                digest=digest,
                size=sum(entry.size for _, entry in members),
                kind="folder" if is_folder else "file",
            )
        )
    return inputs


class BundleWriter:
    """Stores files for one registration."""

    def __init__(
        self,
        objects: Objects,
        *,
        incarnation: int = 0,
        known: Mapping[str, tuple[Slice, ...]] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Make a writer.

        Args:
            objects: The store's objects.
            incarnation: The sequence number of the registry's last sweep, or 0.
            known: Digest of a file to where it lies already, from manifests.
            progress: Told of bytes.
        """
        self._objects = objects
        self._incarnation = incarnation
        self._known = dict(known or {})
        self._known_sizes = {
            sum(piece.length for piece in cut) for cut in self._known.values()
        }
        self._progress = progress

    def place(self, items: list[Item]) -> list[Placed]:
        """Store every item, and return its entry and slices, in the same order.

        Raises:
            InvalidInputError: A file changed while it was read.
            StorageError: The store refuses.
        """
        if self._progress is not None:
            self._progress.set_size(sum(_size(item) for item in items))
        placed = []
        for item in items:
            digest, size, cut = self._place(item)
            self._known[digest] = cut
            self._known_sizes.add(size)
            if self._progress is not None:
                self._progress.relative_update(size)
            entry = FileEntry(
                path=item.path,
                role=item.role,
                size=size,
                digest=digest,
                executable=item.executable,
            )
            placed.append((entry, cut))
        return placed

    def _place(self, item: Item) -> tuple[str, int, tuple[Slice, ...]]:
        if _size(item) in self._known_sizes or _size(item) == 0:
            digest, size = _digest(item, self._objects.algorithm)
            if size == 0:
                return digest, 0, ()
            if digest in self._known:
                return digest, size, self._known[digest]
        with self._objects.writer() as writer:
            for piece in _pieces(item):
                writer.write(piece)
            stored = writer.commit(self._incarnation)
        cut = Slice(object=stored.name, offset=0, length=stored.size)
        return stored.digest, stored.size, (cut,)


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


def digest_path(path: Path, algorithm: str) -> set[str]:
    """Return the digests by which a file or folder could be an input.

    Raises:
        InvalidInputError: It does not exist, or holds what no bundle can.
    """
    items = collect("data", path)
    found = [(item, _digest(item, algorithm)[0]) for item in items]
    if path.is_dir():
        return {folder_digest(((i.inner, digest) for i, digest in found), algorithm)}
    return {digest for _, digest in found}

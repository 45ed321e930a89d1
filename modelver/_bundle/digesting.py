"""Files that are known by content and not stored: digests, heads, what is in them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from modelver._bundle.collect import Item
from modelver._bundle.memory import Stamp
from modelver._bundle.ports import Progress
from modelver._bundle.source import PIECE, Source
from modelver._values.digests import new_hasher
from modelver._values.lfs import LFS_HEAD, LfsPointer, is_lfs_pointer
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

# Reading less than this costs no more than looking up whether it must be read.
_REMEMBERED: Final = 2**20
# The three lines of a pointer take that much.
_SHORTEST_POINTER: Final = 120
_MOST_LOOKED_AT: Final = 1000


class Stamps(Protocol):
    """What is remembered of files that were read before."""

    def recall(self, stamps: Mapping[str, Stamp]) -> Mapping[str, str]:
        """Return the digests of the paths whose stamp is the one remembered."""

    def remember(self, found: Mapping[str, tuple[Stamp, str]]) -> None:
        """Remember stamps and digests."""


def digest_items(
    items: Sequence[Item],
    algorithm: str,
    *,
    stamps: Stamps | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Return the digest of each item, reading only what may have changed.

    Args:
        items: As they were listed.
        algorithm: The registry's digest.
        stamps: What is remembered, of digests of this algorithm; None: all are read.
        progress: Told of bytes.

    Raises:
        InvalidInputError: One changed while it was read.
    """
    if sum(item.size for item in items) < _REMEMBERED:
        stamps = None
    known: Mapping[str, str] = {}
    if stamps is not None:
        asked = {_place(i): Stamp.of(i.info) for i in items if i.info is not None}
        known = stamps.recall(asked)
    found, fresh = [], {}
    for item in items:
        digest = known.get(_place(item)) if item.info is not None else None
        if digest is None:
            digest, stamp = _read(item, algorithm, progress)
            if stamp is not None:
                fresh[_place(item)] = stamp, digest
        elif progress is not None:
            progress.relative_update(item.size)
        found.append(digest)
    if stamps is not None and fresh:
        stamps.remember(fresh)
    return found


def _read(
    item: Item, algorithm: str, progress: Progress | None
) -> tuple[str, Stamp | None]:
    hasher = new_hasher(algorithm)
    view = memoryview(bytearray(min(PIECE, max(item.size, 1))))
    with Source(item) as source:
        while got := source.read_into(view):
            hasher.update(view[:got])
            if progress is not None:
                progress.relative_update(got)
        source.finish()
        return f"{algorithm}:{hasher.hexdigest()}", source.stamp


def _place(item: Item) -> str:
    assert isinstance(item.origin, Path)  # noqa: S101 - asked of files only
    return os.path.abspath(item.origin)  # noqa: PTH100 - keeps links


def pieces_of(item: Item) -> Iterator[bytes]:
    """Yield an item's bytes, of as many as were listed.

    Raises:
        InvalidInputError: It changed while it was read.
    """
    view = memoryview(bytearray(min(PIECE, max(item.size, 1))))
    with Source(item) as source:
        while got := source.read_into(view):
            yield bytes(view[:got])
        source.finish()


def peek(item: Item, start: int, end: int) -> bytes:
    """Return bytes ``start:end`` of an item, for looking at.

    Raises:
        InvalidInputError: It is not what was listed.
    """
    with Source(item) as source:
        return source.peek(start, end)


def pointer_of(item: Item) -> LfsPointer | None:
    """Return what a Git LFS pointer says that stands in place of the bytes; or None."""
    if not _may_be_pointer(item):
        return None
    return is_lfs_pointer(peek(item, 0, LFS_HEAD))


def _may_be_pointer(item: Item) -> bool:
    return _SHORTEST_POINTER <= item.size < LFS_HEAD


def refuse_pointers(items: Sequence[Item]) -> None:
    """Refuse a file that is a Git LFS pointer and not what it stands for.

    Raises:
        InvalidInputError: One is; it is named (kind ``UNSUPPORTED_FILE``).
    """
    suspects = (item for item in items if _may_be_pointer(item))
    # Where some are pointers all are: a clone without Git LFS has nothing else.
    for item in islice(suspects, _MOST_LOOKED_AT):
        pointer = pointer_of(item)
        if pointer is not None:
            raise InvalidInputError(
                f"{quoted(str(item.origin), 200)} is a Git LFS pointer to "
                f"{pointer.size:,} bytes, and not the bytes themselves",
                kind=ErrorKind.UNSUPPORTED_FILE,
                hint="Fetch them first: git lfs pull. Data can also be pinned without "
                "its bytes: Data(path, how='reference').",
                path=item.path,
            )

"""The members of a zip archive, from its central directory.

PyTorch's checkpoints, ``.npz`` and ``.keras`` are zip archives of stored members. What
is compressed is cut in the same way: a member that did not change is found again.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from modelver._bundle.cutting.cutter import (
    ALONE,
    MAX_RANGES,
    Range,
    Source,
    UnclearError,
)
from modelver._bundle.cutting.planned import mark_of

MAGIC: Final = b"PK\x03\x04"

_MAX_DIRECTORY: Final = 8 * 2**20

# The end of the archive: number of entries, length and offset of the directory, length
# of the comment that follows.
_END: Final = Struct("<4x6xHIIH")
_END_MAGIC: Final = b"PK\x05\x06"
# What stands before it where those numbers need 64 bits, and points to the record that
# has them.
_LOCATOR: Final = Struct("<4s4xQ4x")
_END64: Final = Struct("<4s28xQQQ")
# An entry: sizes (stored, original), lengths of name, extra and comment, offset.
_ENTRY: Final = Struct("<4s16xIIHHH8xI")
# A member's own header: lengths of name and extra; its data follows them.
_HEADER: Final = Struct("<4s22xHH")
_ENTRY_MAGIC: Final = b"PK\x01\x02"
_IN_EXTRA: Final = 2**32 - 1


class _Member(NamedTuple):
    offset: int
    size: int
    name: bytes


def _directory(source: Source) -> tuple[int, int, int]:
    """Return the directory's start and end, and what offsets are counted from."""
    start = max(0, source.size - _END.size - 2**16)
    tail = source.exactly(start, source.size)
    at = tail.rfind(_END_MAGIC)
    if at < 0 or at + _END.size > len(tail):
        raise UnclearError
    _, length, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise UnclearError
    end = start + at
    if end >= _LOCATOR.size + _END64.size:
        record = source.exactly(end - _LOCATOR.size, end)
        magic, where = _LOCATOR.unpack(record)
        if magic == b"PK\x06\x07":
            record = source.exactly(where, where + _END64.size)
            magic, _, length, offset = _END64.unpack(record)
            if magic != b"PK\x06\x06":
                raise UnclearError
            end = where
    # Where something was put in front of an archive, its offsets are too small.
    before = end - length - offset
    if length > _MAX_DIRECTORY or before < 0:
        raise UnclearError
    return end - length, end, before


def _wide(extra: bytes, size: int, original: int, offset: int) -> tuple[int, int]:
    """Return a member's size and offset, from the extra field where it has them."""
    at = 0
    while at + 4 <= len(extra):
        kind = int.from_bytes(extra[at : at + 2], "little")
        length = int.from_bytes(extra[at + 2 : at + 4], "little")
        field = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if kind == 1:
            # It has those of the three that did not fit, in this order.
            numbers = iter(
                int.from_bytes(field[i : i + 8], "little")
                for i in range(0, len(field), 8)
            )
            if original == _IN_EXTRA:
                next(numbers, 0)
            if size == _IN_EXTRA:
                size = next(numbers, size)
            if offset == _IN_EXTRA:
                offset = next(numbers, offset)
            break
    return size, offset


def _members(directory: bytes, before: int) -> Iterator[_Member]:
    at = 0
    while at < len(directory):
        if at + _ENTRY.size > len(directory):
            raise UnclearError
        magic, size, original, name, extra, comment, offset = _ENTRY.unpack_from(
            directory, at
        )
        if magic != _ENTRY_MAGIC:
            raise UnclearError
        at += _ENTRY.size
        if _IN_EXTRA in (size, offset):
            field = directory[at + name : at + name + extra]
            size, offset = _wide(field, size, original, offset)
        yield _Member(before + offset, size, directory[at : at + name])
        at += name + extra + comment


def _mark(known: list[_Member], index: int) -> int:
    # PyTorch numbers its tensors, below a folder with the file's name. Known by the
    # sizes around it, one keeps its mark in a file of another name, and behind a tensor
    # that was added.
    name = known[index].name
    if name.rpartition(b"/")[2].isdigit():
        sizes = (member.size for member in known[max(0, index - 3) : index + 1])
        name = b"/".join(b"%d" % size for size in sizes)
    return mark_of(name)


def members(source: Source) -> list[Range]:
    """Return where the members lie, the large ones without their headers.

    Raises:
        UnclearError: The directory is missing, too long, or not what the format says.
    """
    start, end, before = _directory(source)
    found: list[_Member] = []
    for member in _members(source.exactly(start, end), before):
        if len(found) == MAX_RANGES:
            raise UnclearError
        found.append(member)
    found.sort()
    ranges = []
    for index, member in enumerate(found):
        following = found[index + 1].offset if index + 1 < len(found) else start
        if not member.offset + _HEADER.size + member.size <= following <= start:
            raise UnclearError
        first, after = member.offset, following
        # The data of a large one is a part of its own, and begins where the member's
        # header ends, which only that tells. Small ones are taken with their headers.
        if member.size >= ALONE:
            header = source.exactly(first, first + _HEADER.size)
            magic, name, extra = _HEADER.unpack(header)
            first += _HEADER.size + name + extra
            after = first + member.size
            if magic != MAGIC or after > following:
                raise UnclearError
        ranges.append(Range(first, after, _mark(found, index)))
    return ranges

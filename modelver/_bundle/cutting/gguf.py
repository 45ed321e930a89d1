"""The tensors of a GGUF file (versions 2 and 3), from the lists at its start.

Layout: ``GGUF``, version, number of tensors, number of metadata; the metadata, each a
key, a type and a value; of each tensor its name, dimensions, type and offset; padding
to the alignment; the tensors, each padded to the alignment.
"""

from struct import Struct
from typing import Final

from modelver._bundle.cutting.cutter import MAX_RANGES, Range, Source, UnclearError
from modelver._bundle.cutting.planned import mark_of

MAGIC: Final = b"GGUF"

# Lists of tokens and merges make the largest headers: 10 MiB and 400,000 strings. They
# are skipped page by page, and so need no memory.
_MAX_HEADER: Final = 64 * 2**20
_MAX_VALUES: Final = 2**20
# Strings are skipped 16 times as fast as anything else.
_SLOW: Final = 16
_PAGE: Final = 256 * 2**10
_MAX_NAME: Final = 2**10
_MAX_DEPTH: Final = 4
_MAX_DIMENSIONS: Final = 16

# By the number of the type: bytes of a value. A string is 8, an array 9.
_WIDTHS: Final = {
    **dict.fromkeys((0, 1, 7), 1),
    **dict.fromkeys((2, 3), 2),
    **dict.fromkeys((4, 5, 6), 4),
    **dict.fromkeys((10, 11, 12), 8),
}
_STRING: Final = 8
_ARRAY: Final = 9
_UINT32: Final = 4


class _Header:
    """A cursor over the start of the file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._end = min(source.size, _MAX_HEADER)
        self._page = b""
        self._start = 0
        self._at = 0
        self._values = _MAX_VALUES
        order = "<"
        if self.take(8)[4:] == b"\0\0\0\x03":
            order = ">"  # no flag says so, but no version is as high
        self._four = Struct(f"{order}I")
        self._eight = Struct(f"{order}Q")
        (self.version,) = self._four.unpack(self._page[4:8])

    @property
    def at(self) -> int:
        """Offset in the file."""
        return self._start + self._at

    def skip(self, count: int) -> None:
        self._at += count
        if self.at > self._end:
            raise UnclearError

    def _load(self, count: int) -> None:
        """Have the next *count* bytes in the page."""
        if self._at + count > len(self._page):
            start = self.at
            if start + count > self._end:
                raise UnclearError
            end = min(start + _PAGE, self._end)
            self._page = self._source.exactly(start, end)
            self._start, self._at = start, 0

    def take(self, count: int) -> bytes:
        self._load(count)
        self._at += count
        return self._page[self._at - count : self._at]

    def four(self) -> int:
        value: int = self._four.unpack(self.take(4))[0]
        return value

    def eight(self) -> int:
        value: int = self._eight.unpack(self.take(8))[0]
        return value

    def name(self) -> bytes:
        length = self.eight()
        if length > _MAX_NAME:
            raise UnclearError
        return self.take(length)

    def count(self, each: int = 1) -> int:
        """Take the number of values that follow, and answer for their time."""
        count = self.eight()
        self._values -= count * each
        if self._values < 0:
            raise UnclearError
        return count

    def skip_value(self, kind: int, depth: int = 0) -> None:
        if kind in _WIDTHS:
            self.skip(_WIDTHS[kind])
        elif kind == _STRING:
            self._skip_strings(1)
        elif kind == _ARRAY and depth < _MAX_DEPTH:
            self._skip_array(depth)
        else:
            raise UnclearError

    def _skip_array(self, depth: int) -> None:
        kind = self.four()
        if kind in _WIDTHS:
            self.skip(_WIDTHS[kind] * self.eight())
        elif kind == _STRING:
            self._skip_strings(self.count())
        else:
            for _ in range(self.count(_SLOW)):
                self.skip_value(kind, depth + 1)

    def _skip_strings(self, count: int) -> None:
        # Hundreds of thousands of them: without a call for each.
        unpack = self._eight.unpack_from
        while count:
            self._load(8)
            page, at = self._page, self._at
            last = len(page) - 8
            while count and at <= last:
                at += 8 + unpack(page, at)[0]
                count -= 1
            self.skip(at - self._at)


def tensors(source: Source) -> list[Range]:
    """Return where the tensors lie, each with the padding that follows it.

    Raises:
        UnclearError: The header is too long, of another version, or not what the
            format says.
    """
    header = _Header(source)
    if header.version not in (2, 3):
        raise UnclearError
    count = header.eight()
    if not 0 < count <= MAX_RANGES:
        raise UnclearError
    alignment = 32
    for _ in range(header.count(_SLOW)):
        key, kind = header.name(), header.four()
        if key == b"general.alignment" and kind == _UINT32:
            alignment = header.four()
        else:
            header.skip_value(kind)
    found: list[tuple[int, int]] = []
    for _ in range(count):
        name = mark_of(header.name())
        dimensions = header.four()
        if dimensions > _MAX_DIMENSIONS:
            raise UnclearError
        header.skip(8 * dimensions + 4)
        found.append((header.eight(), name))
    if not alignment or any(offset % alignment for offset, _ in found):
        raise UnclearError
    return _ranges(found, header.at + -header.at % alignment, source.size)


def _ranges(found: list[tuple[int, int]], base: int, size: int) -> list[Range]:
    # How many bytes a tensor has depends on its type, of which there are new ones each
    # year. Each is followed by the next.
    found.sort()
    ends = [base + offset for offset, _ in found[1:]]
    ends.append(size)
    if len({name for _, name in found}) < len(found):
        raise UnclearError
    return [
        Range(base + offset, end, name)
        for (offset, name), end in zip(found, ends, strict=True)
    ]

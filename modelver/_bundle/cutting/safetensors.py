"""The tensors of a safetensors file, from the JSON at its start.

Layout: the length of the JSON (64 bits, little-endian), the JSON, the tensors.
"""

import re
from typing import Final

from modelver._bundle.cutting.cutter import MAX_RANGES, Range, Source, UnclearError
from modelver._bundle.cutting.planned import mark_of

# A tensor has some hundred bytes there, so that this is enough for MAX_RANGES.
_MAX_HEADER: Final = 8 * 2**20

# One name and its flat object, and whether another follows. Taken from the bytes one at
# a time: parsed as a whole, hostile JSON would take 20 times its size of memory.
# Possessive everywhere, so that what does not match fails in linear time.
_ENTRY: Final = re.compile(
    rb"""
    [ \t\r\n]*+ "((?:[^"\\]++|\\.)*+)"
    [ \t\r\n]*+ : [ \t\r\n]*+ (\{ (?:[^"{}]++ | "(?:[^"\\]++|\\.)*+")*+ \})
    [ \t\r\n]*+ ([,}])
    """,
    re.VERBOSE | re.DOTALL,
)
_OFFSETS: Final = re.compile(
    rb'"data_offsets"[ \t\r\n]*+:[ \t\r\n]*+'
    rb"\[[ \t\r\n]*+([0-9]{1,19})[ \t\r\n]*+,[ \t\r\n]*+([0-9]{1,19})[ \t\r\n]*+\]"
)


def looks_so(head: bytes, size: int) -> bool:
    """Tell whether a file of *size* bytes could be one, from its first 16 bytes.

    The format has no magic: the length of its JSON and the JSON's first brace are it.
    """
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def tensors(source: Source) -> list[Range]:
    """Return where the tensors lie.

    Raises:
        UnclearError: The header is too long, or not what the format says.
    """
    length = int.from_bytes(source.exactly(0, 8), "little")
    if length > _MAX_HEADER:
        raise UnclearError
    header = source.exactly(8, 8 + length)
    found: list[Range] = []
    names: set[int] = set()
    at = 1
    more = header[:1] == b"{"
    while more:
        entry = _ENTRY.match(header, at)
        if entry is None:
            raise UnclearError
        at = entry.end()
        more = entry[3] == b","
        if entry[1] == b"__metadata__":
            continue
        offsets = _OFFSETS.search(entry[2])
        name = mark_of(entry[1])
        if offsets is None or name in names or len(found) == MAX_RANGES:
            raise UnclearError
        names.add(name)
        start, end = (8 + length + int(offset) for offset in offsets.groups())
        found.append(Range(start, end, name))
    if header[at:].strip(b" \t\r\n\0"):
        raise UnclearError
    return found

"""Rows and columns of a Parquet file, from the few kilobytes at its end.

The footer is a structure in Thrift's compact protocol; of it, what is needed stands in
front: version, schema, number of rows. The forms are those of
https://github.com/apache/parquet-format (``src/main/thrift/parquet.thrift``) and
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
Read here by ourselves, so that the same file always says the same, whether a library
for it is loaded or not.
"""

from typing import Any, Final

from modelver._capture.data.delimited import TableFacts

TAIL: Final = 8
"""Bytes at the end that say how long the footer is."""
MAX_FOOTER: Final = 16 * 2**20

_MAGIC: Final = b"PAR1"
_DEEPEST: Final = 16
_MOST_COLUMNS: Final = 10_000
# parquet.thrift, `enum Type`.
_TYPES: Final = (
    "boolean",
    "int32",
    "int64",
    "int96",
    "float",
    "double",
    "byte_array",
    "fixed_len_byte_array",
)
# Its `ConvertedType`, of those that change what a value is to a reader.
_CONVERTED: Final = {
    0: "text",
    4: "enum",
    5: "decimal",
    6: "date",
    9: "timestamp",
    10: "timestamp",
    19: "json",
}
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64 = range(7)
_DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(7, 13)
_LONG_LIST: Final = 15
_VERSION, _SCHEMA, _ROWS = 1, 2, 3
_TYPE, _NAME, _CHILDREN, _CONVERT = 1, 4, 5, 6


class _BrokenError(ValueError):
    """It is no such structure."""


def footer_length(tail: bytes) -> int | None:
    """Return how long the footer is, from the last :data:`TAIL` bytes; None: none."""
    if len(tail) != TAIL or tail[4:] != _MAGIC:
        return None
    length = int.from_bytes(tail[:4], "little")
    return length if 0 < length <= MAX_FOOTER else None


def read_footer(raw: bytes) -> TableFacts | None:
    """Return what a footer says of the table; None where it cannot be read."""
    try:
        found = _Reader(raw).metadata()
    except (_BrokenError, IndexError, UnicodeDecodeError):
        return None
    return found


class _Reader:
    """Reads the compact protocol; every step takes a byte, so that it ends."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self._kind = _STOP

    def metadata(self) -> TableFacts:
        schema: list[dict[int, Any]] = []
        rows = None
        last = 0
        while rows is None:
            kind, last = self._field(last)
            if kind == _STOP:
                raise _BrokenError("no rows")
            if last == _SCHEMA and kind == _LIST:
                schema = [self._element() for _ in range(self._length(_STRUCT))]
            elif last == _ROWS and kind == _I64:
                rows = self._zigzag()
            else:
                self._skip(kind, 0)
        if rows < 0 or not schema:
            raise _BrokenError("no schema")
        return _facts(schema, rows)

    def _element(self) -> dict[int, Any]:
        """Return the fields of a schema element that are numbers or names."""
        found: dict[int, Any] = {}
        last = 0
        while True:
            kind, last = self._field(last)
            if kind == _STOP:
                return found
            if kind == _I32:
                found[last] = self._zigzag()
            elif kind == _BINARY and last == _NAME:
                found[last] = self._take(self._varint()).decode()
            else:
                self._skip(kind, 0)

    def _field(self, last: int) -> tuple[int, int]:
        head = self._byte()
        kind, step = head & 15, head >> 4
        if kind == _STOP:
            return _STOP, last
        return kind, last + step if step else self._zigzag()

    def _length(self, expected: int | None = None) -> int:
        head = self._byte()
        if expected is not None and head & 15 != expected:
            raise _BrokenError("another kind of list")
        self._kind = head & 15
        count = head >> 4
        count = self._varint() if count == _LONG_LIST else count
        if count > min(len(self._raw), 4 * _MOST_COLUMNS):
            raise _BrokenError("too long")
        return count

    def _skip(self, kind: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise _BrokenError("too deep")
        if kind in (_BYTE, _DOUBLE):
            self._take(1 if kind == _BYTE else 8)
        elif kind in (_I16, _I32, _I64):
            self._varint()
        elif kind == _BINARY:
            self._take(self._varint())
        elif kind in (_LIST, _SET):
            count, inner = self._length(), self._kind
            for _ in range(count):
                # In a list a boolean takes a byte.
                self._skip(_BYTE if inner in (_TRUE, _FALSE) else inner, depth + 1)
        elif kind == _STRUCT:
            self._skip_struct(depth)
        elif kind not in (_TRUE, _FALSE):  # a map: none stands before the rows
            raise _BrokenError("of an unknown kind")

    def _skip_struct(self, depth: int) -> None:
        kind, last = self._field(0)
        while kind != _STOP:
            self._skip(kind, depth + 1)
            kind, last = self._field(last)

    def _byte(self) -> int:
        found = self._raw[self._at]
        self._at += 1
        return found

    def _take(self, count: int) -> bytes:
        found = self._raw[self._at : self._at + count]
        if len(found) != count:
            raise _BrokenError("it ends")
        self._at += count
        return found

    def _varint(self) -> int:
        found, shift = 0, 0
        while True:
            byte = self._byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - no more follows
                return found
            shift += 7
            if shift > 63:  # noqa: PLR2004 - the bits of a number
                raise _BrokenError("too long a number")

    def _zigzag(self) -> int:
        found = self._varint()
        return (found >> 1) ^ -(found & 1)


def _facts(elements: list[dict[int, Any]], rows: int) -> TableFacts:
    """Return the top-level columns: a nested one is one column, of type ``group``."""
    schema: dict[str, str] = {}
    at, columns = 1, elements[0].get(_CHILDREN, 0)
    for _ in range(columns):
        element = elements[at]
        at = _behind(elements, at)
        schema[str(element.get(_NAME, ""))] = _type(element)
    return TableFacts(rows=rows, columns=columns, schema=schema)


def _behind(elements: list[dict[int, Any]], at: int) -> int:
    """Return the place behind the column at *at* and everything below it."""
    left = 1
    while left:
        left += max(elements[at].get(_CHILDREN, 0), 0) - 1
        at += 1
    return at


def _type(element: dict[int, Any]) -> str:
    if element.get(_CHILDREN):
        return "group"
    number = element.get(_TYPE)
    if element.get(_CONVERT) in _CONVERTED:
        return _CONVERTED[element[_CONVERT]]
    if isinstance(number, int) and 0 <= number < len(_TYPES):
        return _TYPES[number]
    return "?"

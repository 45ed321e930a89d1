"""Rows and columns of a CSV file, while its bytes go by.

RFC 4180: a record ends at a line end that stands outside of quotes. Nothing is
converted, so that a file of 64 MiB takes a fraction of a second.
"""

import csv
import re
from collections.abc import Iterable
from typing import Final

from attrs import frozen

MAX_COUNTED: Final = 64 * 2**20
"""Bytes of the longest file that is counted."""

_MAX_HEAD: Final = 64 * 2**10
_MOST_COLUMNS: Final = 10_000
# Of quotes around line ends; counting with more would take seconds.
_MOST_QUOTES: Final = 1_000_000
_OTHERS: Final = bytes(n for n in range(256) if n not in b'"\n')
_DELIMITERS: Final = (b",", b";", b"\t", b"|")
# A first line of anything else may be data, and data may be somebody's: only what looks
# like names is recorded.
_NAME: Final = re.compile(r"[^\W\d][\w .()/%#:-]{0,63}")


@frozen(kw_only=True)
class TableFacts:
    """What a file says of the table in it.

    Attributes:
        rows: Without the line of names; None where they were not counted.
        columns: How many.
        schema: Name to type, as the file has it; empty where there are no names.
    """

    rows: int | None
    columns: int | None
    schema: dict[str, str]


def count_records(pieces: Iterable[bytes]) -> TableFacts | None:
    """Return rows, columns and names of a CSV file; None where it is none.

    Args:
        pieces: Its bytes, in order.
    """
    records, inside, head, last, quotes = 0, False, b"", b"", 0
    for piece in pieces:
        if not piece:
            continue
        if len(head) < _MAX_HEAD:
            head += piece[: _MAX_HEAD - len(head)]
        parts = _bare(piece).split(b'"')
        quotes += len(parts) - 1
        if quotes > _MOST_QUOTES:
            return None
        outside = parts[1::2] if inside else parts[::2]
        records += sum(part.count(b"\n") for part in outside)
        inside ^= len(parts) % 2 == 0
        last = piece[-1:]
    if not head or inside:
        return None
    records += last != b"\n"
    names = _first_record(head)
    if names is None:
        return None
    if not _are_names(names):
        return TableFacts(rows=records, columns=len(names), schema={})
    schema = dict.fromkeys(names, "text")
    return TableFacts(rows=records - 1, columns=len(names), schema=schema)


def _bare(piece: bytes) -> bytes:
    """Return the quotes and line ends of *piece*, without quotes that cancel out."""
    bare = piece.translate(None, delete=_OTHERS)
    while b'""' in bare:
        bare = bare.replace(b'""', b"")
    return bare


def _first_record(head: bytes) -> list[str] | None:
    """Return the fields of the first record; None where it is long, or no text."""
    whole = head
    parts = head.split(b'"')
    at = 0
    for number, part in enumerate(parts):
        if number % 2 == 0 and (end := part.find(b"\n")) >= 0:
            whole = head[: at + end]
            break
        at += len(part) + 1
    else:
        if len(head) == _MAX_HEAD:
            return None
    try:
        text = whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    bare = b"".join(whole.split(b'"')[::2])
    delimiter = max(_DELIMITERS, key=bare.count).decode()
    try:
        found = next(csv.reader([text], delimiter=delimiter), None)
    except csv.Error:
        return None
    return found if found and len(found) <= _MOST_COLUMNS else None


def _are_names(fields: list[str]) -> bool:
    return len(set(fields)) == len(fields) and all(map(_NAME.fullmatch, fields))

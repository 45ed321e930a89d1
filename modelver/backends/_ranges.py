"""Byte ranges of plain HTTP, from servers that know them and servers that do not.

A server may answer a request for a range with the whole, and nothing but the status
tells: the length fits by chance as often as not.
"""

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from modelver.backends._errors import Answer

STATUSES: Final = {
    401: Answer.BAD_CREDENTIALS,
    403: Answer.DENIED,
    404: Answer.MISSING,
    405: Answer.UNSUPPORTED,
    407: Answer.BAD_CREDENTIALS,
    410: Answer.MISSING,
    412: Answer.TAKEN,
    416: Answer.OUT_OF_RANGE,
    423: Answer.BUSY,
    429: Answer.BUSY,
    501: Answer.UNSUPPORTED,
    502: Answer.BUSY,
    503: Answer.BUSY,
    504: Answer.BUSY,
    507: Answer.FULL,
}
_WHOLE: Final = 200
_PART: Final = 206
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@frozen
class Span:
    """Where in a body the bytes are that were asked for.

    Attributes:
        skip: So many bytes come first.
        length: So many are wanted; None: all that follow.
    """

    skip: int
    length: int | None


def headers_for(start: int, end: int | None) -> dict[str, str]:
    """Return the headers that ask for bytes ``start:end``, as they are stored."""
    last = "" if end is None else end - 1
    return {"Range": f"bytes={start}-{last}", "Accept-Encoding": "identity"}


def span_of(
    status: int, headers: Mapping[str, str], start: int, end: int | None
) -> Span:
    """Return where the bytes ``start:end`` are in the body of an answer.

    Args:
        status: 200 or 206; others are for the caller to refuse.
        headers: Of the answer, in lower case or caseless.
        start: What was asked for.
        end: The same.

    Raises:
        OSError: The server has sent another range, or no body of a file.
    """
    length = None if end is None else end - start
    if status == _WHOLE:
        return Span(start, length)
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if status != _PART or found is None or int(found[1]) != start:
        said = headers.get("content-range", "no range")
        raise OSError(f"asked for bytes from {start}, the server sent {said[:100]!r}")
    return Span(0, length)


class Cutter:
    """Collects the pieces of a body, and keeps what was asked for and nothing else."""

    def __init__(self, span: Span) -> None:
        self._skip = span.skip
        self._left = span.length
        self._pieces: list[bytes] = []

    def take(self, piece: bytes) -> bool:
        """Take a piece; tell whether more is wanted."""
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        kept = piece[skipped:]
        if self._left is not None:
            kept = kept[: self._left]
            self._left -= len(kept)
        if kept:
            self._pieces.append(kept)
        return self._left is None or self._left > 0

    @property
    def data(self) -> bytes:
        """What was kept."""
        return b"".join(self._pieces)

"""Rollups: runs of log entries in one file each, so that a cold reader asks less.

A rollup is a cache. It holds raw entries, and a reader folds them exactly as if they
had come one by one: the hash chain proves them, and whatever does not hold is read
from the entries themselves.

The file is gzip with a comment that seals it: ``<algorithm>:<hex>`` of all bytes
after the header. gzip's own checksum does not cover its header, nor the padding after
the last block.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelver._values.digests import digest_of
from modelver._values.entry import MAX_ENTRY
from modelver._values.jsonstrict import dumps, loads
from modelver.errors import FormatError

MAX_ROLLUP: Final = 32 * 2**20
MAX_UNPACKED: Final = 48 * 2**20

# Deflate, a comment follows, no time, best compression, unknown system.
_HEADER: Final = bytes.fromhex("1f8b08100000000002ff")
_MAX_HEAD: Final = 2**20
_STORED_ENTRY: Final = MAX_ENTRY + 1


def pack(first: int, entries: Sequence[bytes], algorithm: str) -> bytes | None:
    """Return the rollup of raw *entries*, the first of which has the seq *first*.

    None where it would be larger than a reader accepts.
    """
    sizes = [len(raw) for raw in entries]
    last = first + len(entries) - 1
    head = {"format": 1, "from": first, "to": last, "sizes": sizes}
    if sum(sizes) > MAX_UNPACKED - _MAX_HEAD:
        return None
    plain = dumps(head) + b"\n" + b"".join(entries)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(plain) + packer.flush()
    body += zlib.crc32(plain).to_bytes(4, "little")
    body += (len(plain) & 0xFFFFFFFF).to_bytes(4, "little")
    raw = _HEADER + digest_of(algorithm, body).encode() + b"\0" + body
    return raw if len(raw) <= MAX_ROLLUP else None


def unpack(raw: bytes, first: int, last: int, algorithm: str) -> Iterator[bytes]:
    """Yield the raw entries *first* to *last* that a rollup holds.

    They are unpacked as they are asked for: whoever stops at the first that is none
    has not paid for the rest of a bomb.

    Raises:
        FormatError: It is no rollup of these entries, or it is damaged.
    """
    if len(raw) > MAX_ROLLUP:
        raise FormatError(f"a rollup is longer than {MAX_ROLLUP} bytes")
    start = len(_HEADER)
    stop = start + len(digest_of(algorithm, b""))
    seal, body = raw[start:stop], raw[stop + 1 :]
    if raw[:start] != _HEADER or raw[stop : stop + 1] != b"\0":
        raise FormatError("a rollup does not begin as one")
    if digest_of(algorithm, body).encode() != seal:
        raise FormatError("a rollup does not match its own check")
    pieces = _inflate(body)
    plain = next(pieces, b"")
    head, newline, plain = plain.partition(b"\n")
    if not newline:
        raise FormatError("a rollup has no head")
    sizes = _sizes(loads(head, limit=_MAX_HEAD), first, last)
    if len(head) + 1 + sum(sizes) > MAX_UNPACKED:
        raise FormatError("a rollup unpacks to more than it may")
    at = 0
    for size in sizes:
        while len(plain) - at < size:
            piece = next(pieces, b"")
            if not piece:
                raise FormatError("a rollup ends before its last entry")
            plain, at = plain[at:] + piece, 0
        yield plain[at : at + size]
        at += size
    if len(plain) > at or next(pieces, b""):
        raise FormatError("a rollup goes on after its last entry")


def _inflate(body: bytes) -> Iterator[bytes]:
    """Yield what a deflate stream unpacks to, at most :data:`_MAX_HEAD` at a time."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    while not unpacker.eof:
        try:
            piece = unpacker.decompress(body, _MAX_HEAD)
        except zlib.error as error:
            raise FormatError(f"a rollup cannot be unpacked: {error}") from error
        body = unpacker.unconsumed_tail
        if not piece and not unpacker.eof:
            raise FormatError("a rollup is cut short")
        if piece:
            yield piece


def _sizes(head: Any, first: int, last: int) -> list[int]:
    sizes = head.get("sizes") if isinstance(head, dict) else None
    if (
        not isinstance(sizes, list)
        or (head.get("format"), head.get("from"), head.get("to")) != (1, first, last)
        or len(sizes) != last - first + 1
        or not all(type(size) is int and 0 <= size <= _STORED_ENTRY for size in sizes)
    ):
        raise FormatError(f"a rollup does not hold the entries {first} to {last}")
    return sizes

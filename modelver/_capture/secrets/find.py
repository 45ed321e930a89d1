"""Secrets in texts: where they are, and what they look like."""

import codecs
from collections.abc import Iterator
from typing import Final

from modelver._capture.secrets.assigned import CALLED, RANDOM, assigned, random_literals
from modelver._capture.secrets.hit import MOST_HITS, Hit
from modelver._capture.secrets.tokens import Found, tokens

RULES: Final = "1"
"""Another one means: what passed before may not pass now, and is to be read again."""

_HEAD: Final = 8192
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Whoever wrote this on a line has looked at it; other scanners heed the same words.
_LOOKED_AT: Final = (b"pragma: allowlist secret", b"gitleaks:allow")
# So much is looked at together. The end of it is looked at again with what follows, and
# so is what stands before that: the name of an assignment.
_CHUNK: Final = 2**20
_AGAIN: Final = 8192
_LEFT: Final = 512


def find_secrets(
    data: bytes, path: str, *, thorough: bool, strict: bool = False
) -> list[Hit]:
    """Return where a file holds something that looks like a secret.

    Takes time in proportion to its length, whatever it holds. At most one hit of a
    line is told, and at most :data:`MOST_HITS` of a file. What is no text holds none.

    Args:
        data: The whole file.
        path: How the file is called in the answer; its ending says how it is read.
        thorough: Also look at assignments and random texts: for code, configuration,
            documentation and metadata. Otherwise only at what a token, a private key
            or a password in a URL cannot be mistaken for: for models and data.
        strict: It is a configuration: a password may be a word.
    """
    pieces = Pieces(path, thorough=thorough, strict=strict)
    pieces.feed(data)
    return pieces.end()


class Pieces:
    """:func:`find_secrets` for a file that is read piece by piece.

    The first piece must hold the first 8 KiB, or all there is.
    """

    def __init__(self, path: str, *, thorough: bool, strict: bool = False) -> None:
        self._path = path
        self._thorough = thorough
        self._strict = strict
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = False
        self._binary = False
        self._hits: list[Hit] = []
        self._buffer = bytearray()
        self._seen = 0  # what of the buffer was looked at before
        self._lines = 1  # the number of its first line
        self._cut = False  # whether that line began before it

    def feed(self, piece: bytes) -> bool:
        """Look at the next piece; return whether it is worth going on."""
        if not self._begun:
            self._begun = True
            codec = _codec(piece[:_HEAD])
            self._binary = codec is None
            if codec is not None and codec != "utf-8":
                self._decoder = codecs.getincrementaldecoder(codec)("replace")
        if self._binary:
            return False
        view = memoryview(piece)
        for start in range(0, len(piece), _CHUNK):
            self._take(view[start : start + _CHUNK])
            if len(self._hits) >= MOST_HITS:
                return False
        return True

    def _take(self, part: "memoryview | bytes") -> None:
        if self._decoder is not None:
            part = self._decoder.decode(bytes(part)).encode("utf-8", "replace")
        self._buffer += part
        if len(self._buffer) >= _CHUNK + _AGAIN:
            self._look(len(self._buffer) - _AGAIN)

    def end(self) -> list[Hit]:
        """Return what was found, in order."""
        if not self._binary and len(self._hits) < MOST_HITS:
            self._look(len(self._buffer))
        return self._hits

    def _look(self, stop: int) -> None:
        """Look at the buffer; keep what is to be looked at again."""
        text = bytes(self._buffer)
        found: dict[int, str] = {}
        for at, what in self._every(text):
            if self._seen <= at < stop or (at == stop == len(text)):
                found.setdefault(at, what)
                if len(found) > _MOST_FOUND:
                    break
        self._note(text, sorted(found.items()))
        keep = max(0, stop - _LEFT)
        self._lines += text.count(b"\n", 0, keep)
        self._cut = keep > 0 and text[keep - 1 : keep] != b"\n"
        self._seen = stop - keep
        del self._buffer[:keep]

    def _every(self, text: bytes) -> Iterator[Found]:
        yield from tokens(text)
        if self._thorough:
            yield from assigned(text, self._path, strict=self._strict)
            yield from random_literals(text)

    def _note(self, text: bytes, found: list[Found]) -> None:
        """Note one hit for each line, without the lines that somebody has looked at."""
        line, counted = self._lines, 0
        for at, what in found:
            line += text.count(b"\n", counted, at)
            counted = at
            again = bool(self._hits) and self._hits[-1].line == line
            # What a token is says more than what it is called.
            better = what != RANDOM and self._hits[-1:] and _is_called(self._hits[-1])
            if again and not better:
                continue
            begin = text.rfind(b"\n", 0, at) + 1
            end = text.find(b"\n", at)
            rest = text[at : len(text) if end < 0 else end][-_COMMENT:]
            if any(mark in rest for mark in _LOOKED_AT):
                continue
            known = begin > 0 or not self._cut
            column = at - begin + 1 if known else 0
            if again:
                del self._hits[-1]
            self._hits.append(Hit(path=self._path, line=line, column=column, what=what))
            if len(self._hits) >= MOST_HITS:
                return


def _is_called(hit: Hit) -> bool:
    return hit.what.startswith(CALLED)


_MOST_FOUND: Final = 200
_COMMENT: Final = 200


def _codec(head: bytes) -> str | None:
    """Return how a text is written; None for what is no text.

    Like git and grep, by a zero byte within the first 8 KiB. UTF-16 and UTF-32 are
    known by their byte order marks; UTF-16 without one by its zeros.
    """
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    if b"\0" not in head:
        return "utf-8"
    even, odd = head[0::2], head[1::2]
    if odd.count(0) > _MOSTLY * len(odd) and 0 not in even:
        return "utf-16-le"
    if even.count(0) > _MOSTLY * len(even) and 0 not in odd:
        return "utf-16-be"
    return None


_MOSTLY: Final = 0.7

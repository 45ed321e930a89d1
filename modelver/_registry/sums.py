"""Whether bytes are those that an input's digest speaks of, whoever took it."""

import hashlib
from typing import Any, Final

from modelver._values.digests import ALGORITHMS, new_hasher

_CR: Final = b"\r"


class Sum:
    """Takes bytes in, and tells whether they are the right ones.

    Attributes:
        known: Whether the digest is one of bytes. What is only a store's own word for
            them (``etag:``, ``id:``), or takes minutes here (``crc32c:``), is not.
    """

    def __init__(self, digest: str) -> None:
        """Begin with no bytes.

        Args:
            digest: As an input has it: ``b3:...``, ``sha256:...``, ``md5:...``, or
                ``md5lf:...``, which DVC 2 took of text with LF for CRLF.
        """
        self._kind, _, self._expected = digest.partition(":")
        self._hashers = _hashers(self._kind)
        self._held = b""
        self.known = bool(self._hashers)

    def update(self, data: bytes) -> None:
        """Take *data* in."""
        if self._hashers:
            self._hashers[0].update(data)
        if len(self._hashers) > 1:
            whole = self._held + data
            self._held = _CR if whole.endswith(_CR) else b""
            whole = whole.removesuffix(_CR) if self._held else whole
            self._hashers[1].update(whole.replace(b"\r\n", b"\n"))

    @property
    def actual(self) -> str:
        """The digest of what was taken in, as it would be written."""
        return f"{self._kind}:{self._hashers[0].hexdigest()}" if self.known else ""

    def matches(self) -> bool:
        """Whether the bytes taken in are all, and are the right ones."""
        if len(self._hashers) > 1:
            self._hashers[1].update(self._held)
        return any(h.hexdigest() == self._expected for h in self._hashers)


def _hashers(kind: str) -> list[Any]:
    if kind in ALGORITHMS:
        return [new_hasher(kind)]
    if kind in ("md5", "md5lf"):
        count = 2 if kind == "md5lf" else 1
        return [hashlib.md5(usedforsecurity=False) for _ in range(count)]
    return []

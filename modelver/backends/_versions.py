"""What stores know of a key without its bytes: versions and checksums.

Asked for data that stays where it is. A registry's own keys never change, so that the
registry itself has no use for it.
"""

import base64
import binascii
import re
from abc import abstractmethod
from collections.abc import Awaitable
from typing import Any, Final

from modelver.backends._errors import Answer
from modelver.backends._fsspec import FsspecBackend
from modelver.plugin import KeyFacts

# Bytes of the sums that stores hand out in base64.
_LENGTHS: Final = {"sha256": 32, "md5": 16, "crc32c": 4}
_NOT_PLAIN: Final = re.compile(r"[^!-~]")
_MAX_ETAG: Final = 200


class VersionedBackend(FsspecBackend):
    """A store that tells versions and checksums; how is two hooks more."""

    @abstractmethod
    def _describe(
        self, filesystem: Any, path: str, version: str | None
    ) -> Awaitable[KeyFacts]:
        """Return what the store says of *path*; raise what means MISSING."""

    @abstractmethod
    def _get_version(
        self, filesystem: Any, path: str, span: tuple[int, int | None], version: str
    ) -> Awaitable[bytes | list[bytes]]:
        """Return a span of a version, as ``_get`` does."""

    def describe_key(self, key: str, version: str | None = None) -> KeyFacts | None:
        """See :meth:`modelver.plugin.Versioned.describe_key`."""
        try:
            found: KeyFacts = self._run(
                self._describe, self._path(key), version, again=True
            )
        except Exception as error:  # noqa: BLE001 - every one is translated
            if self._judge(error) is Answer.MISSING:
                return None
            self._fail(error, "read", key)
        return found

    def read_version(
        self, key: str, version: str, start: int = 0, end: int | None = None
    ) -> bytes | None:
        """See :meth:`modelver.plugin.Versioned.read_version`."""
        span = start, None if end is None else max(end, start + 1)
        try:
            found = self._run(
                self._get_version, self._path(key), span, version, again=True
            )
        except Exception as error:  # noqa: BLE001 - the same
            return self._unread(error, key)
        data = found if isinstance(found, bytes) else b"".join(found)
        return data if end is None or end > start else b""


def checksum(**sums: str | bytes | bytearray | None) -> str | None:
    """Return the first of the sums that is one, as ``sha256:<hex>``.

    Args:
        sums: By the name of the algorithm, strongest first: bytes, or base64. One
            over parts, as S3 has it of multipart uploads, is none.
    """
    for name, found in sums.items():
        if not found:
            continue
        try:
            raw = (
                base64.b64decode(found, validate=True)
                if isinstance(found, str)
                else bytes(found)
            )
        except (binascii.Error, ValueError):
            continue
        if len(raw) == _LENGTHS[name]:
            return f"{name}:{raw.hex()}"
    return None


def etag(text: object) -> str | None:
    """Return an entity tag as a checksum; None where it is missing, or a weak one."""
    if not isinstance(text, str) or text.startswith("W/"):
        return None
    bare = text.strip().strip('"')
    if not bare or len(bare) > _MAX_ETAG or _NOT_PLAIN.search(bare):
        return None
    return f"etag:{bare}"

"""Git LFS pointers: the few lines that stand in a work tree for bytes kept elsewhere.

A clone made without Git LFS has the pointers and nothing else. Such a file is never
what its name says: trained on or registered as a model, it is a hundred bytes of text.
The rules are those of the specification: https://github.com/git-lfs/git-lfs, in
``docs/spec.md``.
"""

import re
from typing import Final

from attrs import frozen

__all__ = ["LFS_HEAD", "LfsPointer", "is_lfs_pointer"]

LFS_HEAD: Final = 1024
"""Bytes of a file's head that decide: a pointer is shorter than that."""

_VERSIONS: Final = frozenset(
    {
        "https://git-lfs.github.com/spec/v1",
        "https://hawser.github.com/spec/v1",  # before its first release
        "http://git-media.io/v/2",  # and before that; both are still read
    }
)
_LINE: Final = re.compile(r"([a-z0-9.-]+) ([^\r\n]+)")
_OID: Final = re.compile(r"sha256:([0-9a-f]{64})")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_MOST_BYTES: Final = 2**63 - 1


@frozen(kw_only=True)
class LfsPointer:
    """What a pointer stands for.

    Attributes:
        oid: SHA-256 of the real bytes, 64 hex digits.
        size: Of the real bytes.
    """

    oid: str
    size: int

    @property
    def digest(self) -> str:
        """The oid as an input's digest is written: ``sha256:<hex>``."""
        return f"sha256:{self.oid}"


def is_lfs_pointer(head: bytes) -> LfsPointer | None:
    """Return what the pointer says, or None where the file is no pointer.

    Line ends that a checkout on Windows changed, and a missing last one, do not make
    a pointer something else. Lines that extensions add are allowed.

    Args:
        head: The first :data:`LFS_HEAD` bytes of the file, or all of a shorter one. A
            file that fills the head is no pointer.
    """
    if len(head) >= LFS_HEAD or not head.startswith(b"version "):
        return None
    try:
        lines = head.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        return None
    found: dict[str, str] = {}
    for line in lines:
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None or match[1] in found:
            return None
        found[match[1]] = match[2]
    oid = _OID.fullmatch(found.get("oid", ""))
    size = _SIZE.fullmatch(found.get("size", ""))
    if found["version"] not in _VERSIONS or oid is None or size is None:
        return None
    if int(size[0]) > _MOST_BYTES:
        return None
    return LfsPointer(oid=oid[1], size=int(size[0]))

"""Which files Git LFS keeps, and whether their bytes are here."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from modelver._capture.git.repository import Repository
from modelver._values.lfs import LFS_HEAD, LfsPointer, is_lfs_pointer

_MOST: Final = 5000
_OID: Final = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")


def blob_sizes(repository: Repository, oids: Collection[bytes]) -> Mapping[bytes, int]:
    """Return the sizes of contents, by object name; what is not here has none."""
    asked = [oid for oid in list(dict.fromkeys(oids))[:_MOST] if _OID.fullmatch(oid)]
    if not asked:
        return {}
    said = repository.run(
        "cat-file",
        "--batch-check=%(objectname) %(objecttype) %(objectsize)",
        feed=b"\n".join(asked) + b"\n",
    )
    words = [line.split(b" ") for line in (said or b"").splitlines()]
    blobs = [one for one in words if len(one) == 3 and one[1] == b"blob"]  # noqa: PLR2004 - the three that were asked for
    return {name: int(size) for name, _, size in blobs}


def pointers_at(
    repository: Repository, oids: Collection[bytes]
) -> Mapping[bytes, LfsPointer]:
    """Return what Git's objects say that are pointers, by object name."""
    # First their sizes: what is no pointer may be of any size.
    sizes = blob_sizes(repository, oids)
    small = [oid for oid, size in sizes.items() if size < LFS_HEAD]
    if not small:
        return {}
    said = repository.run(
        "cat-file", "--batch", cap=2**24, feed=b"\n".join(small) + b"\n"
    )
    return _parse(said or b"")


def _parse(said: bytes) -> dict[bytes, LfsPointer]:
    found = {}
    at = 0
    while (end := said.find(b"\n", at)) >= 0:
        words = said[at:end].split(b" ")
        if len(words) != 3 or not words[2].isdigit():  # noqa: PLR2004 - name, type, size
            break
        size = int(words[2])
        pointer = is_lfs_pointer(said[end + 1 : end + 1 + size])
        if pointer is not None:
            found[words[0]] = pointer
        at = end + size + 2
    return found

"""What Git lists in a work tree: tracked files, others, repositories inside it."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from modelver._capture.git.repository import Repository

_MOST_LISTED: Final = 8 * 2**20
_MOST_WORDS: Final = 200
_GITLINK: Final = b"160000"
_SKIPPED: Final = frozenset(b"Ss")


@frozen(kw_only=True)
class Listing:
    """Paths from the top of the work tree, as bytes: they need not be text.

    Attributes:
        tracked: Path to the object that the index has for it.
        untracked: Neither tracked nor ignored.
        links: Path of each submodule to the commit that it should be at.
        inner: Folders that are repositories of their own, and no submodules.
        skipped: Tracked, and Git was told not to look at them: not checked out, or
            declared unchanged.
        whole: Whether that is everything; else there was too much of it.
    """

    tracked: Mapping[bytes, bytes]
    untracked: Sequence[bytes]
    links: Mapping[bytes, bytes]
    inner: Sequence[bytes]
    skipped: frozenset[bytes]
    whole: bool

    @property
    def paths(self) -> list[bytes]:
        """What may be code, sorted."""
        return sorted({*self.tracked, *self.untracked})


def listing_of(
    repository: Repository, below: str, excluded: Sequence[str]
) -> Listing | None:
    """Return what there is below a folder, or None where git could not tell.

    Args:
        repository: Opened at the top of its work tree.
        below: The folder; empty: all of it.
        excluded: Paths that are passed over.
    """
    where = (
        "--",
        f":(top,literal){below}",
        *(f":(exclude,top,literal){path}" for path in excluded[:_MOST_WORDS]),
    )
    index = repository.run("ls-files", "-z", "-v", "--stage", *where, cap=_MOST_LISTED)
    others = repository.run(
        *("ls-files", "-z", "--others", "--exclude-standard", *where), cap=_MOST_LISTED
    )
    if index is None or others is None:
        return None
    out = tuple(os.fsencode(f"{path}/") for path in excluded[_MOST_WORDS:])
    tracked: dict[bytes, bytes] = {}
    links: dict[bytes, bytes] = {}
    skipped = set()
    for item in index.split(b"\0")[:-1]:
        head, _, path = item.partition(b"\t")
        if (path + b"/").startswith(out):
            continue
        tag, mode, oid, _ = head.split(b" ")
        (links if mode == _GITLINK else tracked)[path] = oid
        if tag[0] in _SKIPPED or tag.islower():
            skipped.add(path)
    found = [
        path for path in others.split(b"\0")[:-1] if not (path + b"/").startswith(out)
    ]
    return Listing(
        tracked=tracked,
        untracked=[path for path in found if not path.endswith(b"/")],
        links=links,
        inner=[path.rstrip(b"/") for path in found if path.endswith(b"/")],
        skipped=frozenset(skipped),
        whole=max(len(index), len(others)) < _MOST_LISTED,
    )

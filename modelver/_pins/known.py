"""Which contents of files are pinned in a repository, and by which pointers.

Git asks the filter what a file is to be in the index while its own index may still be
that of before. So the contents that were handed out are noted, by digest.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from modelver._pins.git import Git
from modelver._pins.pointer import MAX_POINTER, Pointer, parse
from modelver.errors import ModelverError

_PIECE: Final = 2**20


def _folder(git: Git) -> Path:
    return git.common / "modelver" / "known"


def remember(git: Git, pin: Pointer, copy: Path) -> None:
    """Note the content that a pointer to one file stands for.

    By Git's own name for it too: Git can find that out where modelver is not installed
    any more, and knows then what a file is that nobody has touched.

    Args:
        git: The work tree.
        pin: The pointer.
        copy: A file that has the bytes.
    """
    if pin.content is None:
        return
    from modelver._bundle.cache.places import write_whole  # noqa: PLC0415 - see recall

    folder = _folder(git)
    with suppress(OSError):  # then Git's index alone knows it
        folder.mkdir(parents=True, exist_ok=True)
        name = folder / pin.content.replace(":", "-")
        if not name.exists():
            write_whole(folder / f"git-{_blob_name(git, copy)}", pin.dump())
        write_whole(name, pin.dump())


def _blob_name(git: Git, path: Path) -> str:
    """Return what Git would call the bytes of a file."""
    said = git.ask("rev-parse", "--show-object-format") or b"sha1"
    name = "sha256" if said.strip() == b"sha256" else "sha1"
    hasher = hashlib.new(
        name, b"blob %d\0" % path.stat().st_size, usedforsecurity=False
    )
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hasher.update(piece)
    return hasher.hexdigest()


def recall(git: Git, digests: Iterable[str]) -> bytes | None:
    """Return the pointer of a content; None where it is not known."""
    # Git waits for us, and seldom asks for more than its index knows.
    from modelver._bundle.cache.places import read_plain  # noqa: PLC0415 - seldom needed

    for digest in digests:
        raw = read_plain(_folder(git) / digest.replace(":", "-"), MAX_POINTER)
        with suppress(ModelverError):
            if raw and parse(raw, digest).content == digest:
                return raw
    return None

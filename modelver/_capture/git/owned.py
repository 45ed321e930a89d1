"""Whether a repository is what lies in the folder, or borrows from somewhere else.

Whoever hands over a folder can have its ``.git`` point at another repository on the
machine. Git would then show, as deleted, the content of every file of that one: it
must not be stored with this code.
"""

import os
from pathlib import Path
from typing import Final

from modelver._capture.git.repository import Repository

_MOST_ENTRIES: Final = 100_000
_MOST_TEXT: Final = 4096
_READ: Final = ("HEAD", "index", "objects", "packed-refs", "refs", "shallow")


def is_owned(repository: Repository, root: Path) -> bool:
    """Return whether all that git knows of *root* was made for it.

    True for a repository in its own ``.git``, for a linked worktree that its
    repository knows of, for a submodule.
    """
    said = repository.line("rev-parse", "--absolute-git-dir", "--git-common-dir")
    if said is None or said.count("\n") != 1:
        return False
    own, common = (Path(os.path.realpath(root / line)) for line in said.split("\n"))
    dot = root / ".git"
    if dot.is_symlink():
        return False
    if dot.is_dir():
        named = own == common == dot
    elif own.parent == common / "worktrees":
        named = _names(own / "gitdir", dot)
    else:
        # git has put the top of the work tree here because this setting says so.
        named = own == common and repository.setting("core.worktree") is not None
    return named and not _borrows(own) and not _borrows(common)


def _names(file: Path, dot: Path) -> bool:
    with file.open("rb") as opened:
        said = opened.read(_MOST_TEXT)
    target = file.parent / os.fsdecode(said.removesuffix(b"\n"))
    return Path(os.path.realpath(target)) == dot


def _borrows(folder: Path) -> bool:
    """Return whether history or content may come from outside a git folder."""
    alternates = folder / "objects/info/alternates"
    if alternates.exists() or any((folder / name).is_symlink() for name in _READ):
        return True
    waiting = [
        folder / name for name in ("objects", "refs") if (folder / name).is_dir()
    ]
    seen = 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                seen += 1
                if entry.is_symlink() or seen > _MOST_ENTRIES:
                    return True
                if entry.is_dir():
                    waiting.append(Path(entry.path))
    return False

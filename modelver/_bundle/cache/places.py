"""Folders and files of the cache, reached without following a link.

Whoever can write into the cache could lay a link there that leads modelver's own reads
and writes elsewhere. modelver makes no links, so each is taken away.
"""

import contextlib
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import Final

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_READ: Final = (
    os.O_RDONLY
    | _NOFOLLOW
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_PRIVATE: Final = 0o700
_OTHERS_WRITE: Final = 0o022
_OTHERS: Final = 0o077


def is_folder(path: str | Path) -> bool:
    """Whether a folder is there, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def make_folder(path: Path) -> None:
    """Make *path* a folder for its owner alone, whatever else stands there."""
    if is_folder(path):
        return
    _unlink(path)
    # Those above are the user's: made where they are missing, else left alone.
    path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    path.mkdir(mode=_PRIVATE, exist_ok=True)


def is_own(path: Path) -> bool:
    """Whether nobody but this user, and root, can have written into a folder."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        found = path.lstat()
    except OSError:
        return False
    theirs = found.st_uid not in (os.geteuid(), 0)
    return not theirs and not found.st_mode & _OTHERS_WRITE


def keep_private(path: Path) -> None:
    """Take away from others what they may do in a folder of this user's."""
    if hasattr(os, "geteuid"):
        found = path.lstat()
        if found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
            path.chmod(_PRIVATE)


def open_plain(path: Path) -> int | None:
    """Open a regular file for reading; None where there is none of that name."""
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def read_plain(path: Path, limit: int) -> bytes | None:
    """Return up to *limit* bytes of a regular file; None where there is none."""
    descriptor = open_plain(path)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in the place of whatever is there, at once and as a whole."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def clear_way(root: Path, target: Path) -> None:
    """Take away what stands between *root* and a file that is to go to *target*."""
    inside = target.relative_to(root.parent)
    for above in reversed(inside.parents[:-1]):
        folder = root.parent / above
        if not is_folder(folder):
            _unlink(folder)
    if is_folder(target):
        remove_tree(target)


def remove_tree(folder: Path) -> None:
    """Delete a folder with all that is in it; what resists is left."""
    if os.name == "nt":  # a read-only file cannot be deleted there
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def throw_away(path: Path) -> None:
    """Delete whatever stands at *path*; what resists is left."""
    if is_folder(path):
        remove_tree(path)
    _unlink(path)


def _unlink(path: Path) -> None:
    # What another process has made a folder meanwhile cannot be, and need not.
    with contextlib.suppress(OSError):
        path.unlink()

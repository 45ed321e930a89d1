"""Lines in ``.gitignore`` and ``.gitattributes`` for what pins restore."""

import os
from pathlib import Path
from typing import Final

from modelver._bundle.cache.places import write_whole
from modelver._bundle.disk import translate
from modelver._pins.git import FILTER
from modelver._pins.places import open_file
from modelver.errors import FormatError

_LIMIT: Final = 2**20
_IGNORED: Final = "# Restored by modelver from the *.mv.json files here."
_HELD: Final = "# Held by Git as pointers, restored by modelver."


def ignore(target: Path, *, folder: bool) -> None:
    """Keep Git from taking what a pointer restores.

    Args:
        target: The file or folder.
        folder: Whether it is one.
    """
    line = f"/{_escaped(target.name)}{'/' if folder else ''}"
    _add_line(target.parent / ".gitignore", _IGNORED, line)


def hold_in_git(target: Path) -> None:
    """Have Git hold a file as a pointer, as soon as the filter is installed."""
    name = _escaped(target.name).replace(" ", "[[:space:]]")
    line = f"/{name} filter={FILTER} -text"
    _add_line(target.parent / ".gitattributes", _HELD, line)


def _escaped(name: str) -> str:
    # Everything else with a meaning of its own cannot be in such a name.
    return name.replace("[", "\\[")


def _add_line(path: Path, head: str, line: str) -> None:
    """Add a line to a file that has it not yet, below its heading.

    Raises:
        FormatError: The file is a link, or no regular file.
        StorageError: It cannot be written.
    """
    shown = os.fspath(path)
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise FormatError(f"{shown!r} is no regular file", path=shown)
        found = b""
        if path.exists():
            with os.fdopen(open_file(path), "rb") as file:
                found = file.read(_LIMIT + 1)
        if len(found) > _LIMIT:
            raise FormatError(f"{shown!r} is too long to add a line", path=shown)
        end = b"\r\n" if b"\r\n" in found else b"\n"
        lines = (
            found.removesuffix(b"\n").removesuffix(b"\r").split(end) if found else []
        )
        if line.encode() in lines:
            return
        at = lines.index(head.encode()) + 1 if head.encode() in lines else len(lines)
        if at == len(lines) and head.encode() not in lines:
            lines.append(head.encode())
            at += 1
        text = end.join([*lines[:at], line.encode(), *lines[at:], b""])
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        write_whole(path, text)
        path.chmod(0o666 & ~_umask() if mode is None else mode)
    except OSError as error:
        if isinstance(error, FormatError):
            raise
        raise translate(error, path) from error


def write_text(path: Path, text: bytes) -> None:
    """Write a file of the user's, whole, in the place of what was there.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        mode = path.stat().st_mode & 0o777 if path.is_file() else 0o666 & ~_umask()
        write_whole(path, text)
        path.chmod(mode)
    except OSError as error:
        raise translate(error, path) from error


def _umask() -> int:
    found = os.umask(0o077)  # there is no other way to ask for it
    os.umask(found)
    return found

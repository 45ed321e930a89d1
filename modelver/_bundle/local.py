"""Paths on this machine, as callers write them: for sources and for targets."""

import os
import stat
from pathlib import Path
from typing import Final

from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


def read_small(path: Path, limit: int) -> bytes | None:
    """Return the bytes of a regular file of at most *limit* bytes.

    None where it is missing, longer, no regular file, or cannot be read: for what may
    help and is never needed.
    """
    try:
        descriptor = os.open(path, _READ)
    except (OSError, ValueError):
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - no path, a descriptor
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            found = file.read(limit + 1)
        except OSError:
            return None
    return found if len(found) <= limit else None


def local_path(path: str | os.PathLike[str], what: str) -> Path:
    """Return *path* with ``~`` replaced by the home folder that it means.

    Args:
        path: As the caller wrote it.
        what: What it is for, with its article: ``"the model"``.

    Raises:
        InvalidInputError: No file can be called so, or there is no such home.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidInputError(
            f"{what} is given as {type(path).__name__}, expected a path",
            kind=ErrorKind.BAD_PATH,
        )
    found = Path(path)
    if "\0" in os.fspath(found):
        raise InvalidInputError(
            f"{what} {quoted(os.fspath(found))} holds a NUL, which no path can",
            kind=ErrorKind.BAD_PATH,
        )
    try:
        return found.expanduser()
    except RuntimeError as error:
        raise InvalidInputError(
            f"{what} {quoted(os.fspath(found))} begins in a home folder that is not "
            "there",
            kind=ErrorKind.MISSING_FILE,
            hint="Write the whole path; '~name' is the home of that user.",
        ) from error

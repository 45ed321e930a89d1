"""Paths on this machine, as callers write them: for sources and for targets."""

import os
from pathlib import Path

from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError


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

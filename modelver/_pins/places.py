"""Where pointers stand, where their bytes go, and where their registries lie."""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from modelver._pins.pointer import MAX_POINTER, SUFFIX, has_conflict, maybe
from modelver._values.paths import check_bundle_path
from modelver._values.url import scheme_of
from modelver.errors import (
    ErrorKind,
    FormatError,
    InvalidInputError,
    ModelverError,
)

_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    # A FIFO would hang whoever opens it.
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_file(path: Path) -> int:
    """Open a regular file for reading, and no link.

    Raises:
        OSError: It is none, or cannot be read.
    """
    descriptor = os.open(path, _READ)
    if not os.path.isfile(descriptor):  # noqa: PTH113 - of a descriptor
        os.close(descriptor)
        raise OSError(22, "it is no regular file", os.fspath(path))
    return descriptor


def read_pointer(path: Path) -> bytes:
    """Return the bytes of a pointer file.

    Raises:
        FormatError: It is a link, no regular file, or too long for one.
        StorageError: It cannot be read.
    """
    shown = os.fspath(path)
    if path.is_symlink():
        raise FormatError(f"{shown!r} is a link, and no pointer file", path=shown)
    if not path.is_file():
        raise FormatError(f"{shown!r} is no regular file", path=shown)
    try:
        with os.fdopen(open_file(path), "rb") as file:
            found = file.read(MAX_POINTER + 1)
    except OSError as error:
        from modelver._bundle.disk import translate  # noqa: PLC0415 - Git waits for us

        raise translate(error, path) from error
    if len(found) > MAX_POINTER:
        raise FormatError(
            f"{shown!r} is no pointer file: it has more than {MAX_POINTER:,} bytes",
            path=shown,
        )
    return found


def holds_pointer(path: Path) -> bool:
    """Whether a file holds the text of a pointer, or of two that Git has merged."""
    try:
        raw = read_pointer(path)
    except ModelverError:
        return False
    return has_conflict(raw) or maybe(raw, path.name) is not None


def target_of(pointer: Path) -> Path:
    """Return where the bytes of a pointer file go: beside it, by its own name.

    Raises:
        InvalidInputError: No file can be called so on every system.
    """
    name = pointer.name.removesuffix(SUFFIX)
    check_target_name(name)
    return pointer.parent / name


def check_target_name(name: str) -> str:
    """Return *name* if a file or folder may be called so beside its pointer.

    Raises:
        InvalidInputError: It may not (kind ``BAD_PATH``).
    """
    try:
        check_bundle_path(name)
        whole = "/" not in name and not name.endswith(SUFFIX)
    except (InvalidInputError, UnicodeError) as error:
        raise InvalidInputError(
            f"nothing can be restored as {name!a}: {error}",
            kind=ErrorKind.BAD_PATH,
            hint="Call the pointer file otherwise: --as NAME.",
        ) from error
    if not whole:
        raise InvalidInputError(
            f"nothing can be restored as {name!r}",
            kind=ErrorKind.BAD_PATH,
            hint="Give a name without slashes, and without .mv.json at its end.",
        )
    return name


def is_own_folder(text: str) -> bool:
    """Whether an address is a folder as seen from the pointer's own."""
    if scheme_of(text) != "file" or "://" in text:
        return False
    here = PureWindowsPath(text)
    return not (PurePosixPath(text).is_absolute() or here.anchor or "\\" in text)


def address_of(text: str, base: Path) -> str:
    """Return the address that a pointer in the folder *base* means."""
    return os.path.normpath(base / text) if is_own_folder(text) else text


def goes_along(folder: Path, home: Path) -> bool:
    """Whether a folder lies in the repository *home*, or beside it."""
    if folder.is_relative_to(home) or folder.parent == home.parent:
        return True
    # Beside a repository in the root lies everything.
    return folder.is_relative_to(home.parent) and home.parent != Path(home.anchor)


def written(url: str, base: Path, home: Path) -> str:
    """Return how a pointer in *base* writes the address of a registry.

    A folder that goes where the repository goes is written as seen from the pointer.

    Args:
        url: As the registry says it.
        base: The pointer's folder, without links.
        home: The upper folder of the repository, without links.
    """
    if not Path(url).is_absolute():
        return url
    real = Path(os.path.realpath(url))
    if not goes_along(real, home):
        return url
    return Path(os.path.relpath(real, base)).as_posix()

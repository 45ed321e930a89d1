"""Writing a bundle into a folder: fresh, verified, whole or not at all."""

import os
import shutil
import stat
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from modelver._bundle.local import local_path
from modelver._bundle.ports import Progress
from modelver._bundle.read import BundleReader
from modelver._values.manifest import FileEntry
from modelver.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ErrorKind,
    ModelverError,
    StorageError,
)

_NEW: Final = (
    os.O_CREAT
    | os.O_EXCL
    | os.O_WRONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)


def checkout(
    reader: BundleReader,
    files: Iterable[FileEntry],
    target: Path,
    progress: Progress | None = None,
) -> Path:
    """Write *files* below *target*, which must not exist or be an empty folder.

    They are written into a fresh folder beside it, verified while they stream, and
    the folder is renamed once: an interrupted checkout leaves nothing at the target.

    Raises:
        AlreadyExistsError: Something is there.
        IntegrityError: A file is damaged; nothing is left behind.
        StorageError: The disk is full, or refuses.
    """
    target = local_path(target, "the target")
    target = Path(os.path.abspath(target))  # noqa: PTH100 - keeps links
    files = list(files)
    if progress is not None:
        progress.set_size(sum(file.size for file in files))
    # A name may have 255 bytes, and a character four of them.
    fresh = target.parent / f".{target.name[:32]}.{uuid.uuid4().hex[:12]}.tmp"
    try:
        if _occupied(target):
            raise _taken(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        for file in files:
            write_file(reader, file, fresh / file.path)
            if progress is not None:
                progress.relative_update(file.size)
        _rename(fresh, target)
    except ModelverError:
        raise
    except OSError as error:
        raise translate(error, target) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def write_file(reader: BundleReader, file: FileEntry, path: Path) -> None:
    """Write one verified file where nothing is yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o777 if file.executable else 0o666
    descriptor = os.open(path, _NEW, mode)
    with os.fdopen(descriptor, "wb", buffering=0) as out:
        for piece in reader.stream(file):
            rest = memoryview(piece)
            while rest:
                rest = rest[out.write(rest) :]


def _rename(fresh: Path, target: Path) -> None:
    try:
        if os.name == "nt" and target.is_dir():
            target.rmdir()  # rename refuses even an empty one there
        fresh.rename(target)
    except OSError as error:
        if _occupied(target):
            raise _taken(target) from error
        raise


def _occupied(target: Path) -> bool:
    try:
        if not stat.S_ISDIR(target.lstat().st_mode):
            return True
    except FileNotFoundError:
        return False
    with os.scandir(target) as found:
        return next(found, None) is not None


def _taken(target: Path) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"{os.fspath(target)!r} is there already and is not an empty folder",
        kind=ErrorKind.TARGET_EXISTS,
        hint="Choose a folder that does not exist, or remove this one first.",
    )


def translate(error: OSError, path: Path) -> StorageError:
    """Return modelver's error for what a local disk says."""
    what = f"cannot write {os.fspath(path)!r}: {error.strerror or error}"
    if isinstance(error, PermissionError):
        return AccessDeniedError(what, hint="Choose a folder that you may write to.")
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return StorageError(
            what,
            kind=ErrorKind.DISK_FULL,
            hint="Free some space and call again; nothing was left behind.",
            retryable=True,
        )
    return StorageError(what, hint="Choose a folder that can be made there.")

"""Writing a bundle into a folder: fresh, verified, whole or not at all."""

import contextlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelver._bundle.disk import translate
from modelver._bundle.fetch import fetch_files
from modelver._bundle.local import local_path
from modelver._bundle.ports import Progress
from modelver._bundle.read import BundleReader
from modelver._values.manifest import FileEntry
from modelver.errors import AlreadyExistsError, ErrorKind, ModelverError

try:
    import fcntl
except ImportError:  # Windows
    _CAN_LOCK = False
else:
    _CAN_LOCK = True


def checkout(
    reader: BundleReader,
    files: Iterable[FileEntry],
    target: Path,
    progress: Progress | None = None,
) -> Path:
    """Write *files* below *target*, which must not exist or be an empty folder.

    They are written into a fresh folder beside it, verified, and the folder is renamed
    once: an interrupted checkout leaves nothing at the target. What a killed one has
    left beside it, the next one to the same target takes away.

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
    try:
        if _occupied(target):
            raise _taken(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target)
        with _fresh_folder(target) as fresh:
            fetch_files(reader, files, fresh, progress, shown=target)
            _rename(fresh, target)
    except ModelverError:
        raise
    except OSError as error:
        raise translate(error, target) from error
    return target


def _prefix(target: Path) -> str:
    # A name may have 255 bytes, and a character four of them.
    return f".{target.name[:32]}."


@contextmanager
def _fresh_folder(target: Path) -> Iterator[Path]:
    """Make a folder beside *target*; if it is still there at the end, it goes."""
    fresh, lock = _locked_folder(target)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _locked_folder(target: Path) -> tuple[Path, int | None]:
    """Make a folder of our own; its lock tells others that we have not ended."""
    while True:
        fresh = target.parent / f"{_prefix(target)}{uuid.uuid4().hex[:12]}.tmp"
        fresh.mkdir()
        try:
            lock = _lock(fresh)
            if lock is None or os.path.samestat(os.fstat(lock), fresh.lstat()):
                return fresh, lock
            os.close(lock)
        except (BlockingIOError, FileNotFoundError):
            pass  # taken for a leftover a moment before it was locked


def _lock(folder: Path) -> int | None:
    """Lock a folder; None where folders cannot be locked.

    Raises:
        OSError: It is another's, is gone, or is no folder.
    """
    if not _CAN_LOCK:
        return None
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _clear_leftovers(target: Path) -> None:
    """Delete what checkouts to *target* have left that were killed.

    The lock alone tells: the system lets go of it when its process ends, however old
    the folder is by then.
    """
    name = re.compile(re.escape(_prefix(target)) + r"[0-9a-f]{12}\.tmp")
    leftovers: list[Path] = []
    # A folder that may be written to need not be one that may be listed.
    with contextlib.suppress(OSError), os.scandir(target.parent) as found:
        leftovers += (Path(item.path) for item in found if name.fullmatch(item.name))
    for folder in leftovers:
        with contextlib.suppress(OSError):
            lock = _lock(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


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

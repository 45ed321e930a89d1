"""One process at a time fills one file; another goes on where it was interrupted."""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from modelver._bundle.cache.places import is_folder, make_folder, throw_away

try:
    import fcntl
except ImportError:  # Windows
    _CAN_LOCK = False
else:
    _CAN_LOCK = True

FOLDER: Final = ".partial"

_LOCK: Final = ".lock"
_FLAGS: Final = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_WAIT: Final = 0.02
# Seconds in which whoever holds a file writes nothing to it: stopped, or lost.
_PATIENCE: Final = 120.0


@frozen
class Claim:
    """A file that this process alone writes.

    Attributes:
        path: Where; it may be made a folder.
        shared: Whether another process goes on with it, should this one end early.
    """

    path: Path
    shared: bool


@contextmanager
def claimed(root: Path, name: str) -> Iterator[Claim]:
    """Claim the partial file *name* in a folder of the cache.

    Waits while another process has it and gets on with it. Where files cannot be
    locked, or the other one does not get on, it is a file of this process's own.
    """
    folder = root / FOLDER
    make_folder(folder)
    path, lock = folder / name, folder / f"{name}{_LOCK}"
    descriptor = _locked(lock, path)
    if descriptor is None:
        own = folder / f"{name}.{uuid.uuid4().hex}"
        try:
            yield Claim(own, shared=False)
        finally:
            throw_away(own)
        return
    try:
        yield Claim(path, shared=True)
    finally:
        # Taken away while it is held: whoever waits for it sees that it is another.
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(descriptor)


def is_claimed(root: Path) -> bool:
    """Whether a process fills a file of this folder of the cache right now."""
    folder = root / FOLDER
    if not is_folder(folder):
        return False
    try:
        if _CAN_LOCK:
            return any(_is_held(path) for path in folder.glob(f"*{_LOCK}"))
        now = time.time()
        return any(now - path.lstat().st_mtime < _PATIENCE for path in folder.iterdir())
    except OSError:  # deleted since the folder was read
        return False


def _locked(lock: Path, watched: Path) -> int | None:
    """Return the descriptor of a lock, once it is this process's own; or None."""
    seen, since = _progress(watched), time.monotonic()
    while _CAN_LOCK:
        descriptor = os.open(lock, _FLAGS | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it before has deleted it: another one may stand there now.
            if _is_at(descriptor, lock):
                return descriptor
        except BlockingIOError:
            now = _progress(watched)
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                os.close(descriptor)
                return None
            time.sleep(_WAIT)
        except OSError:  # a file system without locks
            os.close(descriptor)
            return None
        os.close(descriptor)
    return None


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, _FLAGS)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _progress(path: Path) -> tuple[int, ...]:
    try:
        found = path.lstat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, getattr(found, "st_blocks", 0)

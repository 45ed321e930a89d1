"""What is asked of this machine's disk: bytes at a place, and room for them."""

import errno
import os
import stat
from pathlib import Path
from threading import Lock
from typing import Final

from modelver._values.digests import Hasher
from modelver.errors import AccessDeniedError, ErrorKind, StorageError

# It stays in the processor's cache between one touch and the next.
PIECE: Final = 256 * 1024
# A longer write takes ten times as long where the kernel takes fresh pages of 2 MiB for
# it, as on a virtual machine that gives idle ones back to its host.
_WRITE: Final = 2**20

_NEW: Final = (
    os.O_CREAT
    | os.O_RDWR
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    # A FIFO would hang whoever opens it before it can be seen that it is one.
    | getattr(os, "O_NONBLOCK", 0)
)
_FULL: Final = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
# What the kernel says where it cannot copy from one of these files to the other.
_NOT_INSIDE: Final = {
    errno.EXDEV,
    errno.ENOSYS,
    errno.EINVAL,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.EPERM,
}
# Where there is no reading at a place, two threads share a file's one position.
_POSITION: Final = Lock()


def open_target(path: Path, *, executable: bool, resume: bool) -> int:
    """Open a file for reading and writing, and return its descriptor.

    Args:
        path: Where. No link is followed.
        executable: Whether a file that is made can be run.
        resume: Whether it may be there already; else it must not.

    Raises:
        OSError: It is there, is no regular file, or cannot be made.
    """
    flags = _NEW if resume else _NEW | os.O_EXCL
    descriptor = os.open(path, flags, 0o777 if executable else 0o666)
    if resume and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    return descriptor


def read_into(descriptor: int, view: memoryview, at: int) -> int:
    """Fill *view* with the bytes at a place, as far as they come; return how many."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [view], at)
    if hasattr(os, "pread"):
        data = os.pread(descriptor, len(view), at)
    else:
        with _POSITION:
            os.lseek(descriptor, at, os.SEEK_SET)
            data = os.read(descriptor, len(view))
    view[: len(data)] = data
    return len(data)


def write_at(descriptor: int, data: bytes | memoryview, at: int) -> None:
    """Write all of *data* at a place."""
    rest = memoryview(data)
    while rest:
        if hasattr(os, "pwrite"):
            count = os.pwrite(descriptor, rest[:_WRITE], at)
        else:
            with _POSITION:
                os.lseek(descriptor, at, os.SEEK_SET)
                count = os.write(descriptor, rest[:_WRITE])
        rest, at = rest[count:], at + count


def copy(source: int, start: int, length: int, target: int, at: int) -> int:
    """Copy bytes between files, inside the kernel where it can; return how many.

    Fewer than *length* where *source* ends earlier.
    """
    done = _copy_inside(source, start, length, target, at)
    if done == length:
        return done
    buffer = memoryview(bytearray(min(PIECE, length - done)))
    while done < length:
        count = read_into(source, buffer[: length - done], start + done)
        if count == 0:
            break
        write_at(target, buffer[:count], at + done)
        done += count
    return done


def _copy_inside(source: int, start: int, length: int, target: int, at: int) -> int:
    """Copy as :func:`copy` does; stop where the kernel will not go on."""
    inside = getattr(os, "copy_file_range", None)
    done = 0
    while inside is not None and done < length:
        try:
            count = inside(source, target, length - done, start + done, at + done)
        except OSError as error:
            if error.errno not in _NOT_INSIDE:
                raise
            break
        if count == 0:  # some file systems say so though there is more
            break
        done += count
    return done


def hash_range(
    descriptor: int, start: int, end: int, hasher: Hasher, buffer: memoryview
) -> int:
    """Take bytes ``start:end`` of a file into *hasher*; return where they ended."""
    at = start
    while at < end:
        count = read_into(descriptor, buffer[: end - at], at)
        if count == 0:
            break
        hasher.update(buffer[:count])
        at += count
    return at


def check_room(descriptor: int, size: int) -> None:
    """Refuse a file of *size* bytes that cannot fit, before anything is written.

    Raises:
        OSError: The file system has less than that.
    """
    if not hasattr(os, "fstatvfs"):
        return
    found = os.fstatvfs(descriptor)
    has = getattr(os.fstat(descriptor), "st_blocks", 0) * 512
    # Some file systems do not tell how large they are.
    if found.f_blocks and size - has > found.f_bfree * found.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def reserve(descriptor: int, size: int) -> None:
    """Take the room for *size* bytes: a full disk is found now, and not half way.

    Copying into it is faster besides. Nothing else may be writing to the file.

    Raises:
        OSError: There is not so much.
    """
    # A file system may hand out all that it has before it says that it is too little.
    check_room(descriptor, size)
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is None or size == 0:
        return
    try:
        allocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _NOT_INSIDE | {errno.ENODEV}:
            raise


def translate(error: OSError, path: Path) -> StorageError:
    """Return modelver's error for what a local disk says."""
    what = f"cannot write {os.fspath(path)!r}: {error.strerror or error}"
    if isinstance(error, PermissionError):
        return AccessDeniedError(what, hint="Choose a folder that you may write to.")
    if error.errno in _FULL:
        return StorageError(
            what,
            kind=ErrorKind.DISK_FULL,
            hint="Free some space and call again; nothing was left behind.",
            retryable=True,
        )
    return StorageError(what, hint="Choose a folder that can be made there.")

"""When a file's stamp is enough to know that its bytes are still the same."""

import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, Self

from attrs import frozen

# A change time lags behind the clock by a tick of the kernel, 10 ms at most, and by one
# of the file system: no more on those that keep fractions of a second.
_TICK_NS: Final = 20_000_000
# Where the clock is another machine's (Kerberos allows for so much), or where it cannot
# be told who has the file open: pages are on the disk after 30 s, and then a store to
# one is noted again.
_LONG_NS: Final = 300_000_000_000
_SECOND_NS: Final = 1_000_000_000
# File systems of this machine by their magic number, see statfs(2). Not overlayfs:
# mappings of its files are of the files below, which a lease on its own does not see.
_LOCAL: Final = {
    0xEF53,  # ext2, ext3, ext4
    0x58465342,  # XFS
    0x9123683E,  # Btrfs
    0xF2F52010,  # F2FS
    0x2FC12FC1,  # ZFS
    0xCA451A4E,  # bcachefs
}
# Those that never note a store through a mapping.
_IN_MEMORY: Final = {
    0x01021994,  # tmpfs
    0x858458F6,  # ramfs
    0x958458F6,  # hugetlbfs
}
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@frozen(kw_only=True)
class Stamp:
    """What the file system says of a file; another one means: perhaps other bytes.

    The device is not in it: its number may change with every boot.

    Attributes:
        size: Bytes.
        mtime_ns: When it was written to; programs may set it as they like.
        ctime_ns: When it was changed; programs may not set it.
        inode: Its number in the file system; one that was put in its place has another.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, info: os.stat_result) -> Self:
        """Return the stamp in *info*."""
        return cls(
            size=info.st_size,
            mtime_ns=info.st_mtime_ns,
            ctime_ns=info.st_ctime_ns,
            inode=info.st_ino,
        )


def settled(info: os.stat_result, descriptor: int) -> bool:
    """Whether every change of a file from now on would have to show in its stamp.

    To be asked before the file is read. Three changes do not show: one within the same
    tick of the file system's clock; the rest of a long write that has begun, which was
    stamped then; and a store through a mapping to a page that is dirty already.

    Args:
        info: Of the file, taken before.
        descriptor: Of the same file, opened for reading only.
    """
    if os.name == "nt":
        return False  # st_ctime is when the file was made there
    if info.st_ctime_ns % _SECOND_NS == 0:
        # An old file system; or an image, or FAT, which make the change time up from
        # another: two images may hold different bytes with one stamp.
        return False
    kind = _file_system(descriptor)
    unwritten = kind not in _IN_MEMORY and _unwritten(descriptor)
    if unwritten is False:
        return False
    age = time.time_ns() - info.st_ctime_ns
    return age > (_TICK_NS if unwritten and kind in _LOCAL else _LONG_NS)


def _file_system(descriptor: int) -> int | None:
    """Return the magic number of the file system of a file, if it has one."""
    ask = _fstatfs()
    if ask is None:
        return None
    import ctypes  # noqa: PLC0415 - as in _fstatfs

    room = ctypes.create_string_buffer(512)  # more than any struct statfs
    if ask(descriptor, room) != 0:
        return None
    return ctypes.c_long.from_buffer(room).value & 0xFFFFFFFF


@cache
def _fstatfs() -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - only to look at files that have to be read

    try:
        found: Callable[..., int] = ctypes.CDLL(None).fstatfs
    except (OSError, AttributeError):
        return None
    return found


def _unwritten(descriptor: int) -> bool | None:
    """Whether no program has a file open for writing, a mapping of it included.

    A read lease is granted only then. It is given back at once: a program that opens
    the file in between waits for that, and we are sent a signal, SIGIO by default,
    which would end the process; SIGURG is ignored by default.

    Returns:
        None where nobody can tell: the file is somebody else's, or on a file system
        that grants no leases.
    """
    if sys.platform != "linux":
        return None
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return False if error.errno == errno.EAGAIN else None
    finally:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True


@cache
def this_boot() -> str | None:
    """Return what tells this run of the machine from others; None: nothing does."""
    try:
        return _BOOT.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None

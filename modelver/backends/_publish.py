"""New files in a folder: without a name while they are written, then linked to one.

Linux makes files that have no name at all (``O_TMPFILE``): whenever the process dies,
nothing is left of them. Where the file system has none, a file is written under a
name that no reader looks at. Either way the link is refused when the key exists.
"""

import contextlib
import errno
import os
import sys
import uuid
from types import TracebackType
from typing import Final, Self

from attrs import define, field

from modelver.errors import ErrorKind, StorageError

TEMPORARY: Final = ".tmp-"

# Windows cannot name a file that is open, so there its bytes are flushed before.
NAMES_OPEN_FILES: Final = os.name != "nt"

_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
_NAMELESS: Final = getattr(os, "O_TMPFILE", 0)
_NAMED: Final = (
    os.O_CREAT
    | os.O_EXCL
    | os.O_RDWR
    | _CLOEXEC
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
# How a file system, or an old kernel, says that its files have to have a name.
_NO_NAMELESS: Final = {
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.EISDIR,
    errno.EINVAL,
    errno.ENOSYS,
}
_NO_LINKS: Final = {
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
}
# No /proc, or one that may not be used for this.
_NO_LINKS_OF_NAMELESS: Final = _NO_LINKS | {errno.ENOENT, errno.EACCES, errno.EXDEV}
_PIECE: Final = 1024 * 1024
_RENAME_NOREPLACE: Final = 1
_AT_FDCWD: Final = -100


def flush(descriptor: int) -> None:
    """Ask for the bytes to be on the disk itself."""
    if sys.platform == "darwin":  # fsync stops at the drive's cache there
        import fcntl  # noqa: PLC0415 - not on Windows

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def flush_folder(folder: str) -> None:
    """Ask for the names in *folder* to be on the disk itself."""
    if os.name == "nt":  # a folder cannot be opened there; NTFS journals the entry
        return
    descriptor = os.open(folder, os.O_RDONLY | _CLOEXEC)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def above(path: str) -> str:
    """Return the folder that *path* is in."""
    return path.rpartition(os.sep)[0]


def _write_all(descriptor: int, data: bytes | bytearray | memoryview) -> int:
    rest = memoryview(data).cast("B")
    total = len(rest)
    while rest:
        # A longer write takes ten times as long where the kernel takes fresh pages of
        # 2 MiB for it, as on a virtual machine that gives idle ones back to its host.
        rest = rest[os.write(descriptor, rest[:_PIECE]) :]
    return total


@define
class FileSystem:
    """What a file system was found to be able to do.

    Attributes:
        nameless: Whether it makes files without a name, and can name them later.
    """

    nameless: bool = field(default=bool(_NAMELESS))


class Held:
    """An open descriptor, closed at the latest when nobody has it any more."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def close(self) -> None:
        """Close it, once."""
        number, self.number = self.number, -1
        if number >= 0:
            with contextlib.suppress(OSError):  # what counts was flushed before
                os.close(number)

    def __del__(self) -> None:
        self.close()


class NewFile:
    """A file that is being written, and has no key yet."""

    def __init__(self, folder: str, system: FileSystem) -> None:
        """Make one.

        Args:
            folder: Where; it has to be there.
            system: Asked what can be done there, and told.
        """
        self._folder = folder
        self._system = system
        self._path: str | None = None
        self.held = Held(-1)
        if system.nameless:
            try:
                flags = _NAMELESS | os.O_RDWR | _CLOEXEC
                self.held = Held(os.open(folder, flags, 0o666))
            except OSError as error:
                if error.errno not in _NO_NAMELESS:
                    raise
                system.nameless = False
        if not system.nameless:
            self._make_named()

    def _make_named(self) -> None:
        path = f"{self._folder}{os.sep}{TEMPORARY}{uuid.uuid4().hex}"
        self.held = Held(os.open(path, _NAMED, 0o666))
        self._path = path

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append *data*, and return how many bytes that were."""
        return _write_all(self.held.number, data)

    def flush(self) -> None:
        """Ask for the bytes to be on the disk itself."""
        flush(self.held.number)

    def link(self, target: str) -> None:
        """Give it its final name, which must not be there.

        Raises:
            FileExistsError: It is there.
            StorageError: The file system cannot do that without overwriting.
        """
        if self._path is None:
            try:
                # The folder for the source makes Python call linkat, which follows
                # the link in /proc; link does not. A whole path makes no use of it.
                os.link(
                    f"/proc/self/fd/{self.held.number}",
                    target,
                    src_dir_fd=self.held.number,
                    follow_symlinks=True,
                )
            except OSError as error:
                if error.errno not in _NO_LINKS_OF_NAMELESS:
                    raise
                self._system.nameless = False
            else:
                return
            self._copy()
        if not NAMES_OPEN_FILES:
            self.held.close()
        self._link_named(target)

    def _copy(self) -> None:
        """Write the bytes again, into a file with a name: once for a file system."""
        nameless = self.held
        self._make_named()
        os.lseek(nameless.number, 0, os.SEEK_SET)
        while piece := os.read(nameless.number, _PIECE):
            self.write(piece)
        nameless.close()
        self.flush()  # the caller may have done so already, for the other one

    def _link_named(self, target: str) -> None:
        assert self._path is not None  # noqa: S101 - it was made with one
        try:
            os.link(self._path, target)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _rename_refusing(self._path, target)
            self._path = None
        else:
            self.discard()

    def release(self) -> Held:
        """Hand the descriptor over to the caller."""
        held, self.held = self.held, Held(-1)
        return held

    def close(self) -> None:
        """Close it, and take away the name that no reader looks at."""
        self.held.close()
        self.discard()

    def discard(self) -> None:
        """Take away the name that no reader looks at, if there is one."""
        path, self._path = self._path, None
        if path is not None:
            # Nobody reads one that stays: no reason to fail what has succeeded, nor
            # to hide why it has not.
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _rename_refusing(source: str, target: str) -> None:
    """Rename, unless the target exists; for file systems without hard links."""
    if os.name == "nt":
        os.rename(source, target)  # noqa: PTH104 - refuses an existing target there
        return
    import ctypes  # noqa: PLC0415 - only where there are no hard links

    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        paths = os.fsencode(source), os.fsencode(target)
        at = _AT_FDCWD
        if renameat2(at, paths[0], at, paths[1], _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code == errno.EEXIST:
            raise FileExistsError(code, os.strerror(code), target)
        if code not in {errno.EINVAL, errno.ENOSYS}:
            raise OSError(code, os.strerror(code), target)
    raise StorageError(
        f"the file system of {above(target)!r} has neither hard links nor a "
        "rename that refuses an existing target",
        kind=ErrorKind.UNSUPPORTED,
        hint="Put the registry on another file system, or into a bucket.",
    )

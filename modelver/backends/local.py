"""A registry in a folder, on a disk of this machine or a mounted share.

A key is published by a hard link from a temporary file in the same folder: the link
is refused when the key exists, and a reader sees all of the file or nothing.
``open(..., "xb")`` is exclusive too, but shows half-written files to readers and
leaves them behind when the writer is killed.
"""

import contextlib
import ctypes
import errno
import os
import stat
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from modelver.backends._errors import translated
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    StorageError,
)
from modelver.plugin import Capabilities, KeyInfo

_TEMPORARY: Final = ".tmp-"
_NO_LINKS: Final = {
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
}
_WRITE: Final = (
    os.O_CREAT
    | os.O_EXCL
    | os.O_WRONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
# Without O_NONBLOCK a FIFO that somebody laid under a key would hang every reader
# before it can be seen that it is one.
_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_RENAME_NOREPLACE: Final = 1
_AT_FDCWD: Final = -100


def _flush(descriptor: int) -> None:
    """Ask for the bytes to be on the disk itself."""
    if sys.platform == "darwin":  # fsync stops at the drive's cache there
        import fcntl  # noqa: PLC0415 - not on Windows

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _flush_folder(folder: str) -> None:
    if os.name == "nt":  # a folder cannot be opened there; NTFS journals the entry
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def _rename_refusing(source: str, target: str) -> None:
    """Rename, unless the target exists; for file systems without hard links."""
    if os.name == "nt":
        os.rename(source, target)  # noqa: PTH104 - refuses an existing target there
        return
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
        f"the file system of {_above(target)!r} has neither hard links nor a "
        "rename that refuses an existing target",
        kind=ErrorKind.UNSUPPORTED,
        hint="Put the registry on another file system, or into a bucket.",
    )


def _publish(temporary: str, target: str) -> None:
    """Give *temporary* its final name, or raise FileExistsError."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_LINKS or isinstance(error, FileExistsError):
            raise
        _rename_refusing(temporary, target)
    else:
        _discard(temporary)


def _above(path: str) -> str:
    return path.rpartition(os.sep)[0]


def _discard(temporary: str) -> None:
    # Nobody reads one that stays: no reason to fail what has succeeded, nor to hide
    # why it has not.
    with contextlib.suppress(OSError):
        os.unlink(temporary)  # noqa: PTH108 - text


class LocalBackend:
    """A folder, with hard links (or a refusing rename) for exclusive creates.

    A file's bytes are flushed before it gets its name. Names of uploads are flushed
    together, before the next create gets its own: a log entry that survives a power
    cut never refers to an object that did not.
    """

    def __init__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        if storage_options:
            raise InvalidInputError(
                f"a folder takes no storage options, found {sorted(storage_options)}",
                kind=ErrorKind.BAD_URL,
            )
        self._url = os.path.realpath(_path_of(url))
        self._root = Path(self._url)
        self._folders: set[str] = set()
        self._unflushed: set[str] = set()
        self._lock = Lock()

    @property
    def url(self) -> str:
        """The folder's absolute path, links resolved."""
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive and durable."""
        return Capabilities(exclusive_create=True, durable=True, read_window=1)

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`modelver.plugin.Backend.create`."""
        target = self._place(key)
        with translated("create", self.url, key):
            # A key that is there stays there: a sure loser need not write first.
            if os.path.lexists(target):
                raise _key_exists(key, self.url)
            folder = self._folder(_above(target))
            temporary = f"{folder}{os.sep}{_TEMPORARY}{uuid.uuid4().hex}"
            try:
                with open(temporary, "xb", buffering=0, opener=_open_new) as file:
                    _write_all(file.fileno(), data)
                    _flush(file.fileno())
                self._flush_uploads()
                _publish(temporary, target)
                _flush_folder(folder)
            except FileExistsError as error:
                raise _key_exists(key, self.url) from error
            finally:
                _discard(temporary)

    def upload(self) -> "LocalUpload":
        """See :meth:`modelver.plugin.Backend.upload`."""
        return LocalUpload(self)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        with translated("read", self.url, key):
            descriptor = self.descriptor(key)
            if descriptor is None:
                return None
            try:
                size = os.fstat(descriptor).st_size
                if start >= size:  # it may be more than a seek can take
                    return b""
                stop = size if end is None else min(end, size)
                if start:
                    os.lseek(descriptor, start, os.SEEK_SET)
                return _read_up_to(descriptor, stop - start)
            finally:
                os.close(descriptor)

    def descriptor(self, key: str) -> int | None:
        """See :meth:`modelver.plugin.LocalFiles.descriptor`."""
        with translated("read", self.url, key):
            try:
                descriptor = os.open(self._place(key), _READ)
            except (FileNotFoundError, NotADirectoryError):
                return None
            # A device may be endless, and a FIFO looks empty.
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
            raise StorageError(
                f"{key!r} in {self.url} is no regular file",
                hint="Move it away; modelver makes nothing else.",
                key=key,
            )

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        found: list[bytes | None] = []
        for key in keys:
            found.append(self.read(key, 0, limit))
            if found[-1] is None:
                break
        return found + [None] * (len(keys) - len(found))

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        with translated("list", self.url, prefix):
            waiting = [self._root / prefix]
            while waiting:
                folder = waiting.pop()
                try:
                    found = os.scandir(folder)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                with found:
                    for item in found:
                        if item.name.startswith(_TEMPORARY):
                            continue
                        if item.is_dir(follow_symlinks=False):
                            waiting.append(Path(item.path))
                            continue
                        try:
                            size = item.stat().st_size
                        except FileNotFoundError:  # deleted since the folder was read
                            continue
                        key = Path(item.path).relative_to(self._root).as_posix()
                        yield KeyInfo(key=key, size=size)

    def delete(self, key: str) -> None:
        """See :meth:`modelver.plugin.Backend.delete`."""
        with translated("delete", self.url, key):
            target = self._root / key
            target.unlink(missing_ok=True)
            if target.parent.is_dir():
                _flush_folder(str(target.parent))

    def _place(self, key: str) -> str:
        # Joining text costs a tenth of joining Paths, and every read comes by here.
        return f"{self._url}{os.sep}{key.replace('/', os.sep)}"

    def _folder(self, folder: str) -> str:
        """Make *folder* and what is above it, once."""
        if folder in self._folders:
            return folder
        # Another process may have made them a moment ago and not flushed them yet.
        above = [str(parent) for parent in Path(folder).parents]
        stop = above.index(self._url) + 2 if self._url in above else 1
        while not os.path.isdir(above[stop - 1]):  # noqa: PTH112 - text
            stop += 1  # made here, so that its own name has to be flushed too
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - text
        self._named_in(*above[:stop])
        self._folders.add(folder)
        return folder

    def _named_in(self, *folders: str) -> None:
        """Note that names in *folders* have to be flushed before the next create."""
        with self._lock:
            self._unflushed.update(folders)

    def _flush_uploads(self) -> None:
        # Held while flushing: a create beside this one must not go ahead of it.
        with self._lock:
            for folder in tuple(self._unflushed):
                _flush_folder(folder)
                self._unflushed.discard(folder)


class LocalUpload:
    """A temporary file in the registry's own file system."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        with translated("begin an upload", backend.url, ""):
            folder = backend._folder(backend.url)  # noqa: SLF001 - the same room
            self._path = f"{folder}{os.sep}{_TEMPORARY}{uuid.uuid4().hex}"
            self._file = open(  # noqa: SIM115 - closed by commit or __exit__
                self._path, "xb", buffering=0, opener=_open_new
            )

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`modelver.plugin.Upload.write`."""
        with translated("upload", self._backend.url, ""):
            _write_all(self._file.fileno(), data)

    def commit(self, key: str) -> None:
        """See :meth:`modelver.plugin.Upload.commit`."""
        backend = self._backend
        with translated("upload", backend.url, key):
            _flush(self._file.fileno())
            self._file.close()
            target = backend._place(key)  # noqa: SLF001 - the same room
            folder = backend._folder(  # noqa: SLF001 - the same room
                _above(target)
            )
            try:
                _publish(self._path, target)
            except FileExistsError:
                # Whoever made it may not have flushed its name yet, and the caller
                # is about to refer to it.
                _discard(self._path)
            backend._named_in(folder)  # noqa: SLF001 - the same room

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._file.closed:
            with contextlib.suppress(OSError):
                self._file.close()
        _discard(self._path)


def _path_of(url: str) -> Path:
    """Return the path that a plain path or a ``file:`` URL means."""
    scheme, colon, _ = url.partition("://")
    if not colon:
        try:
            return Path(url).expanduser()
        except RuntimeError as error:
            raise InvalidInputError(
                f"{url!r} begins in a home folder that is not there",
                kind=ErrorKind.BAD_URL,
                hint="Write the whole path; '~name' is the home of that user.",
            ) from error
    if scheme != "file":
        raise InvalidInputError(f"{url!r} is no folder", kind=ErrorKind.BAD_URL)
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise InvalidInputError(
            f"{url!r} is no address of a folder on this machine",
            kind=ErrorKind.BAD_URL,
            hint="Write file:///folder/registry, or the path by itself.",
        )
    path = unquote(parts.path)
    if os.name == "nt":
        path = path.lstrip("/")
    return Path(path)


def _open_new(path: str, _flags: int) -> int:
    return os.open(path, _WRITE, 0o666)


def _key_exists(key: str, url: str) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"{key!r} is there already in {url}", kind=ErrorKind.KEY_EXISTS, key=key
    )


def _write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_up_to(descriptor: int, length: int) -> bytes:
    pieces = []
    while length > 0:
        piece = os.read(descriptor, min(length, 2**30))
        if not piece:
            break
        pieces.append(piece)
        length -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)

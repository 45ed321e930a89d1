"""A registry in a folder, on a disk of this machine or a mounted share.

A key is published by a hard link to a file that was written without a name: the link
is refused when the key exists, and a reader sees all of the file or nothing.
``open(..., "xb")`` is exclusive too, but shows half-written files to readers and
leaves them behind when the writer is killed.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from modelver.backends._errors import translated
from modelver.backends._publish import (
    NAMES_OPEN_FILES,
    TEMPORARY,
    FileSystem,
    Held,
    NewFile,
    above,
    flush_folder,
)
from modelver.backends._unflushed import Unflushed
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    StorageError,
)
from modelver.plugin import Capabilities, KeyInfo

# Without O_NONBLOCK a FIFO that somebody laid under a key would hang every reader
# before it can be seen that it is one.
_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_CAPABILITIES: Final = Capabilities(exclusive_create=True, durable=True, read_window=1)
# How often a key may vanish between being refused and being opened.
_VANISHES: Final = 10


class LocalBackend:
    """A folder, with hard links (or a refusing rename) for exclusive creates.

    Whatever was uploaded, bytes and names, is flushed before the next create gets its
    name: a log entry that survives a power cut never refers to an object that did
    not.
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
        self._system = FileSystem()
        self._folders: set[str] = set()
        self._unflushed = Unflushed(self._url)
        # Where others may have made names that are not flushed yet: folders of which
        # something was read, other than what was created here last.
        self._read: set[str] = set()
        self._last = ""

    @property
    def url(self) -> str:
        """The folder's absolute path, links resolved."""
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive and durable."""
        return _CAPABILITIES

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`modelver.plugin.Backend.create`."""
        target = self._place(key)
        with translated("create", self._url, key):
            # A key that is there stays there: a sure loser need not write first.
            if os.path.lexists(target):
                raise _key_exists(key, self._url)
            folder = self._folder(above(target))
            if folder in self._read:
                # No entry may outlive the one that it builds on.
                self._read.discard(folder)
                self._unflushed.folders((folder,))
            try:
                with NewFile(folder, self._system) as file:
                    file.write(data)
                    self._unflushed.flush(file.held)
                    file.link(target)
            except FileExistsError as error:
                raise _key_exists(key, self._url) from error
            try:
                flush_folder(folder)
            except OSError:
                self._unflushed.folders((folder,))  # before anything builds on it
                raise
            self._last = target

    def upload(self) -> "LocalUpload":
        """See :meth:`modelver.plugin.Backend.upload`."""
        with translated("begin an upload", self._url, ""):
            return LocalUpload(self, NewFile(self._folder(self._url), self._system))

    def publish(self, file: NewFile, size: int, key: str) -> None:
        """Give an upload its key; flush it before the next create, at the latest.

        Args:
            file: Holds *size* bytes.
            size: Of them.
            key: Is left as it is where it is there.

        Raises:
            StorageError: It cannot be had.
        """
        with translated("upload", self._url, key):
            target = self._place(key)
            folder = self._folder(above(target))
            if not NAMES_OPEN_FILES:
                file.flush()
            held, made = self._name(file, key, target)
            # The name too, whoever made it: the caller is about to refer to it.
            self._unflushed.folders((folder,))
            if NAMES_OPEN_FILES:
                self._unflushed.file(key, held, size, made)

    def _name(self, file: NewFile, key: str, target: str) -> tuple[Held, str | None]:
        """Link *file* to its key; return what to flush, and where it was made."""
        for _ in range(_VANISHES):
            try:
                file.link(target)
            except FileExistsError:
                # Whoever made it may not have flushed it yet, or have died.
                found = self._open(target, key)
                if found is not None:
                    file.close()
                    return Held(found), None
            else:
                return file.release(), target
        raise StorageError(f"{key!r} in {self._url} comes and goes", key=key)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        place = self._place(key)
        with translated("read", self._url, key):
            descriptor = self._open(place, key)
            if descriptor is None:
                return None
            if place != self._last:
                self._read.add(above(place))
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
        with translated("read", self._url, key):
            return self._open(self._place(key), key)

    def written(self, key: str) -> float | None:
        """See :meth:`modelver.plugin.Clocked.written`."""
        with translated("read", self._url, key):
            try:
                return os.stat(self._place(key)).st_mtime  # noqa: PTH116 - text
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _open(self, place: str, key: str) -> int | None:
        try:
            descriptor = os.open(place, _READ)
        except (FileNotFoundError, NotADirectoryError):
            return None
        # A device may be endless, and a FIFO looks empty.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        raise StorageError(
            f"{key!r} in {self._url} is no regular file",
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
        with translated("list", self._url, prefix):
            waiting = [self._root / prefix]
            while waiting:
                folder = waiting.pop()
                try:
                    found = os.scandir(folder)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                with found:
                    for item in found:
                        if item.name.startswith(TEMPORARY):
                            continue
                        if item.is_dir(follow_symlinks=False):
                            waiting.append(Path(item.path))
                            continue
                        try:
                            size = item.stat().st_size
                        except OSError as error:
                            # Deleted since the folder was read, or a link to nowhere.
                            if error.errno not in {errno.ENOENT, errno.ELOOP}:
                                raise
                            continue
                        key = Path(item.path).relative_to(self._root).as_posix()
                        yield KeyInfo(key=key, size=size)

    def delete(self, key: str) -> None:
        """See :meth:`modelver.plugin.Backend.delete`."""
        with translated("delete", self._url, key):
            target = self._root / key
            target.unlink(missing_ok=True)
            if target.parent.is_dir():
                flush_folder(str(target.parent))

    def _place(self, key: str) -> str:
        # Joining text costs a tenth of joining Paths, and every read comes by here.
        return f"{self._url}{os.sep}{key.replace('/', os.sep)}"

    def _folder(self, folder: str) -> str:
        """Make *folder* and what is above it, once."""
        if folder in self._folders:
            return folder
        new = [folder]
        while (up := os.path.dirname(new[-1])) not in self._folders and (  # noqa: PTH120
            len(new[-1]) > len(self._url) or not os.path.isdir(up)  # noqa: PTH112
        ):
            new.append(up)
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - text
        # Those that were there too: another process may have made them a moment ago,
        # and not flushed their names yet.
        self._unflushed.folders(map(os.path.dirname, new))
        self._folders.update(new)
        return folder


class LocalUpload:
    """A file without a name, in the registry's own file system."""

    def __init__(self, backend: LocalBackend, file: NewFile) -> None:
        self._backend = backend
        self._file = file
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`modelver.plugin.Upload.write`."""
        with translated("upload", self._backend.url, ""):
            self._size += self._file.write(data)

    def commit(self, key: str) -> None:
        """See :meth:`modelver.plugin.Upload.commit`."""
        self._backend.publish(self._file, self._size, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


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


def _key_exists(key: str, url: str) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"{key!r} is there already in {url}", kind=ErrorKind.KEY_EXISTS, key=key
    )


def _read_up_to(descriptor: int, length: int) -> bytes:
    pieces = []
    while length > 0:
        piece = os.read(descriptor, min(length, 2**30))
        if not piece:
            break
        pieces.append(piece)
        length -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)

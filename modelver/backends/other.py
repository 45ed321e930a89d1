"""Every other filesystem that fsspec knows: read, and written where the caller vouches.

fsspec's own exclusive create is a check and a write, for all filesystems that do not
say otherwise: whoever writes with it loses commits. So a store that modelver does not
know is for reading, until somebody who knows it says how a key is created, or that
there is one writer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, Final

import fsspec

from modelver._values.url import scheme_of
from modelver.backends._endpoint import place
from modelver.backends._errors import secrets_in
from modelver.backends._filesystem import Filesystem
from modelver.backends._fsspec import FsspecBackend
from modelver.backends._probe import probe
from modelver.backends._publish import TEMPORARY
from modelver.backends._tree import find, find_async
from modelver.errors import (
    ErrorKind,
    InvalidInputError,
    PluginError,
    StorageError,
)
from modelver.plugin import Capabilities

PutIfAbsent = Callable[[Any, str, bytes], object]

# They answer from a cache of their own.
_CACHES: Final = {"blockcache", "cached", "filecache", "simplecache"}
_WINDOW: Final = 8
# Options that say which store it is, by the names that most filesystems have for them.
_PLACES: Final = ("endpoint_url", "endpoint", "host", "port")


class OtherBackend(FsspecBackend):
    """Any filesystem of fsspec, found by the scheme of the URL."""

    def __init__(
        self,
        url: str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        single_writer: bool = False,
        put_if_absent: PutIfAbsent | None = None,
    ) -> None:
        """Remember the address; the store is not asked yet.

        Args:
            url: As fsspec takes it.
            storage_options: For the filesystem's class, as they are.
            single_writer: Write, with a check before each create. It is the caller's
                word that no other process writes at the same time.
            put_if_absent: Called with the filesystem, a path and bytes, to create that
                path, exclusively and whole; raises ``FileExistsError`` if it is there.
                It is tried before it is used: twice on one key, and in races.

        Raises:
            InvalidInputError: *url* holds credentials, or names a cache.
            PluginError: fsspec does not know the scheme, or its client is missing.
        """
        scheme = scheme_of(url)
        made = _class_of(scheme)
        if scheme in _CACHES or any(
            each.__name__ == "CachingFileSystem" for each in made.__mro__
        ):
            raise InvalidInputError(
                f"{scheme}:// is a cache, and a cache between cannot be trusted",
                kind=ErrorKind.BAD_URL,
                hint="Give the store's own address; modelver has a cache of its own.",
            )
        # What the address says goes before storage_options, and these before what
        # FSSPEC_* variables and files say.
        said = {k: v for k, v in made._get_kwargs_from_urls(url).items() if v}  # noqa: SLF001 - fsspec's protocol
        options = {**(storage_options or {}), **said}
        self._place = " ".join(
            place(options[name])
            for name in _PLACES
            if options.get(name) and name not in said
        )
        self._single = single_writer
        self._put_if_absent = put_if_absent
        self._is_async = bool(getattr(made, "async_impl", False))
        self._lock = Lock()
        self._probed = False
        super().__init__(
            url.rstrip("/"),
            Filesystem(made, options),
            made._strip_protocol(url),  # noqa: SLF001 - the same
            secrets=secrets_in(storage_options),
        )

    @classmethod
    def knows(cls, scheme: str) -> bool:
        """Whether fsspec has a filesystem for *scheme*; its client may be missing."""
        try:
            fsspec.get_filesystem_class(scheme)
        except ValueError:
            return False
        except ImportError:
            return True
        return True

    @property
    def capabilities(self) -> Capabilities:
        """For reading alone, unless the caller has said how to write."""
        return Capabilities(
            exclusive_create=self._single or self._put_if_absent is not None,
            durable=False,
            # The others are asked for one key after the other.
            read_window=_WINDOW if self._is_async else 1,
        )

    def endpoint(self) -> str:
        """See :meth:`modelver.plugin.Placed.endpoint`; as far as options tell."""
        return self._place

    def _put_new(
        self, filesystem: Any, path: str, data: bytes
    ) -> Awaitable[object] | None:
        if not self.capabilities.exclusive_create:
            raise StorageError(
                f"nobody has said how a key is created in {self.url}",
                kind=ErrorKind.UNSUPPORTED,
                hint="Open it with read_only=True. If nobody else writes, see the "
                "how-to 'other filesystems'.",
            )
        if self._is_async:  # what the caller gave is not a coroutine
            return asyncio.to_thread(self._put_checked, filesystem, path, data)
        self._put_checked(filesystem, path, data)
        return None

    def _put_checked(self, filesystem: Any, path: str, data: bytes) -> None:
        """Create, after a probe the first time."""
        if self._put_if_absent is None:
            with self._lock:  # of the one writer's threads
                _check_and_write(filesystem, path, data)
            return
        with self._lock:
            if not self._probed:
                self._probe(filesystem)
                self._probed = True
        self._put_if_absent(filesystem, path, data)

    def _probe(self, filesystem: Any) -> None:
        """Try what the caller gave, on keys that no reader looks at.

        Raises:
            StorageError: It is no exclusive create.
        """
        tried: set[str] = set()

        def put(name: str, data: bytes) -> bool:
            path = f"{self._root}/{TEMPORARY}{name}"
            tried.add(path)
            assert self._put_if_absent is not None  # noqa: S101 - or nobody asks
            try:
                self._put_if_absent(filesystem, path, data)
            except FileExistsError:
                return False
            return True

        def read(name: str) -> bytes | None:
            found: bytes = filesystem.cat_file(f"{self._root}/{TEMPORARY}{name}")
            return found

        try:
            probe(put, read)
        finally:
            _remove_all(filesystem, tried)

    def _find(
        self, filesystem: Any, path: str
    ) -> Awaitable[Mapping[str, Any]] | Mapping[str, Any]:
        return (find_async if self._is_async else find)(filesystem, path)


def _class_of(scheme: str) -> Any:
    try:
        return fsspec.get_filesystem_class(scheme)
    except ValueError as error:
        raise PluginError(
            f"neither modelver nor fsspec has a backend for {scheme!r}",
            kind=ErrorKind.UNKNOWN_PLUGIN,
            hint="Install the package that brings it, or see the how-to 'write a "
            "backend'.",
            name=scheme,
        ) from error
    except ImportError as error:
        raise PluginError(
            f"fsspec's client for {scheme!r} cannot be imported: {error}",
            kind=ErrorKind.BROKEN_PLUGIN,
            hint="Install the package that fsspec names.",
            name=scheme,
        ) from error


def _check_and_write(filesystem: Any, path: str, data: bytes) -> None:
    """Write a path that is not there. Others must not write meanwhile."""
    with suppress(FileNotFoundError):
        filesystem.cat_file(path, start=0, end=1)
        raise FileExistsError(path)
    try:
        filesystem.pipe_file(path, data)
    except FileNotFoundError:  # the folder is missing, where there are folders
        filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        filesystem.pipe_file(path, data)


def _remove_all(filesystem: Any, paths: Iterable[str]) -> None:
    for path in paths:
        with suppress(Exception):  # who may not delete leaves them; nobody looks
            filesystem.rm_file(path)

"""What every store that fsspec reaches has in common.

Only exact-key calls: nothing here asks ``exists``, ``ls`` or ``info`` to decide
anything, since their answers may come from a cache.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from modelver.backends._errors import translated
from modelver.plugin import KeyInfo


class FsspecBackend(ABC):
    """Reads, lists and deletes through an fsspec filesystem.

    Subclasses add the exclusive create, which no two filesystems do alike.
    """

    def __init__(self, url: str, filesystem: Any, root: str) -> None:
        self._url = url
        self._fs = filesystem
        self._root = root.rstrip("/")

    @property
    def url(self) -> str:
        """The address, without credentials."""
        return self._url

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    @abstractmethod
    def _put(self, key: str, data: bytes) -> None:
        """Publish an object whole; one that is there already may stay."""

    def upload(self) -> "BufferedUpload":
        """See :meth:`modelver.plugin.Backend.upload`."""
        return BufferedUpload(self)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        with translated("read", self._url, key):
            try:
                data: bytes = self._fs.cat_file(self._path(key), start=start, end=end)
            except FileNotFoundError:
                return None
            return data

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        return [self.read(key, 0, limit) for key in keys]

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        with translated("list", self._url, prefix):
            found = self._fs.find(self._path(prefix), detail=True)
        for path, info in sorted(found.items()):
            key = str(path)[len(self._root) :].lstrip("/")
            yield KeyInfo(key=key, size=int(info["size"]))

    def delete(self, key: str) -> None:
        """See :meth:`modelver.plugin.Backend.delete`."""
        with translated("delete", self._url, key):
            try:
                self._fs.rm_file(self._path(key))
            except FileNotFoundError:
                return


class BufferedUpload:
    """An object that waits in memory until it is complete."""

    def __init__(self, backend: FsspecBackend) -> None:
        self._backend = backend
        self._buffer = io.BytesIO()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`modelver.plugin.Upload.write`."""
        self._buffer.write(data)

    def commit(self, key: str) -> None:
        """See :meth:`modelver.plugin.Upload.commit`."""
        self._backend._put(key, self._buffer.getvalue())  # noqa: SLF001 - same room

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._buffer.close()

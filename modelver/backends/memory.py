"""A registry in this process's memory, for tests and notebooks.

It is fsspec's ``memory://``, so other fsspec code in the process sees the same
bytes. fsspec checks and then sets; between the two another thread may have won, so
both are done under one lock of ours. Its ``pipe_file`` and ``find`` look at every
key of the process, and fail when another thread deletes one meanwhile: here the
mapping behind them is used.
"""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, Final

from modelver.backends._errors import translated
from modelver.backends._filesystem import Filesystem
from modelver.backends._fsspec import FsspecBackend
from modelver.plugin import Capabilities, KeyInfo

_LOCK: Final = Lock()


class MemoryBackend(FsspecBackend):
    """fsspec's in-memory filesystem with a real exclusive create."""

    def __init__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        from fsspec.implementations.memory import (  # noqa: PLC0415 - 60 ms at import
            MemoryFile,
            MemoryFileSystem,
        )

        self._file = MemoryFile
        filesystem = Filesystem(MemoryFileSystem, storage_options)
        root = "/" + url.removeprefix("memory://").strip("/")
        super().__init__(f"memory:/{root}", filesystem, root)

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive; gone with the process."""
        return Capabilities(
            exclusive_create=True, durable=False, persistent=False, read_window=1
        )

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        above = self._path(prefix).rstrip("/") + "/"
        with translated("list", self.url, prefix):
            # Copied in one step of the interpreter. A tuple of the items is not: it
            # makes objects, so the collector may run, and with it another thread.
            found = self._fs.store.copy()
            for path, file in found.items():
                if path.startswith(above):
                    key = path[len(self._root) + 1 :]
                    yield KeyInfo(key=key, size=file.size)

    def _put_new(self, filesystem: Any, path: str, data: bytes) -> None:
        file = self._file(filesystem, path, data)
        with _LOCK:
            if path in filesystem.store:
                raise FileExistsError(path)
            file.commit()

"""A registry in one SQLite file, behind URLs such as ``example:///folder/a.sqlite``.

SQLite's unique key makes the exclusive create, and its transaction the whole value.
A connection is opened for each operation: connections may not be shared by threads
without care, and do not survive a fork.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    StorageError,
)
from modelver.plugin import Capabilities, KeyInfo

_TABLE = "CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, data BLOB NOT NULL)"
_IN_MEMORY = 2**24
_MOST = 2**30


class SqliteBackend:
    """Fills :class:`modelver.plugin.Backend`."""

    def __init__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        parts = urlsplit(url)
        path = unquote(parts.path)
        if storage_options or parts.netloc or path in ("", "/"):
            raise InvalidInputError(
                f"{url!r} is not example:///folder/file, without options",
                kind=ErrorKind.BAD_URL,
            )
        self._path = Path(path)
        # SQLite lets its writers wait by polling; those of one process need not.
        self._writing = Lock()

    @property
    def url(self) -> str:
        """The address."""
        return f"example://{self._path.as_posix()}"

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive and durable; a read costs microseconds."""
        return Capabilities(exclusive_create=True, durable=True, read_window=1)

    @contextmanager
    def _connected(self, action: str, key: str) -> Iterator[sqlite3.Connection]:
        """Yield a connection; whatever SQLite raises becomes a StorageError."""
        try:
            # Without isolation_level=None, Python opens transactions of its own.
            connection = sqlite3.connect(self._path, timeout=60, isolation_level=None)
            with closing(connection):
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except (sqlite3.Error, OSError) as error:
            full = "full" in str(error)
            raise StorageError(
                f"cannot {action} {key!r} in {self.url}: {error}",
                kind=ErrorKind.DISK_FULL if full else ErrorKind.IO,
                key=key,
                retryable=True,
            ) from error

    def _rows(self, action: str, key: str, query: str, *values: object) -> list[Any]:
        """Return the rows of *query*; none where there is no file or table yet."""
        if (
            not self._path.exists()
        ):  # connecting would make it, and readers write nothing
            return []
        with self._connected(action, key) as connection:
            found = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'keys'"
            )
            if found.fetchone() is None:
                return []
            return connection.execute(query, values).fetchall()

    def _insert(self, action: str, key: str, data: bytes) -> bool:
        """Insert *key* unless it is there; tell whether it was inserted."""
        with self._writing, self._connected(action, key) as connection:
            connection.execute(_TABLE)
            statement = "INSERT OR IGNORE INTO keys VALUES (?, ?)"
            return connection.execute(statement, (key, data)).rowcount == 1

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`modelver.plugin.Backend.create`."""
        if not self._insert("create", key, data):
            raise AlreadyExistsError(
                f"{key!r} is there already in {self.url}",
                kind=ErrorKind.KEY_EXISTS,
                key=key,
            )

    def upload(self) -> "SqliteUpload":
        """See :meth:`modelver.plugin.Backend.upload`."""
        return SqliteUpload(self)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        # Beyond 31 bits substr() begins anew; a value has 30 at most.
        start = min(start, _MOST)
        length = (_MOST if end is None else min(end, _MOST)) - start
        query = "SELECT substr(data, ?, ?) FROM keys WHERE key = ?"
        rows = self._rows("read", key, query, start + 1, length, key)
        return bytes(rows[0][0]) if rows else None

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        return [self.read(key, 0, limit) for key in keys]

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        query = "SELECT key, length(data) FROM keys WHERE substr(key, 1, ?) = ?"
        for key, size in self._rows("list", prefix, query, len(prefix), prefix):
            yield KeyInfo(key=key, size=size)

    def delete(self, key: str) -> None:
        """See :meth:`modelver.plugin.Backend.delete`."""
        self._rows("delete", key, "DELETE FROM keys WHERE key = ?", key)


class SqliteUpload:
    """Fills :class:`modelver.plugin.Upload`; waits outside of the registry."""

    def __init__(self, backend: SqliteBackend) -> None:
        self._backend = backend
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`modelver.plugin.Upload.write`."""
        self._file.write(data)

    def commit(self, key: str) -> None:
        """See :meth:`modelver.plugin.Upload.commit`."""
        self._file.seek(0)
        self._backend._insert("upload", key, self._file.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

"""The installed distribution, found and used as users do, and held to the contract."""

import itertools
import sqlite3
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from modelver.plugin import Backend
from modelver.testing import BackendContract

if not entry_points(group="modelver.backends", name="example"):
    pytest.skip("modelver-example-backend is not installed", allow_module_level=True)


_NUMBERS = itertools.count()


class TestExample(BackendContract):
    """Everything that a third party writes to test a backend."""

    rounds = 5
    many = 100  # SQLite knows no pages

    def make(self, tmp_path: Path) -> Backend:
        """Return what the entry point makes of a file that is not there yet."""
        (point,) = entry_points(group="modelver.backends", name="example")
        backend: Backend = point.load()(self._url(tmp_path))
        return backend

    def _url(self, tmp_path: Path) -> str:
        return f"example://{tmp_path}/{next(_NUMBERS)}.sqlite"

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Ask SQLite."""
        connection = sqlite3.connect(backend.url.removeprefix("example://"))
        query = "SELECT data FROM keys WHERE key = ?"
        row = connection.execute(query, (key,)).fetchone()
        connection.close()
        return row and bytes(row[0])

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Tell SQLite."""
        connection = sqlite3.connect(backend.url.removeprefix("example://"))
        with connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS keys "
                "(key TEXT PRIMARY KEY, data BLOB NOT NULL)"
            )
            connection.execute("INSERT OR REPLACE INTO keys VALUES (?, ?)", (key, data))
        connection.close()

    def broken(self, tmp_path: Path) -> Backend:
        """Return a file that is no SQLite file."""
        (tmp_path / "text").write_bytes(b"This is no database. " * 100)
        (point,) = entry_points(group="modelver.backends", name="example")
        backend: Backend = point.load()(f"example://{tmp_path}/text")
        return backend


def test_modelver_finds_it() -> None:
    """It is among the plug-ins, with its distribution."""
    from modelver._plugins import plugins  # noqa: PLC0415 - only if installed

    (found,) = [p for p in plugins() if p.name == "example"]
    assert (found.distribution, found.version) == ("modelver-example-backend", "1.0")

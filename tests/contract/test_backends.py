"""The built-in backends, held to the contract that third parties are held to."""

import itertools
from pathlib import Path

from fsspec.implementations.memory import MemoryFileSystem

from modelver.backends.local import LocalBackend
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend
from modelver.testing.contract import BackendContract

_NUMBERS = itertools.count()


class TestLocal(BackendContract):
    """A folder."""

    streams = True

    def make(self, tmp_path: Path) -> Backend:
        """Return a folder that does not exist yet."""
        return LocalBackend(str(tmp_path / f"registry-{next(_NUMBERS)}"))

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Read the file."""
        path = Path(backend.url, key)
        return path.read_bytes() if path.exists() else None

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Write the file."""
        path = Path(backend.url, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def broken(self, tmp_path: Path) -> Backend:
        """Return a folder that is a file."""
        (tmp_path / "file").write_bytes(b"x")
        return LocalBackend(str(tmp_path / "file"))


class TestMemory(BackendContract):
    """fsspec's memory, which the whole process shares."""

    def make(self, tmp_path: Path) -> Backend:
        """Return a prefix that nothing else uses."""
        return MemoryBackend(f"memory://{tmp_path.name}-{next(_NUMBERS)}")

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Read as any fsspec code would."""
        path = f"{backend.url.removeprefix('memory:/')}/{key}"
        filesystem = MemoryFileSystem()
        return bytes(filesystem.cat(path)) if filesystem.exists(path) else None

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Write as any fsspec code would."""
        MemoryFileSystem().pipe(f"{backend.url.removeprefix('memory:/')}/{key}", data)

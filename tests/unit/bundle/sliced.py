"""Versions whose files are cut by hand, in any kind of store."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from modelver._bundle.read import BundleReader
from modelver._store import ManifestStore, ObjectStore
from modelver._store.layout import object_key
from modelver._values.digests import digest_of
from modelver._values.manifest import Bundle, FileEntry, Layout, Manifest, Slice
from modelver.backends.local import LocalBackend
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend
from modelver.testing import RecordingBackend
from modelver.testing.wrapper import Operation, WrapperBackend

T = TypeVar("T")

REF: Final = "m@1.0.0"
STORES: Final = ("folder", "memory", "far")


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that repeat nowhere."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - repeatable


class Watching(WrapperBackend):
    """Notes every read of an object: what of it, and how many at once.

    Hides that the store is a folder, as a bucket would.
    """

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.reads: list[tuple[str, int, int]] = []
        self.most = 0
        self.meanwhile: Callable[[], object] = bool
        self._under_way = 0
        self._lock = Lock()

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Carry it out."""
        del operation
        return act()

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Note it, and carry it out."""
        assert end is not None
        with self._lock:
            self.reads.append((key, start, end))
            self._under_way += end - start
            self.most = max(self.most, self._under_way)
        try:
            self.meanwhile()
            return self.inner.read(key, start, end)
        finally:
            with self._lock:
                self._under_way -= end - start


def store_of(kind: str, folder: Path) -> Backend:
    """Return an empty store: a folder, memory, or a folder that looks far away."""
    if kind == "memory":
        return MemoryBackend(f"memory:/{folder}")
    local = LocalBackend(str(folder))
    return RecordingBackend(local) if kind == "far" else local


class Sliced:
    """Makes one version."""

    def __init__(self, backend: Backend, algorithm: str = "b3") -> None:
        self.objects = ObjectStore(backend, algorithm)
        self.manifests = ManifestStore(backend, algorithm)
        self.algorithm = algorithm
        self.contents: dict[str, bytes] = {}
        self._files: dict[str, FileEntry] = {}
        self._cuts: dict[str, tuple[Slice, ...]] = {}

    def digest(self, data: bytes) -> str:
        """Return the digest of *data*."""
        return digest_of(self.algorithm, data)

    def put(self, data: bytes) -> str:
        """Store an object, and return its name."""
        return self.objects.put([data], self.digest(data))

    def add(
        self, path: str, data: bytes, cut: Iterable[Slice], *, executable: bool = False
    ) -> FileEntry:
        """Add a file of these slices."""
        self.contents[path] = data
        self._cuts[path] = tuple(cut)
        self._files[path] = FileEntry(
            path=path,
            role=path.partition("/")[0],
            size=len(data),
            digest=self.digest(data),
            executable=executable,
        )
        return self._files[path]

    def parts(
        self,
        path: str,
        data: bytes,
        at: Sequence[int] = (),
        *,
        executable: bool = False,
    ) -> FileEntry:
        """Add a file, cut at these places; each part is an object of its own."""
        edges = [0, *at, len(data)] if data else []
        parts = [data[a:b] for a, b in pairwise(edges)]
        cut = [Slice(object=self.put(p), offset=0, length=len(p)) for p in parts]
        return self.add(path, data, cut, executable=executable)

    def packed(self, path: str, parts: Sequence[bytes], among: bytes = b"") -> None:
        """Add a file whose parts lie in one object, with *among* between them."""
        name = self.put(among.join(parts))
        steps = (len(part) + len(among) for part in parts)
        cut = [
            Slice(object=name, offset=at, length=len(p), digest=self.digest(p))
            for p, at in zip(parts, accumulate(steps, initial=0), strict=False)
        ]
        self.add(path, b"".join(parts), cut)

    def pack(self, files: Mapping[str, bytes]) -> None:
        """Add files that share one object."""
        name, at = self.put(b"".join(files.values())), 0
        for path, data in files.items():
            piece = Slice(object=name, offset=at, length=len(data))
            self.add(path, data, [piece] if data else [])
            at += len(data)

    def manifest(self) -> Manifest:
        """Write the manifest, and return it."""
        files = tuple(self._files[path] for path in sorted(self._files))
        return self.manifests.write(
            Bundle(format=1, files=files), Layout(files=self._cuts)
        )

    def reader(self) -> BundleReader:
        """Return a reader of the version as it is now."""
        return BundleReader(self.objects, self.manifest(), REF)

    @property
    def files(self) -> list[FileEntry]:
        """Every file."""
        return list(self._files.values())

    def keys(self, path: str) -> list[str]:
        """Return the keys of the objects of a file, in the order of its slices."""
        return [object_key(piece.object) for piece in self._cuts[path]]


def held(folder: Path) -> dict[str, bytes]:
    """Return what every file below *folder* holds."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

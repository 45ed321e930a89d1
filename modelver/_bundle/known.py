"""What the store holds already: from manifests, never from a listing."""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Final, TypeVar

from modelver._values.manifest import FileEntry, Manifest, Slice, slice_digests

# Looking in the index for less than this costs more than storing it.
LOOKED_FOR: Final = 256 * 1024

Find = Callable[[str], Iterable[Manifest]]
T = TypeVar("T")


class Known:
    """Where contents lie that need not be stored again.

    What a manifest says is believed: it was verified when it was read, and its version
    is registered, so that its objects were durable before.
    """

    def __init__(self, find: Find | None = None) -> None:
        """Make an empty one.

        Args:
            find: Returns manifests that may hold a content of this digest; may be
                wrong, since only what the manifests say counts.
        """
        self._find = find
        self._files: dict[str, tuple[Slice, ...]] = {}
        self._parts: dict[str, Slice] = {}
        self._added: set[str] = set()
        self._lock = Lock()

    def add(self, manifest: Manifest) -> None:
        """Know everything that *manifest* places."""
        with self._lock:
            if manifest.digest in self._added:
                return
            self._added.add(manifest.digest)
            for file in manifest.bundle.files:
                if file.size:
                    self._add(file, manifest.layout.files[file.path])

    def _add(self, file: FileEntry, cut: tuple[Slice, ...]) -> None:
        self._files.setdefault(file.digest, cut)
        for digest, piece in zip(slice_digests(file, cut), cut, strict=True):
            self._parts.setdefault(digest, piece)

    def add_file(self, file: FileEntry, cut: tuple[Slice, ...]) -> None:
        """Know a file that was stored just now."""
        with self._lock:
            self._add(file, cut)

    def add_part(self, digest: str, piece: Slice) -> None:
        """Know a part that was stored just now."""
        self._parts.setdefault(digest, piece)

    def file(self, digest: str, *, find: bool = False) -> tuple[Slice, ...] | None:
        """Return the slices of a file of this digest, or None."""
        return self._look(self._files, digest, find=find)

    def part(self, digest: str, length: int) -> Slice | None:
        """Return a stretch of an object with this digest and length, or None."""
        found = self._look(self._parts, digest, find=length >= LOOKED_FOR)
        return found if found is not None and found.length == length else None

    def _look(self, known: Mapping[str, T], digest: str, *, find: bool) -> T | None:
        found = known.get(digest)
        if found is None and find and self._find is not None:
            for manifest in self._find(digest):
                self.add(manifest)
            found = known.get(digest)
        return found

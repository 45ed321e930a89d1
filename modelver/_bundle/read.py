"""From a manifest and objects to a file's bytes, verified before they are used."""

from collections.abc import Iterable, Iterator
from typing import Final

from modelver._bundle.ports import Objects
from modelver._values.digests import new_hasher
from modelver._values.manifest import FileEntry, Manifest, Slice
from modelver.errors import ErrorKind, IntegrityError, NotFoundError

_PIECE: Final = 1024 * 1024


def read_range(objects: Objects, cut: Iterable[Slice], start: int, end: int) -> bytes:
    """Return bytes ``start:end`` of a file: unverified, for looking, never for using.

    Args:
        objects: The store's objects.
        cut: The file's slices, in order.
        start: First byte.
        end: Behind the last byte.

    Raises:
        IntegrityError: An object is missing or too short.
    """
    found, at = [], 0
    for piece in cut:
        low, high = max(start, at), min(end, at + piece.length)
        if low < high:
            first = piece.offset + low - at
            found.append(objects.read(piece.object, first, first + high - low))
        at += piece.length
    return b"".join(found)


class BundleReader:
    """Reads the files of one version."""

    def __init__(self, objects: Objects, manifest: Manifest, ref: str) -> None:
        self._objects = objects
        self.manifest = manifest
        self.ref = ref

    def find(self, path: str) -> FileEntry:
        """Return the file of this path; the leading ``model/`` may be left out.

        Raises:
            NotFoundError: There is none; the error names close ones.
        """
        files = self.manifest.by_path
        found = files.get(path) or files.get(f"model/{path}")
        if found is None:
            from modelver._values.names import near  # noqa: PLC0415 - loads difflib

            close = near(path, [*files, *(p.partition("/")[2] for p in files)])
            raise NotFoundError(
                f"{self.ref} has no file {path[:200]!r}",
                kind=ErrorKind.FILE,
                hint=f"Close to it: {', '.join(close)}."
                if close
                else f"It has {len(files)} files: see version.files.",
                ref=path[:200],
                near=close,
            )
        return found

    def below(self, folder: str) -> list[FileEntry]:
        """Return the files below *folder*, which may be a role."""
        prefixes = (f"{folder.rstrip('/')}/", f"model/{folder.rstrip('/')}/")
        for prefix in prefixes:
            found = [f for f in self.manifest.bundle.files if f.path.startswith(prefix)]
            if found:
                return found
        return []

    def stream(self, file: FileEntry) -> Iterator[bytes]:
        """Yield the bytes of *file* in pieces.

        The last piece comes only after the whole was verified: whoever publishes
        nothing before the iterator has ended never publishes a wrong byte.

        Raises:
            IntegrityError: The bytes are not the ones that were registered.
        """
        hasher = new_hasher(self._objects.algorithm)
        held = b""
        for piece in self.manifest.layout.files[file.path]:
            stop = piece.offset + piece.length
            for start in range(piece.offset, stop, _PIECE):
                end = min(start + _PIECE, stop)
                data = self._objects.read(piece.object, start, end)
                hasher.update(data)
                if held:
                    yield held
                held = data
        self._verify(file, f"{self._objects.algorithm}:{hasher.hexdigest()}")
        if held:
            yield held

    def read(self, path: str) -> bytes:
        """Return a file's bytes."""
        return b"".join(self.stream(self.find(path)))

    def _verify(self, file: FileEntry, actual: str) -> None:
        if actual != file.digest:
            objects = sorted({s.object for s in self.manifest.layout.files[file.path]})
            raise IntegrityError(
                f"{file.path!r} of {self.ref} is damaged: its bytes are not the ones "
                "that were registered",
                kind=ErrorKind.OBJECT_DAMAGED,
                # Of several it cannot be told which one, without reading each whole.
                key=self._objects.key(objects[0]) if len(objects) == 1 else None,
                expected=file.digest,
                actual=actual,
                hint="Run verify to see what else is damaged, and restore the objects "
                f"{', '.join(objects[:3])} from a copy of the registry.",
                versions=[self.ref],
            )

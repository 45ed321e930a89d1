"""From a manifest and objects to a file's bytes, verified before they are used."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from modelver._bundle.ports import Objects
from modelver._values.digests import digest_of, new_hasher
from modelver._values.manifest import FileEntry, Manifest, Slice, slice_digests
from modelver.errors import ErrorKind, IntegrityError, NotFoundError

# Of a file on this machine that much stays in the processor's cache; elsewhere each
# piece is a round trip.
_PIECE: Final = 256 * 1024
_FAR_PIECE: Final = 1024 * 1024


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
        self.objects = objects
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

    def cut(self, file: FileEntry) -> tuple[Slice, ...]:
        """Return the slices of *file*, in order."""
        return self.manifest.layout.files[file.path]

    def load(self, name: str, start: int, end: int) -> bytes:
        """Return bytes ``start:end`` of an object, unverified.

        Raises:
            IntegrityError: The object is missing or shorter than that.
            StorageError: The store cannot tell.
        """
        with self._named():
            return self.objects.read(name, start, end)

    def descriptor(self, name: str) -> int:
        """Open the file of an object, where objects are files of this machine.

        Raises:
            IntegrityError: The object is missing.
            StorageError: The store cannot tell.
        """
        with self._named():
            return self.objects.descriptor(name)

    def stream(self, file: FileEntry) -> Iterator[bytes]:
        """Yield the bytes of *file* in pieces.

        The last piece comes only after the whole was verified: whoever publishes
        nothing before the iterator has ended never publishes a wrong byte.

        Raises:
            IntegrityError: The bytes are not the ones that were registered.
        """
        hasher = new_hasher(self.objects.algorithm)
        held = b""
        for piece in self.cut(file):
            for data in self._pieces(piece):
                hasher.update(data)
                if held:
                    yield held
                held = data
        actual = f"{self.objects.algorithm}:{hasher.hexdigest()}"
        if actual != file.digest:
            raise self.find_damage(file, actual)
        if held:
            yield held

    def read(self, path: str) -> bytes:
        """Return a file's bytes."""
        return b"".join(self.stream(self.find(path)))

    def check(
        self, file: FileEntry, name: str, expected: str, data: bytes | memoryview
    ) -> None:
        """Check a slice's bytes, which lie in the object *name*.

        Raises:
            IntegrityError: They are not the ones that were registered.
        """
        actual = digest_of(self.objects.algorithm, data)
        if actual != expected:
            raise self.damage(file, [name], expected, actual)

    def find_damage(self, file: FileEntry, actual: str) -> IntegrityError:
        """Return the error for a file of another digest: reads it once more.

        Its slices tell which object it is; where all of them are sound, it is the
        manifest that does not hold together.

        Raises:
            IntegrityError: An object is missing by now, or shorter.
        """
        cut = self.cut(file)
        digests = slice_digests(file, cut)
        for piece, expected in zip(cut, digests, strict=True) if len(cut) > 1 else ():
            hasher = new_hasher(self.objects.algorithm)
            for data in self._pieces(piece):
                hasher.update(data)
            found = f"{self.objects.algorithm}:{hasher.hexdigest()}"
            if found != expected:
                return self.damage(file, [piece.object], expected, found)
        objects = sorted({piece.object for piece in cut})
        return self.damage(file, objects, file.digest, actual)

    def damage(
        self, file: FileEntry, objects: list[str], expected: str, actual: str
    ) -> IntegrityError:
        """Return the error for bytes of *file* that are not what was registered.

        Args:
            file: The file.
            objects: The one that is damaged, or those of which one must be.
            expected: The digest that was recorded.
            actual: The digest that was found.
        """
        return IntegrityError(
            f"{file.path!r} of {self.ref} is damaged: its bytes are not the ones "
            "that were registered",
            kind=ErrorKind.OBJECT_DAMAGED,
            key=self.objects.key(objects[0]) if len(objects) == 1 else None,
            expected=expected,
            actual=actual,
            hint="Run verify to see what else is damaged, and restore "
            f"{'the objects ' if objects else 'the manifest'}"
            f"{', '.join(objects[:3])} from a copy of the registry.",
            versions=[self.ref],
        )

    def cut_short(self, file: FileEntry, name: str, end: int) -> IntegrityError:
        """Return the error for an object that ends before byte *end*."""
        return IntegrityError(
            f"{file.path!r} of {self.ref} is damaged: the object {name} ends before "
            f"byte {end}, up to which it was registered",
            kind=ErrorKind.OBJECT_DAMAGED,
            key=self.objects.key(name),
            hint="Restore it from a copy of the registry, then run verify.",
            versions=[self.ref],
        )

    def _pieces(self, piece: Slice) -> Iterator[bytes]:
        step = _PIECE if self.objects.local else _FAR_PIECE
        stop = piece.offset + piece.length
        for start in range(piece.offset, stop, step):
            yield self.load(piece.object, start, min(start + step, stop))

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say of which version a missing object is."""
        try:
            yield
        except IntegrityError as error:
            error.facts.setdefault("versions", [self.ref])
            raise

"""Objects: immutable byte strings, named by their content and an incarnation."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

from attrs import frozen

from modelver._store.layout import object_key
from modelver._values.digests import hex_of, new_hasher
from modelver.errors import ErrorKind, IntegrityError
from modelver.plugin import Backend, LocalFiles, Upload

_PIECE: Final = 1024 * 1024


@frozen
class StoredObject:
    """An object that is in the store.

    Attributes:
        name: ``<hex>.<incarnation>``.
        digest: Of its bytes.
        size: Bytes.
    """

    name: str
    digest: str
    size: int


def missing(name: str) -> IntegrityError:
    """Return the error for an object that a manifest cites and the store lacks."""
    return IntegrityError(
        f"the object {name} is not in the store",
        kind=ErrorKind.OBJECT_MISSING,
        key=object_key(name),
        hint="Restore it from a copy of the registry, then run verify.",
    )


class ObjectWriter:
    """Takes an object's bytes in once: hashes and uploads them side by side."""

    def __init__(self, store: "ObjectStore", upload: Upload) -> None:
        self._store = store
        self._upload = upload
        self._algorithm = store.algorithm
        self._hasher = new_hasher(store.algorithm)
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append *data*."""
        self._hasher.update(data)
        self._upload.write(data)
        self._size += len(data)

    @property
    def digest(self) -> str:
        """The digest of everything written so far."""
        return f"{self._algorithm}:{self._hasher.hexdigest()}"

    def commit(self, incarnation: int) -> StoredObject:
        """Publish the object, whole; durable before the next commit is."""
        while self._store.is_damaged(f"{self._hasher.hexdigest()}.{incarnation}"):
            # Nothing is overwritten: good bytes go beside the bad ones.
            incarnation += 1
        name = f"{self._hasher.hexdigest()}.{incarnation}"
        self._upload.commit(object_key(name))
        return StoredObject(name, self.digest, self._size)

    def __enter__(self) -> Self:
        self._upload.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._upload.__exit__(kind, error, trace)


class ObjectStore:
    """The objects of one registry."""

    def __init__(self, backend: Backend, algorithm: str) -> None:
        self._backend = backend
        self.algorithm = algorithm

    def key(self, name: str) -> str:
        """Return the key in the store of the object *name*, for errors."""
        return object_key(name)

    def writer(self) -> ObjectWriter:
        """Begin an object; use it as a context manager."""
        return ObjectWriter(self, self._backend.upload())

    def put(
        self,
        pieces: Iterable[bytes | memoryview],
        digest: str,
        *,
        incarnation: int = 0,
        taken: Callable[[], object] | None = None,
    ) -> str:
        """Store an object that is in memory, and return its name.

        Args:
            pieces: Its bytes.
            digest: Of all of them.
            incarnation: The sequence number of the registry's last sweep, or 0.
            taken: Called once *pieces* are no longer needed.

        Raises:
            StorageError: The store refuses.
        """
        while self.is_damaged(f"{hex_of(digest)}.{incarnation}"):
            # Nothing is overwritten: good bytes go beside the bad ones.
            incarnation += 1
        name = f"{hex_of(digest)}.{incarnation}"
        with self._backend.upload() as upload:
            for piece in pieces:
                upload.write(piece)
            if taken is not None:
                taken()
            upload.commit(object_key(name))
        return name

    @property
    def local(self) -> bool:
        """Whether objects are files of this machine, and have descriptors."""
        return isinstance(self._backend, LocalFiles)

    def descriptor(self, name: str) -> int:
        """Open the file of an object for reading; the caller closes it.

        Raises:
            IntegrityError: The object is missing.
            StorageError: The store cannot tell.
        """
        assert isinstance(self._backend, LocalFiles)  # noqa: S101 - local was asked
        descriptor = self._backend.descriptor(object_key(name))
        if descriptor is None:
            raise missing(name)
        return descriptor

    def is_damaged(self, name: str) -> bool:
        """Whether an object is there, and holds other bytes than its name says."""
        hasher, key, at = new_hasher(self.algorithm), object_key(name), 0
        while piece := self._backend.read(key, at, at + _PIECE):
            hasher.update(piece)
            at += len(piece)
        if at == 0 and piece is None:
            return False
        return hasher.hexdigest() != name.partition(".")[0]

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return bytes ``start:end``, unverified: the caller holds the digest.

        Raises:
            IntegrityError: The object is missing or shorter than that.
            StorageError: The store cannot tell.
        """
        data = self._backend.read(object_key(name), start, end)
        if data is None:
            raise missing(name)
        if len(data) != end - start:
            raise IntegrityError(
                f"the object {name} ends at byte {start + len(data)}, "
                f"bytes up to {end} were registered",
                key=object_key(name),
                hint="Restore it from a copy of the registry, then run verify.",
            )
        return data

"""Objects: immutable byte strings, named by their content and an incarnation."""

from types import TracebackType
from typing import Self

from attrs import frozen

from modelver._store.layout import object_key
from modelver._values.digests import new_hasher
from modelver.errors import ErrorKind, IntegrityError
from modelver.plugin import Backend, Upload


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

    def __init__(self, upload: Upload, algorithm: str) -> None:
        self._upload = upload
        self._algorithm = algorithm
        self._hasher = new_hasher(algorithm)
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
        return ObjectWriter(self._backend.upload(), self.algorithm)

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

"""Objects: immutable byte strings, named by their content and an incarnation."""

from collections.abc import Callable, Iterable
from typing import Final

from modelver._store.far import is_far, put_new
from modelver._store.layout import object_key
from modelver._values.digests import hex_of, new_hasher
from modelver.errors import ErrorKind, IntegrityError
from modelver.plugin import Backend, LocalFiles

_PIECE: Final = 1024 * 1024


def missing(name: str) -> IntegrityError:
    """Return the error for an object that a manifest cites and the store lacks."""
    return IntegrityError(
        f"the object {name} is not in the store",
        kind=ErrorKind.OBJECT_MISSING,
        key=object_key(name),
        hint="Restore it from a copy of the registry, then run verify.",
    )


class ObjectStore:
    """The objects of one registry."""

    def __init__(self, backend: Backend, algorithm: str) -> None:
        self._backend = backend
        self.algorithm = algorithm

    def key(self, name: str) -> str:
        """Return the key in the store of the object *name*, for errors."""
        return object_key(name)

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
        if is_far(self._backend):
            return self._put_far(pieces, digest, incarnation, taken)
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

    def _put_far(
        self,
        pieces: Iterable[bytes | memoryview],
        digest: str,
        incarnation: int,
        taken: Callable[[], object] | None,
    ) -> str:
        """Store an object in one request; look at what is there after an error only.

        What a create has acknowledged was not there before, so it need not be read.
        """
        data = b"".join(pieces)
        if taken is not None:
            taken()
        while True:
            name = f"{hex_of(digest)}.{incarnation}"
            if put_new(self._backend, object_key(name), data):
                return name
            incarnation += 1

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

"""What the bundle room asks of the store; the desk hands it in."""

from collections.abc import Callable, Iterable
from typing import Protocol


class Objects(Protocol):
    """The objects of one registry."""

    @property
    def algorithm(self) -> str:
        """The registry's digest."""

    def key(self, name: str) -> str:
        """Return the key in the store of the object *name*."""

    def put(
        self,
        pieces: Iterable[bytes | memoryview],
        digest: str,
        *,
        incarnation: int = 0,
        taken: Callable[[], object] | None = None,
    ) -> str:
        """Store an object of these bytes, and return its name.

        *taken* is called once the pieces are no longer needed.
        """

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return exactly bytes ``start:end``, or raise IntegrityError."""

    @property
    def local(self) -> bool:
        """Whether objects are files of this machine, and have descriptors."""

    def descriptor(self, name: str) -> int:
        """Open the file of an object for reading; the caller closes it."""


class Progress(Protocol):
    """The part of an fsspec ``Callback`` that modelver calls."""

    def set_size(self, size: int) -> object:
        """Say how much there is to do."""

    def relative_update(self, inc: int = 1) -> object:
        """Say that so much more is done."""

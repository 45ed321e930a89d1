"""A registry that may be written to while the real one stays as it is.

Everything in a registry is created once and never overwritten, so two of them laid
above each other are one again: what is new is above, the rest below.
"""

from collections.abc import Iterator, Sequence

from modelver.errors import AlreadyExistsError, ErrorKind
from modelver.plugin import Backend, Capabilities, KeyInfo, Upload


class OverlayBackend:
    """Reads *below*, and what was written meanwhile to *above*; never writes below.

    The address is that of the registry below: whoever uses it notices nothing.
    """

    def __init__(self, below: Backend, above: Backend) -> None:
        self._below = below
        self._above = above

    @property
    def url(self) -> str:
        """The address of the registry below."""
        return self._below.url

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store above; nothing of it is to be remembered."""
        above = self._above.capabilities
        return Capabilities(
            exclusive_create=above.exclusive_create,
            durable=False,
            persistent=False,
            read_window=self._below.capabilities.read_window,
        )

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`modelver.plugin.Backend.create`."""
        if self._below.read(key, 0, 1) is not None:
            raise AlreadyExistsError(
                f"{key!r} is there already",
                kind=ErrorKind.KEY_EXISTS,
                hint="It is in the registry below.",
            )
        self._above.create(key, data)

    def upload(self) -> Upload:
        """See :meth:`modelver.plugin.Backend.upload`."""
        return self._above.upload()

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        found = self._above.read(key, start, end)
        return self._below.read(key, start, end) if found is None else found

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        below = self._below.read_many(keys, limit)
        # One by one: the store above may leave out what follows a key that it lacks.
        return [
            self._above.read(key, 0, limit) if found is None else found
            for key, found in zip(keys, below, strict=True)
        ]

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        seen = set()
        for info in self._above.list(prefix):
            seen.add(info.key)
            yield info
        for info in self._below.list(prefix):
            if info.key not in seen:
                yield info

    def delete(self, key: str) -> None:
        """Delete *key* above; what lies below stays."""
        self._above.delete(key)

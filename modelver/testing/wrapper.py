"""A backend over a backend, with one place through which every operation goes."""

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Literal, Self, TypeVar

from attrs import frozen

from modelver.plugin import Backend, Capabilities, KeyInfo, Placed, Upload

T = TypeVar("T")

Name = Literal[
    "create",
    "upload-begin",
    "upload-write",
    "upload-commit",
    "read",
    "read_many",
    "list",
    "delete",
]


@frozen
class Operation:
    """One thing that the store was asked to do.

    Attributes:
        name: Which.
        keys: The key; of ``list`` the prefix; none of a begun upload.
    """

    name: Name
    keys: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The first key, or nothing."""
        return self.keys[0] if self.keys else ""

    @property
    def writes(self) -> bool:
        """Whether it may change the store."""
        return self.name not in {"read", "read_many", "list"}

    @property
    def is_request(self) -> bool:
        """Whether the store is asked: an upload waits at the client until then."""
        return self.name not in {"upload-begin", "upload-write"}


class WrapperBackend:
    """Does what *inner* does; subclasses say what happens around it."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Carry out one operation by calling *act*, once, never or otherwise.

        Called by many threads at once.
        """
        raise NotImplementedError

    @property
    def url(self) -> str:
        """That of the inner backend."""
        return self.inner.url

    @property
    def capabilities(self) -> Capabilities:
        """Those of the inner backend."""
        return self.inner.capabilities

    def endpoint(self) -> str:
        """That of the inner backend."""
        return self.inner.endpoint() if isinstance(self.inner, Placed) else ""

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`modelver.plugin.Backend.create`."""
        self.around(Operation("create", (key,)), lambda: self.inner.create(key, data))

    def upload(self) -> "WrappedUpload":
        """See :meth:`modelver.plugin.Backend.upload`."""
        begun = self.around(Operation("upload-begin"), self.inner.upload)
        return WrappedUpload(self, begun)

    def upload_write(
        self, upload: Upload, data: bytes | bytearray | memoryview
    ) -> None:
        """Append to an upload of the inner backend."""
        self.around(Operation("upload-write"), lambda: upload.write(data))

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        return self.around(
            Operation("read", (key,)), lambda: self.inner.read(key, start, end)
        )

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        return self.around(
            Operation("read_many", tuple(keys)),
            lambda: self.inner.read_many(keys, limit),
        )

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`; listed when it is called."""
        return iter(
            self.around(
                Operation("list", (prefix,)), lambda: [*self.inner.list(prefix)]
            )
        )

    def delete(self, key: str) -> None:
        """See :meth:`modelver.plugin.Backend.delete`."""
        self.around(Operation("delete", (key,)), lambda: self.inner.delete(key))


class WrappedUpload:
    """An upload whose steps go through the wrapper; throwing it away does not."""

    def __init__(self, backend: WrapperBackend, inner: Upload) -> None:
        self._backend = backend
        self._inner = inner

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`modelver.plugin.Upload.write`."""
        self._backend.upload_write(self._inner, data)

    def commit(self, key: str) -> None:
        """See :meth:`modelver.plugin.Upload.commit`."""
        operation = Operation("upload-commit", (key,))
        self._backend.around(operation, lambda: self._inner.commit(key))

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inner.__exit__(kind, error, trace)

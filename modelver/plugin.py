"""The sockets: what a third party fills to add a store or an index.

Nothing here does anything. A backend is found by URL scheme through the
entry-point group ``modelver.backends``, an indexer by name through
``modelver.indexers``; ``modelver.testing`` holds the executable half of each
promise.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from attrs import frozen

from modelver._values.matching import matches, select
from modelver._values.query import (
    And,
    Comparison,
    Document,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Not,
    Or,
    OrderKey,
    Query,
)

__all__ = [
    "And",
    "Backend",
    "BackendFactory",
    "Capabilities",
    "Clocked",
    "Comparison",
    "Described",
    "Document",
    "Expr",
    "Field",
    "In",
    "Indexer",
    "IndexerFactory",
    "IsNull",
    "KeyFacts",
    "KeyInfo",
    "Like",
    "LocalFiles",
    "Not",
    "Or",
    "OrderKey",
    "Placed",
    "Query",
    "Upload",
    "Versioned",
    "matches",
    "select",
]


@frozen(kw_only=True)
class Capabilities:
    """What a store can be trusted with.

    Attributes:
        exclusive_create: ``create`` has exactly one winner, and readers see the
            whole value or nothing. Without it a registry is read-only.
        durable: A key whose write was acknowledged survives a power cut.
        persistent: The store outlives the process; where it does, clients
            remember the head of the log across processes.
        read_window: How many log entries to ask for at once; 1 where a read
            costs microseconds, 8 or more where it costs a round trip. Above 1 few
            requests are made in turn: many keys in one ``read_many``, some of which may
            be missing, and objects by ``create``, which tells whether they are new.
    """

    exclusive_create: bool
    durable: bool
    persistent: bool = True
    read_window: int = 8


@frozen(kw_only=True)
class KeyInfo:
    """One key of a listing.

    Attributes:
        key: ``/``-separated, below the registry's root.
        size: Bytes.
    """

    key: str
    size: int


@frozen(kw_only=True)
class KeyFacts:
    """What a store says of one key without being asked for its bytes.

    Attributes:
        size: Bytes.
        version: What the store calls these very bytes: a version id, a generation.
            None where another write would leave no trace of them.
        checksum: Of the bytes: ``sha256:<hex>``, ``md5:<hex>`` or ``crc32c:<hex>``,
            the strongest that the store has; ``etag:<text>`` where it has none, which
            tells other bytes but not these. None where it has nothing.
    """

    size: int
    version: str | None = None
    checksum: str | None = None


class Upload(Protocol):
    """One object on its way into the store; invisible until ``commit``."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append *data*."""

    def commit(self, key: str) -> None:
        """Publish everything written, whole, under *key*.

        It is durable at the latest when a later ``create`` of the same backend
        becomes visible. A key that exists already is left as it is: keys of
        objects are named by their content.
        """

    def __enter__(self) -> Self:
        """Return the upload itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Throw away whatever was not committed."""


@runtime_checkable
class Backend(Protocol):
    """How one kind of store does what modelver needs, and nothing more.

    Keys are relative, ``/``-separated ASCII that modelver spells itself. Every
    method raises only ``StorageError`` (or a subclass): foreign exceptions are
    translated in the backend. One instance is used by many threads.
    """

    @property
    def url(self) -> str:
        """The address, without credentials."""

    @property
    def capabilities(self) -> Capabilities:
        """What this store can be trusted with."""

    def create(self, key: str, data: bytes) -> None:
        """Create *key* with *data*, exclusively and whole.

        Exactly one of any number of concurrent callers returns; readers see
        nothing or all of *data*, which has at most 32 MiB.

        Raises:
            AlreadyExistsError: The key is there (kind ``KEY_EXISTS``); it may
                be our own earlier attempt, so the caller reads it back.
            StorageError: Anything else; the key may or may not be there.
        """

    def upload(self) -> Upload:
        """Begin an object of unknown length."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Return bytes ``start:end`` of *key*, or None where there is no such key.

        A range past the end is cut short, as in a slice. None is a definite
        answer; not being able to tell is an error.
        """

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """Return up to *limit* bytes of each key, None for the missing, in one round.

        The answer for a key may be None when an earlier key of the same call
        is missing: the log is read so.
        """

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """Yield every key below *prefix*, in any order."""

    def delete(self, key: str) -> None:
        """Delete *key*; a missing key is no error."""


@runtime_checkable
class LocalFiles(Protocol):
    """What a backend may have besides, whose keys are files of this machine.

    Readers then copy inside the kernel (or share blocks, where the file system can)
    instead of taking every byte through Python.
    """

    def descriptor(self, key: str) -> int | None:
        """Open the regular file of *key* for reading; None where there is no such key.

        The caller closes it.

        Raises:
            StorageError: It is no regular file, or cannot be opened.
        """


@runtime_checkable
class Described(Protocol):
    """What a backend may have besides, so that ``doctor`` can tell of it."""

    def packages(self) -> Mapping[str, str]:
        """Return the distributions that reach the store, and their versions."""

    def settings(self) -> Mapping[str, str]:
        """Return settings outside of the address that change where requests go, or how.

        Of those that may be secrets only that they are set.
        """


@runtime_checkable
class Clocked(Protocol):
    """What a backend may have besides, whose store says when a key was written."""

    def written(self, key: str) -> float | None:
        """Return when *key* was written, in seconds since 1970 by the store's clock.

        None where there is no such key, or it is not known.

        Raises:
            StorageError: The store cannot tell.
        """


@runtime_checkable
class Placed(Protocol):
    """What a backend may have besides, whose address does not say which store it means.

    One bucket name at two endpoints is two buckets: what clients remember of a registry
    is remembered for the address and the endpoint.
    """

    def endpoint(self) -> str:
        """Return host, port and the like; "" where the address says it all.

        Never a credential. It is found out without asking the store.
        """


@runtime_checkable
class Versioned(Protocol):
    """What a backend may have besides, whose store knows what its keys hold.

    Data is then pinned where it lies, without being read.
    """

    def describe_key(self, key: str, version: str | None = None) -> KeyFacts | None:
        """Return what the store says of *key*; None where there is no such key.

        Args:
            key: Any that the store may have, not only those that modelver makes.
            version: As an earlier answer named it; None: the present one.

        Raises:
            StorageError: The store cannot tell, or keeps no such version.
        """

    def read_version(
        self, key: str, version: str, start: int = 0, end: int | None = None
    ) -> bytes | None:
        """Return bytes ``start:end`` of that version of *key*; None where it is gone.

        Raises:
            StorageError: The store cannot tell.
        """


class BackendFactory(Protocol):
    """What the entry point names: a class or a function."""

    def __call__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> Backend:
        """Return a backend for *url*; touches the store as little as it can."""


@runtime_checkable
class Indexer(Protocol):
    """A rebuildable index that answers searches.

    It is told of every version as a :class:`Document` and of every change as
    the document anew. It never is the truth: a failing indexer makes a warning.
    """

    def update(self, documents: Iterable[Document]) -> None:
        """Add or replace documents, each known by its ``ref``."""

    def find(self, query: Query) -> list[str]:
        """Return the refs that match, ordered and cut as *query* says."""


IndexerFactory = Callable[[], Indexer]

"""What every store that fsspec reaches has in common.

Only exact-key calls: nothing here asks ``exists``, ``ls`` or ``info`` to decide
anything, since their answers may come from a cache.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from traceback import format_exception
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self

from modelver.backends._errors import Answer, judge, ours, without
from modelver.backends._filesystem import Filesystem
from modelver.backends._told import packages_of, settings_of, time_of
from modelver.errors import AlreadyExistsError, ErrorKind, ModelverError
from modelver.plugin import Capabilities, KeyInfo


class FsspecBackend(ABC):
    """A store through an fsspec filesystem; what differs from store to store is hooks.

    A subclass gives ``capabilities`` and the hook ``_put_new``, the exclusive create,
    which no two filesystems do alike; and ``_judge``, which says what the exceptions
    of its client mean. ``_get``, ``_find`` and ``_remove`` are right for most.

    Hooks get the filesystem of this process first, and a path: the root and a key. Of
    an asynchronous filesystem they are coroutines (or return what can be awaited), and
    use its coroutines: ``filesystem._cat_file``. They raise whatever the client raises.

    Attributes:
        hints: What to do about an answer of this store, where more is known than in
            general.
    """

    hints: ClassVar[Mapping[Answer, str]] = {}

    def __init__(
        self,
        url: str,
        filesystem: Filesystem,
        root: str,
        *,
        secrets: Iterable[str] = (),
    ) -> None:
        """Keep what is needed; the store is not touched.

        Args:
            url: The address, without credentials, as it will be shown.
            filesystem: How the store is reached.
            root: The path of the registry in the filesystem; keys go below it.
            secrets: Texts that no message may repeat: ``secrets_in(options)``.
        """
        self._url = url
        self._files = filesystem
        self._root = root.rstrip("/")
        self._secrets = tuple(secrets)

    @property
    def url(self) -> str:
        """The address, without credentials."""
        return self._url

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this store can be trusted with."""

    def endpoint(self) -> str:
        """See :meth:`modelver.plugin.Placed.endpoint`: here the address says it all."""
        return ""

    # The hooks.

    @abstractmethod
    def _put_new(
        self, filesystem: Any, path: str, data: bytes
    ) -> Awaitable[object] | None:
        """Create *path*, exclusively and whole; raise what means TAKEN if it is there.

        Never a check before a write. After an error the key may be there or not.
        """

    def _get(
        self, filesystem: Any, path: str, start: int, end: int | None
    ) -> Awaitable[bytes | list[bytes]] | bytes:
        """Return bytes ``start:end``, in one request; raise what means MISSING.

        Pieces of them are as good, and are put together in the thread that has asked:
        the loop is there for all. ``end`` is above ``start``. A range that begins at
        the end or behind it may give b"" or raise what means OUT_OF_RANGE.
        """
        if getattr(filesystem, "async_impl", False):
            found: Awaitable[bytes] = filesystem._cat_file(path, start=start, end=end)  # noqa: SLF001 - fsspec's name for its coroutines
            return found
        data: bytes = filesystem.cat_file(path, start=start, end=end)
        return data

    def _find(
        self, filesystem: Any, path: str
    ) -> Awaitable[Mapping[str, Any]] | Mapping[str, Any]:
        """Return every file below *path*, which ends in a slash, with its ``size``.

        Fresh, not from a cache; it may hold more than what is below *path*.
        """
        found: Any
        if getattr(filesystem, "async_impl", False):
            found = filesystem._find(path, detail=True)  # noqa: SLF001 - the same
        else:
            found = filesystem.find(path, detail=True)
        files: Awaitable[Mapping[str, Any]] | Mapping[str, Any] = found
        return files

    def _remove(self, filesystem: Any, path: str) -> Awaitable[object] | None:
        """Delete *path*; of a missing one, return or raise what means MISSING."""
        if getattr(filesystem, "async_impl", False):
            done: Awaitable[object] = filesystem._rm_file(path)  # noqa: SLF001 - the same
            return done
        filesystem.rm_file(path)
        return None

    def _judge(self, error: Exception) -> Answer:
        """Return what *error*, raised by a hook, means.

        For what is not special to the client, ask ``super()``.
        """
        return judge(error)

    # What they are used for.

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`modelver.plugin.Backend.create`."""
        try:
            self._run(self._put_new, self._path(key), data)
        except Exception as error:  # noqa: BLE001 - every one is translated
            self._fail(error, "create", key)

    def upload(self) -> "BufferedUpload":
        """See :meth:`modelver.plugin.Backend.upload`."""
        return BufferedUpload(self)

    def _put(self, key: str, data: bytes) -> None:
        """Publish an object whole; one that is there already stays."""
        try:
            self._run(self._put_new, self._path(key), data)
        except Exception as error:  # noqa: BLE001 - the same
            if self._judge(error) is not Answer.TAKEN:
                self._fail(error, "upload", key)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        # No store is asked for a range of nothing: they do not agree on its answer.
        stop = None if end is None else max(end, start + 1)
        try:
            found = self._run(self._get, self._path(key), start, stop, again=True)
        except Exception as error:  # noqa: BLE001 - the same
            return self._unread(error, key)
        return _whole(found) if stop == end else b""

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""

        def ask(filesystem: Any, key: str) -> Any:
            return self._get(filesystem, self._path(key), 0, max(limit, 1))

        found: list[bytes | None] = []
        try:
            filesystem = self._fs
            answers = self._files.gather(ask, keys)
        except Exception as error:  # noqa: BLE001 - the same
            self._fail(error, "read", keys[0] if keys else "")
        for key, answer in zip(keys, answers, strict=True):
            if isinstance(answer, Exception):
                if self._judge(answer) is Answer.DEAD:
                    # All of them were on that connection: each is asked for again.
                    self._files.renew(filesystem)
                    found.append(self.read(key, 0, limit))
                else:
                    found.append(self._unread(answer, key))
            else:
                found.append(_whole(answer)[:limit])
        return found

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """See :meth:`modelver.plugin.Backend.list`."""
        above = self._path(prefix)
        try:
            found = self._run(self._find, above, again=True)
        except Exception as error:  # noqa: BLE001 - the same
            if self._judge(error) is not Answer.MISSING:
                self._fail(error, "list", prefix)
            return
        for path, info in found.items():
            place = str(path)
            if place.startswith(above):
                key = place[len(self._root) + 1 :]
                yield KeyInfo(key=key, size=int(info["size"]))

    def delete(self, key: str) -> None:
        """See :meth:`modelver.plugin.Backend.delete`."""
        try:
            self._run(self._remove, self._path(key), again=True)
        except Exception as error:  # noqa: BLE001 - the same
            if self._judge(error) is not Answer.MISSING:
                self._fail(error, "delete", key)

    # What it tells of itself.

    def packages(self) -> Mapping[str, str]:
        """See :meth:`modelver.plugin.Described.packages`."""
        return packages_of(self._fs)

    def settings(self) -> Mapping[str, str]:
        """See :meth:`modelver.plugin.Described.settings`."""
        return settings_of(self._fs)

    def written(self, key: str) -> float | None:
        """See :meth:`modelver.plugin.Clocked.written`."""

        def info(filesystem: Any, path: str) -> Any:
            asynchronous = getattr(filesystem, "async_impl", False)
            ask = filesystem._info if asynchronous else filesystem.info  # noqa: SLF001 - fsspec's name for its coroutines
            return ask(path)

        try:
            return time_of(self._run(info, self._path(key), again=True))
        except Exception as error:  # noqa: BLE001 - the same
            if self._judge(error) is not Answer.MISSING:
                self._fail(error, "read", key)
            return None

    # How.

    @property
    def _fs(self) -> Any:
        """The filesystem of this process, for one call."""
        return self._files.instance

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _run(self, hook: Callable[..., Any], *args: Any, again: bool = False) -> Any:
        """Run a hook; where the connection is dead, the next call opens another.

        Args:
            hook: Which.
            args: For it, after the filesystem.
            again: Ask a second time then: for what changes nothing when repeated.
        """
        while True:
            filesystem = self._fs
            try:
                return self._files.run(hook, *args)
            except Exception as error:
                if self._judge(error) is not Answer.DEAD:
                    raise
                self._files.renew(filesystem)
                if not again:
                    raise
                again = False

    def _unread(self, error: Exception, key: str) -> bytes | None:
        """Return what a failed read means, None or no bytes; or raise it as ours."""
        answer = self._judge(error)
        if answer not in {Answer.MISSING, Answer.OUT_OF_RANGE}:
            self._fail(error, "read", key)
        return None if answer is Answer.MISSING else b""

    def _fail(self, error: Exception, action: str, key: str) -> NoReturn:
        """Raise *error* as ours."""
        if isinstance(error, ModelverError):
            raise error
        answer = self._judge(error)
        if answer is Answer.TAKEN and action == "create":
            raise AlreadyExistsError(
                f"{key!r} is there already in {self._url}",
                kind=ErrorKind.KEY_EXISTS,
                key=key,
            ) from None
        failure = ours(
            error,
            answer,
            action,
            self._url,
            key=key,
            secrets=self._secrets,
            hints=self.hints,
        )
        # A traceback would show the client's own texts as they are.
        told = "".join(format_exception(error)) if self._secrets else ""
        safe = without(told, self._secrets) == told
        raise failure from (error if safe else None)


def _whole(found: bytes | list[bytes]) -> bytes:
    return found if isinstance(found, bytes) else b"".join(found)


class BufferedUpload:
    """An object that waits in memory until it is complete.

    Objects are parts of at most 16 MiB, so that one request takes each: the exclusive
    create of every store is a single request.
    """

    def __init__(self, backend: FsspecBackend) -> None:
        self._backend = backend
        self._buffer = io.BytesIO()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`modelver.plugin.Upload.write`."""
        self._buffer.write(data)

    def commit(self, key: str) -> None:
        """See :meth:`modelver.plugin.Upload.commit`."""
        self._backend._put(key, self._buffer.getvalue())  # noqa: SLF001 - same room

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._buffer.close()

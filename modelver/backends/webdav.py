"""A registry on a WebDAV server: read by anybody, written by one writer at most.

WebDAV has no exclusive create that can be trusted: servers look whether a name is
taken, and then write. Whoever says that there is one writer may write all the same.
"""

import io
import uuid
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from modelver._values.url import scheme_of
from modelver.backends._errors import Answer, secrets_in
from modelver.backends._filesystem import Filesystem, client
from modelver.backends._fsspec import FsspecBackend
from modelver.backends._publish import TEMPORARY
from modelver.backends._ranges import STATUSES, Cutter, headers_for, span_of
from modelver.backends._tree import find
from modelver.backends.web import folder_address
from modelver.errors import ErrorKind, InvalidInputError, StorageError
from modelver.plugin import Capabilities

_AT_ONCE: Final = 16
_GOOD: Final = {200, 206}
_SECURE: Final = {"webdavs": "https", "davs": "https"}

# By the names of the exceptions of webdav4 and httpx, which are no OSErrors.
_MEANINGS: Final = {
    "ResourceNotFound": Answer.MISSING,
    "ResourceAlreadyExists": Answer.TAKEN,
    "ForbiddenOperation": Answer.DENIED,
    "InsufficientStorage": Answer.FULL,
    "ResourceLocked": Answer.BUSY,
    "ConnectError": Answer.UNREACHABLE,
    "ConnectTimeout": Answer.UNREACHABLE,
    "TimeoutException": Answer.UNREACHABLE,
    "RemoteProtocolError": Answer.DEAD,
    "ReadError": Answer.DEAD,
    "WriteError": Answer.DEAD,
    "CloseError": Answer.DEAD,
}


class WebdavBackend(FsspecBackend):
    """A folder of a WebDAV server, through webdav4."""

    hints: ClassVar[Mapping[Answer, str]] = {
        Answer.BAD_CREDENTIALS: "Pass them in storage_options: {'auth': (name, word)}.",
        Answer.UNREACHABLE: "Check the address; webdavs:// is WebDAV over HTTPS.",
    }

    def __init__(
        self,
        url: str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        single_writer: bool = False,
    ) -> None:
        """Remember the address; the server is not asked yet.

        Args:
            url: ``webdavs://host/folder`` (over HTTPS; ``webdav://`` without). Where
                *storage_options* have a ``base_url``, the folder is below that, as
                webdav4 has it: ``webdav://folder``.
            storage_options: For ``webdav4.fsspec.WebdavFileSystem``.
            single_writer: Write. It is the caller's word that no other process writes
                at the same time: the server cannot tell who was first.

        Raises:
            InvalidInputError: *url* is no address of a folder, or holds credentials.
            PluginError: webdav4 is not installed.
        """
        client("webdav4.fsspec", "webdav")
        scheme = scheme_of(url)
        options = dict(storage_options or {})
        if "base_url" in options:
            rest = url[len(scheme) + len("://") :].strip("/")
            base = str(options["base_url"]).rstrip("/")
            protocol = urlsplit(base).scheme
        else:
            protocol = _SECURE.get(scheme, "http")
            base, rest = f"{protocol}://{url[len(scheme) + len('://') :]}", ""
        if scheme_of(base) not in {"http", "https"}:
            raise InvalidInputError(
                "the base_url of a WebDAV server begins with http:// or https://",
                kind=ErrorKind.BAD_URL,
            )
        host, _, root = folder_address(f"{base}/{rest}").partition("/")
        options["base_url"] = f"{protocol}://{host}"
        self._single = single_writer
        self._lock = Lock()
        shown = "webdavs" if protocol == "https" else "webdav"
        super().__init__(
            f"{shown}://{host}/{root}".rstrip("/"),
            Filesystem(_open, options),
            root,
            secrets=secrets_in(storage_options),
        )

    @property
    def capabilities(self) -> Capabilities:
        """For reading alone, unless the caller is the only writer."""
        return Capabilities(exclusive_create=self._single, durable=False)

    def read_many(self, keys: Sequence[str], limit: int) -> list[bytes | None]:
        """See :meth:`modelver.plugin.Backend.read_many`."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda key: self.read(key, 0, limit), keys))

    def _get(self, filesystem: Any, path: str, start: int, end: int | None) -> bytes:
        # Not cat_file: it asks what the path is, and then for the whole of it.
        dav = filesystem.client
        request = dav.http.build_request(
            "GET", dav.join_url(path), headers=headers_for(start, end)
        )
        response = dav.http.send(request, stream=True, follow_redirects=True)
        try:
            status = response.status_code
            if status not in _GOOD:
                raise _Refused(status, response.reason_phrase)
            cutter = Cutter(span_of(status, response.headers, start, end))
            for piece in response.iter_raw():
                if not cutter.take(piece):
                    break
        finally:
            response.close()
        return cutter.data

    def _put_new(self, filesystem: Any, path: str, data: bytes) -> None:
        if not self._single:
            raise StorageError(
                f"{self.url} has no exclusive create, so commits could be lost",
                kind=ErrorKind.UNSUPPORTED,
                hint="Open it with read_only=True. If nobody else writes, see the "
                "how-to 'other filesystems'.",
            )
        folder, _, _ = path.rpartition("/")
        temporary = f"{folder}/{TEMPORARY}{uuid.uuid4().hex}"
        with self._lock:  # of the one writer's threads
            try:
                # Moved to its name when it is whole: readers see nothing else.
                filesystem.upload_fileobj(io.BytesIO(data), temporary)
                filesystem.client.move(temporary, path, overwrite=False)
            except BaseException:
                with suppress(Exception):
                    filesystem.client.remove(temporary)
                raise

    def _find(self, filesystem: Any, path: str) -> Mapping[str, Any]:
        return find(filesystem, path)

    def _remove(self, filesystem: Any, path: str) -> None:
        filesystem.client.remove(path)

    def _judge(self, error: Exception) -> Answer:
        status = getattr(error, "status_code", None)
        if status in STATUSES:
            return STATUSES[status]
        for kind in type(error).__mro__:
            if kind.__name__ in _MEANINGS:
                return _MEANINGS[kind.__name__]
        return super()._judge(error)


def _open(**options: Any) -> Any:
    """Return a filesystem that closes its connections when nobody has it any more."""
    made = client("webdav4.fsspec", "webdav").WebdavFileSystem(**options)
    closing = weakref.finalize(made, made.client.http.close)
    closing.atexit = False  # a child process has the connections of its parent, too
    return made


class _Refused(Exception):  # noqa: N818 - a status, translated before anybody sees it
    """The server has answered with something else than the file."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}".strip())
        self.status_code = status

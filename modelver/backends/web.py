"""A registry behind a web server: any server of files, read-only, without listings.

What shows a folder to the world (nginx, a content network, ``python -m http.server``)
shows a registry. Nothing is ever written, and nothing is read from index pages.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NoReturn
from urllib.parse import urlsplit

from modelver._values.url import scheme_of
from modelver.backends._errors import Answer, secrets_in
from modelver.backends._filesystem import Filesystem, client
from modelver.backends._ranges import STATUSES, Cutter, headers_for, span_of
from modelver.backends._versions import VersionedBackend, etag
from modelver.errors import ErrorKind, InvalidInputError, StorageError
from modelver.plugin import Capabilities, KeyFacts

_PIECE: Final = 256 * 1024
_GOOD: Final = {200, 206}

# By the names of aiohttp's exceptions. A connection that broke is worth a second try.
_MEANINGS: Final = {
    "ClientConnectorError": Answer.UNREACHABLE,
    "ServerDisconnectedError": Answer.DEAD,
    "ClientPayloadError": Answer.DEAD,
    "ConnectionResetError": Answer.DEAD,
    "ServerTimeoutError": Answer.UNREACHABLE,
    "InvalidURL": Answer.NO_STORE,
}


class HttpBackend(VersionedBackend):
    """A folder of a web server, through fsspec's HTTP and aiohttp."""

    hints: ClassVar[Mapping[Answer, str]] = {
        Answer.BAD_CREDENTIALS: "Pass them in storage_options, for instance "
        "{'headers': {'Authorization': 'Bearer ...'}}.",
        Answer.DENIED: "Check who may read there. Some servers answer so for what is "
        "missing, too.",
        Answer.UNREACHABLE: "Check the address, and that a browser gets there.",
    }

    def __init__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        """Remember the address; the server is not asked yet.

        Args:
            url: ``https://host/folder/registry``.
            storage_options: For ``fsspec.implementations.http.HTTPFileSystem``:
                ``headers`` go with every request, ``client_kwargs`` to aiohttp.

        Raises:
            InvalidInputError: *url* is no address of a folder, or holds credentials.
            PluginError: aiohttp is not installed.
        """
        scheme = scheme_of(url)
        address = folder_address(url)
        http = client("fsspec.implementations.http", "http")
        options = dict(storage_options or {})
        # What is stored is what is wanted: a rollup is a file that is compressed.
        given = options.get("client_kwargs") or {}
        options["client_kwargs"] = {"auto_decompress": False, **given}
        super().__init__(
            f"{scheme}://{address}",
            Filesystem(http.HTTPFileSystem, options),
            f"{scheme}://{address}",
            secrets=secrets_in(storage_options),
        )

    @property
    def capabilities(self) -> Capabilities:
        """For reading alone."""
        return Capabilities(exclusive_create=False, durable=False, read_window=16)

    async def _get(
        self, filesystem: Any, path: str, start: int, end: int | None
    ) -> bytes:
        session = await filesystem.set_session()
        settings = dict(filesystem.kwargs)
        headers = {**(settings.pop("headers", None) or {}), **headers_for(start, end)}
        url = filesystem.encode_url(path)
        async with session.get(url, headers=headers, **settings) as response:
            if response.status not in _GOOD:
                raise _Refused(response.status, response.reason)
            cutter = Cutter(span_of(response.status, response.headers, start, end))
            while piece := await response.content.read(_PIECE):
                if not cutter.take(piece):
                    break
        return cutter.data

    async def _describe(
        self, filesystem: Any, path: str, version: str | None
    ) -> KeyFacts:
        if version is not None:
            self._refuse("keep versions")
        session = await filesystem.set_session()
        settings = dict(filesystem.kwargs)
        # The bytes as they are stored: of a compressed answer the length is another.
        headers = {
            **(settings.pop("headers", None) or {}),
            "Accept-Encoding": "identity",
        }
        url = filesystem.encode_url(path)
        async with session.head(
            url, headers=headers, allow_redirects=True, **settings
        ) as response:
            if response.status not in _GOOD:
                raise _Refused(response.status, response.reason)
            length = response.headers.get("Content-Length", "")
            return KeyFacts(
                size=int(length) if length.isdigit() else -1,
                checksum=etag(response.headers.get("ETag")),
            )

    def _get_version(self, *_: Any) -> NoReturn:
        self._refuse("keep versions")

    def _put_new(self, *_: Any) -> NoReturn:
        self._refuse("be written to")

    def _find(self, *_: Any) -> NoReturn:
        self._refuse("be listed")

    def _remove(self, *_: Any) -> NoReturn:
        self._refuse("be written to")

    def _refuse(self, what: str) -> NoReturn:
        raise StorageError(
            f"{self.url} is a web server: it cannot {what}",
            kind=ErrorKind.UNSUPPORTED,
            hint="Use the store behind it, or a copy of the registry.",
        )

    def _judge(self, error: Exception) -> Answer:
        if isinstance(error, _Refused):
            return STATUSES.get(error.status, Answer.OTHER)
        for kind in type(error).__mro__:
            if kind.__name__ in _MEANINGS:
                return _MEANINGS[kind.__name__]
        return super()._judge(error)


class _Refused(Exception):  # noqa: N818 - a status, translated before anybody sees it
    """The server has answered with something else than the file."""

    def __init__(self, status: int, reason: str | None) -> None:
        super().__init__(f"{status} {reason or ''}".strip())
        self.status = status


def folder_address(url: str) -> str:
    """Return host and path of *url*, without the slashes at its end.

    Raises:
        InvalidInputError: It is no address of a folder on a server: keys are put
            behind it, so it has no query and no fragment.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or url.endswith(("?", "#")):
        # What stands in a query may be a signature: it is not repeated.
        raise InvalidInputError(
            "the registry's address is no folder of a web server",
            kind=ErrorKind.BAD_URL,
            hint="Write it like https://host/folder/registry, without ? and #; "
            "everything else goes into storage_options.",
        )
    return f"{parts.netloc}{parts.path}".rstrip("/")

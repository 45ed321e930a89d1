"""A registry in a container of Azure Blob Storage.

Everything is one request: a key is created by a single Put Blob with
``If-None-Match: *``, which is exclusive and whole; a read is a single Get Blob of a
range. The store compares the MD5 sum that is sent along before the key is there.

adlfs opens the account, with whatever it knows of credentials. The requests are made
with the client of Microsoft that it holds, for its own methods ask for more than they
are asked, or hide what the store has answered.
"""

import asyncio
import inspect
import os
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final, NoReturn

from attrs import frozen

from modelver._values.url import container_and_account, scheme_of
from modelver.backends._address import bucket_and_prefix
from modelver.backends._again import again
from modelver.backends._endpoint import azure_endpoint
from modelver.backends._errors import STATUSES, Answer, secrets_in
from modelver.backends._filesystem import Filesystem, client
from modelver.backends._versions import VersionedBackend, checksum, etag
from modelver.errors import ErrorKind, InvalidInputError
from modelver.plugin import Capabilities, KeyFacts

_EXAMPLE: Final = "az://container/registry"
_USUAL: Final = "core.windows.net"

# The store's codes; what is not here is judged by the HTTP status.
_CODES: Final = {
    "BlobAlreadyExists": Answer.TAKEN,
    # To whoever may create, and not write: so it is there.
    "UnauthorizedBlobOverwrite": Answer.TAKEN,
    "BlobImmutableDueToPolicy": Answer.TAKEN,
    "BlobNotFound": Answer.MISSING,
    "ContainerNotFound": Answer.NO_STORE,
    "ContainerBeingDeleted": Answer.NO_STORE,
    "ContainerDisabled": Answer.NO_STORE,
    # Of a container that only others may know of, to whoever comes without a name.
    "ResourceNotFound": Answer.NO_STORE,
    "InvalidResourceName": Answer.NO_STORE,
    "AccountIsDisabled": Answer.NO_STORE,
    "AuthenticationFailed": Answer.BAD_CREDENTIALS,
    "InvalidAuthenticationInfo": Answer.BAD_CREDENTIALS,
    "NoAuthenticationInformation": Answer.BAD_CREDENTIALS,
    "PublicAccessNotPermitted": Answer.BAD_CREDENTIALS,
    "InvalidRange": Answer.OUT_OF_RANGE,
    "ConditionHeadersNotSupported": Answer.UNSUPPORTED,
}
# Of azure.core, most special first; they have no answer of the store.
_KINDS: Final = {
    "ClientAuthenticationError": Answer.BAD_CREDENTIALS,
    "ServiceRequestError": Answer.UNREACHABLE,
    "ServiceResponseError": Answer.UNREACHABLE,
    "IncompleteReadError": Answer.UNREACHABLE,
}
_COME_AGAIN: Final = {Answer.BUSY, Answer.UNREACHABLE}
# The client asks three times more by itself, and pauses for a minute and a half.
_ONCE: Final = {"retry_total": 0}
# Seconds, unless the storage options say otherwise.
_PATIENCE: Final = {"connection_timeout": 10, "read_timeout": 60}
# Where adlfs finds what must not be repeated.
_VARIABLES: Final = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_CLIENT_SECRET",
)
_SHORTEST_SECRET: Final = 8
_TO_CLOSE: Final = 1.0  # seconds


@frozen
class _Place:
    """What an address says.

    Attributes:
        shown: The address as messages have it, and as it can be opened again.
        root: The container, and the prefix in it.
        account: The storage account, where the address names it.
        host: Its host for blobs, where it is none of the usual cloud's.
    """

    shown: str
    root: str
    account: str | None = None
    host: str | None = None


class AzureBackend(VersionedBackend):
    """A prefix of a container, through adlfs."""

    hints: ClassVar[Mapping[Answer, str]] = {
        Answer.DENIED: "Check what this account may do there: the role Storage Blob "
        "Data Reader to read, Storage Blob Data Contributor to write.",
        Answer.NO_STORE: "Mend the address, or create the container: modelver makes "
        "keys in it, and nothing else.",
        Answer.BAD_CREDENTIALS: "Log in with: az login; or pass account_name with a "
        "key, a token or a credential in storage_options, or in the environment "
        "variables AZURE_STORAGE_ACCOUNT_NAME and so on.",
    }

    def __init__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        """Remember how to reach the container; nothing is asked yet.

        Args:
            url: ``az://container/prefix``, or ``abfss://`` with the account's host.
            storage_options: For ``adlfs.AzureBlobFileSystem``, as they are.

        Raises:
            InvalidInputError: *url* names no container, holds credentials or a query,
                or another account than *storage_options*.
            PluginError: adlfs is not installed.
        """
        place = _place(url)
        options = dict(storage_options or {})
        if place.account is not None:
            said = options.setdefault("account_name", place.account)
            if said != place.account:
                raise InvalidInputError(
                    f"the address names the account {place.account!r}, and "
                    f"storage_options {said!r}",
                    kind=ErrorKind.BAD_URL,
                    hint="Leave one of them out.",
                )
            if place.host is not None:
                options.setdefault("account_host", place.host)
        # An address that names the account says it all.
        self._account = None if place.account else options
        super().__init__(
            place.shown,
            Filesystem(_make, options),
            place.root,
            secrets=_secrets(options),
        )
        client("adlfs", "azure")

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive and durable, by the conditional Put Blob."""
        return Capabilities(exclusive_create=True, durable=True)

    def endpoint(self) -> str:
        """See :meth:`modelver.plugin.Placed.endpoint`: the account, if not named."""
        return "" if self._account is None else azure_endpoint(self._account)

    async def _put_new(self, filesystem: Any, path: str, data: bytes) -> None:
        blob = _blob(filesystem, path)

        async def put() -> None:
            await blob.upload_blob(
                data,
                length=len(data),
                overwrite=False,
                validate_content=True,
                max_concurrency=1,
                **_bounds(filesystem),
            )

        await again(put, worth=_worth)

    async def _get(
        self, filesystem: Any, path: str, start: int, end: int | None
    ) -> bytes:
        return await self._fetch(_blob(filesystem, path), filesystem, (start, end))

    async def _get_version(
        self, filesystem: Any, path: str, span: tuple[int, int | None], version: str
    ) -> bytes:
        return await self._fetch(_blob(filesystem, path, version), filesystem, span)

    async def _describe(
        self, filesystem: Any, path: str, version: str | None
    ) -> KeyFacts:
        blob = _blob(filesystem, path, version)

        async def ask() -> KeyFacts:
            said = await blob.get_blob_properties(**_bounds(filesystem))
            sums = checksum(md5=said.content_settings.content_md5)
            return KeyFacts(
                size=int(said.size),
                version=said.get("version_id"),
                checksum=sums or etag(said.etag),
            )

        return await again(ask, worth=_worth)

    async def _fetch(
        self, blob: Any, filesystem: Any, span: tuple[int, int | None]
    ) -> bytes:
        start, end = span
        length = None if end is None else end - start

        async def get() -> bytes:
            stream = await blob.download_blob(
                offset=start, length=length, max_concurrency=1, **_bounds(filesystem)
            )
            data: bytes = await stream.readall()
            return data

        return await again(get, worth=_worth)

    async def _find(self, filesystem: Any, path: str) -> Mapping[str, Any]:
        name, _, prefix = path.partition("/")
        container = filesystem.service_client.get_container_client(name)

        async def find() -> dict[str, Any]:
            # Folders of a hierarchical namespace are listed as blobs, and say so.
            listed = container.list_blobs(
                name_starts_with=prefix, include=["metadata"], **_bounds(filesystem)
            )
            return {
                f"{name}/{blob.name}": {"size": blob.size}
                async for blob in listed
                if (blob.metadata or {}).get("hdi_isfolder") != "true"
            }

        return await again(find, worth=_worth)

    async def _remove(self, filesystem: Any, path: str) -> None:
        blob = _blob(filesystem, path)
        await again(lambda: blob.delete_blob(**_bounds(filesystem)), worth=_worth)

    def _judge(self, error: Exception) -> Answer:
        found = _judged(error)
        return super()._judge(error) if found is None else found

    def _fail(self, error: Exception, action: str, key: str) -> NoReturn:
        if _is_theirs(error):
            # The rest of the client's own text is lists, times, numbers and XML.
            said: Any = error
            first, code = str(error).partition("\n")[0], _code(error)
            said.strerror = f"{first} ({code})" if code else first
        super()._fail(error, action, key)


def _make(**options: Any) -> Any:
    """Open a filesystem that a forked process can end with.

    adlfs closes its connections at exit, and waits for a loop that a fork does not
    take along: the child would never end.
    """
    filesystem = client("adlfs", "azure").AzureBlobFileSystem(**options)
    for each in list(getattr(weakref.finalize, "_registry", ())):
        alive = each.peek()
        if alive is not None and alive[0] is filesystem:
            each.detach()
    held = filesystem.service_client, filesystem.credential
    weakref.finalize(filesystem, _close, os.getpid(), filesystem.loop, held)
    return filesystem


def _close(pid: int, loop: Any, held: Iterable[Any]) -> None:
    """Close what was opened, if this is the process that did."""
    if os.getpid() != pid or not loop.is_running():
        return

    async def close() -> None:
        for each in held:
            done = each.close() if hasattr(each, "close") else None
            if inspect.isawaitable(done):
                await done

    closing = asyncio.run_coroutine_threadsafe(close(), loop)
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is not loop:
        with suppress(Exception):
            closing.result(_TO_CLOSE)


def _blob(filesystem: Any, path: str, version: str | None = None) -> Any:
    container, _, name = path.partition("/")
    more = {} if version is None else {"version_id": version}
    return filesystem.service_client.get_blob_client(container, name, **more)


def _bounds(filesystem: Any) -> dict[str, Any]:
    """Return how long a request may take: what the options say, or a little."""
    return {**_ONCE, **_PATIENCE, **getattr(filesystem, "_timeout_kwargs", {})}


def _judged(error: Exception) -> Answer | None:
    """Return what *error* means, where it is not one of Python's own."""
    if type(error) is ValueError and "unable to connect to account" in str(error):
        return Answer.BAD_CREDENTIALS  # adlfs, when it is opened
    if not _is_theirs(error):
        return None
    classes = {cls.__name__ for cls in type(error).__mro__}
    known = _CODES.get(_code(error))
    status = getattr(error, "status_code", None)
    if known is not None:
        return known
    if status is not None:
        return STATUSES.get(status, Answer.OTHER)
    return next((_KINDS[name] for name in _KINDS if name in classes), Answer.OTHER)


def _is_theirs(error: Exception) -> bool:
    """Whether *error* is one of Microsoft's client."""
    return any(cls.__name__ == "AzureError" for cls in type(error).__mro__)


def _code(error: Exception) -> str:
    code = getattr(error, "error_code", None)
    code = getattr(code, "value", code) or getattr(error, "status_code", None)
    return str(code or "")


def _worth(error: Exception) -> bool:
    return _judged(error) in _COME_AGAIN


def _place(url: str) -> _Place:
    """Return what *url* says.

    Raises:
        InvalidInputError: It is no address of a registry in a container.
    """
    scheme = scheme_of(url)
    named = container_and_account(url)
    if named is None:
        container, prefix = bucket_and_prefix(url, example=_EXAMPLE)
        root = f"{container}/{prefix}".rstrip("/")
        return _Place(f"az://{root}", root)
    container, host = named
    _, _, below = url.partition("@")
    _, prefix = bucket_and_prefix(f"az://{below}", example=_EXAMPLE)
    root = f"{container}/{prefix}".rstrip("/")
    shown = f"{scheme}://{container}@{host}/{prefix}".rstrip("/")
    account, _, cloud = host.partition(".")
    _, _, cloud = cloud.partition(".")
    elsewhere = None if cloud == _USUAL else f"{account}.blob.{cloud}"
    return _Place(shown, root, account, elsewhere)


def _secrets(options: Mapping[str, Any]) -> Iterable[str]:
    """Return what no message may repeat, of the options and of the environment."""
    found = {*secrets_in(options)}
    found |= {os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    for text in list(found):
        # Of AccountName=...;AccountKey=...; and of sv=...&sig=..., each value, too.
        for part in text.replace("&", ";").split(";"):
            name, _, value = part.partition("=")
            if len(value) >= _SHORTEST_SECRET and _is_secret(name):
                found.add(value)
    return sorted(found, key=len, reverse=True)


def _is_secret(name: str) -> bool:
    return name.strip("? ").lower() in {"accountkey", "sharedaccesssignature", "sig"}

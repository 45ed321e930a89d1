"""A registry in a bucket of Google Cloud Storage.

Everything is one request of the JSON API: a key is created by a single upload with
``ifGenerationMatch=0``, which is exclusive and whole. gcsfs turns to resumable uploads
for what is larger than a few megabytes, and its body of a single upload has parts whose
boundary a file may hold itself; so the request is put together here, with a boundary
that is not in the data, and with the MD5 sum, which the store compares before the key
is there.

The plain class of gcsfs is used, not the one that it hands out by default: that one
asks by gRPC what kind of bucket it is before each call, and hangs for a minute a call
where nobody speaks gRPC, as in front of every emulator. Buckets with a hierarchical
namespace answer to the plain one, too; zonal ones do not, and are no place for a
registry.
"""

import base64
import hashlib
import io
import json
import os
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Final

from modelver.backends._address import bucket_and_prefix
from modelver.backends._again import again
from modelver.backends._endpoint import gcs_endpoint
from modelver.backends._errors import STATUSES, Answer, secrets_in
from modelver.backends._filesystem import Filesystem, client
from modelver.backends._versions import VersionedBackend, checksum, etag
from modelver.errors import StorageError
from modelver.plugin import Capabilities, KeyFacts

_EXAMPLE: Final = "gs://bucket/registry"

_COME_AGAIN: Final = {Answer.BUSY, Answer.UNREACHABLE}
# Of the clients below gcsfs, by module and class; most special first.
_KINDS: Final = (
    ("google.auth", "GoogleAuthError", Answer.BAD_CREDENTIALS),
    ("aiohttp", "ClientError", Answer.UNREACHABLE),
    ("requests", "RequestException", Answer.UNREACHABLE),
    ("gcsfs.retry", "NonRetryableError", Answer.BAD_CREDENTIALS),
)
# What `token` may be without being one.
_NO_TOKENS: Final = {"anon", "browser", "cache", "cloud", "google_default"}
# Seconds. gcsfs has none: a call may wait for five minutes.
_TO_CONNECT: Final = 10.0
_TO_ANSWER: Final = 60.0
_DESCRIBED: Final = "size,generation,md5Hash,crc32c,etag"
_LISTED: Final = "items(name,size),nextPageToken"


class _NoBucketError(Exception):
    """There is no such bucket, or none that we may know of."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"there is no bucket {bucket!r}")


class _Body(io.BytesIO):
    """The body of a request, which may be sent again; aiohttp closes what it sent."""

    def close(self) -> None:
        """Go back to the beginning."""
        self.seek(0)


class GcsBackend(VersionedBackend):
    """A prefix of a bucket, through gcsfs."""

    hints: ClassVar[Mapping[Answer, str]] = {
        Answer.DENIED: "Check what this account may do there: storage.objects.get, "
        "list and create are needed to write, get to read.",
        Answer.NO_STORE: "Mend the address, or create the bucket: modelver makes keys "
        "in it, and nothing else.",
        Answer.BAD_CREDENTIALS: "Log in with: gcloud auth application-default login; "
        "or pass token in storage_options.",
    }

    def __init__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        """Remember how to reach the bucket; nothing is asked yet.

        Args:
            url: ``gs://bucket/prefix``.
            storage_options: For ``gcsfs.GCSFileSystem``, as they are.

        Raises:
            InvalidInputError: *url* names no bucket, or holds credentials or a query.
            PluginError: gcsfs is not installed.
        """
        bucket, prefix = bucket_and_prefix(url, example=_EXAMPLE)
        root = f"{bucket}/{prefix}".rstrip("/")
        self._options = dict(storage_options or {})
        super().__init__(
            f"gs://{root}",
            Filesystem(_make, storage_options),
            root,
            secrets=[s for s in secrets_in(storage_options) if s not in _NO_TOKENS],
        )
        client("gcsfs.core", "gcs")

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive and durable, by the precondition on the generation."""
        return Capabilities(exclusive_create=True, durable=True)

    def endpoint(self) -> str:
        """See :meth:`modelver.plugin.Placed.endpoint`; none for Google's own."""
        return gcs_endpoint(self._options)

    async def _put_new(self, filesystem: Any, path: str, data: bytes) -> None:
        bucket, _, key = path.partition("/")
        checksum = _md5(data)
        kind, body = _body(key, data, checksum)
        try:
            made = await filesystem._call(  # noqa: SLF001 - its only way to one request
                "POST",
                filesystem._location + "/upload/storage/v1/b/{}/o",  # noqa: SLF001 - the same
                bucket,
                uploadType="multipart",
                ifGenerationMatch="0",
                headers={"Content-Type": kind},
                data=_Body(body),
                json_out=True,
            )
        except FileNotFoundError as error:
            raise _NoBucketError(bucket) from error
        except OSError as error:
            # Only who would overwrite needs to delete: the key is there.
            if "storage.objects.delete" in str(error):
                raise FileExistsError(path) from error
            raise
        if made.get("md5Hash", checksum) != checksum:
            raise StorageError(
                f"{self.url} has stored other bytes for {key!r} than it was sent",
                hint="Look for what changes requests on the way: a proxy, an emulator.",
                key=key,
            )

    async def _describe(
        self, filesystem: Any, path: str, version: str | None
    ) -> KeyFacts:
        bucket, _, key = path.partition("/")
        said = await filesystem._call(  # noqa: SLF001 - info() remembers, and lists
            "GET",
            "b/{}/o/{}",
            bucket,
            key,
            generation=version,
            fields=_DESCRIBED,
            json_out=True,
        )
        sums = checksum(md5=said.get("md5Hash"), crc32c=said.get("crc32c"))
        return KeyFacts(
            size=int(said["size"]),
            version=str(said["generation"]) if "generation" in said else None,
            checksum=sums or etag(said.get("etag")),
        )

    async def _get_version(
        self, filesystem: Any, path: str, span: tuple[int, int | None], version: str
    ) -> bytes:
        bucket, _, key = path.partition("/")
        start, end = span
        data: bytes
        _, data = await filesystem._call(  # noqa: SLF001 - _cat_file knows no generation
            "GET",
            filesystem._location + "/download/storage/v1/b/{}/o/{}",  # noqa: SLF001 - the same
            bucket,
            key,
            alt="media",
            generation=version,
            headers={"Range": f"bytes={start}-{'' if end is None else end - 1}"},
        )
        return data

    async def _find(self, filesystem: Any, path: str) -> Mapping[str, Any]:
        bucket, _, prefix = path.partition("/")
        found: dict[str, Any] = {}
        page: str | None = ""
        while page is not None:
            try:
                listed = await filesystem._call(  # noqa: SLF001 - find() remembers it
                    "GET",
                    "b/{}/o",
                    bucket,
                    prefix=prefix,
                    pageToken=page or None,
                    fields=_LISTED,
                    json_out=True,
                )
            except FileNotFoundError as error:
                raise _NoBucketError(bucket) from error
            for item in listed.get("items", ()):
                found[f"{bucket}/{item['name']}"] = item
            page = listed.get("nextPageToken") or None
        return found

    def _judge(self, error: Exception) -> Answer:
        found = _judged(error)
        return super()._judge(error) if found is None else found


def _judged(error: Exception) -> Answer | None:
    """Return what *error* means, where it is not one of Python's own."""
    if isinstance(error, _NoBucketError):
        return Answer.NO_STORE
    code = getattr(error, "code", None)
    if code is not None and str(code).isdigit():
        return STATUSES.get(int(code), Answer.OTHER)
    # Of gcsfs's own making, without a number of the system's.
    if isinstance(error, OSError) and str(error).startswith("Forbidden:"):
        return Answer.DENIED
    for cls in type(error).__mro__:
        for module, name, answer in _KINDS:
            if cls.__name__ == name and cls.__module__.startswith(module):
                return answer
    return None


def _worth(error: Exception) -> bool:
    """Whether to ask again: busy, unreachable, or a token that has just expired."""
    return _judged(error) in _COME_AGAIN or (
        getattr(error, "code", None) == 401 and "Invalid Credentials" in str(error)  # noqa: PLR2004 - the status
    )


def _md5(data: bytes) -> str:
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def _body(key: str, data: bytes, checksum: str) -> tuple[str, bytes]:
    """Return the content type and the body of an upload in one request."""
    boundary = uuid.uuid4().hex
    while boundary.encode() in data:
        boundary = uuid.uuid4().hex
    about = json.dumps({"name": key, "md5Hash": checksum})
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        f"{about}\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join([head.encode(), data, f"\r\n--{boundary}--\r\n".encode()])
    return f'multipart/related; boundary="{boundary}"', body


@cache
def _filesystem_class() -> Any:
    """Return gcsfs's plain class, with bounded patience."""
    plain: Any = client("gcsfs.core", "gcs").GCSFileSystem
    # Without the decorator that asks six times, and logs a traceback for each answer
    # that is an error: also for a range behind the end.
    once = getattr(plain._request, "__wrapped__", plain._request)  # noqa: SLF001 - there is no setting

    class Bounded(plain):  # type: ignore[misc] # gcsfs is untyped
        async def _request(self, *args: Any, **kwargs: Any) -> Any:
            return await again(lambda: once(self, *args, **kwargs), worth=_worth)

    return Bounded


def _is_emulator(options: Mapping[str, Any]) -> bool:
    """Whether the endpoint is none of Google's, as far as one can see."""
    host = options.get("endpoint_url") or os.environ.get("STORAGE_EMULATOR_HOST", "")
    return host not in ("", "default") and not str(host).startswith("https://")


def _make(**options: Any) -> Any:
    """Open a filesystem that gives up where nobody answers.

    An emulator asks for nobody's name, and none is told in plain text: Google's own
    client does so, too, and gcsfs would look for the account of this machine first.
    """
    if options.get("token") is None and _is_emulator(options):
        options["token"] = "anon"  # noqa: S105 - the name of having none
    if options.get("requests_timeout") is None:
        from aiohttp import ClientTimeout  # noqa: PLC0415 - comes with gcsfs

        options["requests_timeout"] = ClientTimeout(
            total=None, sock_connect=_TO_CONNECT, sock_read=_TO_ANSWER
        )
    return _filesystem_class()(**options)

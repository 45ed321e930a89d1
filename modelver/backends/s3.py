"""A registry in a bucket of S3, or of a store that speaks like S3.

Everything is one request: a key is created by a single PUT with ``If-None-Match: *``,
which is exclusive and whole; a read is a single GET of a range, which asks for no size
before. Multipart uploads are not exclusive under a race, so there are none.

What S3 and its like answer when a key is taken differs, and what s3fs makes of it
differs again, so the store's own code is looked at, not Python's exception.
"""

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from modelver.backends._address import bucket_and_prefix
from modelver.backends._again import again
from modelver.backends._endpoint import s3_endpoint
from modelver.backends._errors import STATUSES, Answer, secrets_in
from modelver.backends._filesystem import AT_ONCE, Filesystem, client
from modelver.backends._versions import VersionedBackend, checksum, etag
from modelver.errors import ErrorKind, StorageError
from modelver.plugin import Capabilities, KeyFacts

_EXAMPLE: Final = "s3://bucket/registry"

# The store's codes; what is not here is judged by the HTTP status.
_CODES: Final = {
    "PreconditionFailed": Answer.TAKEN,
    "NoSuchKey": Answer.MISSING,
    "NoSuchVersion": Answer.MISSING,
    "NoSuchBucket": Answer.NO_STORE,
    "InvalidBucketName": Answer.NO_STORE,
    "AllAccessDisabled": Answer.NO_STORE,
    "InvalidRange": Answer.OUT_OF_RANGE,
    "InvalidAccessKeyId": Answer.BAD_CREDENTIALS,
    "SignatureDoesNotMatch": Answer.BAD_CREDENTIALS,
    "AuthorizationHeaderMalformed": Answer.BAD_CREDENTIALS,
    "ExpiredToken": Answer.BAD_CREDENTIALS,
    "InvalidToken": Answer.BAD_CREDENTIALS,
    "TokenRefreshRequired": Answer.BAD_CREDENTIALS,
    "RequestTimeTooSkewed": Answer.BAD_CREDENTIALS,
    "SlowDown": Answer.BUSY,
    "ServiceUnavailable": Answer.BUSY,
    "RequestLimitExceeded": Answer.BUSY,
    "TooManyRequests": Answer.BUSY,
    "OperationAborted": Answer.BUSY,
    "ConditionalRequestConflict": Answer.BUSY,
    "XMinioStorageFull": Answer.FULL,
    "QuotaExceeded": Answer.FULL,
    "NotImplemented": Answer.UNSUPPORTED,
}
# Of botocore, which raises them before the store has said anything. By name: not every
# release has all of them.
_BEFORE: Final = {
    "NoCredentialsError": Answer.BAD_CREDENTIALS,
    "PartialCredentialsError": Answer.BAD_CREDENTIALS,
    "CredentialRetrievalError": Answer.BAD_CREDENTIALS,
    "ProfileNotFound": Answer.BAD_CREDENTIALS,
    "SSOError": Answer.BAD_CREDENTIALS,
    "TokenRetrievalError": Answer.BAD_CREDENTIALS,
    "ConnectionError": Answer.UNREACHABLE,
    "HTTPClientError": Answer.UNREACHABLE,
    "ParamValidationError": Answer.NO_STORE,
}
_PIECE: Final = 2**20
_BROKEN: Final = {"IncompleteReadError", "ResponseStreamingError"}
# Three attempts where botocore makes five, whose pauses alone may take 15 seconds; a
# commit is tried again by modelver, for as long as its caller has patience.
_RETRIES: Final = {"mode": "standard", "total_max_attempts": 3}
_RETRY_VARIABLES: Final = ("AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE")


class S3Backend(VersionedBackend):
    """A prefix of a bucket, through s3fs."""

    hints: ClassVar[Mapping[Answer, str]] = {
        Answer.DENIED: "Check what these credentials may do there. S3 answers so for "
        "a key that is missing, too, unless s3:ListBucket is allowed.",
        Answer.NO_STORE: "Mend the address, or create the bucket: modelver makes keys "
        "in it, and nothing else.",
        Answer.UNSUPPORTED: "This store has no conditional PUT, so that two writers "
        "would overwrite each other. Choose another, or a later release of it.",
    }

    def __init__(
        self, url: str, *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        """Remember how to reach the bucket; nothing is asked yet.

        Args:
            url: ``s3://bucket/prefix``.
            storage_options: For ``s3fs.S3FileSystem``, as they are.

        Raises:
            InvalidInputError: *url* names no bucket, or holds credentials or a query.
            PluginError: s3fs is not installed.
        """
        bucket, prefix = bucket_and_prefix(url, example=_EXAMPLE)
        root = f"{bucket}/{prefix}".rstrip("/")
        self._can_create: Any = None
        self._options = dict(storage_options or {})
        super().__init__(
            f"s3://{root}",
            Filesystem(
                client("s3fs", "s3").S3FileSystem, _with_defaults(storage_options)
            ),
            root,
            secrets=secrets_in(storage_options),
        )

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive and durable, by the conditional PUT."""
        return Capabilities(exclusive_create=True, durable=True)

    def endpoint(self) -> str:
        """See :meth:`modelver.plugin.Placed.endpoint`; none for Amazon's own."""
        return s3_endpoint(self._options)

    async def _put_new(self, filesystem: Any, path: str, data: bytes) -> None:
        await self._check_client(filesystem)
        bucket, key, _ = filesystem.split_path(path)
        # Not pipe_file: it turns to multipart where an object is large enough.
        await filesystem._call_s3(  # noqa: SLF001 - its only way to one request
            "put_object", Bucket=bucket, Key=key, Body=data, IfNoneMatch="*"
        )

    async def _get(
        self, filesystem: Any, path: str, start: int, end: int | None
    ) -> list[bytes]:
        return await self._fetch(filesystem, path, (start, end))

    async def _get_version(
        self, filesystem: Any, path: str, span: tuple[int, int | None], version: str
    ) -> list[bytes]:
        return await self._fetch(filesystem, path, span, VersionId=version)

    async def _fetch(
        self, filesystem: Any, path: str, span: tuple[int, int | None], **more: str
    ) -> list[bytes]:
        bucket, key, _ = filesystem.split_path(path)
        start, end = span
        wanted = {"Range": f"bytes={start}-{'' if end is None else end - 1}", **more}

        async def ask() -> list[bytes]:
            answer = await filesystem._call_s3(  # noqa: SLF001 - cat_file joins, on the loop
                "get_object", Bucket=bucket, Key=key, **wanted
            )
            body, pieces = answer["Body"], []
            try:
                while piece := await body.read(_PIECE):
                    pieces.append(piece)
            finally:
                body.close()
            return pieces

        return await again(ask, worth=_broke_off)

    async def _describe(
        self, filesystem: Any, path: str, version: str | None
    ) -> KeyFacts:
        bucket, key, _ = filesystem.split_path(path)
        more = {} if version is None else {"VersionId": version}
        said = await filesystem._call_s3(  # noqa: SLF001 - info() remembers, and lists
            "head_object", Bucket=bucket, Key=key, ChecksumMode="ENABLED", **more
        )
        found = said.get("VersionId")
        whole = said.get("ChecksumType") != "COMPOSITE"
        return KeyFacts(
            size=int(said["ContentLength"]),
            # So S3 calls what was written before versions were kept.
            version=None if found in (None, "", "null") else str(found),
            checksum=checksum(sha256=said.get("ChecksumSHA256") if whole else None)
            or etag(said.get("ETag")),
        )

    async def _find(self, filesystem: Any, path: str) -> Mapping[str, Any]:
        bucket, prefix, _ = filesystem.split_path(path)
        pages = filesystem._iterdir(bucket, delimiter="", prefix=prefix)  # noqa: SLF001 - find() asks for more, and remembers it
        return {info["name"]: info async for info in pages}

    async def _check_client(self, filesystem: Any) -> None:
        """Refuse a botocore that does not know the condition.

        s3fs leaves out what the operation does not know: the PUT would overwrite.
        """
        if self._can_create is filesystem:
            return
        s3 = await filesystem.set_session()
        put = s3.meta.service_model.operation_model("PutObject")
        if "IfNoneMatch" not in put.input_shape.members:
            raise StorageError(
                "this botocore has no conditional PUT: it would overwrite",
                kind=ErrorKind.UNSUPPORTED,
                hint="Install a later one with: pip install -U s3fs aiobotocore",
            )
        self._can_create = filesystem

    def _judge(self, error: Exception) -> Answer:
        for each in (error, error.__cause__):
            response = getattr(each, "response", None)
            if isinstance(response, Mapping):
                return _said(response)
            for kind in type(each).__mro__:
                if (
                    kind.__module__ == "botocore.exceptions"
                    and kind.__name__ in _BEFORE
                ):
                    return _BEFORE[kind.__name__]
        return super()._judge(error)


def _broke_off(error: Exception) -> bool:
    """Whether an answer ended before its end: s3fs asks again before it began alone."""
    module = type(error).__module__.partition(".")[0]
    return module == "aiohttp" or type(error).__name__ in _BROKEN


def _said(response: Mapping[str, Any]) -> Answer:
    """Return what the answer of a store means."""
    code = str(response.get("Error", {}).get("Code", ""))
    if code in _CODES:
        return _CODES[code]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if not status and code.isdigit():
        status = int(code)
    return STATUSES.get(status, Answer.OTHER)


def _with_defaults(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return *options* with a pool of connections as large as what is asked at once."""
    found = dict(options or {})
    config = {"max_pool_connections": AT_ONCE, **(found.get("config_kwargs") or {})}
    if "retries" not in config and not any(map(os.environ.get, _RETRY_VARIABLES)):
        config["retries"] = dict(_RETRIES)
    found["config_kwargs"] = config
    return found

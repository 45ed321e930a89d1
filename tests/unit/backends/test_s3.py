"""S3's address, its codes, and what is told without a store."""

import importlib
import sys

import pytest

from modelver._registry.opening import open_backend
from modelver.backends._errors import Answer
from modelver.backends.s3 import S3Backend
from modelver.errors import ErrorKind, InvalidInputError, PluginError

pytest.importorskip("s3fs", reason="NOT TESTED: pip install s3fs")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/registry", "s3://bucket/registry"),
        ("s3://bucket/a/b/c/", "s3://bucket/a/b/c"),
        ("s3a://bucket/registry", "s3://bucket/registry"),
        ("S3://bucket/registry", "s3://bucket/registry"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
    ],
)
def test_addresses(url: str, shown: str) -> None:
    """One place has one address, however it is written."""
    backend = open_backend(url, None)
    assert isinstance(backend, S3Backend)
    assert backend.url == shown


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///registry",
        "s3://bucket//registry",
        "s3://bucket/../other",
        "s3://bucket/./registry",
        "s3://bucket/a?versionId=1",
        "s3://bucket/a#b",
        "s3://bucket/a b",
        "s3://bucket/a%2fb",
        "s3://bucket\\a",
        "s3://key:s3cr3t@bucket/registry",
        "s3://bucket/registry?X-Amz-Signature=s3cr3t",
        "simplecache::s3://bucket/registry",
    ],
)
def test_addresses_refused(url: str) -> None:
    """What two programs could read differently; a secret in it is not repeated."""
    with pytest.raises(InvalidInputError) as caught:
        S3Backend(url)
    assert caught.value.kind is ErrorKind.BAD_URL
    assert caught.value.hints
    assert "s3cr3t" not in f"{caught.value.message}{caught.value.hints}"


def _from_s3fs(code: str, status: int, **more: str) -> Exception:
    """Return what s3fs raises for an answer of the store."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - may be missing
    from s3fs.errors import translate_boto_error  # noqa: PLC0415 - the same

    error = {"Code": code, "Message": "because", **more}
    metadata = {"HTTPStatusCode": status}
    answer = {"Error": error, "ResponseMetadata": metadata}
    found: Exception = translate_boto_error(ClientError(answer, "PutObject"))
    return found


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        # The ways of saying that the key is there, by AWS, moto, SeaweedFS, Ceph.
        ("PreconditionFailed", 412, Answer.TAKEN),
        ("412", 412, Answer.TAKEN),
        ("AtLeastOneOfThePreconditionsFailed", 412, Answer.TAKEN),
        # Not that: somebody else's create is under way, or was given up.
        ("ConditionalRequestConflict", 409, Answer.BUSY),
        ("ConcurrentModification", 409, Answer.BUSY),
        ("OperationAborted", 409, Answer.BUSY),
        ("NoSuchKey", 404, Answer.MISSING),
        ("404", 404, Answer.MISSING),
        ("NoSuchBucket", 404, Answer.NO_STORE),
        ("InvalidRange", 416, Answer.OUT_OF_RANGE),
        ("416", 416, Answer.OUT_OF_RANGE),
        ("AccessDenied", 403, Answer.DENIED),
        ("403", 403, Answer.DENIED),
        ("InvalidAccessKeyId", 403, Answer.BAD_CREDENTIALS),
        ("SignatureDoesNotMatch", 403, Answer.BAD_CREDENTIALS),
        ("ExpiredToken", 400, Answer.BAD_CREDENTIALS),
        ("SlowDown", 503, Answer.BUSY),
        ("TooManyRequests", 429, Answer.BUSY),
        ("NotImplemented", 501, Answer.UNSUPPORTED),
        ("XMinioStorageFull", 507, Answer.FULL),
        ("InternalError", 500, Answer.BUSY),
        ("InvalidArgument", 400, Answer.OTHER),
    ],
)
def test_codes(code: str, status: int, expected: Answer) -> None:
    """The store's code and status decide, whatever s3fs makes of them."""
    backend = S3Backend("s3://bucket/registry")
    assert backend._judge(_from_s3fs(code, status)) is expected
    conditional = _from_s3fs(code, status, Condition="If-None-Match")
    assert backend._judge(conditional) is expected


def test_exceptions_before_any_answer() -> None:
    """No credentials, nobody there, a connection that broke."""
    import botocore.exceptions as said  # noqa: PLC0415 - may be missing

    judge = S3Backend("s3://bucket/registry")._judge
    assert judge(said.NoCredentialsError()) is Answer.BAD_CREDENTIALS
    assert judge(said.ProfileNotFound(profile="x")) is Answer.BAD_CREDENTIALS
    refused = said.EndpointConnectionError(endpoint_url="http://x")
    assert judge(refused) is Answer.UNREACHABLE
    for error in (said.ReadTimeoutError, said.ConnectTimeoutError):
        assert judge(error(endpoint_url="http://x")) is Answer.UNREACHABLE
    broken = said.ConnectionClosedError(endpoint_url="http://x")
    assert judge(broken) is Answer.UNREACHABLE
    assert judge(FileNotFoundError("x")) is Answer.MISSING


def test_a_missing_s3fs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is there without its client, and the hint is a command."""
    monkeypatch.setitem(sys.modules, "s3fs", None)
    module = importlib.import_module("modelver.backends.s3")
    with pytest.raises(PluginError) as caught:
        module.S3Backend("s3://bucket/registry")
    assert "pip install 'modelver[s3]'" in caught.value.hints[0]

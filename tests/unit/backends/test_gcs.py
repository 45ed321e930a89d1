"""Google's address, its answers, and what is told without a store."""

import asyncio
import importlib
import sys
from typing import Any

import pytest

from modelver._registry.opening import open_backend
from modelver.backends._errors import Answer
from modelver.backends.gcs import GcsBackend, _body
from modelver.errors import ErrorKind, InvalidInputError, PluginError

pytest.importorskip("gcsfs", reason="NOT TESTED: pip install gcsfs")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("gs://bucket/registry", "gs://bucket/registry"),
        ("gcs://bucket/registry", "gs://bucket/registry"),
        ("GS://bucket/a/b/c/", "gs://bucket/a/b/c"),
        ("gs://bucket/", "gs://bucket"),
    ],
)
def test_addresses(url: str, shown: str) -> None:
    """One place has one address, however it is written."""
    backend = open_backend(url, None)
    assert isinstance(backend, GcsBackend)
    assert backend.url == shown


@pytest.mark.parametrize(
    "url",
    [
        "gs://",
        "gs:///registry",
        "gs://bucket//registry",
        "gs://bucket/../other",
        "gs://bucket/a?generation=1",
        "gs://bucket/a#1",
        "gs://key:s3cr3t@bucket/registry",
        "gs://bucket/registry?X-Goog-Signature=s3cr3t",
        "filecache::gs://bucket/registry",
    ],
)
def test_addresses_refused(url: str) -> None:
    """What two programs could read differently; a secret in it is not repeated."""
    with pytest.raises(InvalidInputError) as caught:
        GcsBackend(url)
    assert caught.value.kind is ErrorKind.BAD_URL
    assert caught.value.hints
    assert "s3cr3t" not in f"{caught.value.message}{caught.value.hints}"


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (400, "because", Answer.OTHER),
        (400, "The specified bucket is not valid: invalid", Answer.OTHER),
        (401, "Anonymous caller may not", Answer.BAD_CREDENTIALS),
        (403, "no storage.objects.get access", Answer.DENIED),
        (404, "No such object", Answer.MISSING),
        (412, "conditionNotMet", Answer.TAKEN),
        (416, "Request range not satisfiable", Answer.OUT_OF_RANGE),
        (429, "rateLimitExceeded", Answer.BUSY),
        (500, "backendError", Answer.BUSY),
        (502, "", Answer.UNREACHABLE),
        (503, "backendError", Answer.BUSY),
    ],
)
def test_statuses(status: int, text: str, expected: Answer) -> None:
    """Whatever gcsfs makes of an answer, its meaning is known."""
    from gcsfs.retry import validate_response  # noqa: PLC0415 - may be missing

    body = f'{{"error": {{"code": {status}, "message": "{text}"}}}}'.encode()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any class
        validate_response(status, body, "https://storage/b/o")
    assert GcsBackend("gs://bucket/registry")._judge(caught.value) is expected


def test_exceptions_before_any_answer() -> None:
    """No credentials, nobody there, a connection that broke."""
    import aiohttp  # noqa: PLC0415 - may be missing
    from gcsfs.retry import NonRetryableError  # noqa: PLC0415 - the same

    said: Any = importlib.import_module("google.auth.exceptions")
    judge = GcsBackend("gs://bucket/registry")._judge
    assert judge(said.DefaultCredentialsError("x")) is Answer.BAD_CREDENTIALS
    assert judge(said.RefreshError("x")) is Answer.BAD_CREDENTIALS
    assert judge(NonRetryableError("x")) is Answer.BAD_CREDENTIALS
    assert judge(aiohttp.ClientPayloadError("x")) is Answer.UNREACHABLE
    assert judge(aiohttp.ServerDisconnectedError()) is Answer.UNREACHABLE
    assert judge(aiohttp.ServerTimeoutError()) is Answer.UNREACHABLE


class _Denying:
    """A filesystem whose store does not let anybody overwrite."""

    _location = "http://nowhere"

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def _call(self, *_: object, **__: object) -> None:
        message = f"x does not have {self.permission} access"
        raise OSError(f"Forbidden: http://nowhere\n{message}")


async def _judged(permission: str) -> Answer:
    backend = GcsBackend("gs://bucket/registry")
    try:
        await backend._put_new(_Denying(permission), "bucket/registry/k", b"x")
    except Exception as error:  # noqa: BLE001 - judged
        return backend._judge(error)
    raise AssertionError(permission)


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ("storage.objects.delete", Answer.TAKEN),
        ("storage.objects.create", Answer.DENIED),
    ],
)
def test_who_may_not_delete(permission: str, expected: Answer) -> None:
    """To overwrite one has to delete: who is refused that learns that it is there."""
    assert asyncio.run(_judged(permission)) is expected


def test_the_boundary_is_not_in_the_data() -> None:
    """The body can be taken apart at its boundary, whatever the bytes are."""
    data = b"\r\n--==0==--\r\n" * 3
    kind, body = _body("registry/log/1.json", data, "AAAA")
    boundary = kind.partition('"')[2].rstrip('"').encode()
    assert boundary not in data
    before, about, content, end = body.split(b"--" + boundary)
    assert (before, end) == (b"", b"--\r\n")
    assert b'"md5Hash": "AAAA"' in about
    assert content.partition(b"\r\n\r\n")[2] == data + b"\r\n"


def test_the_plain_class_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the one that asks by gRPC, whatever the environment says."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "true")
    options = {"token": "anon", "endpoint_url": "http://127.0.0.1:9"}
    backend = GcsBackend("gs://bucket/registry", storage_options=options)
    names = [cls.__name__ for cls in type(backend._fs).__mro__]
    assert "GCSFileSystem" in names
    assert "ExtendedGcsFileSystem" not in names


def test_settings_pass_through() -> None:
    """Patience has a default of ours; what the caller says stands."""
    told = {"token": "anon", "project": "p", "requester_pays": True}
    usual = GcsBackend("gs://bucket/registry", storage_options=told)
    assert usual._fs.requests_timeout.sock_connect == 10
    assert usual._fs.requester_pays is True
    own = GcsBackend("gs://b/r", storage_options={**told, "requests_timeout": 7})
    assert own._fs.requests_timeout == 7
    assert "requests_timeout" not in told


def test_a_missing_gcsfs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is there without its client, and the hint is a command."""
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    monkeypatch.setitem(sys.modules, "gcsfs.core", None)
    module = importlib.import_module("modelver.backends.gcs")
    with pytest.raises(PluginError) as caught:
        module.GcsBackend("gs://bucket/registry")
    assert "pip install 'modelver[gcs]'" in caught.value.hints[0]

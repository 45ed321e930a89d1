"""What S3 is asked, and what is said when it refuses."""

import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from modelver.backends._filesystem import AT_ONCE
from modelver.backends.s3 import S3Backend
from modelver.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ErrorKind,
    StorageError,
)
from tests.stores.servers.process import HOST, free_ports
from tests.stores.servers.s3_server import S3Server

QUICK = 20.0  # seconds, on a machine that does a hundred other things


def _asked(backend: S3Backend) -> list[str]:
    """Return a list that grows by each request of *backend*: ``GetObject``."""
    backend.read("nothing")  # connects
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    events = backend._fs._s3.meta.events
    events.register("before-call.s3", note)
    return asked


def test_each_call_is_one_request(s3: S3Server) -> None:
    """No HEAD before a GET, no look before or after a PUT, one listing for a page."""
    backend = s3.backend()
    asked = _asked(backend)

    def requests() -> list[str]:
        found = list(asked)
        asked.clear()
        return found

    backend.create("log/1.json", b"one")
    assert requests() == ["PutObject"]
    with pytest.raises(AlreadyExistsError):
        backend.create("log/1.json", b"two")
    assert requests() == ["PutObject"]
    with backend.upload() as upload:
        upload.write(b"x" * 1000)
        upload.commit("objects/ab/ab.0")
    assert requests() == ["PutObject"]
    for start, end in ((0, None), (1, 2), (0, 0), (2, 2), (5, 9)):
        assert backend.read("log/1.json", start, end) == b"one"[start:end]
        assert requests() == ["GetObject"]
    assert backend.read("log/2.json") is None
    assert requests() == ["GetObject"]
    found = backend.read_many(["log/1.json", "log/2.json", "objects/ab/ab.0"], 10)
    assert found == [b"one", None, b"x" * 10]
    assert requests() == ["GetObject"] * 3
    assert len(list(backend.list(""))) == 2
    assert requests() == ["ListObjectsV2"]
    backend.delete("log/1.json")
    assert requests() == ["DeleteObject"]


def test_no_object_goes_up_in_parts(seaweed: S3Server) -> None:
    """One PUT, however large: a multipart upload is not exclusive under a race."""
    backend = seaweed.backend()
    asked = _asked(backend)
    data = bytes(110 * 2**20)  # s3fs would cut it
    backend.create("objects/ab/ab.0", data)
    assert asked == ["PutObject"]
    with pytest.raises(AlreadyExistsError):
        backend.create("objects/ab/ab.0", data)
    assert len(backend.read("objects/ab/ab.0") or b"") == len(data)


def test_many_reads_are_one_round(s3: S3Server) -> None:
    """They are under way together, as many as there are connections."""
    backend = s3.backend()
    backend.create("log/1.json", b"one")
    begun: list[int] = []
    under_way = 0

    def begin(**_: Any) -> None:
        nonlocal under_way
        under_way += 1
        begun.append(under_way)

    def end(**_: Any) -> None:
        nonlocal under_way
        under_way -= 1

    events = backend._fs._s3.meta.events
    events.register("before-send.s3", begin)
    events.register("response-received.s3", end)
    found = backend.read_many(["log/1.json"] * 200, 10)
    assert found == [b"one"] * 200
    assert AT_ONCE / 2 < max(begun) <= AT_ONCE


def test_settings_pass_through(s3: S3Server) -> None:
    """Pool and retries have defaults of ours; what the caller says stands."""
    usual = s3.backend()
    usual.read("nothing")
    config = usual._fs._s3.meta.config
    assert config.max_pool_connections == AT_ONCE
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    told = s3.backend(
        config_kwargs={"max_pool_connections": 7, "retries": {"total_max_attempts": 1}},
        requester_pays=True,
        s3_additional_kwargs={"Metadata": {"team": "fraud"}},
    )
    told.create("log/1.json", b"x")
    config = told._fs._s3.meta.config
    assert config.max_pool_connections == 7
    assert config.retries["total_max_attempts"] == 1
    assert told._fs.req_kw == {"RequestPayer": "requester"}
    bucket, _, prefix = told.url.removeprefix("s3://").partition("/")
    head = s3.client().head_object(Bucket=bucket, Key=f"{prefix}/log/1.json")
    assert head["Metadata"] == {"team": "fraud"}


def test_encryption_passes_through(moto: S3Server) -> None:
    """A key of KMS is named with each PUT, and with no GET."""
    backend = moto.backend(
        s3_additional_kwargs={
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": "alias/models",
        }
    )
    backend.create("log/1.json", b"x")
    assert backend.read("log/1.json") == b"x"
    bucket, _, prefix = backend.url.removeprefix("s3://").partition("/")
    head = moto.client().head_object(Bucket=bucket, Key=f"{prefix}/log/1.json")
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"].endswith("alias/models")


def test_the_environment_says_who_and_where(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without storage options, the variables of the AWS tools count."""
    url = s3.url()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    backend = S3Backend(url)
    backend.create("log/1.json", b"x")
    assert s3.backend(url).read("log/1.json") == b"x"
    assert backend._fs._s3.meta.config.retries["total_max_attempts"] == 9


def test_a_profile_says_who(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A profile of the AWS tools is named in the storage options."""
    keys = tmp_path / "keys"
    keys.write_text(
        f"[other]\naws_access_key_id = {s3.key}\naws_secret_access_key = {s3.secret}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    options = {"endpoint_url": s3.endpoint, "client_kwargs": {"region_name": "x"}}
    if s3.key.startswith("AKSEA"):  # the region is part of the signature there
        options["client_kwargs"] = {"region_name": "us-east-1"}
    url = s3.url()
    S3Backend(url, storage_options={**options, "profile": "other"}).create("k", b"x")
    assert s3.backend(url).read("k") == b"x"
    with pytest.raises(AccessDeniedError) as caught:
        S3Backend(url, storage_options={**options, "profile": "none"}).read("k")
    assert "none" in caught.value.message
    assert "storage_options" in caught.value.hints[0]


def _shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("key", [None, "AKNOBODYHASTHISONE"], ids=["secret", "both"])
def test_wrong_credentials(seaweed: S3Server, key: str | None) -> None:
    """Denied, quickly, with what to do; neither key nor secret is repeated anywhere."""
    secret = "the-wrong/secret+of-all"  # noqa: S105 - the wrong one
    backend = seaweed.backend(secret=secret, key=key or seaweed.key)
    start = time.monotonic()
    for act in (
        lambda: backend.create("log/1.json", b"x"),
        lambda: backend.read("log/1.json"),
        lambda: backend.read_many(["log/1.json"], 10),
        lambda: list(backend.list("")),
        lambda: backend.delete("log/1.json"),
    ):
        with pytest.raises(AccessDeniedError) as caught:
            act()
        assert "storage_options" in caught.value.hints[0]
        shown = _shown(caught.value)
        assert secret not in shown
        assert not key or key not in shown
    assert time.monotonic() - start < QUICK


def test_no_credentials(seaweed: S3Server) -> None:
    """Denied before anything is sent."""
    options = {"endpoint_url": seaweed.endpoint}
    with pytest.raises(AccessDeniedError) as caught:
        S3Backend(seaweed.url(), storage_options=options).read("log/1.json")
    assert "storage_options" in caught.value.hints[0]


def test_no_such_bucket(moto: S3Server) -> None:
    """An error for each call, no answer of None; the hint says to create it."""
    backend = moto.backend("s3://there-is-no-such-bucket/registry")
    for act in (
        lambda: backend.create("log/1.json", b"x"),
        lambda: backend.read("log/1.json"),
        lambda: backend.read_many(["log/1.json"], 10),
        lambda: list(backend.list("")),
    ):
        with pytest.raises(StorageError) as caught:
            act()
        assert "bucket" in caught.value.hints[0]
        assert not caught.value.retryable


def test_a_bucket_of_no_name(s3: S3Server) -> None:
    """The client refuses the name before anything is sent."""
    with pytest.raises(StorageError) as caught:
        s3.backend("s3://no_bucket!").read("log/1.json")
    assert "bucket" in caught.value.hints[0]


def test_nobody_answers() -> None:
    """Nobody at the port: an error that may be retried, within seconds."""
    (port,) = free_ports(1)
    backend = S3Server(
        f"http://{HOST}:{port}", "models", "k", "secret-of-none"
    ).backend()
    start = time.monotonic()
    with pytest.raises(StorageError) as caught:
        backend.read("log/1.json")
    assert time.monotonic() - start < QUICK
    assert caught.value.retryable
    assert "endpoint" in caught.value.hints[0]
    assert "secret-of-none" not in _shown(caught.value)


def test_a_client_without_conditions_is_refused(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old botocore would leave the condition out, and overwrite: nothing is sent."""
    backend = s3.backend()
    backend.create("log/1.json", b"one")
    backend = s3.backend(backend.url)
    asked = _asked(backend)
    model = backend._fs._s3.meta.service_model.operation_model("PutObject")
    monkeypatch.delitem(model.input_shape.members, "IfNoneMatch")
    with pytest.raises(StorageError) as caught:
        backend.create("log/1.json", b"two")
    assert caught.value.kind is ErrorKind.UNSUPPORTED
    assert asked == []
    assert backend.read("log/1.json") == b"one"


def test_other_users_of_fsspec_do_not_meddle(s3: S3Server) -> None:
    """Neither their listings nor their instance are ours."""
    import fsspec  # noqa: PLC0415 - this test's alone

    backend = s3.backend()
    theirs = fsspec.filesystem("s3", **s3.options)
    place = backend.url.removeprefix("s3://")
    assert theirs.find(place) == []
    assert not theirs.exists(f"{place}/log/1.json")
    backend.create("log/1.json", b"x")
    assert backend._fs is not theirs
    assert backend.read("log/1.json") == b"x"
    assert [info.key for info in backend.list("")] == ["log/1.json"]

"""Google Cloud Storage: the contract, the race, what is asked, what is said."""

import base64
import hashlib
import importlib
import json
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from modelver.backends._filesystem import AT_ONCE
from modelver.backends.gcs import GcsBackend
from modelver.errors import AccessDeniedError, AlreadyExistsError, StorageError
from modelver.plugin import Backend
from modelver.testing.contract import BackendContract
from tests.stores.crew import race
from tests.stores.proxy import Loss, Plan, Proxy, proxy_before
from tests.stores.servers.fake_gcs import GcsServer
from tests.stores.servers.process import HOST, free_ports

QUICK = 20.0  # seconds, on a machine that does a hundred other things


class TestFakeGcs(BackendContract):
    """fake-gcs-server heeds ifGenerationMatch where an upload is a single request."""

    rounds = 5
    server: GcsServer

    @pytest.fixture(autouse=True)
    def _server(self, fake_gcs: GcsServer) -> None:
        self.server = fake_gcs

    def make(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - not a folder
        """Return a prefix that nothing else uses."""
        return self.server.backend()

    def reopen(self, backend: Backend) -> tuple[str, str, dict[str, Any]]:
        """Name the class, and give the endpoint along."""
        factory = f"{GcsBackend.__module__}:{GcsBackend.__qualname__}"
        return factory, backend.url, self.server.options

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Read with urllib."""
        return self.server.read(self._name(backend, key))

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Write with urllib."""
        self.server.write(self._name(backend, key), data)

    def broken(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - not a folder
        """Return a prefix of a bucket that is not there."""
        return self.server.backend("gs://there-is-no-such-bucket/registry")

    def _name(self, backend: Backend, key: str) -> str:
        _, _, prefix = backend.url.removeprefix("gs://").partition("/")
        return f"{prefix}/{key}"


@pytest.mark.race
def test_one_winner(fake_gcs: GcsServer) -> None:
    """Sixteen processes create the same key: a few rounds, for every run."""
    race(fake_gcs.url(), fake_gcs.options, 3)


@pytest.mark.slow
def test_one_winner_each_of_300_rounds(fake_gcs: GcsServer) -> None:
    """As many as were tried when the primitive was chosen."""
    race(fake_gcs.url(), fake_gcs.options, 300)


@pytest.fixture
def proxied(fake_gcs: GcsServer) -> Any:
    """Yield a backend, and a proxy before the server that it asks."""
    with proxy_before(int(fake_gcs.endpoint.rpartition(":")[2])) as proxy:
        server = GcsServer(f"http://{HOST}:{proxy.port}", fake_gcs.bucket)
        yield server.backend(), proxy


def _requests(proxy: Proxy) -> list[str]:
    found = [f"{method} {path.partition('?')[0]}" for method, path in proxy.requests]
    proxy.begin(None)
    return found


def test_each_call_is_one_request(proxied: tuple[GcsBackend, Proxy]) -> None:
    """No question before a read or a write, and none of what kind of bucket it is."""
    backend, proxy = proxied
    where = "/storage/v1/b/models/o"
    backend.create("log/1.json", b"one")
    assert _requests(proxy) == [f"POST /upload{where}"]
    with pytest.raises(AlreadyExistsError):
        backend.create("log/1.json", b"two")
    assert _requests(proxy) == [f"POST /upload{where}"]
    with backend.upload() as upload:
        upload.write(b"x" * 16 * 2**20)  # gcsfs would make it resumable
        upload.commit("objects/ab/ab.0")
    assert _requests(proxy) == [f"POST /upload{where}"]
    for start, end in ((0, None), (1, 2), (0, 0), (5, 9)):
        assert backend.read("log/1.json", start, end) == b"one"[start:end]
        assert len(_requests(proxy)) == 1
    assert backend.read("log/2.json") is None
    assert len(_requests(proxy)) == 1
    assert len(list(backend.list(""))) == 2
    assert _requests(proxy) == [f"GET {where}"]
    backend.delete("log/1.json")
    assert len(_requests(proxy)) == 1


def test_every_write_has_its_condition(proxied: tuple[GcsBackend, Proxy]) -> None:
    """Also one that is large: the emulator heeds it, and nothing is resumable."""
    backend, proxy = proxied
    data = bytes(60 * 2**20)
    backend.create("objects/ab/ab.0", data)
    ((_, path),) = proxy.requests
    assert "uploadType=multipart" in path
    assert "ifGenerationMatch=0" in path
    with pytest.raises(AlreadyExistsError):
        backend.create("objects/ab/ab.0", data)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n--==0==--\r\n and more",
        b"one\n--==0==\nContent-Type: text/plain\n\ntwo",
        b"\r\n",
        b"\n--",
        bytes(range(256)) * 9,
    ],
    ids=["end", "part", "line", "dashes", "every byte"],
)
def test_no_bytes_end_an_upload(fake_gcs: GcsServer, data: bytes) -> None:
    """Not even those that separate the parts of gcsfs's own uploads."""
    backend = fake_gcs.backend()
    backend.create("objects/ab/ab.0", data)
    assert backend.read("objects/ab/ab.0") == data


def test_the_store_is_told_the_checksum(fake_gcs: GcsServer) -> None:
    """It keeps the MD5 of what it has; Google's own refuses what does not match it."""
    backend = fake_gcs.backend()
    backend.create("log/1.json", b"one")
    name = backend.url.removeprefix("gs://models/") + "/log/1.json"
    place = f"/storage/v1/b/models/o/{name.replace('/', '%2F')}"
    about = json.loads(fake_gcs.ask("GET", place)[1])
    digest = hashlib.md5(b"one", usedforsecurity=False).digest()
    assert about["md5Hash"] == base64.b64encode(digest).decode()


def test_other_bytes_in_the_store_are_noticed(
    fake_gcs: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that says another checksum than that of what it was sent is not believed.

    Here the bytes change after the checksum was made, as on a bad way.
    """
    backend = fake_gcs.backend()
    call = backend._fs._call

    async def meddled(*args: Any, **kwargs: Any) -> Any:
        answer = await call(*args, **kwargs)
        return {**answer, "md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="}

    monkeypatch.setattr(backend._fs, "_call", meddled)
    with pytest.raises(StorageError, match="other bytes"):
        backend.create("log/1.json", b"one")


def test_a_lost_answer_is_asked_for_again(proxied: tuple[GcsBackend, Proxy]) -> None:
    """A read: the caller does not notice. A create: it finds its own, or says taken."""
    backend, proxy = proxied
    backend.create("log/1.json", b"one")
    for loss in (Loss.REQUEST, Loss.ANSWER, Loss.REFUSED, Loss.HALF):
        proxy.begin(Plan(loss))
        assert backend.read("log/1.json") == b"one"
        assert proxy.fired == 1
    for n, loss in enumerate((Loss.REQUEST, Loss.REFUSED)):
        proxy.begin(Plan(loss))
        backend.create(f"log/{2 + n}.json", b"mine")
    proxy.begin(Plan(Loss.ANSWER))
    with pytest.raises(AlreadyExistsError):  # the store is read back, by whoever asked
        backend.create("log/9.json", b"mine")
    proxy.begin(None)
    assert backend.read("log/9.json") == b"mine"


def test_patience_has_an_end(proxied: tuple[GcsBackend, Proxy]) -> None:
    """Three tries, not six with half a minute between them."""
    backend, proxy = proxied
    proxy.begin(Plan(Loss.REFUSED, times=None))
    start = time.monotonic()
    with pytest.raises(StorageError) as caught:
        backend.read("log/1.json")
    assert caught.value.retryable
    assert len(proxy.requests) == 3
    assert time.monotonic() - start < QUICK


def test_many_reads_are_one_round(
    fake_gcs: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are under way together, as many as are allowed."""
    backend = fake_gcs.backend()
    backend.create("log/1.json", b"one")
    call, under_way, most = backend._fs._call, 0, 0

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await call(*args, **kwargs)
        finally:
            under_way -= 1

    monkeypatch.setattr(backend._fs, "_call", counted)
    assert backend.read_many(["log/1.json"] * 200, 10) == [b"one"] * 200
    assert most == AT_ONCE


def test_many_keys_come_in_pages(proxied: tuple[GcsBackend, Proxy]) -> None:
    """A listing goes on where a page ends, and asks for names and sizes alone."""
    backend, proxy = proxied
    for n in range(3):
        backend.create(f"log/{n}.json", b"x")
    proxy.begin(None)
    assert [info.size for info in backend.list("log/")] == [1, 1, 1]
    ((_, path),) = proxy.requests
    assert "fields=items" in path


def test_the_environment_says_where(
    fake_gcs: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No options: the variable of Google's tools counts, and nobody is looked for."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake_gcs.endpoint)
    url = fake_gcs.url()
    GcsBackend(url).create("log/1.json", b"x")
    assert fake_gcs.backend(url).read("log/1.json") == b"x"


def _shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_no_such_bucket(fake_gcs: GcsServer) -> None:
    """Neither made nor taken for empty; the hint says to create it."""
    backend = fake_gcs.backend("gs://there-is-no-such-bucket/registry")
    with pytest.raises(StorageError) as caught:
        backend.create("log/1.json", b"x")
    assert "create the bucket" in caught.value.hints[0]
    assert not caught.value.retryable
    with pytest.raises(StorageError) as caught:
        list(backend.list(""))
    assert "there-is-no-such-bucket" in caught.value.message


def test_nobody_answers() -> None:
    """Nobody at the port: an error that may be retried, within seconds."""
    (port,) = free_ports(1)
    backend = GcsServer(f"http://{HOST}:{port}", "models").backend()
    start = time.monotonic()
    with pytest.raises(StorageError) as caught:
        backend.read("log/1.json")
    assert time.monotonic() - start < QUICK
    assert caught.value.retryable
    assert "endpoint" in caught.value.hints[0]


def _account(port: int, secret: str) -> dict[str, str]:
    """Return an account whose tokens nobody at *port* gives."""
    return {
        "type": "authorized_user",
        "client_id": "nobody.apps.example",
        "client_secret": secret,
        "refresh_token": f"{secret}-again",
        "token_uri": f"http://{HOST}:{port}/token",
    }


def test_a_refused_login(
    fake_gcs: GcsServer, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Denied, with what to do; no secret is in the message, in a log or on stderr."""
    secret = "the-secret-of-nobody"  # noqa: S105 - nobody's

    def refuse(self: Any, request: Any) -> None:  # noqa: ARG001 - Google's own
        said: Any = importlib.import_module("google.auth.exceptions")
        raise said.RefreshError(f"invalid_grant: {secret}")

    credentials: Any = importlib.import_module("google.oauth2.credentials")
    monkeypatch.setattr(credentials.Credentials, "refresh", refuse)
    backend = fake_gcs.backend(token=_account(1, secret))
    start = time.monotonic()
    for act in (
        lambda: backend.create("log/1.json", b"x"),
        lambda: backend.read("log/1.json"),
        lambda: list(backend.list("")),
    ):
        with pytest.raises(AccessDeniedError) as caught:
            act()
        assert "gcloud auth" in caught.value.hints[0]
        assert secret not in _shown(caught.value)
    assert time.monotonic() - start < QUICK
    assert secret not in "".join(capfd.readouterr())

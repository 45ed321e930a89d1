"""Azure Blob Storage: the contract, the race, what is asked, what is said."""

import base64
import hashlib
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from modelver import Registry
from modelver.backends._filesystem import AT_ONCE
from modelver.backends.azure import AzureBackend
from modelver.errors import AccessDeniedError, AlreadyExistsError, StorageError
from modelver.plugin import Backend
from modelver.testing.contract import BackendContract
from tests.stores.crew import race
from tests.stores.proxy import Loss, Plan, Proxy, proxy_before
from tests.stores.servers.azurite import AzureServer
from tests.stores.servers.process import HOST, free_ports

QUICK = 20.0  # seconds, on a machine that does a hundred other things

pytestmark = [
    pytest.mark.servers,
    # Of aiohttp, to Microsoft's client, about parts of some megabytes.
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),
]


class TestAzurite(BackendContract):
    """Microsoft's own emulator."""

    rounds = 3
    server: AzureServer

    @pytest.fixture(autouse=True)
    def _server(self, azurite: AzureServer) -> None:
        self.server = azurite

    def make(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - not a folder
        """Return a prefix that nothing else uses."""
        return self.server.backend()

    def reopen(self, backend: Backend) -> tuple[str, str, dict[str, Any]]:
        """Name the class, and give the credentials along."""
        factory = f"{AzureBackend.__module__}:{AzureBackend.__qualname__}"
        return factory, backend.url, self.server.options

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Read with the synchronous client."""
        with self.server.client() as client:
            blob = self._blob(client, backend, key)
            if not blob.exists():
                return None
            found: bytes = blob.download_blob().readall()
            return found

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Write with the synchronous client."""
        with self.server.client() as client:
            self._blob(client, backend, key).upload_blob(data, overwrite=True)

    def broken(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - not a folder
        """Return a prefix of a container that is not there."""
        return self.server.backend("az://there-is-no-such-container/registry")

    def _blob(self, client: Any, backend: Backend, key: str) -> Any:
        container, _, prefix = backend.url.removeprefix("az://").partition("/")
        return client.get_blob_client(container, f"{prefix}/{key}")


@pytest.mark.race
def test_one_winner(azurite: AzureServer) -> None:
    """Sixteen processes create the same key: a few rounds, for every run."""
    race(azurite.url(), azurite.options, 3)


@pytest.mark.slow
def test_one_winner_each_of_300_rounds(azurite: AzureServer) -> None:
    """As many as were tried when the primitive was chosen."""
    race(azurite.url(), azurite.options, 300)


@pytest.fixture
def proxied(azurite: AzureServer) -> Any:
    """Yield a backend, and a proxy before the server that it asks."""
    where, _, account = azurite.endpoint.rpartition("/")
    with proxy_before(int(where.rpartition(":")[2])) as proxy:
        endpoint = f"http://{HOST}:{proxy.port}/{account}"
        yield evolve(azurite, endpoint=endpoint).backend(), proxy


def _requests(proxy: Proxy) -> list[str]:
    found = [method for method, _ in proxy.requests]
    proxy.begin(None)
    return found


def test_each_call_is_one_request(proxied: tuple[AzureBackend, Proxy]) -> None:
    """No question before a read or a write; a large object goes up in one, too."""
    backend, proxy = proxied
    backend.create("log/1.json", b"one")
    assert _requests(proxy) == ["PUT"]
    with pytest.raises(AlreadyExistsError):
        backend.create("log/1.json", b"two")
    assert _requests(proxy) == ["PUT"]
    with backend.upload() as upload:
        upload.write(b"x" * 16 * 2**20)
        upload.commit("objects/ab/ab.0")
    assert _requests(proxy) == ["PUT"]
    assert len(backend.read("objects/ab/ab.0") or b"") == 16 * 2**20
    assert _requests(proxy) == ["GET"]
    for start, end in ((0, None), (1, 2), (0, 0), (5, 9)):
        assert backend.read("log/1.json", start, end) == b"one"[start:end]
        assert _requests(proxy) == ["GET"]
    assert backend.read("log/2.json") is None
    assert _requests(proxy) == ["GET"]
    assert len(list(backend.list(""))) == 2
    assert _requests(proxy) == ["GET"]
    backend.delete("log/1.json")
    assert _requests(proxy) == ["DELETE"]


def test_the_store_compares_the_checksum(azurite: AzureServer) -> None:
    """It keeps the MD5 of what came, which was sent along and compared."""
    backend = azurite.backend()
    backend.create("log/1.json", b"one")
    container, _, prefix = backend.url.removeprefix("az://").partition("/")
    with azurite.client() as client:
        blob = client.get_blob_client(container, f"{prefix}/log/1.json")
        kept = blob.get_blob_properties().content_settings.content_md5
    assert bytes(kept) == hashlib.md5(b"one", usedforsecurity=False).digest()


def test_a_lost_answer_is_asked_for_again(proxied: tuple[AzureBackend, Proxy]) -> None:
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


def test_patience_has_an_end(proxied: tuple[AzureBackend, Proxy]) -> None:
    """Three tries within seconds: the client alone takes a minute and a half."""
    backend, proxy = proxied
    proxy.begin(Plan(Loss.REFUSED, times=None))
    start = time.monotonic()
    with pytest.raises(StorageError) as caught:
        backend.read("log/1.json")
    assert caught.value.retryable
    assert len(proxy.requests) == 3
    assert time.monotonic() - start < QUICK


def test_many_reads_are_one_round(
    azurite: AzureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are under way together, as many as are allowed."""
    backend = azurite.backend()
    backend.create("log/1.json", b"one")
    get, under_way, most = backend._get, 0, 0

    async def counted(*args: Any) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await get(*args)
        finally:
            under_way -= 1

    monkeypatch.setattr(backend, "_get", counted)
    assert backend.read_many(["log/1.json"] * 200, 10) == [b"one"] * 200
    assert most == AT_ONCE


def test_folders_are_no_keys(azurite: AzureServer) -> None:
    """Accounts with a hierarchical namespace list folders as blobs that say so."""
    backend = azurite.backend()
    backend.create("log/1.json", b"one")
    container, _, prefix = backend.url.removeprefix("az://").partition("/")
    with azurite.client() as client:
        folder = client.get_blob_client(container, f"{prefix}/log")
        folder.upload_blob(b"", metadata={"hdi_isfolder": "true"})
    assert [info.key for info in backend.list("")] == ["log/1.json"]


def _shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_wrong_credentials(azurite: AzureServer) -> None:
    """Denied, quickly; the key is repeated nowhere, and no XML."""
    key = base64.b64encode(b"the wrong key, of all" * 3).decode()
    backend = azurite.backend(connection_string=azurite.connection(key))
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
        assert key not in _shown(caught.value)
        assert "<" not in caught.value.message
        assert "\n" not in caught.value.message
    assert time.monotonic() - start < QUICK


def _signed(azurite: AzureServer, permission: str) -> str:
    """Return a connection string that allows *permission* only, with a signature."""
    from azure.storage.blob import generate_container_sas  # noqa: PLC0415 - with adlfs

    token = generate_container_sas(
        azurite.account,
        azurite.container,
        account_key=azurite.key,
        permission=permission,
        expiry=datetime.now(UTC) + timedelta(hours=1),  # noqa: TID251 - of the store's clock
    )
    return f"BlobEndpoint={azurite.endpoint};SharedAccessSignature={token};"


def test_a_signature_is_never_told(azurite: AzureServer) -> None:
    """Who may only read is told so, and not with which signature."""
    writer = azurite.backend()
    writer.create("log/1.json", b"one")
    signed = _signed(azurite, "rl")
    reader = azurite.backend(writer.url, connection_string=signed)
    assert reader.read("log/1.json") == b"one"
    with pytest.raises(AccessDeniedError) as caught:
        reader.create("log/2.json", b"two")
    signature = signed.partition("sig=")[2].partition("&")[0].rstrip(";")
    assert len(signature) > 20
    assert signature not in _shown(caught.value)


def test_who_may_create_and_not_write(azurite: AzureServer) -> None:
    """A signature to read, list and create is enough to register, and for no more."""
    url, options = azurite.url(), {"connection_string": _signed(azurite, "rcl")}
    owner = Registry(url, create=True, storage_options=azurite.options)
    owner.register("m", {"w": b"one"}, environment=False)
    writer = Registry(url, storage_options=options)
    # The same bytes are there; so is the entry that the owner makes meanwhile.
    owner.register("n", {"w": b"one"}, environment=False)
    assert writer.register("o", {"w": b"one"}, environment=False).ref == "o@0.1.0"
    assert writer.register("m", {"w": b"two"}, environment=False).ref == "m@0.2.0"
    assert owner.models() == ["m", "n", "o"]
    backend = azurite.backend(url, **options)
    entry = backend.read("log/00000000000000000001.json")
    with pytest.raises(
        (StorageError, AlreadyExistsError)
    ):  # Azurite says denied, Azure that it is there
        backend.create("log/00000000000000000001.json", b"other")
    with pytest.raises(AccessDeniedError):
        backend.delete("log/00000000000000000001.json")
    assert backend.read("log/00000000000000000001.json") == entry


def test_no_such_container(azurite: AzureServer) -> None:
    """An error for each call, no answer of None; the hint says to create it."""
    backend = azurite.backend("az://there-is-no-such-container/registry")
    for act in (
        lambda: backend.create("log/1.json", b"x"),
        lambda: backend.read("log/1.json"),
        lambda: backend.read_many(["log/1.json"], 10),
        lambda: list(backend.list("")),
    ):
        with pytest.raises(StorageError) as caught:
            act()
        assert "create the container" in caught.value.hints[0]
        assert not caught.value.retryable


def test_nobody_answers(azurite: AzureServer) -> None:
    """Nobody at the port: an error that may be retried, within seconds."""
    (port,) = free_ports(1)
    nobody = evolve(azurite, endpoint=f"http://{HOST}:{port}/{azurite.account}")
    start = time.monotonic()
    with pytest.raises(StorageError) as caught:
        nobody.backend().read("log/1.json")
    assert time.monotonic() - start < QUICK
    assert caught.value.retryable
    assert azurite.key not in _shown(caught.value)

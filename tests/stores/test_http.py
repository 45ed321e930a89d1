"""A registry behind web servers: one that knows ranges, and one that does not."""

import gzip
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="NOT TESTED: pip install 'modelver[http]'")

import modelver
from modelver.backends.web import HttpBackend
from modelver.errors import (
    AccessDeniedError,
    ErrorKind,
    InvalidInputError,
    RegistryNotFoundError,
    StorageError,
)
from tests.stores.servers.http_server import Web, http_server

WEIGHTS = bytes(range(256)) * 400


@pytest.fixture(params=["ranges", "no-ranges"])
def web(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Web]:
    """Return a server that shows a registry of three versions as ``/registry``."""
    root = tmp_path / "www"
    registry = modelver.Registry(root / "registry", create=True)
    for n in range(3):
        files = {"weights.bin": WEIGHTS + bytes([n]), "card.md": f"# {n}".encode()}
        registry.register("fraud", files, environment=False)
    registry.promote("fraud@0.1.0", "production")
    with http_server(root, ranges=request.param == "ranges") as server:
        yield server


def test_a_registry_is_read(web: Web, tmp_path: Path) -> None:
    """Resolved, fetched and verified as from the folder itself."""
    registry = modelver.Registry(web.url("registry"))
    version = registry.get("fraud@production")
    version.checkout(tmp_path / "out")
    assert (tmp_path / "out" / "model" / "weights.bin").read_bytes() == WEIGHTS + b"\0"
    assert len(registry.versions("fraud")) == 3


def test_ranges_are_slices(web: Web) -> None:
    """The same bytes whether the server has cut them or we have."""
    data = b"0123456789"
    (web.root / "some").write_bytes(data)
    backend = HttpBackend(web.url(""))
    for start in (0, 1, 5, 9, 10, 11, 2**40):
        assert backend.read("some", start) == data[start:]
        for end in (0, 1, 5, 9, 10, 11, 1000):
            if end >= start:
                assert backend.read("some", start, end) == data[start:end]
    assert backend.read("none") is None
    assert backend.read_many(["some", "none"], 3) == [b"012", None]


def test_what_is_stored_is_not_unpacked(web: Web) -> None:
    """A rollup is a compressed file, whatever a server says of its encoding."""
    packed = gzip.compress(b"entries" * 100)
    (web.root / "a.json.gz").write_bytes(packed)
    assert HttpBackend(web.url("")).read("a.json.gz") == packed
    web.handler.encoding = "gzip"
    assert HttpBackend(web.url("")).read("a.json.gz") == packed


def test_writing_is_refused(web: Web) -> None:
    """With a message that says why, and before anything is read of the files."""
    registry = modelver.Registry(web.url("registry"))
    with pytest.raises(StorageError, match="can only be read") as caught:
        registry.register("fraud", {"m": b"1"}, environment=False)
    assert caught.value.kind is ErrorKind.UNSUPPORTED
    with pytest.raises(StorageError) as caught:
        modelver.Registry(web.url("new"), create=True)
    assert caught.value.kind is ErrorKind.UNSUPPORTED


def test_no_registry_there(web: Web) -> None:
    """404 is a definite answer."""
    with pytest.raises(RegistryNotFoundError):
        modelver.Registry(web.url("nothing"))


@pytest.mark.parametrize("status", [401, 403])
def test_refused(web: Web, status: int) -> None:
    """Not being allowed is not the same as not being there."""
    web.refuse(status)
    with pytest.raises(AccessDeniedError):
        modelver.Registry(web.url("registry"))


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble(web: Web, status: int) -> None:
    """To be tried again."""
    web.refuse(status)
    with pytest.raises(StorageError) as caught:
        modelver.Registry(web.url("registry"))
    assert caught.value.retryable


def test_a_header_goes_along_and_is_not_shown(web: Web) -> None:
    """What is passed as a header reaches the server, and no message."""
    asked: list[str] = []
    usual = web.handler.do_GET

    def do_get(self: object) -> None:
        asked.append(self.headers.get("Authorization", ""))  # type: ignore[attr-defined]
        usual(self)

    web.handler.do_GET = do_get
    options = {"headers": {"Authorization": "Bearer s3cr3t-word"}}
    registry = modelver.Registry(web.url("registry"), storage_options=options)
    assert set(asked) == {"Bearer s3cr3t-word"}
    assert "s3cr3t" not in repr(registry)
    web.refuse(500)
    with pytest.raises(StorageError) as caught:
        HttpBackend(web.url("registry"), storage_options=options).read("x")
    assert "s3cr3t" not in f"{caught.value!r}{caught.value.facts}"


def test_listings_are_not_taken_from_index_pages(web: Web) -> None:
    """The page has links to whatever there is, and to elsewhere."""
    with pytest.raises(StorageError, match="listed"):
        list(HttpBackend(web.url("registry")).list(""))


def test_a_damaged_file_is_found(web: Web, tmp_path: Path) -> None:
    """What comes over the net is verified like everything else."""
    for path in (web.root / "registry" / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"\0" * path.stat().st_size)
    registry = modelver.Registry(web.url("registry"))
    with pytest.raises(modelver.IntegrityError):
        registry.get("fraud@0.1.0").checkout(tmp_path / "out")


def test_a_copy_that_is_behind(web: Web) -> None:
    """A server that shows an older copy again is noticed by who saw the newer."""
    url = web.url("registry")
    assert len(modelver.Registry(url).versions("fraud")) == 3
    log = web.root / "registry" / "log"
    newest = max(log.iterdir())
    newest.unlink()
    with pytest.raises(modelver.IntegrityError):
        modelver.Registry(url).versions("fraud")


def test_a_body_that_ends_early(tmp_path: Path) -> None:
    """Half of a file is an error, not the file."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):  # the second try is modelver's own
            peer, _ = listener.accept()
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    with pytest.raises(StorageError):
        HttpBackend(f"http://127.0.0.1:{port}/r").read("registry.json")
    thread.join(10)
    listener.close()
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/r?a=hunter2",
        "https://example.org/r#hunter2",
        "https://example.org/r?",
        "https://",
        "https:///r",
    ],
)
def test_no_folder(url: str) -> None:
    """Keys are put behind the address, so it has neither query nor fragment."""
    with pytest.raises(InvalidInputError) as caught:
        HttpBackend(url)
    assert "hunter2" not in f"{caught.value!r}"

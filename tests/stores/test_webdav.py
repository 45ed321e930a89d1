"""A registry on a WebDAV server (WsgiDAV): read, and written by one writer."""

import threading
from pathlib import Path

import pytest

pytest.importorskip("webdav4", reason="NOT TESTED: pip install 'modelver[webdav]'")

import modelver
from modelver.backends.other import OtherBackend
from modelver.backends.webdav import WebdavBackend
from modelver.errors import AlreadyExistsError, ErrorKind, StorageError
from tests.stores.servers.wsgidav import Dav

pytestmark = pytest.mark.servers


def _place(dav: Dav, url: str) -> Path:
    return dav.root / url.rpartition("/")[2]


def test_a_registry_is_read(wsgidav: Dav, tmp_path: Path) -> None:
    """One that was written into the folder behind it."""
    url = wsgidav.url()
    local = modelver.Registry(_place(wsgidav, url), create=True)
    for n in range(5):
        local.register("m", {"w.bin": bytes([n]) * 50_000}, environment=False)
    registry = modelver.Registry(url)
    assert len(registry.versions("m")) == 5
    registry.get("m@latest").checkout(tmp_path / "out")
    assert (tmp_path / "out" / "model" / "w.bin").read_bytes() == bytes([4]) * 50_000
    assert registry.verify().ok


def test_writing_is_refused(wsgidav: Dav) -> None:
    """Unless somebody says that there is one writer."""
    url = wsgidav.url()
    with pytest.raises(StorageError) as caught:
        modelver.Registry(url, create=True)
    assert caught.value.kind is ErrorKind.UNSUPPORTED
    modelver.Registry(_place(wsgidav, url), create=True)
    with pytest.raises(StorageError, match="can only be read"):
        modelver.Registry(url).register("m", {"m": b"1"}, environment=False)
    with pytest.raises(StorageError) as caught:
        WebdavBackend(url).create("log/1.json", b"x")
    assert caught.value.kind is ErrorKind.UNSUPPORTED


def test_one_writer(wsgidav: Dav) -> None:
    """Its threads may register side by side; everybody reads it."""
    url = wsgidav.url()
    backend = WebdavBackend(url, single_writer=True)
    registry = modelver.Registry(backend=backend, create=True)
    threads = [
        threading.Thread(
            target=registry.register,
            args=("m", {"m": f"{n}".encode()}),
            kwargs={"environment": False},
        )
        for n in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(registry.versions("m")) == 4
    reader = modelver.Registry(url)
    assert len(reader.versions("m")) == 4
    assert reader.verify().ok
    assert [*_place(wsgidav, url).rglob(".tmp-*")] == []
    assert modelver.Registry(_place(wsgidav, url)).verify().ok


def test_creates_and_ranges(wsgidav: Dav) -> None:
    """What the backend does by itself."""
    backend = WebdavBackend(wsgidav.url(), single_writer=True)
    data = bytes(range(256))
    assert backend.read("log/1.json") is None
    assert list(backend.list("")) == []
    backend.create("log/1.json", data)
    with pytest.raises(AlreadyExistsError):
        backend.create("log/1.json", b"x")
    for start, end in ((0, None), (1, 5), (250, 300), (256, None), (300, 400), (5, 5)):
        assert backend.read("log/1.json", start, end) == data[start:end]
    assert backend.read_many(["log/1.json", "log/2.json"], 3) == [data[:3], None]
    assert [info.size for info in backend.list("log/")] == [256]
    backend.delete("log/1.json")
    backend.delete("log/1.json")
    assert backend.read("log/1.json") is None


def test_the_probe_refuses_what_webdav4_offers(wsgidav: Dav) -> None:
    """Overwriting, and fsspec's check before a write, are found out."""
    address = f"http://127.0.0.1:{wsgidav.port}"
    for put in (
        lambda fs, path, data: fs.pipe_file(path, data),
        lambda fs, path, data: fs.pipe_file(path, data, mode="create"),
    ):
        backend = OtherBackend(
            "webdav://registry",
            storage_options={"base_url": address},
            put_if_absent=put,
        )
        with pytest.raises(StorageError):
            backend.create("log/1.json", b"x")
        assert backend.read("log/1.json") is None
        backend._files.instance.client.http.close()


@pytest.mark.parametrize(
    ("url", "options", "shown", "root"),
    [
        ("webdav://h:80/a/r/", {}, "webdav://h:80/a/r", "a/r"),
        ("webdavs://h/r", {}, "webdavs://h/r", "r"),
        ("dav://h/r", {}, "webdav://h/r", "r"),
        ("webdav://a/r", {"base_url": "https://h/x/"}, "webdavs://h/x/a/r", "x/a/r"),
    ],
)
def test_addresses(url: str, options: dict[str, str], shown: str, root: str) -> None:
    """Two servers never share an address, however it was written."""
    backend = WebdavBackend(url, storage_options=options)
    assert (backend.url, backend._root) == (shown, root)


@pytest.mark.parametrize("base", ["https://ada:hunter2@h/", "ftp://h/", "h"])
def test_no_base(base: str) -> None:
    """The base_url is an address too."""
    with pytest.raises(modelver.InvalidInputError) as caught:
        WebdavBackend("webdav://r", storage_options={"base_url": base})
    assert "hunter2" not in f"{caught.value!r}"


def test_nobody_there() -> None:
    """Every operation is a StorageError."""
    backend = WebdavBackend("webdav://127.0.0.1:1/r", single_writer=True)
    for ask in (
        lambda: backend.read("a"),
        lambda: backend.read_many(["a", "b"], 10),
        lambda: list(backend.list("")),
        lambda: backend.create("a", b"x"),
        lambda: backend.delete("a"),
    ):
        with pytest.raises(StorageError):
            ask()

"""Any other filesystem of fsspec: read always, written where the caller vouches."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.config import conf
from fsspec.implementations.cached import SimpleCacheFileSystem
from fsspec.implementations.local import LocalFileSystem

import modelver
from modelver._registry.opening import open_backend
from modelver.backends._probe import probe
from modelver.backends.other import OtherBackend
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    PluginError,
    StorageError,
)


class Shelf(LocalFileSystem):  # type: ignore[misc] # fsspec is untyped
    """A filesystem that modelver has never heard of."""

    protocol = "shelf"
    local_file = False

    def __init__(self, word: str = "", **options: Any) -> None:
        self.word = word
        super().__init__(**options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = super()._strip_protocol(str(path).removeprefix("shelf://"))
        return stripped


@pytest.fixture(autouse=True)
def _shelf() -> None:
    fsspec.register_implementation("shelf", Shelf, clobber=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the address of a folder that is not there yet."""
    return f"shelf://{tmp_path}/registry"


def _link(filesystem: Any, path: str, data: bytes) -> None:
    """Create as a folder is created in: exclusively, and whole."""
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - text
    temporary = f"{path}.{time.monotonic_ns()}.{threading.get_ident()}"
    filesystem.pipe_file(temporary, data)
    try:
        os.link(temporary, path)
    finally:
        filesystem.rm_file(temporary)


def test_a_registry_is_read(url: str, tmp_path: Path) -> None:
    """Found by its scheme alone, and refused to write."""
    local = modelver.Registry(tmp_path / "registry", create=True)
    local.register("m", {"m": b"1"}, environment=False)
    registry = modelver.Registry(url)
    assert registry.get("m@latest").path("m").read_bytes() == b"1"
    assert registry.verify().ok
    with pytest.raises(StorageError, match="can only be read") as caught:
        registry.register("m", {"m": b"2"}, environment=False)
    assert caught.value.kind is ErrorKind.UNSUPPORTED
    with pytest.raises(StorageError):
        OtherBackend(url).create("log/x", b"x")
    with pytest.raises(StorageError):
        modelver.Registry(f"{url}-new", create=True)


def test_the_options_say_which_store_it_is(url: str) -> None:
    """What the address leaves open is told by the options, credentials left out."""
    options = {"endpoint": "https://me:word@one.example/", "port": 8020, "word": "x"}
    assert OtherBackend(url, storage_options=options).endpoint() == "one.example 8020"
    assert OtherBackend(url).endpoint() == ""


def test_one_writer(url: str) -> None:
    """On the caller's word: a key that is there is refused."""
    backend = OtherBackend(url, single_writer=True)
    registry = modelver.Registry(backend=backend, create=True)
    for n in range(3):
        registry.register("m", {"m": f"{n}".encode()}, environment=False)
    with pytest.raises(AlreadyExistsError):
        backend.create("registry.json", b"x")
    assert len(modelver.Registry(url).versions("m")) == 3
    assert backend.capabilities.exclusive_create
    assert not backend.capabilities.durable


def test_a_create_that_somebody_vouches_for(url: str, tmp_path: Path) -> None:
    """It is probed, used, and the probe leaves nothing."""
    backend = OtherBackend(url, put_if_absent=_link)
    backend.create("log/1.json", b"first")
    with pytest.raises(AlreadyExistsError):
        backend.create("log/1.json", b"second")
    assert backend.read("log/1.json") == b"first"
    assert [info.key for info in backend.list("")] == ["log/1.json"]
    assert [p.name for p in (tmp_path / "registry").iterdir()] == ["log"]


def _overwrite(filesystem: Any, path: str, data: bytes) -> None:
    filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    filesystem.pipe_file(path, data)


def _check_first(filesystem: Any, path: str, data: bytes) -> None:
    filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    if filesystem.exists(path):
        raise FileExistsError(path)
    time.sleep(0.01)
    filesystem.pipe_file(path, data)


def _say_no_and_write(filesystem: Any, path: str, data: bytes) -> None:
    there = filesystem.exists(path)
    _overwrite(filesystem, path, data)
    if there:
        raise FileExistsError(path)


@pytest.mark.parametrize("put", [_overwrite, _check_first, _say_no_and_write])
def test_a_store_that_lies_is_refused(url: str, put: Callable[..., None]) -> None:
    """Whatever is vouched for: nothing is written under the key, and it is definite."""
    backend = OtherBackend(url, put_if_absent=put)
    for _ in range(2):
        with pytest.raises(StorageError, match="cannot be trusted") as caught:
            backend.create("log/1.json", b"x")
        assert caught.value.kind is ErrorKind.UNSUPPORTED
    assert backend.read("log/1.json") is None
    assert list(backend.list("")) == []


def test_the_probe_knows_a_good_store() -> None:
    """One lock around the check and the write."""
    held: dict[str, bytes] = {}
    lock = threading.Lock()

    def put(key: str, data: bytes) -> bool:
        with lock:
            return held.setdefault(key, data) is data

    probe(put, held.get)


@pytest.mark.parametrize(
    ("put", "read", "said"),
    [
        (lambda _k, _d: False, lambda _k: None, "new key is taken"),
        (lambda _k, _d: True, lambda _k: None, "creates a key that is there"),
    ],
)
def test_the_probe_says_what_is_wrong(put: Any, read: Any, said: str) -> None:
    """In words."""
    with pytest.raises(StorageError, match=said):
        probe(put, read)


@pytest.mark.parametrize("scheme", ["simplecache", "filecache", "blockcache", "cached"])
def test_caches_are_refused(scheme: str) -> None:
    """They answer from what was there before."""
    with pytest.raises(InvalidInputError, match="cache"):
        OtherBackend(f"{scheme}://somewhere/registry")


def test_a_cache_by_another_name() -> None:
    """What counts is what it is."""
    made = type("Hidden", (SimpleCacheFileSystem,), {"protocol": "hidden"})
    fsspec.register_implementation("hidden", made, clobber=True)
    with pytest.raises(InvalidInputError, match="cache"):
        OtherBackend("hidden://somewhere/registry")


def test_nobody_knows_the_scheme() -> None:
    """As before there was a fallback: the names that are installed are told."""
    with pytest.raises(PluginError) as caught:
        open_backend("nowhere://x/y", None)
    assert caught.value.kind is ErrorKind.UNKNOWN_PLUGIN
    assert "memory" in caught.value.hints[0]
    with pytest.raises(PluginError):
        OtherBackend("nowhere://x/y")


def test_a_client_that_is_missing() -> None:
    """The word of fsspec says who brings it."""
    with pytest.raises(PluginError) as caught:
        open_backend("dropbox://x/y", None)
    assert caught.value.kind is ErrorKind.BROKEN_PLUGIN
    assert "dropbox" in caught.value.message


def test_the_address_goes_before_options_and_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """FSSPEC_* settings fill in what nobody has said, and redirect nobody."""
    monkeypatch.setitem(conf, "shelf", {"word": "from the settings"})
    said = {"word": "from the address"}
    monkeypatch.setattr(Shelf, "_get_kwargs_from_urls", staticmethod(lambda _: said))
    backend = OtherBackend("shelf:///r", storage_options={"word": "from the options"})
    assert backend._files.instance.word == "from the address"
    monkeypatch.setattr(Shelf, "_get_kwargs_from_urls", staticmethod(lambda _: {}))
    backend = OtherBackend("shelf:///r", storage_options={"word": "from the options"})
    assert backend._files.instance.word == "from the options"
    assert OtherBackend("shelf:///r")._files.instance.word == "from the settings"


def test_a_folder_that_cannot_be_listed_is_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself fsspec leaves it out and says nothing; a sweep would believe that."""
    backend = OtherBackend(url, single_writer=True)
    backend.create("objects/ab/1", b"x")
    usual = Shelf.ls

    def ls(self: Shelf, path: str, detail: bool = False, **options: Any) -> Any:  # noqa: FBT001, FBT002 - fsspec's
        if path.endswith("/ab"):
            raise OSError(5, "the disk is ill")
        return usual(self, path, detail=detail, **options)

    monkeypatch.setattr(Shelf, "ls", ls)
    with pytest.raises(StorageError):
        list(backend.list(""))

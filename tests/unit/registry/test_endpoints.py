"""One address at two endpoints is two registries, and a client remembers both."""

from pathlib import Path

import pytest

import modelver
from modelver import IntegrityError, OfflineError, Registry
from modelver.backends.local import LocalBackend
from modelver.errors import ErrorKind
from modelver.plugin import Backend, Placed
from modelver.testing.recording import RecordingBackend

URL = "s3://models/registry"


class At(RecordingBackend):
    """A store that is reached by one address at the endpoint that is given."""

    def __init__(self, inner: Backend, host: str) -> None:
        super().__init__(inner)
        self._host = host

    @property
    def url(self) -> str:
        """The same for all of them."""
        return URL

    def endpoint(self) -> str:
        """That which was given."""
        return self._host


def _at(tmp_path: Path, folder: str, host: str) -> At:
    return At(LocalBackend(str(tmp_path / folder)), host)


def _registered(store: Backend, content: bytes) -> Registry:
    registry = Registry(backend=store, create=True)
    registry.register("m", {"w.bin": content}, environment=False)
    return registry


def test_two_endpoints_are_two_registries(tmp_path: Path) -> None:
    """Whoever has seen one is not told that the other one has replaced it."""
    one, two = _at(tmp_path, "one", "one:9000"), _at(tmp_path, "two", "two:9000")
    assert isinstance(one, Placed)
    _registered(one, b"1")
    _registered(two, b"2")
    assert Registry(backend=one).get("m").read("w.bin") == b"1"
    assert Registry(backend=two).get("m").read("w.bin") == b"2"


def test_one_endpoint_is_one_registry(tmp_path: Path) -> None:
    """What is replaced at one endpoint is seen to be replaced."""
    _registered(_at(tmp_path, "one", "one:9000"), b"1")
    registry = _registered(_at(tmp_path, "new", ""), b"2")
    moved = _at(tmp_path, "new", "one:9000")
    with pytest.raises(IntegrityError) as caught:
        _ = Registry(backend=moved).seq
    assert caught.value.kind is ErrorKind.REGISTRY_REPLACED
    assert registry.seq == 1


def test_to_forget_names_the_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen at another endpoint stays remembered."""
    pytest.importorskip("s3fs", reason="NOT TESTED: pip install s3fs")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    _registered(_at(tmp_path, "one", "one:9000"), b"1")
    _registered(_at(tmp_path, "new", ""), b"2")
    moved = _at(tmp_path, "new", "one:9000")
    modelver.forget(URL, storage_options={"endpoint_url": "http://two:9000"})
    with pytest.raises(IntegrityError):
        _ = Registry(backend=moved).seq
    modelver.forget(URL, storage_options={"endpoint_url": "http://one:9000"})
    assert Registry(backend=moved).seq == 1


def test_offline_it_is_the_same_endpoint(tmp_path: Path) -> None:
    """Nobody gets the model of another store because its bucket has the same name."""
    one, two = _at(tmp_path, "one", "one:9000"), _at(tmp_path, "two", "two:9000")
    for store, content in ((one, b"1"), (two, b"2")):
        _registered(store, content).get("m").path("w.bin")
    for store, content in ((one, b"1"), (two, b"2")):
        offline = Registry(backend=store, offline=True)
        assert offline.get("m").path("w.bin").read_bytes() == content
    with pytest.raises(OfflineError):
        Registry(backend=_at(tmp_path, "one", "three:9000"), offline=True)


def test_offline_an_address_means_its_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where an address is opened, with the options that name an endpoint."""
    pytest.importorskip("s3fs", reason="NOT TESTED: pip install s3fs")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    store = _at(tmp_path, "one", "one:9000")
    _registered(store, b"1").get("m").path("w.bin")
    options = {"endpoint_url": "http://one:9000"}
    offline = Registry(URL, storage_options=options, offline=True)
    assert offline.get("m").path("w.bin").read_bytes() == b"1"
    with pytest.raises(OfflineError):
        Registry(URL, offline=True)

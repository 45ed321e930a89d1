"""The doctor: what it sees of stores that keep their promises, and of others."""

import itertools
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from attrs import evolve

from modelver import Diagnosis, InvalidInputError, Registry, doctor
from modelver._cli import main
from modelver._registry import doctor as desk
from modelver._registry.doctor import diagnose
from modelver.backends.local import LocalBackend
from modelver.backends.memory import MemoryBackend
from modelver.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ErrorKind,
    StorageError,
)
from modelver.plugin import Backend, Capabilities, KeyInfo
from modelver.testing import RecordingBackend, WrapperBackend
from modelver.testing.wrapper import Operation

T = TypeVar("T")

PROBES = [
    "reach",
    "write",
    "read-after-write",
    "create-twice",
    "race",
    "upload",
    "listing",
    "listing-cache",
    "ranges",
    "latency",
    "clock",
    "delete",
]


class _Plain(WrapperBackend):
    """Does what it should; each test breaks one promise."""

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Do it."""
        del operation
        return act()


class _Overwrites(_Plain):
    """Takes no notice of conditions."""

    def create(self, key: str, data: bytes) -> None:
        """Overwrite."""
        self.inner.delete(key)
        self.inner.create(key, data)


class _LooksFirst(_Plain):
    """Checks, and then writes."""

    def create(self, key: str, data: bytes) -> None:
        """Look first."""
        if self.inner.read(key) is not None:
            raise AlreadyExistsError("it is there", kind=ErrorKind.KEY_EXISTS)
        time.sleep(0.01)
        self.inner.delete(key)
        try:
            self.inner.create(key, data)
        except AlreadyExistsError:
            return


class _Remembers(_Plain):
    """Has a cache of what was missing."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.missing: set[str] = set()

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Say None again, once it was said."""
        if key in self.missing:
            return None
        found = self.inner.read(key, start, end)
        if found is None:
            self.missing.add(key)
        return found


class _StaleLists(_Plain):
    """Has a cache of listings."""

    cached: tuple[KeyInfo, ...] | None = None

    def list(self, prefix: str) -> Iterator[KeyInfo]:
        """List what was there at first."""
        if self.cached is None:
            self.cached = tuple(self.inner.list(prefix))
        return iter(self.cached)


class _WholeOnly(_Plain):
    """Takes no notice of ranges."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Return all of it."""
        del start, end
        return self.inner.read(key)


class _Torn(_Plain):
    """Lets uploads overwrite."""

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Delete what is there, and upload."""
        if operation.name == "upload-commit":
            self.inner.delete(operation.key)
        return act()


class _Refuses(_Plain):
    """Refuses some operations."""

    refused: Sequence[str] = ()
    error: StorageError = AccessDeniedError("refused", hint="ask somebody")

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Refuse it, or do it."""
        if operation.name in self.refused:
            raise self.error
        return act()


def _store() -> MemoryBackend:
    return MemoryBackend(f"memory://doctor-{uuid.uuid4().hex}")


def _seen(wrap: Callable[[Backend], Backend], *, write: bool = True) -> Diagnosis:
    store = _store()
    return diagnose(wrap(store), wrap(store), "memory", write=write, rounds=5)


def _failed(found: Diagnosis) -> set[str]:
    return {each.probe for each in found.findings if each.outcome == "failed"}


def test_a_good_store(tmp_path: Path) -> None:
    """Every probe is made, none fails, and nothing is left behind."""
    found = doctor(tmp_path / "r")
    assert [each.probe for each in found.findings] == PROBES
    assert found
    assert (found.verdict, found.left) == ("good", ())
    assert found.milliseconds.keys() == {"read", "create", "read_many"}
    assert found.finding("clock").outcome == "noted"
    assert found.skew == 0
    assert not [p for p in (tmp_path / "r").rglob("*") if p.is_file()]
    assert all(each.seen and each.means for each in found.findings)


def test_a_registry_is_not_disturbed(tmp_path: Path) -> None:
    """Beside one, nothing of it changes, and it can be made afterwards as well."""
    url = tmp_path / "r"
    doctor(url)
    registry = Registry(url, create=True)
    registry.register("m", {"a": b"1"})
    before = {p: p.read_bytes() for p in url.rglob("*") if p.is_file()}
    assert doctor(url).verdict == "good"
    assert {p: p.read_bytes() for p in url.rglob("*") if p.is_file()} == before
    assert registry.verify()


def test_only_its_own_keys_are_touched() -> None:
    """It writes and deletes below ``doctor/``, under names of its own."""
    backend = RecordingBackend(_store())
    backend.inner.create("doctor/of-somebody-else", b"x")
    diagnose(backend, backend, "memory", write=True, rounds=2)
    wrote = {
        key
        for call in backend.calls
        for key in call.keys
        if call.name in {"create", "upload-commit", "delete"}
    }
    assert len({key.partition("-")[0] for key in wrote}) == 1
    assert [info.key for info in backend.list("")] == ["doctor/of-somebody-else"]


@pytest.mark.parametrize(
    ("wrap", "failed", "verdict"),
    [
        (_Overwrites, {"create-twice", "race"}, "unsafe"),
        (_LooksFirst, {"race"}, "unsafe"),
        (_StaleLists, {"listing-cache"}, "impaired"),
        (_WholeOnly, {"ranges"}, "impaired"),
        (_Torn, {"upload"}, "impaired"),
    ],
)
def test_a_broken_promise_is_named(
    wrap: Callable[[Backend], Backend], failed: set[str], verdict: str
) -> None:
    """The probe of the promise that is broken fails, and no other."""
    found = _seen(wrap)
    assert _failed(found) >= failed
    assert _failed(found) <= failed | {"listing"}
    assert found.verdict == verdict
    assert not found


def test_a_cache_of_what_is_missing() -> None:
    """A client that remembers that a key was missing is found out."""
    found = _seen(_Remembers)
    assert "read-after-write" in _failed(found)
    assert found.verdict == "unsafe"


def test_nothing_may_be_written() -> None:
    """It is no failure; what can be read is probed."""

    def wrap(inner: Backend) -> Backend:
        made = _Refuses(inner)
        made.refused = ("create", "upload-commit")
        return made

    found = _seen(wrap)
    assert found
    assert found.verdict == "reading"
    assert found.finding("write").outcome == "noted"
    assert [each.probe for each in found.findings] == [
        "reach",
        "write",
        "ranges",
        "listing",
        "latency",
    ]


def test_nothing_may_be_deleted() -> None:
    """It is told so, with the keys that stay; a registry can be made there still."""
    store = _store()
    backend = _Refuses(store)
    backend.refused = ("delete",)
    found = diagnose(backend, backend, "memory", write=True, rounds=2)
    assert found.verdict == "good"
    assert found.finding("delete").outcome == "noted"
    assert set(found.left) == {info.key for info in store.list("")}
    assert found.left
    assert Registry(backend=backend, create=True).seq == 0


def test_a_store_that_cannot_be_read() -> None:
    """One finding, with what to do, and nothing else is tried."""

    def wrap(inner: Backend) -> Backend:
        made = _Refuses(inner)
        made.refused = ("read", "read_many", "list", "create")
        return made

    found = _seen(wrap)
    assert found.verdict == "unreachable"
    assert [each.probe for each in found.findings] == ["reach"]
    assert "ask somebody" in found.findings[0].means


def test_a_store_that_answers_anything() -> None:
    """A web server that has a page for every address is no store."""

    class Anything(_Plain):
        def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
            del key
            return b"<html>"[start:end]

    assert _seen(Anything).verdict == "unreachable"


def test_no_exclusive_create() -> None:
    """A backend that says so is not written to."""

    class ReadOnly(RecordingBackend):
        @property
        def capabilities(self) -> Capabilities:
            return evolve(self.inner.capabilities, exclusive_create=False)

    backend = ReadOnly(_store())
    found = diagnose(backend, backend, "memory", write=True, rounds=2)
    assert found.verdict == "reading"
    assert backend.counts.keys() <= {"read", "list"}


def test_read_only_writes_nothing(tmp_path: Path) -> None:
    """Asked for, nothing is created, not even a folder."""
    found = doctor(tmp_path / "r", read_only=True)
    assert found.verdict == "reading"
    assert not (tmp_path / "r").exists()
    registry = Registry(tmp_path / "r", create=True)
    found = doctor(registry.url, read_only=True)
    assert found.finding("ranges").outcome == "ok"


def test_an_interrupt_cleans_up() -> None:
    """Ctrl-C in the middle deletes what was written up to then."""
    store = _store()

    class Interrupted(_Plain):
        def list(self, prefix: str) -> Iterator[KeyInfo]:
            del prefix
            raise KeyboardInterrupt

    backend = Interrupted(store)
    with pytest.raises(KeyboardInterrupt):
        diagnose(backend, backend, "memory", write=True, rounds=2)
    assert list(store.list("")) == []


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_a_clock_that_is_wrong(tmp_path: Path, ahead: int) -> None:
    """The difference to the store's clock is told, in the right direction."""

    class Skewed(LocalBackend):
        def written(self, key: str) -> float | None:
            at = super().written(key)
            return None if at is None else at + ahead

    backend = Skewed(str(tmp_path / "r"))
    found = diagnose(backend, backend, "file", write=True, rounds=1)
    assert found.skew == pytest.approx(ahead, abs=2)
    assert ("ahead of" if ahead > 0 else "behind") in found.finding("clock").seen
    assert found.verdict == "good"


def test_what_redirects_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of fsspec that are not in the address; secrets are not shown."""
    from fsspec.config import conf  # noqa: PLC0415

    monkeypatch.setitem(
        conf, "memory", {"endpoint_url": "http://127.0.0.1:9", "secret": "hunter2"}
    )
    found = doctor(f"memory://doctor-{uuid.uuid4().hex}", read_only=True)
    assert found.settings == {
        "fsspec.memory.endpoint_url": "http://127.0.0.1:9",
        "fsspec.memory.secret": "(set)",
    }
    assert "hunter2" not in str(found) + json.dumps(found.to_dict())
    assert {"modelver", "python", "fsspec"} <= found.versions.keys()


@pytest.mark.parametrize("rounds", [0, -1, 1001, True, "5", 1.0])
def test_rounds_that_are_none(rounds: object) -> None:
    """They are refused before anything is asked."""
    with pytest.raises(InvalidInputError):
        doctor("memory://doctor-rounds", rounds=rounds)  # type: ignore[arg-type]


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code says what was found, and JSON has all of it."""
    url = str(tmp_path / "r")
    assert main(["doctor", url, "--json", "--rounds", "2"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["ok"], said["left"]) == ("good", True, [])
    assert [each["probe"] for each in said["findings"]] == PROBES
    assert main(["--registry", url, "doctor", "--read-only"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[1][:2] == ["write", "skipped"]

    def opened(wrap: Callable[[Backend], Backend]) -> None:
        store = _store()
        monkeypatch.setattr(desk, "open_backend", lambda *_: wrap(store))

    opened(_Overwrites)
    assert main(["doctor", url]) == 1
    capsys.readouterr()
    refusing = itertools.repeat(("read", "read_many"))

    def refuse(inner: Backend) -> Backend:
        made = _Refuses(inner)
        made.refused = next(refusing)
        return made

    opened(refuse)
    assert main(["doctor", url, "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["verdict"] == "unreachable"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no users here")
def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """What cannot be written to for another reason than access is a failure."""
    (tmp_path / "file").write_bytes(b"x")
    found = doctor(tmp_path / "file")
    assert found.verdict in {"unsafe", "unreachable"}

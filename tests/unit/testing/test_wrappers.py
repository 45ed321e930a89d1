"""Counting and slow stores."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modelver.backends.local import LocalBackend
from modelver.plugin import Backend
from modelver.testing import (
    Call,
    FaultyBackend,
    LatencyBackend,
    RecordingBackend,
    WrapperBackend,
)
from modelver.testing.contract import BackendContract
from modelver.testing.contract_base import side_by_side, upload


class _WrappedContract(BackendContract):
    """A wrapper keeps the contract of what it wraps."""

    rounds = 5

    def wrap(self, inner: Backend) -> Backend:
        """Return the wrapper."""
        raise NotImplementedError

    def make(self, tmp_path: Path) -> Backend:
        """Return a wrapped folder."""
        number = len([*tmp_path.iterdir()])
        (tmp_path / str(number)).mkdir()
        return self.wrap(LocalBackend(str(tmp_path / str(number))))

    def again(self, backend: Backend) -> Backend:
        """Wrap a second client."""
        return self.wrap(LocalBackend(backend.url))

    def reopen(self, backend: Backend) -> tuple[str, str, dict[str, object]]:
        """Open what is wrapped."""
        return "modelver.backends.local:LocalBackend", backend.url, {}

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Read the file."""
        return Path(backend.url, key).read_bytes()

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Write the file."""
        path = Path(backend.url, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def broken(self, tmp_path: Path) -> Backend:
        """Return a folder that is a file."""
        (tmp_path / "file").write_bytes(b"x")
        return self.wrap(LocalBackend(str(tmp_path / "file")))


class TestFaulty(_WrappedContract):
    """Without a plan."""

    def wrap(self, inner: Backend) -> Backend:
        """Return the wrapper."""
        return FaultyBackend(inner)


class TestRecording(_WrappedContract):
    """While it counts."""

    def wrap(self, inner: Backend) -> Backend:
        """Return the wrapper."""
        return RecordingBackend(inner)


class TestLatency(_WrappedContract):
    """While it waits."""

    def wrap(self, inner: Backend) -> Backend:
        """Return the wrapper."""
        return LatencyBackend(inner, 0.0001)


def test_calls_are_written_down(tmp_path: Path) -> None:
    """What one thread asks is a round each; reset forgets."""
    backend = RecordingBackend(LocalBackend(str(tmp_path)))
    backend.create("a", b"x")
    upload(backend, "b", b"x")
    backend.read_many(["a", "b", "c"], 10)
    assert backend.calls == [
        Call("create", ("a",), 1),
        Call("upload-begin", (), 2),
        Call("upload-write", (), 2),
        Call("upload-commit", ("b",), 2),
        Call("read_many", ("a", "b", "c"), 3),
    ]
    assert backend.rounds == len(backend.requests) == 3
    assert backend.keys == ["a", "b", "a", "b", "c"]
    assert backend.counts["read"] == 0
    assert backend.counts["read_many"] == 1
    backend.reset()
    assert (backend.rounds, backend.calls) == (0, [])


class _Meeting(WrapperBackend):
    """Holds every read until all have come."""

    def __init__(self, inner: Backend, count: int) -> None:
        super().__init__(inner)
        self.barrier = threading.Barrier(count)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """Wait for the others."""
        self.barrier.wait(10)
        return self.inner.read(key, start, end)


def test_side_by_side_is_one_round(tmp_path: Path) -> None:
    """Eight reads at once cost one round trip, eight in turn cost eight."""
    backend = RecordingBackend(_Meeting(LocalBackend(str(tmp_path)), 8))
    for _ in range(2):
        side_by_side(8, lambda _: backend.read("a"))
    assert (backend.rounds, backend.counts["read"]) == (2, 16)


def test_latency_is_waited_for_once_a_round_trip(tmp_path: Path) -> None:
    """An upload is one round trip, and threads wait side by side."""
    backend = LatencyBackend(LocalBackend(str(tmp_path)), 0.05)
    start = time.monotonic()
    upload(backend, "a", b"x", b"y", b"z")
    side_by_side(32, lambda _: backend.read("a"))
    assert 0.1 <= time.monotonic() - start < 1


def test_faults_need_no_pytest() -> None:
    """A program may use the wrappers where pytest is not installed."""
    program = """
import sys
sys.modules["pytest"] = None
from modelver.testing import Fault, FaultyBackend, LatencyBackend, RecordingBackend
try:
    from modelver.testing import BackendContract
except ImportError:
    print("as it should be")
"""
    said = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert said == "as it should be\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for every module."""
    import modelver.testing  # noqa: PLC0415

    with pytest.raises(AttributeError):
        modelver.testing.Nothing  # noqa: B018

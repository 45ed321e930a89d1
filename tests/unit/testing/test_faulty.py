"""The failing store does what it says, and nothing else."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelver.backends.local import LocalBackend
from modelver.errors import AlreadyExistsError, ErrorKind, StorageError
from modelver.plugin import Backend
from modelver.testing import (
    Crash,
    Fault,
    FaultyBackend,
    ForbiddenWriteError,
    InjectedFaultError,
    Plan,
)
from modelver.testing.contract_base import listed, upload


def _work(backend: Backend) -> None:
    """Do one of each operation, eight in all."""
    backend.create("log/1.json", b"one!")
    with backend.upload() as begun:
        begun.write(b"object")
        begun.commit("objects/ab/ab.0")
    backend.read("log/1.json")
    backend.read_many(["log/1.json"], 10)
    assert [*backend.list("")]
    backend.delete("log/1.json")


ALL = ["create", "upload-begin", "upload-write", "upload-commit"]
ALL += ["read", "read_many", "list", "delete"]


@pytest.fixture
def inner(tmp_path: Path) -> LocalBackend:
    """Return an empty folder."""
    return LocalBackend(str(tmp_path / "registry"))


def test_without_a_plan_it_only_counts(inner: LocalBackend) -> None:
    """Every operation is written down with its key, and carried out."""
    backend = FaultyBackend(inner)
    _work(backend)
    assert [name for name, _ in backend.operations] == ALL
    assert backend.operations[0] == ("create", "log/1.json")
    assert (backend.fired, backend.reached) == (0, False)
    assert listed(inner) == {"objects/ab/ab.0": 6}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.ERROR_BEFORE, StorageError),
        (Fault.ERROR_AFTER, StorageError),
        (Fault.CRASH_BEFORE, Crash),
        (Fault.CRASH_AFTER, Crash),
    ],
)
def test_every_operation_can_fail(
    fault: Fault, error: type[BaseException], tmp_path: Path
) -> None:
    """The loop over k ends by itself; before and after mean what they say."""
    for k in itertools.count(1):
        inner = LocalBackend(str(tmp_path / str(k)))
        backend = FaultyBackend(inner, Plan(fault, at=k))
        if k > len(ALL):
            _work(backend)
            assert not backend.reached
            break
        with pytest.raises(error):
            _work(backend)
        assert (backend.reached, backend.fired, len(backend.operations)) == (True, 1, k)
        done = k if fault in {Fault.ERROR_AFTER, Fault.CRASH_AFTER} else k - 1
        keys = set()
        keys |= {"log/1.json"} if 1 <= done < 8 else set()
        keys |= {"objects/ab/ab.0"} if done >= 4 else set()
        assert set(listed(inner)) == keys
        assert not [*(tmp_path / str(k)).rglob(".tmp-*")]


def test_errors_say_so(inner: LocalBackend) -> None:
    """An injected error can be told from a real one, and is as retryable as asked."""
    plan = Plan(Fault.DISK_FULL, at=2, times=None, retryable=False)
    backend = FaultyBackend(inner, plan)
    backend.create("a", b"x")
    for _ in range(3):
        with pytest.raises(InjectedFaultError) as caught:
            backend.create("b", b"x")
        assert caught.value.kind is ErrorKind.DISK_FULL
        assert not caught.value.retryable
        assert caught.value.key == "b"
    assert backend.read("a") == b"x"  # a full disk can be read
    assert (backend.fired, listed(inner)) == (3, {"a": 1})


def test_the_dead_do_nothing(inner: LocalBackend) -> None:
    """After a crash no clean-up of the dead process reaches the store."""
    backend = FaultyBackend(inner, Plan(Fault.CRASH_AFTER))
    with pytest.raises(Crash):
        backend.create("a", b"x")
    for act in (
        lambda: backend.delete("a"),
        lambda: backend.create("b", b"x"),
        lambda: backend.read("a"),
        lambda: [*backend.list("")],
    ):
        with pytest.raises(Crash):
            act()
    assert listed(inner) == {"a": 1}
    assert not issubclass(Crash, Exception)


def test_a_late_create_lands_after_the_next_operation(inner: LocalBackend) -> None:
    """A request that timed out is seen as absent once, and is there afterwards."""
    backend = FaultyBackend(inner, Plan(Fault.TIMEOUT))
    with pytest.raises(StorageError):
        backend.create("a", b"late")
    assert backend.read("a") is None
    assert backend.read("a") == b"late"
    backend = FaultyBackend(inner, Plan(Fault.TIMEOUT))
    with pytest.raises(StorageError):
        backend.create("b", b"late")
    backend.create("b", b"sooner")  # the late one loses, and nobody hears of it
    assert inner.read("b") == b"sooner"


def test_halves(inner: LocalBackend) -> None:
    """Half of an upload, of a listing and, where asked for, of a key."""
    backend = FaultyBackend(inner, Plan(Fault.PARTIAL, times=None))
    with pytest.raises(StorageError):
        upload(backend, "objects/ab/ab.0", b"123456")
    assert listed(inner) == {}
    begun = backend.upload()
    with pytest.raises(StorageError):
        begun.write(b"123456")
    begun.commit("objects/ab/ab.0")
    begun.__exit__(None, None, None)
    assert inner.read("objects/ab/ab.0") == b"123"
    backend.create("log/1.json", b"x")
    listing = backend.list("")
    assert next(listing).key
    with pytest.raises(StorageError):
        next(listing)
    torn = FaultyBackend(inner, Plan(Fault.TORN))
    with pytest.raises(StorageError):
        torn.create("log/2.json", b"123456")
    assert inner.read("log/2.json") == b"123"


def test_delivered_twice(inner: LocalBackend) -> None:
    """Our own create comes back as a lost race; a delete does not mind."""
    backend = FaultyBackend(inner, Plan(Fault.DUPLICATE, times=None))
    with pytest.raises(AlreadyExistsError):
        backend.create("a", b"ours")
    assert inner.read("a") == b"ours"
    backend.delete("a")
    assert inner.read("a") is None


def test_a_stale_listing(inner: LocalBackend) -> None:
    """It shows the store as it was when the backend was made."""
    inner.create("log/1.json", b"x")
    inner.create("log/2.json", b"xx")
    backend = FaultyBackend(inner, Plan(Fault.STALE_LIST, times=None))
    backend.create("log/3.json", b"x")
    upload(backend, "objects/ab/ab.0", b"x")
    backend.delete("log/2.json")
    assert listed(backend) == {"log/1.json": 1, "log/2.json": 2}
    assert listed(backend, "objects/") == {}
    assert listed(inner, "log/") == {"log/1.json": 1, "log/3.json": 1}


def test_writes_can_be_forbidden(inner: LocalBackend) -> None:
    """Reading passes; whatever could change the store is an AssertionError."""
    inner.create("a", b"x")
    backend = FaultyBackend(inner, forbid_writes=True)
    backend.read("a")
    backend.read_many(["a"], 1)
    assert [*backend.list("")]
    acts: list[Callable[[], object]] = [
        lambda: backend.create("b", b"x"),
        backend.upload,
        lambda: backend.delete("a"),
    ]
    for act in acts:
        with pytest.raises(ForbiddenWriteError):
            act()
    assert listed(inner) == {"a": 1}


@pytest.mark.skipif(os.name == "nt", reason="signals end processes elsewhere")
@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_killed(fault: Fault, inner: LocalBackend) -> None:
    """The process is gone at that operation, with no clean-up."""
    program = f"""
from modelver.backends.local import LocalBackend
from modelver.testing import Fault, FaultyBackend, Plan
backend = FaultyBackend(LocalBackend({inner.url!r}), Plan(Fault({str(fault)!r}), at=2))
try:
    backend.create("a", b"x")
    backend.create("b", b"x")
finally:
    backend.create("c", b"x")
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    expected = {"a": 1, "b": 1} if fault is Fault.KILL_AFTER else {"a": 1}
    assert listed(inner) == expected

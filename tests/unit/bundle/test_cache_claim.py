"""Claims: one process at a time fills a file, and none waits for ever."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from modelver._bundle.cache import claim
from modelver._bundle.cache.claim import claimed, is_claimed

locks = pytest.mark.skipif(os.name == "nt", reason="files cannot be locked there")


@locks
def test_the_second_comes_after_the_first(tmp_path: Path) -> None:
    """Whoever claims what is claimed waits, and then has it alone."""
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with claimed(tmp_path, "w"):
            inside.set()
            time.sleep(0.1)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    assert is_claimed(tmp_path)
    with claimed(tmp_path, "w") as mine:
        order.append("second")
        assert mine.shared
    thread.join()
    assert order == ["first", "second"]
    assert not is_claimed(tmp_path)


@locks
def test_many_have_it_one_by_one(tmp_path: Path) -> None:
    """Claims of the same name never overlap, though each deletes its lock."""
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(10):
            with claimed(tmp_path, "w"):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@locks
def test_a_lock_that_is_gone_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had it deletes the lock: whoever has opened that one begins again."""
    import fcntl  # noqa: PLC0415 - not on Windows

    lock = fcntl.flock
    calls: list[int] = []

    def too_late(descriptor: int, operation: int) -> None:
        if not calls:
            next((tmp_path / ".partial").glob("*.lock")).unlink()
        calls.append(descriptor)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", too_late)
    with claimed(tmp_path, "w"):
        assert len(calls) == 2
        assert is_claimed(tmp_path)


@locks
def test_other_names_do_not_wait(tmp_path: Path) -> None:
    """Two files of one version are filled side by side."""
    with claimed(tmp_path, "a") as one, claimed(tmp_path, "b") as two:
        assert one.shared
        assert two.shared
        assert one.path != two.path


@locks
def test_nobody_waits_for_one_that_does_not_get_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim whose file does not grow is passed by, with a file of one's own."""
    monkeypatch.setattr(claim, "_PATIENCE", 0.05)
    with claimed(tmp_path, "w") as first:
        first.path.write_bytes(b"half")
        with claimed(tmp_path, "w") as second:
            assert not second.shared
            assert second.path != first.path
            second.path.write_bytes(b"all")
        assert not second.path.exists()
        assert first.path.read_bytes() == b"half"


@locks
def test_one_that_gets_on_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the file grows, patience does not end."""
    monkeypatch.setattr(claim, "_PATIENCE", 0.5)
    inside, done = threading.Event(), threading.Event()

    def first() -> None:
        with claimed(tmp_path, "w") as mine:
            inside.set()
            for size in range(20):
                mine.path.write_bytes(bytes(size))
                time.sleep(0.05)
            done.set()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with claimed(tmp_path, "w") as mine:
        assert done.is_set()
        assert mine.shared
    thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_child_does_not_keep_it(tmp_path: Path) -> None:
    """A process that was forked meanwhile, and lives on, holds no claim."""
    reading, writing = os.pipe()
    with claimed(tmp_path, "w"):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the parent closes its end
            os._exit(0)
    try:
        assert not is_claimed(tmp_path)
        with claimed(tmp_path, "w") as mine:
            assert mine.shared
    finally:
        os.close(writing)
        os.waitpid(child, 0)
        os.close(reading)


@pytest.mark.parametrize("error", [OSError(37, "no locks"), OSError(95, "no locks")])
@locks
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    """Where files cannot be locked each has a file of its own."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("fcntl.flock", refuse)
    with claimed(tmp_path, "w") as first, claimed(tmp_path, "w") as second:
        assert not first.shared
        assert first.path != second.path
    assert not is_claimed(tmp_path)


def test_a_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is on Windows; whoever has written lately is taken to be at it."""
    monkeypatch.setattr(claim, "_CAN_LOCK", False)
    with claimed(tmp_path, "w") as first, claimed(tmp_path, "w") as second:
        assert not first.shared
        first.path.write_bytes(b"half")
        assert first.path != second.path
        assert is_claimed(tmp_path)
    assert not is_claimed(tmp_path)

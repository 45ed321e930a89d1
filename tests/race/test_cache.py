"""One cache that several processes fill, use and clear at once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import Registry

pytestmark = pytest.mark.race

WORKER: Final = Path(__file__).with_name("cache_worker.py")
MIB: Final = 2**20
Process = subprocess.Popen[str]


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """Return a list of processes that do not outlive the test."""
    found: list[Process] = []
    yield found
    for process in found:
        process.kill()
        process.communicate()


class Place:
    """A registry, versions of it whose bytes lie beside it, and a cache."""

    def __init__(self, folder: Path, started: list[Process]) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self._started = started
        self._registry = Registry(folder / "r", create=True, cache=self.cache)

    def register(self, number: int, size: int) -> str:
        """Register a version of random bytes, and return its ref."""
        data = self.folder / f"0.{number}.0.bin"
        data.write_bytes(os.urandom(size))
        version = self._registry.register(
            "m", {"w.bin": data}, version=f"0.{number}.0", environment=False
        )
        return version.ref

    def start(self, job: str, **order: Any) -> Process:
        """Start a process that is ready to do a job."""
        said = {
            "job": job,
            "url": str(self.folder / "r"),
            "cache": str(self.cache),
            **order,
        }
        path = [*filter(None, sys.path), str(WORKER.parents[2])]
        process = subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(said)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )
        self._started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


@pytest.fixture
def place(tmp_path: Path, started: list[Process]) -> Place:
    """Return an empty registry, and a cache."""
    return Place(tmp_path, started)


def go(*processes: Process) -> list[Mapping[str, Any]]:
    """Let processes do their jobs, from the same moment on; return what they say."""
    for process in processes:
        begin(process)
    return [json.loads(process.communicate(timeout=300)[0]) for process in processes]


def begin(process: Process) -> None:
    """Let a process begin its job."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def partial(place: Place) -> Path:
    """Return where the only large file of a registry is brought."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [
            path
            for path in place.cache.glob("*/*/.partial/*")
            if path.suffix != ".lock" and path.name != "small"
        ]
        if found:
            return found[0]
        time.sleep(0.005)
    pytest.fail("nobody has begun")


def test_one_brings_it_for_all(place: Place) -> None:
    """Several processes that ask for the same file read it once from the store."""
    size = 24 * MIB
    ref = place.register(1, size)
    said = go(*[place.start("fetch", refs=[ref], seconds=0.05) for _ in range(4)])
    assert [each["wrong"] for each in said] == [0] * 4
    assert sum(each["bytes"] for each in said) <= size + MIB


@pytest.mark.skipif(os.name == "nt", reason="nothing is gone on with there")
def test_an_interrupted_download_is_gone_on_with(place: Place) -> None:
    """What a process had brought when it was killed the next does not read again."""
    size = 64 * MIB
    ref = place.register(1, size)
    first = place.start("fetch", refs=[ref], seconds=0.5)
    begin(first)
    begun = partial(place)
    while begun.stat().st_blocks * 512 < size // 3:
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    assert begun.exists()
    (said,) = go(place.start("fetch", refs=[ref]))
    assert said["wrong"] == 0
    assert said["bytes"] < size * 0.9
    assert not begun.exists()


def test_a_killed_process_holds_nobody_up(place: Place) -> None:
    """Whoever waits for a process that is killed goes on where it was."""
    size = 24 * MIB
    ref = place.register(1, size)
    first = place.start("fetch", refs=[ref], seconds=0.5)
    begin(first)
    partial(place)
    second = place.start("fetch", refs=[ref])
    begin(second)
    time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    said = json.loads(second.communicate(timeout=60)[0])
    assert said["wrong"] == 0


def test_cleared_while_it_is_used(place: Place) -> None:
    """A process that clears the cache all the time makes the others fetch again.

    What they find is right, or is gone; never wrong.
    """
    refs = [place.register(n, size) for n, size in enumerate([10, 1000, 2 * MIB])]
    users = [
        place.start("fetch", refs=refs, count=60, shift=shift) for shift in range(3)
    ]
    *used, cleared = go(*users, place.start("clear", seconds=2.0))
    assert [each.get("failed") for each in used] == [None] * 3
    assert [each["wrong"] for each in used] == [0] * 3
    assert cleared["freed"] > 0


def test_deleted_by_hand_while_it_is_used(place: Place) -> None:
    """So does one that deletes folders without asking anybody."""
    refs = [place.register(n, size) for n, size in enumerate([1000, 2 * MIB])]
    users = [place.start("fetch", refs=refs, count=40, shift=n) for n in range(2)]
    for user in users:
        begin(user)
    while any(user.poll() is None for user in users):
        for folder in place.cache.glob("*"):
            shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)
    for user in users:
        said = json.loads(user.communicate(timeout=60)[0])
        assert said.get("failed") is None
        assert said["wrong"] == 0

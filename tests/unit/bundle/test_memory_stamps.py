"""A stamp is trusted only where no change can hide behind it."""

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, strategies as st

from modelver._bundle.memory import Stamp, settled, stamps

NOW = 1_800_000_000_123_456_789
EXT4, TMPFS, NFS = 0xEF53, 0x01021994, 0x6969
SECOND, MS = 1_000_000_000, 1_000_000

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


def _info(ctime_ns: int) -> os.stat_result:
    times = (NOW, NOW, ctime_ns)
    seconds = tuple(t // SECOND for t in times)
    return os.stat_result(
        (0o100600, 1, 1, 1, 0, 0, 4, *seconds),
        {
            "st_atime_ns": NOW,
            "st_mtime_ns": NOW,
            "st_ctime_ns": ctime_ns,
        },
    )


@contextlib.contextmanager
def _machine(now: int, kind: int | None, *, unwritten: bool | None) -> Iterator[None]:
    with (
        patch.object(time, "time_ns", lambda: now),
        patch.object(stamps, "_file_system", lambda _: kind),
        patch.object(stamps, "_unwritten", lambda _: unwritten),
    ):
        yield


@pytest.mark.parametrize(
    ("kind", "unwritten", "age", "answer"),
    [
        (EXT4, True, 21 * MS, True),
        (EXT4, True, 19 * MS, False),
        (EXT4, True, -1, False),
        (EXT4, True, -1000 * SECOND, False),
        (EXT4, False, 21 * MS, False),
        (EXT4, False, 10**6 * SECOND, False),
        (EXT4, None, 21 * MS, False),
        (EXT4, None, 301 * SECOND, True),
        (NFS, True, 299 * SECOND, False),
        (NFS, None, 299 * SECOND, False),
        (NFS, None, 301 * SECOND, True),
        (None, None, 299 * SECOND, False),
        (None, None, 301 * SECOND, True),
        (TMPFS, True, 10**6 * SECOND, False),
        (TMPFS, None, 10**6 * SECOND, False),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="never settled there")
def test_who_is_trusted(
    *, kind: int | None, unwritten: bool | None, age: int, answer: bool
) -> None:
    """A disk of this machine at once, if nobody has the file open; all else late."""
    with _machine(NOW, kind, unwritten=unwritten):
        assert settled(_info(NOW - age), -1) is answer


def test_whole_seconds_are_not_trusted() -> None:
    """An image that was made with one time for all files has files that look alike."""
    with _machine(NOW, EXT4, unwritten=True):
        assert not settled(_info(NOW // SECOND * SECOND - 10**6 * SECOND), -1)


@given(
    tick=st.sampled_from([1, 100, MS, 4 * MS, 10 * MS]),
    written=st.integers(0, 100 * MS),
    read=st.integers(0, 100 * MS),
    again=st.integers(0, 100 * MS),
)
@pytest.mark.skipif(os.name == "nt", reason="never settled there")
def test_a_racing_writer_shows(tick: int, written: int, read: int, again: int) -> None:
    """Whatever a clock's tick: a settled stamp is not the one of a later write."""
    first = (NOW + written) // tick * tick
    asked = NOW + written + read
    second = (asked + again) // tick * tick
    with _machine(asked, EXT4, unwritten=True):
        if settled(_info(first), -1):
            assert second != first


# Real files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file on a disk that can be trusted."""
    file = tmp_path / "weights.bin"
    file.write_bytes(b"a" * 8192)
    with file.open("rb") as opened:
        kind = stamps._file_system(opened.fileno())
        if kind not in stamps._LOCAL or stamps._unwritten(opened.fileno()) is None:
            pytest.skip("the disk of the tests cannot be trusted: NOT TESTED")
    return file


def _settled(path: Path) -> bool:
    with path.open("rb") as file:
        return settled(os.fstat(file.fileno()), file.fileno())


def _wait(path: Path) -> None:
    """Return once the file is settled; the test's own time limit catches a hang."""
    while not _settled(path):
        time.sleep(0.001)


@linux
def test_a_file_settles(path: Path) -> None:
    """Some ticks after it was changed last, and it stays so."""
    changed = path.stat().st_ctime_ns
    for age, answer in ((0, False), (19 * MS, False), (21 * MS, True), (SECOND, True)):
        with patch.object(time, "time_ns", lambda now=changed + age: now):
            assert _settled(path) is answer
    _wait(path)


@linux
def test_a_file_that_is_written_again_and_again(path: Path) -> None:
    """No two contents have one settled stamp, however fast they follow each other."""
    seen: dict[Stamp, bytes] = {}
    for number in range(200):
        content = b"%04d" % number * 2048
        with path.open("r+b") as file:
            file.write(content)
        if number % 20 == 0:
            _wait(path)
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            sure = settled(info, file.fileno())
            assert seen.get(Stamp.of(info), content) == content
            if sure:
                seen[Stamp.of(info)] = content
    assert len(seen) >= 10


@linux
def test_a_file_that_is_open_for_writing(path: Path) -> None:
    """A call that is in the middle of writing has stamped the file already."""
    _wait(path)
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND):
        descriptor = os.open(path, flags)
        assert not _settled(path)
        os.close(descriptor)
        assert _settled(path)


@linux
def test_a_file_that_is_mapped(path: Path) -> None:
    """A store through a mapping may change nothing but the bytes."""
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
    mapped[0] = 1
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns + 3 * stamps._TICK_NS > time.time_ns():
        time.sleep(0.001)
    mapped[0] = 2
    assert path.stat().st_ctime_ns == before, "this system does better than thought"
    assert not _settled(path)
    mapped.close()
    assert _settled(path)


@linux
def test_a_file_that_another_program_has_open(path: Path) -> None:
    """A writer is seen in whatever process it is."""
    _wait(path)
    script = "import sys; f = open(sys.argv[1], 'r+b'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert not _settled(path)
        other.communicate(b"\n")
    assert _settled(path)


@linux
def test_a_file_in_memory() -> None:
    """A store through a mapping of it never shows, so it is never trusted."""
    descriptor = os.memfd_create("weights")
    reading = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    os.close(descriptor)
    info = os.fstat(reading)
    with patch.object(time, "time_ns", lambda: info.st_ctime_ns + 10**18):
        assert not settled(info, reading)
    os.close(reading)


@linux
def test_asking_disturbs_nobody(path: Path) -> None:
    """No lease stays behind: a writer need not wait, and no signal comes."""
    came = []
    names = (signal.SIGIO, signal.SIGURG)
    usual = [
        signal.signal(name, lambda number, _: came.append(number)) for name in names
    ]
    try:
        with path.open("rb") as file:
            for _ in range(50):
                settled(os.fstat(file.fileno()), file.fileno())
                # It would fail with EWOULDBLOCK, and break the lease.
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    finally:
        for name, handler in zip(names, usual, strict=True):
            signal.signal(name, handler)
    assert came == []


@linux
def test_a_lease_that_is_broken_ends_nobody(path: Path) -> None:
    """Whoever opens the file in the moment of asking gets it, and we live on."""
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys\nwhile True: os.close(os.open(sys.argv[1], os.O_WRONLY))",
            str(path),
        ]
    )
    asker = (
        "import os, sys\n"
        "from modelver._bundle.memory import settled\n"
        "file = os.open(sys.argv[1], os.O_RDONLY)\n"
        "for _ in range(5000): settled(os.fstat(file), file)\n"
    )
    try:
        subprocess.run([sys.executable, "-c", asker, str(path)], check=True)
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()


@linux
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root")
def test_a_file_of_somebody_else(path: Path) -> None:
    """Nobody can say who has it open, so it must have been left alone for long."""
    os.chown(path, 12345, 12345)
    path.chmod(0o644)
    _wait(path)  # root may ask
    script = (
        "import ctypes, fcntl, os, sys\n"  # this Python may be out of reach later
        "from modelver._bundle.memory import settled, stamps\n"
        "file = os.open(sys.argv[1], os.O_RDONLY)\n"
        "os.setgroups([]); os.setgid(54321); os.setuid(54321)\n"
        "info, now = os.fstat(file), stamps.time.time_ns()\n"
        "assert not settled(info, file)\n"
        "stamps.time.time_ns = lambda: now + stamps._LONG_NS\n"
        "assert settled(info, file)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)

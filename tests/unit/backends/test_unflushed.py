"""What was uploaded is on the disk before the next create, or that fails."""

import errno
import gc
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelver.backends import _unflushed, local
from modelver.backends.local import LocalBackend
from modelver.errors import ErrorKind, StorageError
from modelver.testing.contract_base import MIB, upload

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="looks at descriptors, and flushes differently"
)

KEY = "objects/ab/ab.0"


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    """Return a folder that holds one key in each of its folders."""
    backend = LocalBackend(str(tmp_path / "registry"))
    upload(backend, "objects/ab/ab.first", b"x")
    backend.create("log/0.json", b"x")
    return backend


class Disk:
    """Stands for ``fsync``: keeps the order of calls, refuses, and takes its time.

    Attributes:
        calls: What was flushed and linked: the last part of a path, or an inode.
        refused: Inode to the error that it meets, once: so the system does it.
        open: Flushing of files waits while this is not set.
        slow: The inodes for which it does; none: for all.
        at_work: Set when a file is being flushed.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str | int] = []
        self.refused: dict[int, int] = {}
        self.refuse_all = 0
        self.open = threading.Event()
        self.open.set()
        self.slow: set[int] = set()
        self.at_work = threading.Event()
        self._link = os.link
        monkeypatch.setattr(os, "fsync", self._fsync)
        monkeypatch.setattr(os, "link", self._linked)

    def _fsync(self, descriptor: int) -> None:
        info = os.fstat(descriptor)
        if stat.S_ISDIR(info.st_mode):
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            self.calls.append(path.name)
            return
        inode = info.st_ino
        if not self.slow or inode in self.slow:
            self.at_work.set()
            assert self.open.wait(30)
        code = self.refused.pop(inode, self.refuse_all)
        if code:
            raise OSError(code, os.strerror(code))
        self.calls.append(inode)

    def _linked(self, source: str, target: str, **words: object) -> None:
        self._link(source, target, **words)  # type: ignore[arg-type]
        self.calls.append(f"link {Path(target).name}")


@pytest.fixture
def disk(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Return a disk that notes what is asked of it once *backend* is there."""
    assert backend.url
    made = Disk(monkeypatch)
    yield made
    made.open.set()


def _inode(backend: LocalBackend, key: str) -> int:
    return Path(backend.url, key).stat().st_ino


def _descriptors() -> int:
    return len([*Path("/dev/fd").iterdir()])


# The order


def test_all_of_an_upload_before_the_entry(backend: LocalBackend, disk: Disk) -> None:
    """Bytes and names are flushed, then the entry is linked, then its own folder."""
    upload(backend, KEY, b"object")
    upload(backend, "manifests/m.jsonl", b"manifest")
    assert [call for call in disk.calls if call != "link ab.0"] == ["link m.jsonl"]
    backend.create("log/1.json", b"entry")
    *before, link, last = disk.calls[2:]
    keys = (KEY, "manifests/m.jsonl", "log/1.json")
    assert {*before} == {
        *(_inode(backend, key) for key in keys),
        "ab",
        "manifests",
        "registry",  # in which the folder of manifests is new
    }
    assert (link, last) == ("link 1.json", "log")


def test_once(backend: LocalBackend, disk: Disk) -> None:
    """What was flushed is not flushed again, and folders are found once."""
    upload(backend, KEY, b"object")
    backend.create("log/1.json", b"entry")
    disk.calls.clear()
    backend.create("log/2.json", b"entry")
    entry = _inode(backend, "log/2.json")
    assert disk.calls == [entry, "link 2.json", "log"]
    upload(backend, "objects/ab/ab.1", b"object")
    disk.calls.clear()
    backend.create("log/3.json", b"entry")
    assert "registry" not in disk.calls
    assert "objects" not in disk.calls


def test_what_somebody_else_made(backend: LocalBackend, disk: Disk) -> None:
    """An object of a process that died before it flushed is flushed by who uses it."""
    other = LocalBackend(backend.url)
    upload(other, KEY, b"object")
    disk.calls.clear()
    upload(backend, KEY, b"object")
    backend.create("log/1.json", b"entry")
    found = disk.calls.index(_inode(backend, KEY))
    assert found < disk.calls.index("link 1.json")
    assert disk.calls.index("ab") < disk.calls.index("link 1.json")


def test_what_an_entry_builds_on(backend: LocalBackend, disk: Disk) -> None:
    """The name of an entry that was read is on the disk before the next one is made."""
    other = LocalBackend(backend.url)
    assert other.read("log/0.json") == b"x"
    other.create("log/1.json", b"entry")
    assert "log" in disk.calls[: disk.calls.index("link 1.json")]
    # Its own was flushed.
    disk.calls.clear()
    assert other.read_many(["log/1.json", "log/2.json"], 10) == [b"entry", None]
    other.create("log/2.json", b"entry")
    assert "log" not in disk.calls[: disk.calls.index("link 2.json")]


def test_a_create_beside_another_waits_too(backend: LocalBackend, disk: Disk) -> None:
    """While one thread flushes an upload, no other gets an entry in."""
    upload(backend, KEY, b"object")
    disk.slow.add(_inode(backend, KEY))
    disk.open.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(backend.create, "log/1.json", b"entry")
        assert disk.at_work.wait(30)
        second = pool.submit(backend.create, "log/2.json", b"entry")
        with pytest.raises(TimeoutError):
            second.result(0.1)
        assert backend.read("log/2.json") is None
        disk.open.set()
        first.result(30)
        second.result(30)
    object_at = disk.calls.index(_inode(backend, KEY))
    assert object_at < disk.calls.index("link 1.json")
    assert object_at < disk.calls.index("link 2.json")


def test_side_by_side(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where flushing takes time, an object and its entry are flushed at once."""
    monkeypatch.setattr(_unflushed, "_WORTH_A_THREAD", 0)
    both = threading.Barrier(2)
    patient = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            both.wait(30)
        patient(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    upload(backend, KEY, b"object")
    backend.create("log/1.json", b"entry")
    assert backend.read("log/1.json") == b"entry"


# Failures


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.EIO, ErrorKind.NOT_FLUSHED), (errno.ENOSPC, ErrorKind.DISK_FULL)],
)
def test_an_upload_that_does_not_reach_the_disk(
    code: int, kind: ErrorKind, backend: LocalBackend, disk: Disk
) -> None:
    """No create succeeds, however often it is tried, until it is uploaded anew."""
    upload(backend, KEY, b"object")
    disk.refused[_inode(backend, KEY)] = code
    for _ in range(3):
        with pytest.raises(StorageError) as caught:
            backend.create("log/1.json", b"entry")
        assert caught.value.kind is kind
        assert caught.value.key == KEY
        assert caught.value.hints
    assert backend.read("log/1.json") is None
    # Nobody shall find it and believe it: its name was taken away.
    assert backend.read(KEY) is None
    upload(backend, KEY, b"object")
    backend.create("log/1.json", b"entry")
    assert disk.calls.index(_inode(backend, KEY)) < disk.calls.index("link 1.json")


def test_somebody_elses_that_does_not(backend: LocalBackend, disk: Disk) -> None:
    """What another made is left where it is, and not believed any more."""
    upload(LocalBackend(backend.url), KEY, b"object")
    disk.refused[_inode(backend, KEY)] = errno.EIO
    for _ in range(2):
        upload(backend, KEY, b"object")
        with pytest.raises(StorageError) as caught:
            backend.create("log/1.json", b"entry")
        assert caught.value.kind is ErrorKind.NOT_FLUSHED
    assert backend.read("log/1.json") is None
    assert backend.read(KEY) == b"object"
    LocalBackend(backend.url).create("log/1.json", b"entry")


def test_the_entry_itself(backend: LocalBackend, disk: Disk) -> None:
    """An entry that cannot be flushed is not there, and the next try is a new one."""
    disk.refuse_all = errno.EIO
    with pytest.raises(StorageError):
        backend.create("log/1.json", b"entry")
    assert backend.read("log/1.json") is None
    disk.refuse_all = 0
    backend.create("log/1.json", b"entry")


def test_a_folder(
    backend: LocalBackend, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be flushed is tried again before anything is created."""
    upload(backend, KEY, b"object")

    def refuse(folder: str) -> None:
        raise OSError(errno.EIO, folder)

    with monkeypatch.context() as patch:
        patch.setattr(_unflushed, "flush_folder", refuse)
        for _ in range(2):
            with pytest.raises(StorageError):
                backend.create("log/1.json", b"entry")
    assert backend.read("log/1.json") is None
    backend.create("log/1.json", b"entry")
    assert disk.calls.index("ab") < disk.calls.index("link 1.json")


def test_the_folder_of_the_entry(
    backend: LocalBackend, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry whose name could not be flushed is there; the next one makes good."""

    def refuse(folder: str) -> None:
        raise OSError(errno.EIO, folder)

    with monkeypatch.context() as patch:
        patch.setattr(local, "flush_folder", refuse)
        with pytest.raises(StorageError):
            backend.create("log/1.json", b"entry")
    assert Path(backend.url, "log/1.json").read_bytes() == b"entry"
    disk.calls.clear()
    backend.create("log/2.json", b"entry")
    assert "log" in disk.calls[: disk.calls.index("link 2.json")]


def test_an_interrupt(
    backend: LocalBackend, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C while it is flushed, an upload is flushed by the next create."""
    upload(backend, KEY, b"object")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_unflushed, "_ask", lambda *_: None)
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            backend.create("log/1.json", b"entry")
    assert backend.read("log/1.json") is None
    backend.create("log/1.json", b"entry")
    assert disk.calls.index(_inode(backend, KEY)) < disk.calls.index("link 1.json")


# In the background


def _wait_until(true: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(3000):
        if true():
            return
        done.wait(0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize("large", [True, False])
def test_many_are_flushed_meanwhile(
    large: bool,  # noqa: FBT001
    backend: LocalBackend,
    disk: Disk,
) -> None:
    """Many uploads, or large ones, are flushed without waiting for a create."""
    before = _descriptors()
    keys = [f"objects/ab/{n}.0" for n in range(2 if large else 40)]
    for key in keys:
        upload(backend, key, b"x" * (17 * MIB if large else 1))
    most = len(keys) if large else len(keys) - 15
    inodes = {_inode(backend, key) for key in keys}
    _wait_until(lambda: len(inodes & {*disk.calls}) >= most)
    backend.create("log/1.json", b"entry")
    assert inodes <= {*disk.calls}
    assert _descriptors() <= before


def test_a_failure_meanwhile(backend: LocalBackend, disk: Disk) -> None:
    """What fails in the background fails the next create."""
    disk.refuse_all = errno.EIO
    for n in range(20):
        upload(backend, f"objects/ab/{n}.0", b"x")
    _wait_until(lambda: backend.read("objects/ab/0.0") is None)
    disk.refuse_all = 0
    with pytest.raises(StorageError) as caught:
        backend.create("log/1.json", b"entry")
    assert caught.value.kind is ErrorKind.NOT_FLUSHED
    assert backend.read("log/1.json") is None


@pytest.mark.parametrize(
    ("limit", "value"), [("MOST_FILES", 20), ("MOST_BYTES", 20_000)]
)
def test_no_more_than_so_many_wait(
    limit: str,
    value: int,
    backend: LocalBackend,
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk that is slower than its writers makes them wait."""
    monkeypatch.setattr(_unflushed, limit, value)
    disk.open.clear()
    before = _descriptors()
    done: list[int] = []

    def write() -> None:
        for n in range(50):
            upload(backend, f"objects/ab/{n}.0", b"x" * 1000)
            done.append(n)

    writer = threading.Thread(target=write)
    writer.start()
    _wait_until(lambda: len(done) == 20)
    writer.join(0.1)
    assert len(done) == 20
    assert _descriptors() <= before + 22
    disk.open.set()
    writer.join(30)
    assert len(done) == 50
    backend.create("log/1.json", b"entry")
    assert _descriptors() <= before


def test_no_threads_to_be_had(
    backend: LocalBackend, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the interpreter ends, whoever creates flushes by itself."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(_unflushed, "_HELPERS", {})
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for n in range(30):
        upload(backend, f"objects/ab/{n}.0", b"x")
    backend.create("log/1.json", b"entry")
    link = disk.calls.index("link 1.json")
    for n in range(30):
        assert disk.calls.index(_inode(backend, f"objects/ab/{n}.0")) < link


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_child_flushes_what_its_parent_began(
    backend: LocalBackend, disk: Disk
) -> None:
    """After a fork in the middle of flushing, the child waits for no thread of ours."""
    upload(backend, KEY, b"object")
    inode = _inode(backend, KEY)
    disk.open.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(backend.create, "log/1.json", b"entry")
        _wait_until(lambda: backend._unflushed._under_way != set())
        child = os.fork()
        if child == 0:
            try:
                disk.open.set()
                backend.create("log/2.json", b"entry")
                before = disk.calls.index(inode) < disk.calls.index("link 2.json")
                os._exit(0 if before else 3)
            finally:
                os._exit(4)
        watch = threading.Timer(30, os.kill, (child, signal.SIGKILL))
        watch.start()
        _, status = os.waitpid(child, 0)
        watch.cancel()
        disk.open.set()
        first.result(30)
    assert os.waitstatus_to_exitcode(status) == 0


def test_what_is_given_up_is_closed(tmp_path: Path) -> None:
    """A backend that nobody has any more leaves no descriptors."""
    before = _descriptors()
    backend = LocalBackend(str(tmp_path / "registry"))
    for n in range(5):
        upload(backend, f"objects/ab/{n}.0", b"x")
    abandoned = backend.upload()
    abandoned.write(b"x")
    assert _descriptors() <= before + 6
    del backend, abandoned
    gc.collect()
    assert _descriptors() <= before

"""What only a folder can do wrong: links, pipes, full disks, kills."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelver.backends import _publish, local
from modelver.backends._publish import FileSystem
from modelver.backends.local import LocalBackend
from modelver.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    StorageError,
)
from modelver.testing.contract import BackendContract
from modelver.testing.contract_base import listed, side_by_side, upload

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux system calls")
NAMELESS = FileSystem().nameless


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    """Return an empty folder."""
    return LocalBackend(str(tmp_path / "registry"))


def _leftovers(backend: LocalBackend) -> list[Path]:
    return [*Path(backend.url).rglob(".tmp-*")]


# Without hard links


@pytest.fixture(params=[errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])
def _no_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make hard links fail as file systems without them do."""

    def link(*_: Any, **__: Any) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "link", link)


@linux
@pytest.mark.usefixtures("_no_links")
class TestWithoutHardLinks:
    """A rename that refuses an existing target does as well."""

    def test_one_winner(self, backend: LocalBackend) -> None:
        """Creating, losing, uploading and racing are as with links."""
        contract = BackendContract()
        contract.test_one_winner_among_threads(backend)
        contract.test_create_twice(backend)
        contract.test_upload_onto_a_key_leaves_it(backend)
        assert _leftovers(backend) == []

    def test_no_refusing_rename_either(
        self, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file system that has neither is refused, and nothing is left there."""
        monkeypatch.setattr(_publish, "_RENAME_NOREPLACE", 1 << 20)  # EINVAL
        with pytest.raises(StorageError) as caught:
            backend.create("log/1.json", b"x")
        assert caught.value.kind is ErrorKind.UNSUPPORTED
        with pytest.raises(StorageError):
            upload(backend, "objects/ab/ab.0", b"x")
        assert listed(backend) == {}
        assert _leftovers(backend) == []


# Without files that have no name


def _answers(code: int, where: Callable[..., bool], real: Callable[..., Any]) -> Any:
    """Return a call that fails with *code* where asked to, and counts that."""

    def call(*args: Any, **words: Any) -> Any:
        if where(*args):
            counted.append(code)
            raise OSError(code, os.strerror(code))
        return real(*args, **words)

    counted: list[int] = []
    call.counted = counted  # type: ignore[attr-defined]
    return call


def _write_and_check(backend: LocalBackend) -> None:
    for last in (b"end", b"other"):
        with backend.upload() as begun:
            begun.write(b"x" * 2_000_000)
            begun.write(last)
            begun.commit("objects/ab/ab.0")
            assert _leftovers(backend) == []
    for number in range(3):
        backend.create(f"log/{number}.json", b"x" * 2_000_000)
        with pytest.raises(AlreadyExistsError):
            backend.create(f"log/{number}.json", b"y")
        assert backend.read(f"log/{number}.json") == b"x" * 2_000_000
    assert backend.read("objects/ab/ab.0") == b"x" * 2_000_000 + b"end"
    assert _leftovers(backend) == []


@linux
@pytest.mark.parametrize(
    "code", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS]
)
def test_files_must_have_names(
    code: int, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that cannot do without is asked once, and all goes on."""
    monkeypatch.setattr(local, "FileSystem", lambda: FileSystem(nameless=True))
    flag = os.O_TMPFILE
    refusing = _answers(code, lambda _, how, *__: how & flag == flag, os.open)
    monkeypatch.setattr(os, "open", refusing)
    before = _descriptors()
    _write_and_check(backend)
    assert len(refusing.counted) == 1
    assert _descriptors() <= before


@linux
@pytest.mark.parametrize("code", [errno.ENOENT, errno.EACCES, errno.EXDEV, errno.EPERM])
def test_no_name_can_be_given_later(
    code: int, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without /proc, or where it may not be used, it is tried once, and all goes on."""
    refusing = _answers(code, lambda path, _: path.startswith("/proc/"), os.link)
    monkeypatch.setattr(os, "link", refusing)
    flushed = _flushed_inodes(monkeypatch)
    before = _descriptors()
    LocalBackend(backend.url).create("log/first.json", b"x")
    _write_and_check(backend)
    assert len(refusing.counted) == 2 * NAMELESS
    assert _descriptors() <= before
    # The copies were flushed too.
    assert {path.stat().st_ino for path in _files(backend)} <= flushed


def _files(backend: LocalBackend) -> list[Path]:
    return [path for path in Path(backend.url).rglob("*") if path.is_file()]


def _flushed_inodes(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the inodes that are flushed from now on."""
    flushed: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda n: flushed.add(os.fstat(n).st_ino))
    return flushed


# What is no regular file


def _within(seconds: float, act: Callable[[], object]) -> BaseException | None:
    """Return what *act* raises, or fail if it takes longer."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed over
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert raised, f"no answer within {seconds} s"
    return raised[0]


def _descriptors() -> int:
    return len([*Path("/dev/fd").iterdir()])


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
@pytest.mark.parametrize("what", ["fifo", "device", "socket", "folder"])
def test_what_is_no_file_is_an_error_at_once(
    what: str, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hang, no endless read, no leaked descriptor: a StorageError, named."""
    folder = Path(backend.url, "log")
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)  # a socket's path must be short
    key = "log/1.json"
    match what:
        case "fifo":
            os.mkfifo("1.json")
        case "device":
            Path("1.json").symlink_to("/dev/zero")
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind("1.json")
        case "folder":
            Path("1.json").mkdir()
    before = _descriptors()
    for act in (
        lambda: backend.read(key),
        lambda: backend.read(key, 0, 10),
        lambda: backend.read_many([key], 10),
    ):
        error = _within(1, act)
        assert isinstance(error, StorageError)
        assert key in error.message
    assert isinstance(_within(1, lambda: backend.create(key, b"")), AlreadyExistsError)
    assert _descriptors() <= before


def test_what_is_not_ours_is_listed_or_passed_over(backend: LocalBackend) -> None:
    """Another's file is listed; a temporary one and a dead link are not."""
    folder = Path(backend.url)
    (folder / "log/.tmp-folder").mkdir(parents=True)
    (folder / "log/.tmp-folder/1").write_bytes(b"x")
    (folder / "log/.tmp-1").write_bytes(b"x")
    (folder / "README").write_bytes(b"hello")
    (folder / "log/dead").symlink_to("/nowhere")
    assert listed(backend) == {"README": 5}


# Disks


def _mount(*words: str) -> None:
    done = subprocess.run(
        ["mount", *words],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


def _unmount(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=True)  # noqa: S607


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 1 MiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk; the disk-full tests need one")
    place = tmp_path / "disk"
    place.mkdir()
    _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place))
    yield place
    _unmount(place)


def test_a_full_disk(small_disk: Path) -> None:
    """It is said as such, nothing is left, reading goes on, and space heals it."""
    backend = LocalBackend(str(small_disk / "registry"))
    backend.create("log/1.json", b"x" * 100_000)
    for n in range(20):
        with pytest.raises(StorageError) as caught:
            backend.create(f"log/{n + 2}.json", b"x" * 2_000_000)
        assert caught.value.kind is ErrorKind.DISK_FULL
        assert caught.value.retryable
        with pytest.raises(StorageError) as caught:
            upload(backend, "objects/ab/ab.0", *[b"x" * 50_000] * 40)
        assert caught.value.kind is ErrorKind.DISK_FULL
    assert listed(backend) == {"log/1.json": 100_000}
    assert _leftovers(backend) == []
    assert backend.read("log/1.json") == b"x" * 100_000
    backend.create("log/2.json", b"x" * 100_000)


def test_a_disk_that_is_mounted_read_only(small_disk: Path) -> None:
    """Writing is denied and says why; reading works."""
    backend = LocalBackend(str(small_disk / "registry"))
    backend.create("log/1.json", b"x")
    _mount("-o", "remount,ro", str(small_disk))
    acts: list[Callable[[], object]] = [
        lambda: backend.create("log/2.json", b"x"),
        lambda: backend.create("new/2.json", b"x"),
        lambda: upload(backend, "objects/ab/ab.0", b"x"),
        lambda: backend.delete("log/1.json"),
    ]
    for act in acts:
        with pytest.raises(AccessDeniedError) as caught:
            act()
        assert caught.value.hints
    assert backend.read("log/1.json") == b"x"
    assert listed(backend) == {"log/1.json": 1}


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind root"
)
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """Denied, as a disk that is mounted read-only."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(AccessDeniedError):
            LocalBackend(str(tmp_path / "registry")).create("log/1.json", b"x")
    finally:
        tmp_path.chmod(0o700)


# Kills


@linux
@pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "named"])
@pytest.mark.parametrize("call", ["fsync", "link", "unlink"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_inside_a_write(
    call: str,
    moment: str,
    nameless: bool,  # noqa: FBT001
    backend: LocalBackend,
) -> None:
    """Whichever system call it dies at, a key is whole or not there.

    Where files can do without a name, nothing else is left either.
    """
    program = f"""
import os, signal
from modelver.backends import local
local.FileSystem = lambda make=local.FileSystem: make(nameless={nameless})
backend = local.LocalBackend({backend.url!r})
backend.create("log/1.json", b"first")
def fatal(real):
    def call(*args, **kwargs):
        if {moment!r} == "after":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    return call
os.{call} = fatal(os.{call})
backend.create("log/2.json", b"second")
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    survived = call == "unlink" and nameless  # there is nothing to take away
    assert done.returncode == (0 if survived else -signal.SIGKILL)
    found = listed(backend)
    landed = call == "unlink" or (call, moment) == ("link", "after")
    expected = {"log/1.json": 5} | ({"log/2.json": 6} if landed else {})
    assert found == expected
    if landed:
        assert backend.read("log/2.json") == b"second"
    else:
        backend.create("log/2.json", b"second")
    if nameless:
        assert _leftovers(backend) == []
    else:
        assert len(_leftovers(backend)) == ((call, moment) != ("unlink", "after"))


@pytest.mark.skipif(os.name == "nt", reason="signals end processes elsewhere")
def test_killed_at_any_moment(backend: LocalBackend) -> None:
    """After ``kill -9`` at random moments every key that is listed is whole."""
    program = f"""
import itertools, os
from modelver.backends.local import LocalBackend
backend = LocalBackend({backend.url!r})
for n in itertools.count():
    backend.create(f"log/{{os.getpid()}}-{{n}}.json", b"x" * 300_000)
    with backend.upload() as begun:
        begun.write(b"x" * 200_000)
        begun.write(b"x" * 100_000)
        begun.commit(f"objects/ab/{{os.getpid()}}-{{n}}.0")
    if n == 0:
        print("ready", flush=True)
"""
    for n in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        with writer.stdout:
            assert writer.stdout.readline() == "ready\n"
            time.sleep(0.003 * n)
            writer.kill()
            writer.wait()
    found = listed(backend)
    assert len(found) >= 12
    assert set(found.values()) == {300_000}
    assert _leftovers(backend) == [] or not NAMELESS


# The rest


def test_many_make_one_folder(backend: LocalBackend) -> None:
    """16 clients that all find no registry yet make it together."""
    clients = [LocalBackend(backend.url) for _ in range(16)]
    side_by_side(16, lambda n: clients[n].create(f"a/b/c/d/{n}.json", b"x"))
    assert len(listed(backend, "a/b/c/")) == 16


def test_reading_makes_nothing(backend: LocalBackend) -> None:
    """Not even the folder."""
    backend.read("registry.json")
    backend.read_many(["log/1.json"], 10)
    assert listed(backend) == {}
    backend.delete("log/1.json")
    assert not Path(backend.url).exists()


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, ``~`` and ``file:`` URLs name one folder; links are resolved."""
    place = tmp_path / "a folder"
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    quoted = str(place).replace(" ", "%20")
    for url in (
        str(place),
        "a folder",
        "~/a folder",
        "link/./a folder/",
        place.as_uri(),
        f"file://{quoted}",
        f"file://localhost{quoted}",
    ):
        assert LocalBackend(url).url == str(place)


@pytest.mark.parametrize(
    "url", ["file://host/a", "file:///a?b=c", "file:///a#b", "s3://bucket/a"]
)
def test_what_is_no_folder(url: str) -> None:
    """Other addresses are refused before anything is touched."""
    with pytest.raises(InvalidInputError) as caught:
        LocalBackend(url)
    assert caught.value.kind is ErrorKind.BAD_URL


def test_a_folder_takes_no_options(tmp_path: Path) -> None:
    """They would be for another store; their values are not repeated."""
    with pytest.raises(InvalidInputError, match="password") as caught:
        LocalBackend(str(tmp_path), storage_options={"password": "hunter2"})
    assert "hunter2" not in str(caught.value)

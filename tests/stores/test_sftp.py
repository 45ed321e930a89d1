"""SFTP held to the contract, and what a real OpenSSH server does besides."""

import asyncio
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fsspec.config import conf

import modelver
from modelver.backends._sftp_session import Session
from modelver.backends.sftp import SftpBackend
from modelver.errors import AccessDeniedError, ErrorKind, StorageError
from modelver.plugin import Backend
from modelver.testing.contract import BackendContract
from tests.stores.crew import race
from tests.stores.servers.cutter import cutter_before
from tests.stores.servers.process import free_ports
from tests.stores.servers.sshd import Sshd, sshd as run_sshd

pytestmark = pytest.mark.servers


class TestContract(BackendContract):
    """Everything that a backend promises, over a real server."""

    rounds = 5
    many = 300

    @pytest.fixture(autouse=True)
    def _server(self, sshd: Sshd) -> None:
        self.server = sshd

    def make(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - the server's folder
        """Return a folder that does not exist yet."""
        return self.server.backend()

    def reopen(self, backend: Backend) -> tuple[str, str, dict[str, Any]]:
        """Name the class, and give the keys along."""
        factory = f"{SftpBackend.__module__}:{SftpBackend.__qualname__}"
        return factory, backend.url, self.server.options

    def raw_read(self, backend: Backend, key: str) -> bytes | None:
        """Read the file on the server's disk."""
        path = _place(backend) / key
        return path.read_bytes() if path.exists() else None

    def raw_write(self, backend: Backend, key: str, data: bytes) -> None:
        """Write the file on the server's disk."""
        path = _place(backend) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def broken(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - the server's folder
        """Return a folder that is a file."""
        (self.server.root / "file").write_bytes(b"x")
        return self.server.backend(self.server.url("file"))


def _place(backend: Backend) -> Path:
    return Path("/" + backend.url.removeprefix("sftp://").partition("/")[2])


def _leftovers(backend: Backend) -> list[Path]:
    return [*_place(backend).rglob(".tmp-*")]


def test_16_processes_one_winner(sshd: Sshd) -> None:
    """A few rounds, for every run of these tests; readers see the winner's value."""
    race(sshd.url(), sshd.options, 3)


@pytest.mark.slow
def test_16_processes_one_winner_in_300_rounds(sshd: Sshd) -> None:
    """As many as were tried when the primitive was chosen."""
    race(sshd.url(), sshd.options, 300)


def test_what_openssh_can_do_is_found_out(sshd: Sshd) -> None:
    """Links and flushes, of folders too: exclusive and durable; nothing is written."""
    backend = sshd.backend()
    found = backend.capabilities
    assert (found.exclusive_create, found.durable, found.persistent) == (True,) * 3
    assert not _place(backend).exists()


def test_a_server_without_links_is_read_only(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits are refused before anything is written, and it can be read."""
    _no_links(monkeypatch)
    backend = sshd.backend()
    assert not backend.capabilities.exclusive_create
    with pytest.raises(StorageError) as caught:
        backend.create("log/1.json", b"x")
    assert caught.value.kind is ErrorKind.UNSUPPORTED
    assert not _place(backend).exists()
    assert backend.read("log/1.json") is None


def test_the_only_writer_may_rename(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without links, on the caller's word; a key that is there is not overwritten."""
    _no_links(monkeypatch)
    backend = SftpBackend(sshd.url(), storage_options=sshd.options, single_writer=True)
    assert backend.capabilities.exclusive_create
    backend.create("log/1.json", b"first")
    with pytest.raises(modelver.AlreadyExistsError):
        backend.create("log/1.json", b"second")
    assert backend.read("log/1.json") == b"first"
    assert _leftovers(backend) == []


def _no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    asyncssh = pytest.importorskip("asyncssh")

    async def link(*_: Any) -> None:
        raise asyncssh.SFTPOpUnsupported("link not supported")

    monkeypatch.setattr(asyncssh.SFTPClient, "link", link)


def test_a_read_only_server(tmp_path: Path) -> None:
    """What may not be written is refused as such, at once."""
    with run_sshd(tmp_path, flags="-R") as server:
        backend = server.backend(server.url("r"))
        _place(backend).mkdir()
        (_place(backend) / "key").write_bytes(b"there")
        assert backend.read("key") == b"there"
        with pytest.raises(StorageError, match="lets nobody write") as caught:
            backend.create("other", b"x")
        assert caught.value.kind is ErrorKind.UNSUPPORTED


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT TESTED: root may write anywhere")
def test_a_folder_of_somebody_else(sshd: Sshd) -> None:
    """The server says no: that is definite, and who may is told to look."""
    backend = sshd.backend()
    _place(backend).mkdir(mode=0o500)
    with pytest.raises(AccessDeniedError):
        backend.create("log/1.json", b"x")


def test_one_channel_is_enough(tmp_path: Path) -> None:
    """A server that allows one session a connection is used through that one."""
    with run_sshd(tmp_path, sessions=1) as server:
        backend = server.backend()
        keys = [f"log/{n}.json" for n in range(20)]
        threads = [
            threading.Thread(target=backend.create, args=(key, key.encode()))
            for key in keys
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert backend.read_many(keys, 100) == [key.encode() for key in keys]


def test_reads_survive_a_lost_connection(sshd: Sshd) -> None:
    """Each kind of read opens the connection again, by itself."""
    backend = sshd.backend()
    backend.create("log/1.json", b"one")
    sshd.cut()
    assert backend.read("log/1.json") == b"one"
    sshd.cut()
    assert backend.read_many(["log/1.json", "log/2.json"], 10) == [b"one", None]
    sshd.cut()
    assert [info.key for info in backend.list("")] == ["log/1.json"]
    sshd.cut()
    backend.delete("log/1.json")
    assert backend.read("log/1.json") is None


def test_registering_survives_lost_connections(sshd: Sshd) -> None:
    """However often it is cut: what was said to be registered is there, once."""
    registry = modelver.Registry(sshd.url(), create=True, storage_options=sshd.options)
    done = threading.Event()

    def cut() -> None:
        while not done.wait(0.15):
            sshd.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    said, failures = [], []
    try:
        for n in range(15):
            try:
                made = registry.register("m", {"m": f"{n}".encode()}, environment=False)
            except StorageError as error:
                failures.append(error)
            else:
                said.append((made.version, n))
    finally:
        done.set()
        cutter.join()
    for each in failures:
        assert each.retryable or each.kind is ErrorKind.OUTCOME_UNKNOWN
    fresh = modelver.Registry(registry.url, storage_options=sshd.options)
    held = {v.version: v.path("m").read_bytes() for v in fresh.versions("m")}
    assert fresh.verify().ok
    assert said
    for version, n in said:
        assert held[version] == f"{n}".encode()
    assert len(set(held.values())) == len(held)


def test_what_was_cut_in_the_middle_is_not_seen(sshd: Sshd) -> None:
    """A writer that dies leaves a file which no reader and no listing shows."""
    backend = sshd.backend()
    backend.create("log/1.json", b"x")
    (_place(backend) / "log" / ".tmp-abc").write_bytes(b"half of it")
    assert [info.key for info in backend.list("")] == ["log/1.json"]
    registry = modelver.Registry(sshd.url(), create=True, storage_options=sshd.options)
    (_place(registry._core.backend) / ".tmp-abc").write_bytes(b"half of it")
    registry.register("m", {"m": b"1"}, environment=False)
    assert registry.verify().ok


def test_forked_processes(sshd: Sshd) -> None:
    """A child has a connection of its own, and the parent keeps its own."""
    registry = modelver.Registry(sshd.url(), create=True, storage_options=sshd.options)
    registry.register("m", {"m": b"parent"}, environment=False)
    context = multiprocessing.get_context("fork")
    ends = context.Queue()

    def child(n: int) -> None:
        made = registry.register("m", {"m": f"child {n}".encode()}, environment=False)
        ends.put((os.getpid(), made.version))

    children = [context.Process(target=child, args=(n,)) for n in range(3)]
    for each in children:
        each.start()
    told = [ends.get(timeout=60) for _ in children]
    for each in children:
        each.join(60)
        assert each.exitcode == 0
    assert len({pid for pid, _ in told}) == 3
    registry.register("m", {"m": b"parent again"}, environment=False)
    assert len(registry.versions("m")) == 5


_SPAWNED: Final = """
import json, sys
import modelver
url, options = json.loads(sys.argv[1])
registry = modelver.Registry(url, storage_options=options)
print(registry.register("m", {"m": b"spawned"}, environment=False).version)
"""


def test_a_fresh_process(sshd: Sshd) -> None:
    """Another interpreter finds the registry, writes, and ends without a complaint."""
    registry = modelver.Registry(sshd.url(), create=True, storage_options=sshd.options)
    registry.register("m", {"m": b"1"}, environment=False)
    job = json.dumps([registry.url, sshd.options])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _SPAWNED, job],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [v.version for v in registry.versions("m")].count(done.stdout.strip()) == 1


def test_inside_a_running_loop(sshd: Sshd) -> None:
    """As in Jupyter, and in an asynchronous service beside other work."""
    url = sshd.url()

    async def service() -> list[str]:
        options = sshd.options
        registry = modelver.Registry(url, create=True, storage_options=options)
        registry.register("m", {"m": b"0"}, environment=False)
        jobs = [
            asyncio.to_thread(
                registry.register, "m", {"m": f"{n}".encode()}, environment=False
            )
            for n in (1, 2, 3)
        ]
        return [str(made.version) for made in await asyncio.gather(*jobs)]

    assert len(set(asyncio.run(service()))) == 3


def test_an_unknown_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    """By itself sshfs would believe any; the hint says what to do."""
    (tmp_path / "nobody").write_text("")
    backend = sshd.backend(known_hosts=str(tmp_path / "nobody"))
    with pytest.raises(AccessDeniedError, match="host key") as caught:
        backend.read("registry.json")
    assert "known_hosts" in caught.value.hints[0]
    # And by default, where this machine knows nobody.
    options = {k: v for k, v in sshd.options.items() if k != "known_hosts"}
    with pytest.raises(AccessDeniedError, match="host key"):
        SftpBackend(sshd.url(), storage_options=options).read("registry.json")


def test_a_wrong_key(sshd: Sshd, tmp_path: Path) -> None:
    """Who is not let in is told so, and the secret words are not repeated."""
    key = str(tmp_path / "other")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]
    subprocess.run(command, check=True)
    word = "s3cr3t-word"
    backend = sshd.backend(client_keys=[str(tmp_path / "other")], password=word)
    with pytest.raises(AccessDeniedError) as caught:
        backend.create("log/1.json", b"x")
    assert word not in str(caught.value)
    assert "client_keys" in caught.value.hints[0]


def test_nobody_there(sshd: Sshd) -> None:
    """Every operation is a StorageError, and quickly."""
    (port,) = free_ports(1)
    url = sshd.url().replace(f":{sshd.port}", f":{port}")
    backend = sshd.backend(url)
    for ask in (
        lambda: backend.read("a"),
        lambda: backend.read_many(["a", "b"], 10),
        lambda: list(backend.list("")),
        lambda: backend.create("a", b"x"),
        lambda: backend.delete("a"),
    ):
        with pytest.raises(StorageError):
            ask()
    assert backend.capabilities.exclusive_create  # nobody has said otherwise


def test_the_address_goes_before_the_surroundings(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What FSSPEC_* settings say of another host and port redirects nobody."""
    monkeypatch.setitem(conf, "sftp", {"host": "192.0.2.1", "port": 1})
    monkeypatch.setitem(conf, "ssh", {"keepalive_interval": 3, "connect_timeout": 9})
    backend = sshd.backend()
    backend.create("log/1.json", b"x")
    assert (_place(backend) / "log" / "1.json").exists()
    assert backend.settings() == {
        "fsspec.sftp.host": "192.0.2.1",
        "fsspec.sftp.port": "1",
        "fsspec.ssh.keepalive_interval": "(set)",
        "fsspec.ssh.connect_timeout": "(set)",
    }
    assert {"fsspec", "sshfs", "asyncssh"} <= backend.packages().keys()
    written = backend.written("log/1.json")
    assert written is not None
    assert abs(written - time.time()) < 100
    assert backend.written("log/2.json") is None


@pytest.fixture
def home(sshd: Sshd) -> Iterator[str]:
    """Return the address of a folder in the home of the user that runs the tests."""
    name = f".modelver-test-{os.getpid()}"
    yield f"sftp://127.0.0.1:{sshd.port}/~/{name}"
    shutil.rmtree(Path("~").expanduser() / name)


def test_the_home_folder(sshd: Sshd, home: str) -> None:
    """``/~/`` begins there, as Git has it; ``ssh://`` is the same store."""
    backend = sshd.backend(home)
    backend.create("log/1.json", b"x")
    again = sshd.backend(home.replace("sftp://", "ssh://"))
    assert again.read("log/1.json") == b"x"
    assert again.url == backend.url
    assert [info.key for info in again.list("")] == ["log/1.json"]


def test_a_connection_that_was_lost_in_idleness_costs_nothing(sshd: Sshd) -> None:
    """A create after hours of training does not fail because a router forgot it."""
    backend = sshd.backend()
    backend.create("log/1.json", b"x")
    session = backend._files.instance
    sshd.cut()
    end = time.monotonic() + 30
    while not session.is_lost and time.monotonic() < end:
        time.sleep(0.01)
    backend.create("log/2.json", b"x")
    assert backend._files.instance is not session


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return what is linked and flushed from now on, in order: (what, name)."""
    asyncssh = pytest.importorskip("asyncssh")
    told: list[tuple[str, str]] = []
    usual_open, usual_link = asyncssh.SFTPClient.open, asyncssh.SFTPClient.link
    usual_fsync, names = asyncssh.SFTPClientFile.fsync, {}

    async def opened(self: Any, path: str, *words: Any, **more: Any) -> Any:
        file = await usual_open(self, path, *words, **more)
        names[file] = "file" if "/.tmp-" in path else path.rpartition("/")[2]
        return file

    async def link(self: Any, old: str, new: str) -> None:
        if "not-here" not in old:
            told.append(("link", new.rpartition("/")[2]))
        await usual_link(self, old, new)

    async def fsync(self: Any) -> None:
        await usual_fsync(self)
        told.append(("flush", names[self]))

    monkeypatch.setattr(asyncssh.SFTPClient, "open", opened, raising=True)
    monkeypatch.setattr(asyncssh.SFTPClient, "link", link)
    monkeypatch.setattr(asyncssh.SFTPClientFile, "fsync", fsync)
    return told


def test_what_is_flushed_and_when(sshd: Sshd, events: list[tuple[str, str]]) -> None:
    """The bytes before they get their name, the name before it is acknowledged."""
    url = sshd.url("flushed")
    backend, other = sshd.backend(url), sshd.backend(url)
    backend.create("log/1.json", b"x")
    before = events[: events.index(("link", "1.json"))]
    after = events[events.index(("link", "1.json")) + 1 :]
    # The folders that were made, and the one that they were made in.
    assert {("flush", "file"), ("flush", "root"), ("flush", "flushed")} <= set(before)
    assert after == [("flush", "log")]

    events.clear()
    backend.create("log/2.json", b"x")
    assert events == [("flush", "file"), ("link", "2.json"), ("flush", "log")]

    other.create("log/3.json", b"x")
    assert backend.read("log/3.json") == b"x"
    events.clear()
    backend.create("log/4.json", b"x")  # builds on a name that is not ours
    at = events.index(("link", "4.json"))
    assert ("flush", "log") in events[:at]

    events.clear()
    with pytest.raises(modelver.AlreadyExistsError):
        other.create("log/4.json", b"y")  # which may be referred to from now on
    assert ("flush", "log") in events
    assert ("link", "4.json") not in events


def test_a_flush_that_failed_is_made_good(
    sshd: Sshd, events: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The create is an error, and the next one first does what was left undone."""
    backend = sshd.backend()
    backend.create("objects/ab/1", b"x")
    usual = Session.flush_folder

    async def broken(self: Session, channel: Any, folder: str) -> None:
        if folder.endswith("objects/ab"):
            raise OSError(5, "the disk is ill")
        await usual(self, channel, folder)

    monkeypatch.setattr(Session, "flush_folder", broken)
    with pytest.raises(StorageError, match="the disk is ill"):
        backend.create("objects/ab/2", b"x")
    with pytest.raises(StorageError, match="the disk is ill"):
        backend.create("log/1.json", b"refers to it")
    assert backend.read("log/1.json") is None
    monkeypatch.setattr(Session, "flush_folder", usual)
    events.clear()
    backend.create("log/1.json", b"refers to it")
    at = events.index(("link", "1.json"))
    assert ("flush", "ab") in events[:at]


@pytest.mark.parametrize("first", range(2))
def test_an_answer_is_lost_wherever_it_may(
    sshd: Sshd, tmp_path: Path, first: int
) -> None:
    """Cut at each piece that the server sends while a version is registered.

    What was acknowledged is there, once; what was refused is not there; and the server
    can be asked again, so that it is always known.
    """
    with cutter_before(sshd.port) as cutter:
        known = tmp_path / "known_hosts"
        key = (sshd.folder / "host.pub").read_text()
        known.write_text(f"[127.0.0.1]:{cutter.port} {key}")
        url = sshd.url()
        options = {**sshd.options, "known_hosts": str(known)}
        there = url.replace(f":{sshd.port}", f":{cutter.port}")
        registry = modelver.Registry(there, create=True, storage_options=options)
        registered, refused = set(), set()
        for piece in range(first + 1, 32, 4):
            data = f"{piece}".encode()
            cutter.cut_at(piece)
            try:
                registry.register("m", {"m": data}, environment=False)
            except StorageError as error:
                if error.kind is ErrorKind.OUTCOME_UNKNOWN:
                    raise
                refused.add(data)
            else:
                registered.add(data)
        assert cutter.cuts >= 3, "nothing was cut: the numbers are too high"
    fresh = modelver.Registry(url, storage_options=sshd.options)
    held = [version.path("m").read_bytes() for version in fresh.versions("m")]
    assert sorted(held) == sorted(registered)
    assert not refused & set(held)
    assert fresh.verify().ok

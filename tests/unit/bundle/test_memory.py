"""What is remembered is recalled for the very same stamp, and for no other."""

import gc
import itertools
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from attrs import evolve
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from modelver._bundle.memory import LocalMemory, Stamp, database, local, tables
from tests.unit.bundle.remembered import digest, stamp, truth, works

A, B = "/a", "/b"


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[LocalMemory]:
    """Return an empty memory."""
    made = LocalMemory(tmp_path / "cache")
    yield made
    made.close()


# A model

PATHS = st.sampled_from([A, B, "/a b", "/a\n", "/é", "/\udcff", "/\ud800", "", "/a\0"])
NUMBERS = st.integers(0, 2) | st.sampled_from([2**63, 2**64 - 1])
STAMPS = st.builds(
    Stamp,
    size=NUMBERS,
    mtime_ns=NUMBERS | st.integers(-2, 0),
    ctime_ns=NUMBERS,
    inode=NUMBERS,
)
DIGESTS = st.builds(
    "{}:{}".format, st.sampled_from(["b3", "sha256"]), st.sampled_from(["0" * 64])
) | st.integers(0, 3).map(digest)
FOUND = st.dictionaries(PATHS, st.tuples(STAMPS, DIGESTS), max_size=4)
MANIFESTS = st.integers(0, 5).map(lambda n: digest("manifest", n))
EVERY = None


class Remembering(RuleBasedStateMachine):
    """A memory beside a dictionary: path to stamp, digest, and the boot of both."""

    folder: Path
    count = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.folder = self.folder / str(next(self.count))
        self.memory = LocalMemory(self.folder)
        self.model: dict[str, tuple[Stamp, str, int | None]] = {}
        self.indexed: list[str] = []
        self.held: dict[str, list[str]] = {}
        self.boot = 0
        self.patches = [
            patch.object(module, "this_boot", lambda: f"boot {self.boot}")
            for module in (local, tables)
        ]
        for patched in self.patches:
            patched.start()

    def teardown(self) -> None:
        """End what was begun."""
        self.memory.close()
        for patched in self.patches:
            patched.stop()

    @rule(found=FOUND)
    def remember(self, found: dict[str, tuple[Stamp, str]]) -> None:
        """The last word holds; from a boot on where it was said in another already."""
        self.memory.remember(found)
        for path, (what, said) in found.items():
            before = self.model.get(path)
            boot: int | None = self.boot
            if before is not None and before[:2] == (what, said):
                boot = self.boot if before[2] == self.boot else EVERY
            self.model[path] = (what, said, boot)

    @rule(asked=st.dictionaries(PATHS, STAMPS, max_size=4))
    def recall(self, asked: dict[str, Stamp]) -> None:
        """Any stamp may be asked for."""
        assert self.memory.recall(asked) == {
            path: self.model[path][1]
            for path, what in asked.items()
            if path in self.model
            and self.model[path][0] == what
            and self.model[path][2] in {self.boot, EVERY}
        }

    @invariant()
    def recall_all(self) -> None:
        """What was remembered in this boot is there."""
        known = {path: what for path, (what, _, _) in self.model.items()}
        assert self.memory.recall(known) == {
            path: said
            for path, (_, said, boot) in self.model.items()
            if boot in {self.boot, EVERY}
        }

    @rule(path=PATHS)
    def recall_almost(self, path: str) -> None:
        """Each number of a stamp counts."""
        if path in self.model:
            what = self.model[path][0]
            for name in ("size", "mtime_ns", "ctime_ns", "inode"):
                other = evolve(what, **{name: getattr(what, name) + 1})
                assert self.memory.recall({path: other}) == {}

    @rule(manifest=MANIFESTS, digests=st.lists(DIGESTS))
    def index(self, manifest: str, digests: list[str]) -> None:
        """Said once: what a manifest holds never changes."""
        self.memory.index(manifest, digests)
        if manifest not in self.indexed:
            self.indexed.append(manifest)
            for held in set(digests):
                self.held.setdefault(held, []).insert(0, manifest)

    @rule(manifests=st.lists(MANIFESTS))
    def unseen(self, manifests: list[str]) -> None:
        """In the order in which they were asked for."""
        unseen = [m for m in manifests if m not in self.indexed]
        assert self.memory.unseen(manifests) == unseen

    @rule(held=DIGESTS)
    def holders(self, held: str) -> None:
        """The newest three."""
        found = self.memory.holders(held)
        if held.endswith("0" * 64):  # the index does not tell algorithms apart
            held_by = {
                m for d, ms in self.held.items() if d[-64:] == held[-64:] for m in ms
            }
            assert held_by.issuperset(found)
        else:
            assert found == self.held.get(held, [])[:3]

    @rule()
    def reopen(self) -> None:
        """Another process finds it as it was left."""
        self.memory.close()
        self.memory = LocalMemory(self.folder)

    @rule()
    def boot_again(self) -> None:
        """What was said in one boot must be said again in another."""
        self.reopen()
        self.boot += 1


def test_a_dictionary(tmp_path: Path) -> None:
    """Whatever was remembered and indexed, in whatever order, it answers as a dict."""

    class Machine(Remembering):
        folder = tmp_path

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=50, stateful_step_count=25)
    )


# Limits


def test_the_files_used_last_are_kept(
    memory: LocalMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are never more rows than are allowed; to be recalled counts as use."""
    monkeypatch.setattr(local, "_MOST", 100)
    monkeypatch.setattr(local, "_KEPT", 90)
    clock = itertools.count()
    monkeypatch.setattr(local, "_hour", lambda: next(clock))

    def remembered() -> set[str]:  # and recalled by nobody
        paths = {local._key(f"/{n}"): f"/{n}" for n in range(400)}
        with closing(sqlite3.connect(tmp_path / "cache" / "memory.sqlite")) as file:
            return {paths[key] for (key,) in file.execute("SELECT key FROM files")}

    for n in range(100):
        memory.remember({f"/{n}": (stamp(n), digest(n))})
    assert len(remembered()) == 100
    for n in range(50):
        assert memory.recall({f"/{n}": stamp(n)})
    memory.remember({"/100": (stamp(100), digest(100))})
    kept = {f"/{n}" for n in [*range(50), *range(61, 101)]}
    assert remembered() == kept
    memory.remember({f"/{n}": (stamp(n), digest(n)) for n in range(200, 400)})
    assert len(remembered()) == 90
    assert remembered() <= {f"/{n}" for n in range(200, 400)}


def test_a_recall_within_the_hour_writes_nothing(
    memory: LocalMemory, tmp_path: Path
) -> None:
    """Whoever only looks does not get in the way of those who write."""
    assert works(memory)
    changes = (tmp_path / "cache" / "memory.sqlite").read_bytes()
    assert memory.recall({A: stamp(1)})
    assert memory.holders(digest(1)) == []
    assert (tmp_path / "cache" / "memory.sqlite").read_bytes() == changes


def test_what_is_no_digest_is_not_kept(memory: LocalMemory) -> None:
    """Only a digest can come out, whatever went in."""
    for odd in (
        "",
        "b3:",
        "b3:" + "g" * 64,
        "md5:" + "0" * 64,
        "../" * 10,
        "b3:\ud800",
    ):
        memory.remember({A: (stamp(1), odd)})
        memory.index(odd, [digest(1), odd])
        assert memory.unseen([odd]) == [odd]
        assert memory.holders(odd) == []
    assert memory.recall({A: stamp(1)}) == {}
    assert memory.holders(digest(1)) == []
    memory.index(digest("m"), ["b3:" + "g" * 64, digest(1)])
    assert memory.holders(digest(1)) == [digest("m")]


def test_many_digests_are_written_before_they_are_too_many(
    memory: LocalMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits to be indexed does not grow with the registry."""
    monkeypatch.setattr(local, "_AT_ONCE", 100)
    for n in range(10):
        memory.index(digest(n), [digest(n, part) for part in range(60)])
        assert sum(len(keys) for _, keys in memory._waiting) < 100
    memory.close()
    other = LocalMemory(tmp_path / "cache")
    assert other.unseen([digest(n) for n in range(11)]) == [digest(10)]
    assert other.holders(digest(7, 59)) == [digest(7)]
    other.close()


# The file


def test_it_is_private(memory: LocalMemory, tmp_path: Path) -> None:
    """Its folder and its files are for their owner alone, whatever the umask is."""
    before = os.umask(0)
    try:
        assert works(memory)
    finally:
        os.umask(before)
    folder = tmp_path / "cache"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
    assert modes.pop("memory.sqlite") == 0o600
    assert set(modes.values()) <= {0o600}
    assert set(modes) <= {"memory.sqlite-journal"}


def test_looking_makes_no_file(memory: LocalMemory, tmp_path: Path) -> None:
    """Where nothing was ever remembered nothing is left behind."""
    assert memory.recall({A: stamp(1)}) == {}
    assert memory.unseen([digest(1)]) == [digest(1)]
    assert memory.holders(digest(1)) == []
    memory.remember({})
    memory.close()
    assert list(tmp_path.iterdir()) == []


def test_sqlite_is_loaded_late() -> None:
    """Whoever remembers nothing does not pay for it."""
    script = (
        "import sys, pathlib; from modelver._bundle.memory import LocalMemory\n"
        "LocalMemory(pathlib.Path('nowhere')); assert 'sqlite3' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_python_without_sqlite(
    memory: LocalMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It remembers nothing."""
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    assert not works(memory)
    assert memory.unseen([digest(1)]) == [digest(1)]


def test_a_cache_that_is_cleared_meanwhile(memory: LocalMemory, tmp_path: Path) -> None:
    """What is remembered next goes into a new file, not into the one that is gone."""
    assert works(memory)
    shutil.rmtree(tmp_path / "cache")
    memory.remember({B: (stamp(2), truth(B, 2))})
    other = LocalMemory(tmp_path / "cache")
    asked = {A: stamp(1), B: stamp(2)}
    assert other.recall(asked) == memory.recall(asked) == {B: truth(B, 2)}
    other.close()


def test_close_lets_go(memory: LocalMemory) -> None:
    """No file stays open, nothing that waited is lost, and it can be used again."""
    assert works(memory)
    memory.index(digest("m"), [digest(1)])
    memory.close()
    memory.close()
    assert memory._database._opened is None
    assert memory.holders(digest(1)) == [digest("m")]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")  # noqa: PTH112
def test_one_that_is_forgotten_is_closed(tmp_path: Path) -> None:
    """Nobody has to close it: no file stays open, and no ResourceWarning is told."""

    def opened() -> int:
        return sum(
            "memory.sqlite" in str(link.readlink())
            for link in Path("/proc/self/fd").iterdir()
            if link.is_symlink()
        )

    before = opened()
    memory = LocalMemory(tmp_path)
    assert works(memory)
    assert opened() > before
    behind = memory._database
    del memory
    gc.collect()
    assert opened() == before
    assert behind not in database._ALL


# Others


def test_a_lock_that_is_held(
    memory: LocalMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no answer, nobody waits for it a second time, and it works later."""
    monkeypatch.setattr(database, "_PATIENCE", 0.01)
    assert works(memory)
    memory.close()
    tried = []
    prepare = tables.Opened.prepare

    def count(opened: tables.Opened) -> None:
        tried.append(opened)
        prepare(opened)

    monkeypatch.setattr(tables.Opened, "prepare", count)
    with closing(sqlite3.connect(tmp_path / "cache" / "memory.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert memory.recall({A: stamp(1)}) == {}
        memory.remember({A: (stamp(2), digest(2))})
        assert memory.unseen([digest(1)]) == [digest(1)]
        assert memory.holders(digest(1)) == []
    assert len(tried) == 1
    memory._database._rest_until = 0
    assert memory.recall({A: stamp(1)}) == {A: truth(A, 1)}


def test_a_writer_lets_others_read(memory: LocalMemory, tmp_path: Path) -> None:
    """A transaction that somebody has open hides nothing that was there."""
    assert works(memory)
    with closing(sqlite3.connect(tmp_path / "cache" / "memory.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM files")
        assert memory.recall({A: stamp(1)}) == {A: truth(A, 1)}


def test_a_writer_is_waited_for(
    memory: LocalMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that write at once none gets in the way of the other's end."""
    monkeypatch.setattr(database, "_PATIENCE", 60)
    assert works(memory)
    memory.close()
    file = tmp_path / "cache" / "memory.sqlite"
    begun = threading.Event()
    ended = []

    def write() -> None:
        with closing(sqlite3.connect(file, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE files SET used = 1")
            begun.set()
            time.sleep(0.1)
            other.execute("COMMIT")
            ended.append(True)

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait()
    assert works(memory, B)
    thread.join()
    assert ended
    assert memory.recall({A: stamp(1)})


def test_a_thread_that_does_not_come_back(
    memory: LocalMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others go on without an answer."""
    monkeypatch.setattr(database, "_TURN", 0.01)
    assert works(memory)
    with memory._database._lock:
        assert memory.recall({A: stamp(1)}) == {}
        memory.close()
    assert memory.recall({A: stamp(1)})


def test_an_interrupt_leaves_nothing_half_done(
    memory: LocalMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is remembered together all lasts, or nothing; nobody is locked out."""
    assert works(memory)
    made = iter(range(3))

    def interrupted(*_: object) -> bytes:
        if next(made) == 2:
            raise KeyboardInterrupt
        return b""

    with monkeypatch.context() as patched:
        patched.setattr(local, "_proof", interrupted)
        found = {f"/{n}": (stamp(n), digest(n)) for n in range(3)}
        with pytest.raises(KeyboardInterrupt):
            memory.remember(found)
    with closing(sqlite3.connect(tmp_path / "cache" / "memory.sqlite")) as other:
        assert other.execute("SELECT count(*) FROM files").fetchone() == (1,)
    assert works(memory, B)
    assert memory.recall({A: stamp(1)})

"""A memory that was damaged is lost, in part or whole; it never lies, nor fails."""

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from modelver._bundle.memory import LocalMemory, Stamp, local, tables
from tests.unit.bundle.remembered import digest, stamp, truth, works

PATHS: Final = [f"/folder/{n}" for n in range(300)]
ASKED: Final = {path: stamp(n) for n, path in enumerate(PATHS)}
MANIFESTS: Final = [digest("manifest", n) for n in range(8)]
PAGE: Final = 4096


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a memory that holds something."""
    _fill(tmp_path / "cache", ASKED)
    return tmp_path / "cache"


@pytest.fixture
def file(folder: Path) -> Path:
    """Return the file of a memory that holds something."""
    return folder / "memory.sqlite"


def _fill(folder: Path, stamps: dict[str, Stamp]) -> None:
    memory = LocalMemory(folder)
    memory.remember({p: (s, truth(p, s.size)) for p, s in stamps.items()})
    for manifest in MANIFESTS:
        memory.index(manifest, [digest("part", n) for n in range(200)])
    memory.close()


def _ask(folder: Path) -> dict[str, str]:
    """Ask a fresh memory everything, check the answers, and return what it knew."""
    memory = LocalMemory(folder)
    found = memory.recall(ASKED)
    assert found == {path: truth(path, ASKED[path].size) for path in found}
    unseen = memory.unseen(MANIFESTS)
    assert unseen == [m for m in MANIFESTS if m in unseen]
    for n in range(0, 200, 20):
        for held in memory.holders(digest("part", n)):
            assert len(held) == len(MANIFESTS[0])
    memory.close()
    return found


def _goes_on(folder: Path) -> bool:
    memory = LocalMemory(folder)
    try:
        return works(memory)
    finally:
        memory.close()


# Broken files: begun anew


def _garbage(file: Path) -> None:
    file.write_bytes(Random(1).randbytes(100_000))  # noqa: S311


def _text(file: Path) -> None:
    file.write_text("not a database at all")


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _header_only(file: Path) -> None:
    os.truncate(file, 100)


def _torn_page(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def _zeros(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _no_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("DROP TABLE files")
        opened.execute("DROP TABLE holders")


def _other_tables(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("DROP TABLE files")
        opened.execute("CREATE TABLE files (path TEXT, hash TEXT)")


def _views(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("DROP TABLE files")
        opened.execute("CREATE VIEW files AS SELECT 1")


def _other_journal(file: Path) -> None:
    journal = file.with_name("memory.sqlite-journal")
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(3000))
    _garbage(file)


@pytest.mark.parametrize(
    "damage",
    [
        _garbage,
        _text,
        _empty,
        _half,
        _header_only,
        _torn_page,
        _zeros,
        _no_table,
        _other_tables,
        _views,
        _other_journal,
    ],
)
@pytest.mark.parametrize("looked", [True, False], ids=["looked", "wrote"])
def test_a_broken_file(
    folder: Path, file: Path, damage: Callable[[Path], None], *, looked: bool
) -> None:
    """It is begun anew, by whoever comes first: what follows is remembered."""
    damage(file)
    if looked:
        _ask(folder)
    memory = LocalMemory(folder)
    assert works(memory)
    memory.index(digest("m"), [digest("p")])
    assert memory.holders(digest("p")) == [digest("m")]
    memory.close()
    assert _goes_on(folder)
    assert (file.stat().st_mode & 0o777) == 0o600


@pytest.mark.parametrize("damage", [_garbage, _half, _no_table, _empty])
def test_a_file_that_breaks_while_it_is_open(
    folder: Path, file: Path, damage: Callable[[Path], None]
) -> None:
    """The same memory goes on with a new one."""
    memory = LocalMemory(folder)
    assert memory.recall(ASKED)
    damage(file)
    memory.recall(ASKED)
    memory.remember({"/b": (stamp(2), truth("/b", 2))})
    assert works(memory)
    assert _goes_on(folder)
    memory.close()


def test_an_earlier_schema(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that keeps it in another way begins anew; the earlier leaves it be."""
    with monkeypatch.context() as later:
        later.setattr(tables, "_VERSION", tables._VERSION + 1)
        assert _ask(folder) == {}
        assert _goes_on(folder)
    assert _ask(folder) == {}
    assert not _goes_on(folder)
    with monkeypatch.context() as later:
        later.setattr(tables, "_VERSION", tables._VERSION + 1)
        memory = LocalMemory(folder)
        assert memory.recall({"/a": stamp(1)})
        memory.close()


# Files that are somebody else's: left alone


def _foreign_database(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE precious (x)")
    file.chmod(0o600)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "inner").write_bytes(b"x")


def _link(file: Path) -> None:
    outside = file.parents[1] / "outside"
    file.rename(outside)
    file.symlink_to(outside)


def _dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.parents[1] / "made-by-following")


def _fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _writable(file: Path) -> None:
    file.chmod(0o666)


def _later(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA user_version = 999")


def _of_another_user(file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(file, 12345, 12345)


@pytest.mark.skipif(os.name == "nt", reason="links, owners and modes of POSIX")
@pytest.mark.parametrize(
    "change",
    [
        _foreign_database,
        _folder,
        _link,
        _dangling,
        _fifo,
        _writable,
        _later,
        _of_another_user,
    ],
)
def test_a_file_of_somebody_else(
    folder: Path, file: Path, change: Callable[[Path], None]
) -> None:
    """It is neither believed nor changed, and nothing is written through a link."""
    change(file)
    before = _tree(folder.parent)
    assert _ask(folder) == {}
    assert not _goes_on(folder)
    assert _tree(folder.parent) == before


def _tree(folder: Path) -> dict[str, object]:
    return {
        str(path): path.read_bytes() if path.is_file() else path.lstat().st_mode
        for path in folder.rglob("*")
    }


# Folders that resist


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """There is no memory, and no error."""
    (tmp_path / "cache").write_bytes(b"mine")
    assert _ask(tmp_path / "cache") == {}
    assert not _goes_on(tmp_path / "cache")
    assert not _goes_on(tmp_path / "cache" / "deeper")
    assert (tmp_path / "cache").read_bytes() == b"mine"


def test_a_folder_that_no_folder_can_be(tmp_path: Path) -> None:
    """A name that is too long, or holds a NUL, means no memory."""
    for name in ("x" * 300, "a\0b"):
        assert _ask(tmp_path / name) == {}
        assert not _goes_on(tmp_path / name)


def test_a_name_with_everything_in_it(tmp_path: Path) -> None:
    """A folder may be called whatever the file system allows."""
    for name in (
        "a?mode=memory",
        "b#c",
        "d%20e",
        "f g",
        "ö",
        "h\udcffi",
        "j\nk",
        "%00",
    ):
        assert _goes_on(tmp_path / name)
        assert (tmp_path / name / "memory.sqlite").is_file()


def test_a_full_disk(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no longer fits is not remembered; what was is, and later there is room."""
    more = {f"/more/{n}": (stamp(n), digest(n)) for n in range(20_000)}
    pages = file.stat().st_size // PAGE + 2
    with monkeypatch.context() as full:
        limit = f"PRAGMA max_page_count = {pages}"
        full.setattr(tables, "_SETTINGS", (*tables._SETTINGS, limit))
        memory = LocalMemory(folder)
        memory.remember(more)
        memory.close()
    assert _ask(folder).keys() == ASKED.keys()
    memory = LocalMemory(folder)
    assert memory.recall({path: s for path, (s, _) in more.items()}) == {}
    memory.remember(more)
    assert len(memory.recall({path: s for path, (s, _) in more.items()})) == 20_000
    memory.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small file system."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)  # noqa: S607


def test_a_disk_that_is_full(disk: Path) -> None:
    """Wherever it is full, for the file or for its journal, nothing comes of it."""
    _fill(disk / "cache", ASKED)
    more = {f"/more/{n}": (stamp(n), digest(n)) for n in range(5000)}
    for left in range(0, 200_000, 10_000):
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(max(0, free.f_bavail * PAGE - left)))
        memory = LocalMemory(disk / "cache")
        memory.remember(more)
        memory.close()
        (disk / "filler").unlink()
        assert _ask(disk / "cache").keys() in (ASKED.keys(), set())


def test_a_disk_that_is_read_only(disk: Path) -> None:
    """What was remembered is still known; nothing is added, and nothing fails."""
    _fill(disk / "cache", ASKED)
    remount = ["mount", "-o", "remount,ro", str(disk)]
    subprocess.run(remount, check=True)
    assert _ask(disk / "cache").keys() == ASKED.keys()
    assert not _goes_on(disk / "cache")
    assert not _goes_on(disk / "other")


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind root"
)
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_what_may_not_be_touched(folder: Path, file: Path, mode: int) -> None:
    """A folder or a file that is closed to its owner is no error."""
    for path in (folder, file):
        usual = path.stat().st_mode
        path.chmod(mode)
        _ask(folder)
        # In a folder that may not be written, files may be.
        assert not _goes_on(folder) or (path, mode) == (folder, 0o500)
        path.chmod(usual)
    assert _ask(folder).keys() == ASKED.keys()


# Bits and pages


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_may_change(folder: Path, data: st.DataObject) -> None:
    """Whatever became of the file, no wrong digest is told, and it is usable again."""
    file = folder / "memory.sqlite"
    file.unlink(missing_ok=True)
    _fill(folder, ASKED)
    raw = bytearray(file.read_bytes())
    places = st.integers(0, len(raw) - 1) | st.integers(0, 200)
    for place in data.draw(st.lists(places, min_size=1, max_size=30)):
        piece = data.draw(st.binary(min_size=1, max_size=4))
        raw[place : place + len(piece)] = piece
    file.write_bytes(raw)
    _ask(folder)
    # What says that it is another program's, or later than ours, is left alone.
    foreign = raw[68:72] != tables._APPLICATION.to_bytes(4, "big")
    later = int.from_bytes(raw[60:64], "big", signed=True) > tables._VERSION
    later_sqlite = raw[18] > 2
    assert _goes_on(folder) or foreign or later or later_sqlite or _goes_on(folder)


def test_a_broken_name_in_the_schema(folder: Path) -> None:
    """SQLite names what is broken, even where that is no text: it is begun anew."""
    file = folder / "memory.sqlite"
    _fill(folder, ASKED)
    raw = bytearray(file.read_bytes())
    raw[raw.index(b"autoindex_boots")] = 0x80
    file.write_bytes(raw)
    _ask(folder)
    assert _goes_on(folder)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_power_cut(tmp_path: Path, seed: int) -> None:
    """Of the pages that were never flushed any may be old or new: it is never a lie.

    After the boot it is looked through once, and begun anew where it is broken.
    """
    chance = Random(seed)  # noqa: S311
    folder = tmp_path / f"{seed}-{next(_COUNT)}"
    file = folder / "memory.sqlite"
    _fill(folder, {path: stamp(n + 1000) for n, path in enumerate(PATHS)})
    old = file.read_bytes()
    _fill(folder, ASKED)
    new = file.read_bytes()
    pages = [
        (new if chance.random() < 0.5 else old)[at : at + PAGE]
        for at in range(0, len(new), PAGE)
    ]
    file.write_bytes(b"".join(page.ljust(PAGE, b"\0") for page in pages))
    with pytest.MonkeyPatch.context() as booted:
        booted.setattr(tables, "this_boot", lambda: "another")
        _ask(folder)
        assert _goes_on(folder)


_COUNT = itertools.count()


def test_a_file_is_looked_through_once_in_each_boot(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that nobody reads is found broken after a power cut, and not before."""
    with closing(sqlite3.connect(file)) as opened:
        select = "SELECT rootpage FROM sqlite_schema WHERE name = 'files'"
        (page,) = opened.execute(select).fetchone()
    with file.open("r+b") as opened_file:
        opened_file.seek((page - 1) * PAGE)
        opened_file.write(b"\xff" * 100)
    memory = LocalMemory(folder)
    assert memory.holders(digest("part", 1))
    memory.close()
    monkeypatch.setattr(tables, "this_boot", lambda: "another")
    memory = LocalMemory(folder)
    assert memory.holders(digest("part", 1)) == []
    memory.close()
    assert _goes_on(folder)


def test_what_was_read_before_a_boot(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read again once, since its bytes may be lost, and is known from then on."""
    for boot in ("second", "third"):
        for patched in (local, tables):
            monkeypatch.setattr(patched, "this_boot", lambda b=boot: b)
        known = _ask(folder)
        assert known.keys() == (set() if boot == "second" else ASKED.keys())
        _fill(folder, ASKED)


def test_rows_of_one_file_say_nothing_of_another(folder: Path, file: Path) -> None:
    """Digests that change places are not believed, though the files look alike."""
    _fill(folder, dict.fromkeys(PATHS, stamp(7)))
    memory = LocalMemory(folder)
    alike = dict.fromkeys(PATHS, stamp(7))
    assert memory.recall(alike).keys() == alike.keys()
    with closing(sqlite3.connect(file)) as opened:
        rows = opened.execute("SELECT key, digest, proof FROM files").fetchall()
        for (key, own, proof), other in itertools.pairwise(rows):
            change = [(other[1], other[2]), (other[1], proof), (own, other[2])]
            opened.execute(
                "UPDATE files SET digest = ?, proof = ? WHERE key = ?",
                (*change[key % 3], key),
            )
        opened.commit()
    assert len(memory.recall(alike)) == 1  # the last one, with which none changed
    memory.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nobody can be killed so")
def test_a_writer_that_is_killed(folder: Path, file: Path) -> None:
    """Of what it had begun nothing is left, and what was there before is."""
    script = (
        "import os, signal, sys, pathlib\n"
        "from modelver._bundle.memory import LocalMemory, local, tables\n"
        "from tests.unit.bundle.remembered import digest, stamp\n"
        # A small cache, so that much is written before the end.
        "tables._SETTINGS = (*tables._SETTINGS, 'PRAGMA cache_size = 10')\n"
        "prove, left = local._proof, list(range(19000))\n"
        "def proof(*args):\n"
        "    left or os.kill(os.getpid(), signal.SIGKILL)\n"
        "    left.pop()\n"
        "    return prove(*args)\n"
        "local._proof = proof\n"
        "found = {f'/more/{n}': (stamp(n), digest(n)) for n in range(20000)}\n"
        "LocalMemory(pathlib.Path(sys.argv[1])).remember(found)\n"
    )
    path = [*filter(None, sys.path), str(Path(__file__).parents[2])]
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert file.with_name("memory.sqlite-journal").stat().st_size > PAGE
    assert file.stat().st_size > 100 * PAGE, "nothing was written yet"
    assert _ask(folder).keys() == ASKED.keys()
    memory = LocalMemory(folder)
    assert memory.recall({f"/more/{n}": stamp(n) for n in range(20000)}) == {}
    memory.close()
    with closing(sqlite3.connect(file)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_odd_values_in_every_column(folder: Path, file: Path) -> None:
    """A column may hold what it never should: text, numbers, nothing, too much."""
    columns = {
        "boots": ["boot"],
        "files": ["digest", "proof", "boot", "used"],
        "manifests": ["digest"],
        "holders": ["newest", "second", "third"],
    }
    odd = [None, "x", b"", b"\xff" * 33, 1.5, -1, 2**62, "b3:../../../etc/passwd"]
    for table, names in columns.items():
        for name, value in itertools.product(names, odd):
            with closing(sqlite3.connect(file)) as opened:
                opened.execute(
                    f"UPDATE OR REPLACE {table} SET {name} = ?",  # noqa: S608
                    (value,),
                )
                opened.commit()
            _ask(folder)
            assert _goes_on(folder)
            if not file.exists():
                _fill(folder, ASKED)


def test_nothing_is_run_that_a_file_says(folder: Path, file: Path) -> None:
    """A trigger in the file may break it, and does no more than that."""
    with closing(sqlite3.connect(file)) as opened:
        opened.execute(
            "CREATE TRIGGER t AFTER INSERT ON files BEGIN "
            "UPDATE files SET digest = zeroblob(33); END"
        )
    memory = LocalMemory(folder)
    memory.remember({"/b": (stamp(2), truth("/b", 2))})
    assert memory.recall({"/b": stamp(2)}) in ({}, {"/b": truth("/b", 2)})
    memory.close()
    _ask(folder)


def test_a_file_that_cannot_be_deleted(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a broken file stays, there is no memory until it is gone."""
    _garbage(file)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        memory = LocalMemory(folder)
        assert not works(memory)
    assert not works(memory), "it tries again too soon"
    monkeypatch.setattr(memory._database, "_rest_until", 0.0)
    assert works(memory)
    memory.close()


def test_one_that_was_begun_anew_is_not_deleted_again(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that find the same broken file the second leaves what the first made."""
    _garbage(file)
    look = tables.Tables.is_there

    def late(one: tables.Tables) -> bool:
        monkeypatch.setattr(tables.Tables, "is_there", look)
        other = LocalMemory(folder)
        assert works(other, "/first")
        other.close()
        return look(one)

    monkeypatch.setattr(tables.Tables, "is_there", late)
    memory = LocalMemory(folder)
    assert works(memory, "/second")
    asked = {"/first": stamp(1), "/second": stamp(1)}
    assert memory.recall(asked).keys() == asked.keys()
    memory.close()

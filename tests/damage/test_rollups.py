"""Rollups that lie: sealed, chained, and not what the log holds.

A rollup is a cache. A reader believes one only as far as the log itself agrees.
"""

import os
import shutil
import warnings
from pathlib import Path

import pytest

from modelver import DamageWarning, IntegrityError, Registry
from modelver.testing import RecordingBackend
from tests.damage.stores import Snapshot
from tests.hostile.forge import Forge, digest


def _note(forge: Forge, text: str) -> int:
    note = {"type": "note", "name": "fraud", "version": "1.0.0", "text": text}
    return forge.commit(note)


def _forge(root: Path, count: int, word: str = "true") -> Forge:
    """Return a registry of so many commits, all but the first of which are notes."""
    forge = Forge(root)
    forge.register()
    while forge.seq < count:
        _note(forge, f"{word} {forge.seq}")
    return forge


def _texts(root: Path) -> list[str]:
    return [n.text for n in Registry(root).get("fraud@1.0.0").notes]


def _true(count: int) -> list[str]:
    return [f"true {seq}" for seq in range(1, count)]


def _named(root: Path) -> list[str]:
    """Return the keys that verify names; nothing but rollups is damaged."""
    report = Registry(root).verify()
    assert {p.kind for p in report.problems} <= {"rollup-damaged"}
    return sorted(p.key for p in report.problems)


@pytest.mark.parametrize("count", [64, 65, 70, 128, 130])
def test_an_honest_one_is_used(tmp_path: Path, count: int) -> None:
    """A rollup of what the log holds is read in its place."""
    forge = _forge(tmp_path / "r", count)
    for first in range(1, count - 62, 64):
        forge.rollup(first, forge.entries(first, first + 63))
    backend = RecordingBackend(Snapshot.of(forge.root))
    notes = Registry(backend=backend).get("fraud@1.0.0").notes
    assert [n.text for n in notes] == _true(count)
    read = [key for key in backend.keys if key.startswith("log/")]
    assert min(read) == f"log/{count - count % 64:020d}.json"
    assert _named(forge.root) == []


@pytest.mark.parametrize("count", [10, 63, 64, 65, 100])
def test_another_history(tmp_path: Path, count: int) -> None:
    """A rollup of a history that never was is passed over, at the head of the log too.

    It begins at the registry's own digest and each entry of it follows the one before.
    """
    forge = _forge(tmp_path / "r", count)
    lies = _forge(tmp_path / "lies", 64, "false")
    forge.rollup(1, lies.entries(1, 64))
    assert _texts(forge.root) == _true(count)
    assert _named(forge.root) == ["rollups/1-64.json.gz"]


@pytest.mark.parametrize("count", [64, 100, 127, 128])
def test_a_history_that_turns_off(tmp_path: Path, count: int) -> None:
    """A lie behind an honest rollup does not pass because what comes before is true."""
    forge = _forge(tmp_path / "r", count)
    lies = tmp_path / "lies"
    shutil.copytree(forge.root, lies)
    for path in sorted((lies / "log").iterdir())[64:]:
        path.unlink()
    other = Forge(lies)
    other.seq, other.head = 64, digest("b3", forge.entries(64, 64)[0])
    while other.seq < 128:
        _note(other, f"false {other.seq}")
    forge.rollup(1, forge.entries(1, 64))
    forge.rollup(65, other.entries(65, 128))
    assert _texts(forge.root) == _true(count)
    assert _named(forge.root) == ["rollups/65-128.json.gz"]


def test_beyond_the_end(tmp_path: Path) -> None:
    """What only a rollup holds has not been committed: a log cut short stays short."""
    forge = _forge(tmp_path / "r", 64)
    forge.rollup(1, forge.entries(1, 64))
    for path in sorted((forge.root / "log").iterdir())[10:]:
        path.unlink()
    assert _texts(forge.root) == _true(10)
    assert _named(forge.root) == ["rollups/1-64.json.gz"]


def test_one_true_end_proves_nothing(tmp_path: Path) -> None:
    """An entry that means nothing does not prove what a rollup tells before it.

    It does not say what it follows, so a rollup that holds one is passed over.
    """
    forge = _forge(tmp_path / "r", 63)
    forge.raw(b"junk")
    lies = _forge(tmp_path / "lies", 63, "false")
    forge.rollup(1, [*lies.entries(1, 63), b"junk"])
    with pytest.warns(DamageWarning):
        assert _texts(forge.root) == _true(63)
    with pytest.warns(DamageWarning):
        report = Registry(forge.root).verify()
    assert "rollup-damaged" in {p.kind for p in report.problems}


def test_no_rollup_is_written_of_what_means_nothing(tmp_path: Path) -> None:
    """A writer makes no rollup that no reader would believe."""
    forge = _forge(tmp_path / "r", 10)
    forge.raw(b"junk")
    registry = Registry(forge.root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        for number in range(130):
            registry.note("fraud@1.0.0", str(number))
    made = sorted(path.name for path in (forge.root / "rollups").iterdir())
    assert made == ["65-128.json.gz"]


@pytest.mark.parametrize(
    "kind",
    ["other-range", "other-registry", "half", "shuffled", "no-entries", "folder"],
)
def test_a_rollup_of_something_else(tmp_path: Path, kind: str) -> None:
    """Whatever lies under a rollup's key, the log is read in its place."""
    forge = _forge(tmp_path / "r", 130)
    if kind == "other-range":
        path = forge.rollup(65, forge.entries(65, 128))
        path.rename(path.with_name("1-64.json.gz"))
    elif kind == "other-registry":
        other = Forge(tmp_path / "other", uuid="f" * 32)
        other.register()
        while other.seq < 64:
            _note(other, "false")
        forge.rollup(1, other.entries(1, 64))
    elif kind == "half":
        path = forge.rollup(1, forge.entries(1, 64))
        path.write_bytes(path.read_bytes()[:-40])
    elif kind == "shuffled":
        forge.rollup(1, forge.entries(1, 64)[::-1])
    elif kind == "no-entries":
        forge.rollup(1, [b"{}"] * 64)
    else:
        (forge.root / "rollups" / "1-64.json.gz").mkdir(parents=True)
    assert _texts(forge.root) == _true(130)
    if kind != "folder":
        assert _named(forge.root) == ["rollups/1-64.json.gz"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
def test_a_rollup_that_never_ends(tmp_path: Path) -> None:
    """A FIFO under a rollup's key is passed over, and hangs nobody."""
    forge = _forge(tmp_path / "r", 70)
    (forge.root / "rollups").mkdir()
    os.mkfifo(forge.root / "rollups" / "1-64.json.gz")
    assert _texts(forge.root) == _true(70)


def test_the_large_one_lies_and_the_small_ones_do_not(tmp_path: Path) -> None:
    """A rollup of 4,096 that is refused is read as its 64 parts."""
    forge = _forge(tmp_path / "r", 4100)
    for first in range(1, 4097, 64):
        forge.rollup(first, forge.entries(first, first + 63))
    raw = forge.rollup(1, forge.entries(1, 4096))
    raw.write_bytes(raw.read_bytes()[:-1] + b"\1")
    backend = RecordingBackend(Snapshot.of(forge.root))
    notes = Registry(backend=backend).get("fraud@1.0.0").notes
    assert [n.text for n in notes] == _true(4100)
    assert len([key for key in backend.keys if key.startswith("log/")]) < 10
    assert _named(forge.root) == ["rollups/1-4096.json.gz"]


def test_damage_below_an_honest_rollup(tmp_path: Path) -> None:
    """An entry that a rollup holds as well is damaged: read right, and named."""
    forge = _forge(tmp_path / "r", 70)
    forge.rollup(1, forge.entries(1, 64))
    key = f"log/{30:020d}.json"
    forge.put(key, forge.entries(30, 30)[0].replace(b"true", b"fals"))
    assert _texts(forge.root) == _true(70)
    assert Registry(forge.root).verify().problems[0].key == key


def test_damage_where_a_rollup_ends(tmp_path: Path) -> None:
    """The entry that proves a rollup is damaged: the log is refused from there on."""
    forge = _forge(tmp_path / "r", 70)
    forge.rollup(1, forge.entries(1, 64))
    key = f"log/{64:020d}.json"
    forge.put(key, forge.entries(64, 64)[0].replace(b"true", b"fals"))
    with pytest.raises(IntegrityError) as caught:
        _texts(forge.root)
    assert caught.value.key == key

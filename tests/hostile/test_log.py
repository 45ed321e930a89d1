"""Hostile log entries: void, refused, or without harm; quick, small, never half."""

import os
import warnings
from pathlib import Path

import pytest

from modelver import (
    DamageWarning,
    ErrorKind,
    IntegrityError,
    Registry,
    UpgradeRequiredError,
)
from tests.hostile.entries import (
    BROKEN,
    JUNK,
    LATER,
    MIB,
    MISPLACED,
    Write,
    act,
    padded,
    with_actions,
)
from tests.hostile.forge import Forge
from tests.hostile.nonsense import ESCAPE
from tests.hostile.watching import bounded, quick, refused, small, untouched


def _forge(tmp_path: Path, write: Write, *, behind: bool = True) -> Forge:
    """Return a registry with one hostile entry between two honest ones."""
    forge = Forge(tmp_path / "r")
    forge.register()
    forge.raw(write(forge))
    if behind:
        forge.register(version="1.1.0")
    return forge


@pytest.mark.parametrize("behind", [True, False], ids=["middle", "last"])
@pytest.mark.parametrize("name", JUNK)
def test_junk(tmp_path: Path, name: str, *, behind: bool) -> None:
    """What is no entry has no effect, is warned of, and is named by verify.

    The log goes on over its bytes, for readers and for writers.
    """
    forge = _forge(tmp_path, JUNK[name], behind=behind)
    refs = ["fraud@1.0.0", "fraud@1.1.0"] if behind else ["fraud@1.0.0"]
    with untouched(forge.root), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quick():
            Registry(forge.root).models()
        with quick():
            report = Registry(forge.root).verify()
    texts = {str(w.message) for w in caught if w.category is DamageWarning}
    (text,) = texts
    assert "commit 2 " in text
    assert text.isprintable()
    assert len(text) < 1000
    assert len(caught) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        registry = Registry(forge.root)
        assert [v.ref for v in registry.versions("fraud")] == refs
    assert registry.seq == forge.seq
    (void,) = [commit for commit in registry.log() if commit.void]
    assert (void.seq, void.actions) == (2, ())
    (problem,) = report.problems
    assert (problem.kind, problem.key) == (ErrorKind.MALFORMED, f"log/{2:020d}.json")
    assert (report.voids, report.damaged) == (1, ())
    assert str(report).replace("\n", "").isprintable()
    registry.promote("fraud@1.0.0", "production")
    assert registry.resolve("fraud@production") == "fraud@1.0.0"


@pytest.mark.large
@pytest.mark.parametrize("name", JUNK)
def test_junk_in_memory(tmp_path: Path, name: str) -> None:
    """What is no entry is found to be none in little memory."""
    forge = _forge(tmp_path, JUNK[name])
    with warnings.catch_warnings(), small():
        warnings.simplefilter("ignore", DamageWarning)
        Registry(forge.root).models()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rule(tmp_path: Path, name: str) -> None:
    """An entry that breaks a rule leaves no trace of itself, of no action of it.

    It is history and no damage: verify counts it and is content.
    """
    forge = _forge(tmp_path, BROKEN[name])
    with untouched(forge.root):
        registry = bounded(lambda: Registry(forge.root))
        versions = bounded(lambda: registry.versions("fraud", withdrawn=True))
    assert registry.models() == ["fraud"]
    assert [v.ref for v in versions] == ["fraud@1.0.0", "fraud@1.1.0"]
    for version in versions:
        said = version.to_dict()
        assert (said["tags"], said["status"], said["aliases"]) == ({}, None, [])
        assert (said["withdrawn"], said["notes"]) == (None, [])
    assert registry.aliases("fraud") == {}
    assert registry.alias_history("fraud", "p") == []
    (void,) = [commit for commit in registry.log() if commit.void]
    assert void.seq == 2
    assert str(void).isprintable(), "it can be shown as it is"
    report = registry.verify()
    assert (report.ok, report.voids) == (True, 1)


@pytest.mark.parametrize("name", LATER)
def test_of_a_later_release(tmp_path: Path, name: str) -> None:
    """What must not be skipped stops a reader, who is told to upgrade."""
    forge = _forge(tmp_path, LATER[name])
    for ask in (
        lambda: refused(lambda: Registry(forge.root).models()),
        lambda: refused(lambda: Registry(forge.root).promote("fraud", "p")),
        lambda: refused(lambda: Registry(forge.root).verify()),
    ):
        with untouched(forge.root):
            error = bounded(ask)
        assert isinstance(error, UpgradeRequiredError)
        assert "pgrade" in error.hints[0]


@pytest.mark.parametrize("name", MISPLACED)
def test_misplaced(tmp_path: Path, name: str) -> None:
    """A sound entry of another place stops a reader; what is before it can be read."""
    forge = _forge(tmp_path, MISPLACED[name])
    registry = Registry(forge.root)
    with untouched(forge.root):
        error = bounded(lambda: refused(registry.models))
    assert isinstance(error, IntegrityError)
    assert error.kind is ErrorKind.CHAIN_BROKEN
    assert error.key == f"log/{2:020d}.json"
    assert registry.at(1).get("fraud").read("w.bin") == b"weights"
    report = Registry(forge.root).verify()
    assert ErrorKind.CHAIN_BROKEN in [p.kind for p in report.problems]
    assert str(report).replace("\n", "").isprintable()


def test_two_entries_under_one_key(tmp_path: Path) -> None:
    """An entry with another before it is damaged: its check is not of what it says."""
    forge = _forge(tmp_path, lambda forge: forge.entry() * 2)
    error = refused(lambda: Registry(forge.root).models())
    assert isinstance(error, IntegrityError)
    assert error.kind is ErrorKind.ENTRY_DAMAGED


def test_a_feature_to_write(tmp_path: Path) -> None:
    """A feature that writers must know stops writers, and readers read on."""
    forge = _forge(tmp_path, with_actions({"type": "feature", "write": [ESCAPE]}))
    registry = Registry(forge.root)
    assert registry.resolve("fraud@latest") == "fraud@1.1.0"
    with untouched(forge.root):
        error = refused(lambda: registry.promote("fraud", "production"))
    assert isinstance(error, UpgradeRequiredError)


def test_what_may_be_skipped(tmp_path: Path) -> None:
    """In an entry that is not critical, unknown actions do nothing; known ones do."""
    forge = _forge(
        tmp_path,
        with_actions(
            {"type": "teleport", "name": ["x"]},
            act("tag", set={"a": "b"}),
            critical=False,
        ),
    )
    registry = Registry(forge.root)
    assert registry.get("fraud@1.0.0").tags == {"a": "b"}
    assert [c.void for c in registry.log()] == [None, None, None]
    assert registry.verify()


@pytest.mark.parametrize("length", [MIB - 1, MIB])
def test_as_long_as_may_be(tmp_path: Path, length: int) -> None:
    """An entry of exactly one MiB is one."""
    forge = _forge(tmp_path, lambda forge: padded(forge, length))
    notes = bounded(lambda: Registry(forge.root).get("fraud@1.0.0").notes)
    assert len(notes) == 1


@pytest.mark.large
def test_1000_actions(tmp_path: Path) -> None:
    """1,000 actions are an entry, in time and memory that go with their bytes."""
    forge = Forge(tmp_path / "r")
    forge.register(metrics={f"m{n}": n for n in range(50_000)})
    forge.commit(*[act("metrics", metrics={"a": n}) for n in range(1000)])
    version = bounded(lambda: Registry(forge.root).get("fraud"), 2)
    assert version.metrics["a"] == 999
    for kind, fields in (("note", {"text": ""}), ("alias", {"alias": "p"})):
        forge.commit(*[act(kind, **fields)] * 1000)
    forge.commit(act("tag", unset=[f"t{n}" for n in range(100_000)]))
    moves = bounded(lambda: Registry(forge.root).alias_history("fraud", "p"), 3)
    assert len(moves) == 1000


@pytest.mark.large
def test_a_whole_log_of_junk(tmp_path: Path) -> None:
    """Thousands of entries that mean nothing are passed over."""
    forge = Forge(tmp_path / "r")
    forge.register()
    for number in range(2000):
        forge.raw(b"junk %d" % number)
    forge.register(version="1.1.0")
    with warnings.catch_warnings(), quick(2), small():
        warnings.simplefilter("ignore", DamageWarning)
        registry = Registry(forge.root)
        assert registry.resolve("fraud") == "fraud@1.1.0"
        assert len(registry.log(void=False)) == 2


@pytest.mark.parametrize("kind", ["folder", "link", "loop", "fifo", "zero", "dangling"])
def test_no_file_at_all(tmp_path: Path, kind: str) -> None:
    """What lies under an entry's key and is no file is an error, and hangs nobody."""
    forge = Forge(tmp_path / "r")
    forge.register()
    path = forge.root / f"log/{2:020d}.json"
    _lay(path, kind, tmp_path)
    registry = Registry(forge.root)
    with warnings.catch_warnings(), quick(), small():
        warnings.simplefilter("ignore", DamageWarning)
        if kind == "dangling":
            assert registry.seq == 1
        elif kind == "link":  # to bytes that are no entry
            assert registry.seq == 2
            assert [v.ref for v in registry.versions("fraud")] == ["fraud@1.0.0"]
        else:
            error = refused(registry.models)
            assert "log/" in error.message


def _lay(path: Path, kind: str, tmp_path: Path) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        secret = tmp_path / "secret"
        secret.write_bytes(b"secret")
        targets = {"link": secret, "loop": path, "zero": Path("/dev/zero")}
        path.symlink_to(targets.get(kind, tmp_path / "nothing"))

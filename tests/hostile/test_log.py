"""Hostile log entries: void, refused, or without harm; quick, small, never half."""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import (
    DamageWarning,
    ErrorKind,
    IntegrityError,
    Registry,
    UpgradeRequiredError,
)
from tests.hostile.forge import Forge, dumps, sealed
from tests.hostile.nonsense import BIDI, ESCAPE
from tests.hostile.watching import bounded, quick, refused, small, untouched

Write = Callable[[Forge], bytes]
MIB: Final = 2**20
FIELDS: Final = ("format", "seq", "prev", "txid", "time", "actor", "tool", "actions")
ESCAPED_QUOTES: Final = b"[" * 33 + b'"' + b'\\"' * 500_000


def _replaced(old: bytes, new: bytes) -> Write:
    """Return an entry whose text is changed before it is sealed."""

    def write(forge: Forge) -> bytes:
        body = forge.entry({"type": "feature"}, actor="X", message="M")[:-80] + b"}"
        assert old in body
        return sealed(body.replace(old, new))

    return write


def _with(*actions: Any, **fields: Any) -> Write:
    return lambda forge: forge.entry(*actions, **fields)


def _without(field: str) -> Write:
    def write(forge: Forge) -> bytes:
        document = json.loads(forge.entry({"type": "feature"}))
        del document[field], document["check"]
        return sealed(document)

    return write


def _act(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "name": "fraud", "version": "1.0.0", **fields}


def _registered(forge: Forge, **fields: Any) -> dict[str, Any]:
    made = {"type": "register", "name": "fraud", "version": "2.0.0", "record": {}}
    return {**made, **forge.bundle(), **fields}


def _register(**fields: Any) -> Write:
    return lambda forge: forge.entry(_registered(forge, **fields))


def _tagged_then(action: dict[str, Any]) -> Write:
    return _with(_act("tag", set={"trace": "of the first"}), action)


def _parent(**fields: Any) -> Write:
    def write(forge: Forge) -> bytes:
        parent = {"name": "fraud", "version": "1.0.0", "bundle": "b3:" + "0" * 64}
        record = {"parents": [{**parent, **fields}]}
        return forge.entry(_registered(forge, record=record))

    return write


# Bytes that are no entry: nobody can say what they were to mean.
JUNK: Final[dict[str, Write]] = {
    "empty": lambda _: b"",
    "one-byte": lambda _: b"\0",
    "half": lambda forge: forge.entry()[:50],
    "no-seal": lambda forge: forge.entry()[:-80] + b"}\n",
    "no-newline": lambda forge: forge.entry()[:-1],
    "100MB": lambda _: b"x" * 100_000_000,
    "too-long": lambda forge: forge.entry(_act("note", text="x" * MIB)),
    "too-long-by-one": lambda forge: _padded(forge, MIB + 1),
    "brackets": lambda _: b"[" * 100_000,
    "brackets-in-a-seal": lambda _: sealed(b'{"format":1,"actions":' + b"[" * 100_000),
    "objects-in-a-seal": lambda _: sealed(b'{"a":' * 100_000 + b"{"),
    "quotes": lambda _: ESCAPED_QUOTES,
    "quotes-in-a-seal": lambda _: sealed(b'{"a":' + ESCAPED_QUOTES),
    "backslashes": lambda _: b"{" * 33 + b'"' + b"\\" * 1_000_001,
    "many-arrays": lambda _: sealed(b'{"a":[' + b"[]," * 340_000 + b"[]]}"),
    "many-objects": lambda _: sealed(b'{"a":[' + b"{}," * 340_000 + b"{}]}"),
    "many-keys": lambda _: sealed(dumps({f"{n:x}": 0 for n in range(100_000)})),
    "utf-16": lambda forge: forge.entry().decode().encode("utf-16"),
    "utf-16-in-a-seal": lambda _: sealed('{"format":1}'.encode("utf-16")),
    "byte-order-mark": lambda _: sealed(b"\xef\xbb\xbf" + b'{"format":1}'),
    "latin-1": _replaced(b'"X"', b'"\xe9"'),
    "overlong": _replaced(b'"X"', b'"\xc0\xaf"'),
    "lone-surrogate": _replaced(b'"X"', rb'"\ud800"'),
    "lone-surrogate-bytes": _replaced(b'"X"', b'"\xed\xa0\x80"'),
    "control-character": _replaced(b'"X"', b'"\x01"'),
    "a-key-twice": _replaced(b'"actor":"X"', b'"actor":"X","actor":"Y"'),
    "type-twice": _replaced(b'"type":"feature"', b'"type":"feature","type":"note"'),
    "nan": _replaced(b'"M"', b"NaN"),
    "infinite": _replaced(b'"M"', b"-Infinity"),
    "beyond-a-float": _replaced(b'"format":1', b'"format":1,"x":1e999'),
    "digits": _replaced(b'"format":1', b'"format":1,"x":' + b"1" * 4300),
    "many-digits": _replaced(b'"format":1', b'"format":1,"x":' + b"1" * 500_000),
    "beyond-2^53": _replaced(b'"format":1', b'"format":1,"x":9007199254740993'),
    "depth-33": _replaced(b'"M"', b"[" * 32 + b"]" * 32),
    "comment": _replaced(b'"M"', b'"M"/**/'),
    "trailing-comma": _replaced(b'"M"', b'"M",'),
    "array": lambda _: sealed(b"[1}"),
    "text": lambda _: sealed(b'"format"'),
    "nothing-in-a-seal": lambda _: sealed(b"{"),
    "format-0": _with(format=0),
    "format-text": _with(format="1"),
    "format-float": _with(format=1.0),
    "format-true": _with(format=True),
    "format-null": _with(format=None),
    **{f"without-{name}": _without(name) for name in FIELDS},
    "seq-text": _with(seq="2"),
    "seq-true": _with(seq=True),
    "seq-float": _with(seq=2.0),
    "prev-null": _with(prev=None),
    "actor-number": _with(actor=5),
    "message-list": _with(message=["a"]),
    "critical-text": _with(critical="false"),
    "critical-null": _with(critical=None),
    "actions-object": _with(actions={}),
    "actions-null": _with(actions=None),
    "action-text": _with("feature"),
    "action-null": _with(None),
    "action-list": _with([]),
    "action-lacks-a-field": _with(_act("note")),
    "action-of-another-type": _with(_act("note", text=5)),
    "action-name-list": _with(_act("note", text="", name=["fraud"])),
    "action-name-null": _with(_act("note", text="", name=None)),
    "tags-of-numbers": _with(_act("tag", set={"a": 1})),
    "tags-a-list": _with(_act("tag", set=["a"])),
    "unset-text": _with(_act("tag", unset="abc")),
    "metrics-of-text": _with(_act("metrics", metrics={"a": "1"})),
    "metrics-of-booleans": _with(_act("metrics", metrics={"a": True})),
    "slices-flat": _with(_act("metrics", slices={"a": 1})),
    "expect-text": _with(_act("alias", alias="p", expect="1.0.0")),
    "expect-empty": _with(_act("alias", alias="p", expect={})),
    "record-null": _register(record=None),
    "record-params-list": _register(record={"params": []}),
    "record-size-text": _register(record={"size": "7"}),
    "record-parents-object": _register(record={"parents": {}}),
    "record-inputs-of-text": _register(record={"inputs": ["a"]}),
    "feature-text": _with({"type": "feature", "read": "abc"}),
    "1001-actions": _with(*[{"type": "feature"}] * 1001),
}

# Entries that break a rule, the second of two actions each time.
BROKEN: Final[dict[str, Write]] = {
    "no-model": _tagged_then(_act("note", name="missing", text="")),
    "no-version": _tagged_then(_act("note", version="9.9.9", text="")),
    "not-the-number": _tagged_then(_act("note", version="1.0.0+build", text="")),
    "v": _tagged_then(_act("note", version="v1.0.0", text="")),
    "name-escape": _tagged_then(_act("note", name=ESCAPE, text="")),
    "version-escape": _tagged_then(_act("note", version=ESCAPE, text="")),
    "name-traversal": _register(name="../../x"),
    "name-capital": _register(name="Fraud"),
    "name-newline": _register(name="fraud\n"),
    "name-device": _register(name="con"),
    "name-number": _register(name="1.2.3"),
    "name-empty": _register(name=""),
    "name-long": _register(name="a" * 500_000),
    "number-v": _register(version="v2.0.0"),
    "number-newline": _register(version="2.0.0\n"),
    "number-arabic": _register(version="٢.0.0"),
    "number-short": _register(version="2.0"),
    "number-leading-zero": _register(version="02.0.0"),
    "number-long": _register(version="2.0.0-" + "a" * 500_000),
    "number-taken": _register(version="1.0.0"),
    "number-taken-by-another-build": _register(version="1.0.0+other"),
    "bundle-short": _register(bundle="b3:00"),
    "bundle-upper": _register(bundle="b3:" + "A" * 64),
    "bundle-of-another-digest": _register(bundle="sha256:" + "0" * 64),
    "bundle-newline": _register(bundle="b3:" + "0" * 64 + "\n"),
    "bundle-traversal": _register(bundle="b3:../../../../etc/passwd"),
    "manifest-traversal": _register(manifest="b3:../../../../etc/passwd"),
    "parent-missing": _parent(version="0.0.1"),
    "parent-of-another-bundle": _parent(),
    "parent-itself": _parent(version="2.0.0"),
    "alias-latest": _tagged_then(_act("alias", alias="latest")),
    "alias-number": _tagged_then(_act("alias", alias="v1")),
    "alias-traversal": _tagged_then(_act("alias", alias="../x")),
    "alias-escape": _tagged_then(_act("alias", alias=ESCAPE)),
    "alias-elsewhere": _tagged_then(
        _act("alias", alias="p", expect={"version": "1.1.0"})
    ),
    "alias-clear-nothing": _tagged_then(_act("alias", alias="p", version=None)),
    "status-undeclared": _tagged_then(_act("status", status="famous")),
    "status-escape": _tagged_then(_act("status", status=ESCAPE)),
    "restore-nothing": _tagged_then(_act("restore")),
    "withdraw-twice": _with(_act("withdraw", reason="a"), _act("withdraw", reason="b")),
    "withdraw-held": _with(_act("alias", alias="p"), _act("withdraw", reason="a")),
    "alias-of-withdrawn": _with(_act("withdraw", reason="a"), _act("alias", alias="p")),
    "register-then-broken": lambda forge: forge.entry(
        _registered(forge), _act("status", status="famous")
    ),
    "new-model-then-broken": lambda forge: forge.entry(
        _registered(forge, name="ghost"), _act("status", status="famous")
    ),
}

# Entries whose writer knew more than this release.
LATER: Final[dict[str, Write]] = {
    "action": _with({"type": "teleport", "name": "fraud"}),
    "action-of-no-type": _with({"name": "fraud"}),
    "action-type-number": _with({"type": 5}),
    "action-type-list": _with({"type": ["note"]}),
    "action-type-escape": _with({"type": ESCAPE}),
    "action-type-long": _with({"type": "x" * 500_000}),
    "format-2": _with(format=2),
    "format-2^53": _with(format=2**53),
    "feature": _with({"type": "feature", "read": ["teleport"]}),
    "feature-escape": _with({"type": "feature", "read": [ESCAPE, BIDI]}),
    "features-many": _with(
        {"type": "feature", "read": [f"f{n}" for n in range(50_000)]}
    ),
}

# Sound by themselves, and not where they belong.
MISPLACED: Final[dict[str, Write]] = {
    "seq-1": _with(seq=1),
    "seq-3": _with(seq=3),
    "seq-0": _with(seq=0),
    "seq-minus": _with(seq=-2),
    "seq-2^53": _with(seq=2**53),
    "prev-empty": _with(prev=""),
    "prev-escape": _with(prev=ESCAPE),
    "prev-long": _with(prev="b3:" + "0" * 500_000),
    "prev-other": _with(prev="b3:" + "0" * 64),
    "prev-other-digest": lambda forge: forge.entry(
        prev="sha256:" + forge.head.partition(":")[2]
    ),
}


def _padded(forge: Forge, length: int) -> bytes:
    """Return a sound entry of exactly *length* bytes."""
    short = len(forge.entry(_act("note", text="")))
    return forge.entry(_act("note", text="x" * (length - short)))


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
    for act in (
        lambda: refused(lambda: Registry(forge.root).models()),
        lambda: refused(lambda: Registry(forge.root).promote("fraud", "p")),
        lambda: refused(lambda: Registry(forge.root).verify()),
    ):
        with untouched(forge.root):
            error = bounded(act)
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
    forge = _forge(tmp_path, _with({"type": "feature", "write": [ESCAPE]}))
    registry = Registry(forge.root)
    assert registry.resolve("fraud@latest") == "fraud@1.1.0"
    with untouched(forge.root):
        error = refused(lambda: registry.promote("fraud", "production"))
    assert isinstance(error, UpgradeRequiredError)


def test_what_may_be_skipped(tmp_path: Path) -> None:
    """In an entry that is not critical, unknown actions do nothing; known ones do."""
    forge = _forge(
        tmp_path,
        _with(
            {"type": "teleport", "name": ["x"]},
            _act("tag", set={"a": "b"}),
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
    forge = _forge(tmp_path, lambda forge: _padded(forge, length))
    notes = bounded(lambda: Registry(forge.root).get("fraud@1.0.0").notes)
    assert len(notes) == 1


def test_1000_actions(tmp_path: Path) -> None:
    """1,000 actions are an entry, in time and memory that go with their bytes."""
    forge = Forge(tmp_path / "r")
    forge.register(metrics={f"m{n}": n for n in range(50_000)})
    forge.commit(*[_act("metrics", metrics={"a": n}) for n in range(1000)])
    version = bounded(lambda: Registry(forge.root).get("fraud"), 2)
    assert version.metrics["a"] == 999
    for kind, fields in (("note", {"text": ""}), ("alias", {"alias": "p"})):
        forge.commit(*[_act(kind, **fields)] * 1000)
    forge.commit(_act("tag", unset=[f"t{n}" for n in range(100_000)]))
    moves = bounded(lambda: Registry(forge.root).alias_history("fraud", "p"), 3)
    assert len(moves) == 1000


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

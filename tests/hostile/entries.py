"""Hostile log entries, by what a reader is to make of them."""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.hostile.forge import Forge, dumps, sealed
from tests.hostile.nonsense import BIDI, ESCAPE

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


def with_actions(*actions: Any, **fields: Any) -> Write:
    """Return what writes an entry of these actions; *fields* replace its own."""
    return lambda forge: forge.entry(*actions, **fields)


def _without(field: str) -> Write:
    def write(forge: Forge) -> bytes:
        document = json.loads(forge.entry({"type": "feature"}))
        del document[field], document["check"]
        return sealed(document)

    return write


def act(kind: str, **fields: Any) -> dict[str, Any]:
    """Return an action on the version that is there."""
    return {"type": kind, "name": "fraud", "version": "1.0.0", **fields}


def _registered(forge: Forge, **fields: Any) -> dict[str, Any]:
    made = {"type": "register", "name": "fraud", "version": "2.0.0", "record": {}}
    return {**made, **forge.bundle(), **fields}


def _register(**fields: Any) -> Write:
    return lambda forge: forge.entry(_registered(forge, **fields))


def _tagged_then(action: dict[str, Any]) -> Write:
    return with_actions(act("tag", set={"trace": "of the first"}), action)


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
    "too-long": lambda forge: forge.entry(act("note", text="x" * MIB)),
    "too-long-by-one": lambda forge: padded(forge, MIB + 1),
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
    "format-0": with_actions(format=0),
    "format-text": with_actions(format="1"),
    "format-float": with_actions(format=1.0),
    "format-true": with_actions(format=True),
    "format-null": with_actions(format=None),
    **{f"without-{name}": _without(name) for name in FIELDS},
    "seq-text": with_actions(seq="2"),
    "seq-true": with_actions(seq=True),
    "seq-float": with_actions(seq=2.0),
    "prev-null": with_actions(prev=None),
    "actor-number": with_actions(actor=5),
    "message-list": with_actions(message=["a"]),
    "critical-text": with_actions(critical="false"),
    "critical-null": with_actions(critical=None),
    "actions-object": with_actions(actions={}),
    "actions-null": with_actions(actions=None),
    "action-text": with_actions("feature"),
    "action-null": with_actions(None),
    "action-list": with_actions([]),
    "action-lacks-a-field": with_actions(act("note")),
    "action-of-another-type": with_actions(act("note", text=5)),
    "action-name-list": with_actions(act("note", text="", name=["fraud"])),
    "action-name-null": with_actions(act("note", text="", name=None)),
    "tags-of-numbers": with_actions(act("tag", set={"a": 1})),
    "tags-a-list": with_actions(act("tag", set=["a"])),
    "unset-text": with_actions(act("tag", unset="abc")),
    "metrics-of-text": with_actions(act("metrics", metrics={"a": "1"})),
    "metrics-of-booleans": with_actions(act("metrics", metrics={"a": True})),
    "slices-flat": with_actions(act("metrics", slices={"a": 1})),
    "expect-text": with_actions(act("alias", alias="p", expect="1.0.0")),
    "expect-empty": with_actions(act("alias", alias="p", expect={})),
    "record-null": _register(record=None),
    "record-params-list": _register(record={"params": []}),
    "record-size-text": _register(record={"size": "7"}),
    "record-parents-object": _register(record={"parents": {}}),
    "record-inputs-of-text": _register(record={"inputs": ["a"]}),
    "feature-text": with_actions({"type": "feature", "read": "abc"}),
    "1001-actions": with_actions(*[{"type": "feature"}] * 1001),
}

# Entries that break a rule, the second of two actions each time.
BROKEN: Final[dict[str, Write]] = {
    "no-model": _tagged_then(act("note", name="missing", text="")),
    "no-version": _tagged_then(act("note", version="9.9.9", text="")),
    "not-the-number": _tagged_then(act("note", version="1.0.0+build", text="")),
    "v": _tagged_then(act("note", version="v1.0.0", text="")),
    "name-escape": _tagged_then(act("note", name=ESCAPE, text="")),
    "version-escape": _tagged_then(act("note", version=ESCAPE, text="")),
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
    "alias-latest": _tagged_then(act("alias", alias="latest")),
    "alias-number": _tagged_then(act("alias", alias="v1")),
    "alias-traversal": _tagged_then(act("alias", alias="../x")),
    "alias-escape": _tagged_then(act("alias", alias=ESCAPE)),
    "alias-elsewhere": _tagged_then(
        act("alias", alias="p", expect={"version": "1.1.0"})
    ),
    "alias-clear-nothing": _tagged_then(act("alias", alias="p", version=None)),
    "status-undeclared": _tagged_then(act("status", status="famous")),
    "status-escape": _tagged_then(act("status", status=ESCAPE)),
    "restore-nothing": _tagged_then(act("restore")),
    "withdraw-twice": with_actions(
        act("withdraw", reason="a"), act("withdraw", reason="b")
    ),
    "withdraw-held": with_actions(act("alias", alias="p"), act("withdraw", reason="a")),
    "alias-of-withdrawn": with_actions(
        act("withdraw", reason="a"), act("alias", alias="p")
    ),
    "register-then-broken": lambda forge: forge.entry(
        _registered(forge), act("status", status="famous")
    ),
    "new-model-then-broken": lambda forge: forge.entry(
        _registered(forge, name="ghost"), act("status", status="famous")
    ),
}

# Entries whose writer knew more than this release.
LATER: Final[dict[str, Write]] = {
    "action": with_actions({"type": "teleport", "name": "fraud"}),
    "action-of-no-type": with_actions({"name": "fraud"}),
    "action-type-number": with_actions({"type": 5}),
    "action-type-list": with_actions({"type": ["note"]}),
    "action-type-escape": with_actions({"type": ESCAPE}),
    "action-type-long": with_actions({"type": "x" * 500_000}),
    "format-2": with_actions(format=2),
    "format-2^53": with_actions(format=2**53),
    "feature": with_actions({"type": "feature", "read": ["teleport"]}),
    "feature-escape": with_actions({"type": "feature", "read": [ESCAPE, BIDI]}),
    "features-many": with_actions(
        {"type": "feature", "read": [f"f{n}" for n in range(50_000)]}
    ),
}

# Sound by themselves, and not where they belong.
MISPLACED: Final[dict[str, Write]] = {
    "seq-1": with_actions(seq=1),
    "seq-3": with_actions(seq=3),
    "seq-0": with_actions(seq=0),
    "seq-minus": with_actions(seq=-2),
    "seq-2^53": with_actions(seq=2**53),
    "prev-empty": with_actions(prev=""),
    "prev-escape": with_actions(prev=ESCAPE),
    "prev-long": with_actions(prev="b3:" + "0" * 500_000),
    "prev-other": with_actions(prev="b3:" + "0" * 64),
    "prev-other-digest": lambda forge: forge.entry(
        prev="sha256:" + forge.head.partition(":")[2]
    ),
}


def padded(forge: Forge, length: int) -> bytes:
    """Return a sound entry of exactly *length* bytes."""
    short = len(forge.entry(act("note", text="")))
    return forge.entry(act("note", text="x" * (length - short)))

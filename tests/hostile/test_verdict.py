"""Entries changed at random and sealed again: two readers come to one verdict.

The other one is ``verdict.py``. Where they differ, one of them does not do what the
format's page says, or the page does not say it.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st

from modelver._values.codec import entry_from_bytes
from modelver.errors import FormatError, IntegrityError, UpgradeRequiredError
from tests.hostile.forge import DIGEST, TIME, digest, dumps, sealed
from tests.hostile.verdict import verdict

PREV: Final = digest("b3", b"")
PARENT: Final = {"name": "m", "version": "1.0.0", "bundle": DIGEST}
RECORD: Final = {
    "params": {"a": [1, 0.5, None, {"b": True}]},
    "metrics": {"auc": 0.5, "n": 3},
    "slices": {"s": {"auc": 1}},
    "tags": {"a": "b"},
    "description": "d",
    "parents": [PARENT],
    "inputs": [{"name": "i", "digest": DIGEST, "size": 1, "kind": "file"}],
    "code": {"commit": "c", "system": "git"},
    "files": 1,
    "size": 2,
    "structure": None,
    "bump": "first",
    "bump_reason": None,
    "run": {"host": "h"},
}
VERSION: Final = {"name": "m", "version": "1.0.0"}
ACTIONS: Final = (
    {"type": "register", **VERSION, "bundle": DIGEST, "manifest": DIGEST}
    | {"record": RECORD},
    {"type": "alias", **VERSION, "alias": "p", "kind": "promote", "reason": None}
    | {"expect": {"version": None}},
    {"type": "status", **VERSION, "status": "approved", "reason": "r"},
    {"type": "tag", **VERSION, "set": {"a": "b"}, "unset": ["c"]},
    {"type": "note", **VERSION, "text": "t"},
    {"type": "metrics", **VERSION, "metrics": {"a": 1}, "slices": {"s": {"a": 0.5}}}
    | {"dataset": "d", "when": TIME},
    {"type": "withdraw", **VERSION, "reason": "r"},
    {"type": "restore", **VERSION, "reason": None},
    {"type": "feature", "read": ["a"], "write": []},
)
ENTRY: Final = {
    "format": 1,
    "seq": 7,
    "prev": PREV,
    "txid": "0" * 32,
    "time": TIME,
    "actor": "a",
    "tool": "t",
    "message": None,
    "critical": True,
    "actions": ACTIONS,
}
VALUES: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [
        *(None, True, False, 0, 1, 2, -1, 2**53, 2**53 + 1, 1.0, 0.5, 1e300, "", "1"),
        *("note", [], [None], [1], ["a"], [[]], [{}], {}, {"a": None}, {"a": 1}, "m"),
        *({"a": "b"}, {"a": {}}, {"a": {"b": 1}}, {"a": {"b": True}}, PREV, DIGEST),
        *({"version": "1.0.0"}, {"type": "note"}, [{"type": "later"}], {"type": None}),
    ]
).map(copy.deepcopy)


def ours(raw: bytes) -> str:
    """Return modelver's verdict on entry 7."""
    try:
        entry = entry_from_bytes(raw, "b3")
    except UpgradeRequiredError:
        return "upgrade"
    except FormatError:
        return "void"
    except IntegrityError:
        return "damage"
    return "commit" if (entry.seq, entry.prev) == (7, PREV) else "damage"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (container, key) of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """Return the entry above with one to three values replaced, gone or new."""
    document: dict[str, Any] = json.loads(json.dumps(ENTRY))
    document["actions"] = draw(
        st.lists(st.sampled_from(document["actions"]).map(copy.deepcopy), max_size=3)
    )
    for _ in range(draw(st.integers(1, 3))):
        where, key = draw(st.sampled_from(list(_places(document))))
        kind = draw(st.sampled_from(["replace", "delete", "add"]))
        if kind == "replace":
            where[key] = draw(VALUES)
        elif kind == "delete":
            where.pop(key)
        elif isinstance(where, dict):
            where[draw(st.sampled_from(["new", "type", "kind", "set"]))] = draw(VALUES)
        else:
            where.insert(key, draw(VALUES))
    return document


def test_unchanged() -> None:
    """The entry that is changed below is one, to both."""
    raw = sealed(ENTRY)
    assert ours(raw) == verdict(raw, 7, PREV) == "commit"


@given(changed())
@settings(max_examples=500)
def test_fields(document: dict[str, Any]) -> None:
    """Values of other types, missing and unknown fields: one verdict."""
    raw = sealed(document)
    assert ours(raw) == verdict(raw, 7, PREV)


def test_each_field_of_each_type() -> None:
    """Every field of the entry and of its actions takes what the tables say.

    None is passed over because another one was wrong before it.
    """
    values = [None, True, 0, 0.5, "a", [], ["a"], [1], {}, {"a": 1}, {"a": "b"}]
    verdicts = set()
    count = 0
    for number in range(len(list(_places(json.loads(json.dumps(ENTRY)))))):
        for value in [*values, ...]:
            document = json.loads(json.dumps(ENTRY))
            where, key = list(_places(document))[number]
            if value is ...:
                where.pop(key)
            else:
                where[key] = value
            raw = sealed(document)
            assert ours(raw) == verdict(raw, 7, PREV), (key, value)
            verdicts.add(ours(raw))
            count += 1
    assert verdicts == {"commit", "void", "damage", "upgrade"}
    assert count > 1000


JSON: Final = [
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"1e-999",
        b"-0",
        b"-0.0",
    ),
    *(b"9007199254740992", b"9007199254740993", b"-9007199254740993", b"9" * 30),
    *(b"1E400", b"0.1e1", b"01", b"+1", b"1.", b".5", b"0x1", b"1_000", b"9" * 5000),
    *(b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\\udc00\\ud800"', b'"\x01"'),
    *(b'"\xff"', b'"\xc3\xa9"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b"'a'"),
    *(
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b"{}",
        b"[1,]",
        b"[1 2]",
        b"true",
        b"True",
    ),
    *(b"[" * 29 + b"]" * 29, b"[" * 31 + b"]" * 31, b"[" * 32 + b"]" * 32),
    *(b"[" * 33 + b"]" * 33, b'{"a":' * 31 + b"1" + b"}" * 31, b"\xef\xbb\xbf1", b""),
    *(
        b'"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["',
        b'"\\""',
        b'"\\\\"',
        b" 1 ",
        b"\t1\n",
    ),
    *(b"9007199254740993.0", b"90071992547409930e-1", b'"' + b"\\" * 1001 + b'"'),
]


@pytest.mark.parametrize("value", JSON, ids=map(str, range(len(JSON))))
@pytest.mark.parametrize("place", ["unknown", "params"])
def test_json(value: bytes, place: str) -> None:
    """What is JSON here is JSON there, wherever in a document it stands."""
    body = dumps(ENTRY)
    old, new = b'"format":1', b'"format":1,"unknown":%b'
    if place == "params":
        old, new = b'"params":{', b'"params":{"x":%b,'
    raw = sealed(body.replace(old, new % value))
    assert ours(raw) == verdict(raw, 7, PREV)


@given(data=st.data())
@settings(max_examples=300)
def test_bytes(data: st.DataObject) -> None:
    """Bytes changed at random, under the old seal, under a new one and under none."""
    raw = bytearray(sealed(ENTRY))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        kind = data.draw(st.sampled_from(["change", "cut", "insert"]))
        new = data.draw(st.sampled_from([b'"', b"\\", b"{", b"]", b",", b"0", b"\n"]))
        if kind == "change":
            raw[at : at + 1] = new
        elif kind == "insert":
            raw[at:at] = new
        else:
            del raw[at:]
            break
    for made in (bytes(raw), sealed(bytes(raw[:-80]) + b"}"), bytes(raw[:-80]) + b"}"):
        assert ours(made) == verdict(made, 7, PREV)

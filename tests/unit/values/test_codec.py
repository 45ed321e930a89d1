"""Entries and registry.json to bytes and back: seals, types, limits."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver._values.codec import (
    entry_from_bytes,
    entry_to_bytes,
    registry_from_bytes,
    registry_to_bytes,
)
from modelver._values.digests import digest_of
from modelver._values.entry import (
    MAX_ACTIONS,
    MAX_ENTRY,
    Action,
    Entry,
    Expect,
    Feature,
    Metrics,
    Note,
    Parent,
    Record,
    Register,
    Restore,
    SetAlias,
    SetStatus,
    Tag,
    Unknown,
    Withdraw,
)
from modelver._values.jsonstrict import dumps
from modelver._values.manifest import Code, Input
from modelver._values.state import DEFAULT_STATUSES, RegistryInfo
from modelver.errors import (
    ErrorKind,
    FormatError,
    IntegrityError,
    InvalidInputError,
    UpgradeRequiredError,
)

DIGEST = "b3:" + "0" * 64
ALGORITHMS = ["b3", "sha256"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
maybe = st.none() | texts
floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.dictionaries(texts, floats, max_size=3)
slices = st.dictionaries(texts, numbers, max_size=2)
labels = st.dictionaries(texts, texts, max_size=3)
several = st.lists(texts, max_size=3).map(tuple)
plain = st.dictionaries(texts, texts | floats | st.none() | st.lists(floats))
counts = st.integers(0, 2**53)
records = st.builds(
    Record,
    params=plain,
    metrics=numbers,
    slices=slices,
    tags=labels,
    description=maybe,
    parents=st.lists(
        st.builds(Parent, name=texts, version=texts, bundle=texts), max_size=2
    ).map(tuple),
    inputs=st.lists(
        st.builds(Input, name=texts, digest=texts, size=counts, kind=texts), max_size=2
    ).map(tuple),
    code=st.none() | st.builds(Code, commit=texts, system=texts),
    files=counts,
    size=counts,
    structure=maybe,
    bump=texts,
    bump_reason=maybe,
    run=plain,
)
named = {"name": texts, "version": texts}
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Register, **named, bundle=texts, manifest=texts, record=records),
    st.builds(
        SetAlias,
        name=texts,
        alias=texts,
        version=maybe,
        kind=texts,
        expect=st.none() | st.builds(Expect, version=maybe),
        reason=maybe,
    ),
    st.builds(SetStatus, **named, status=maybe, reason=maybe),
    st.builds(Tag, **named, set=labels, unset=several),
    st.builds(Note, **named, text=texts),
    st.builds(Metrics, **named, metrics=numbers, slices=slices, dataset=maybe),
    st.builds(Withdraw, **named, reason=texts),
    st.builds(Restore, **named, reason=maybe),
    st.builds(Feature, read=several, write=several),
)
entries = st.builds(
    Entry,
    format=st.just(1),
    seq=st.integers(1, 2**53),
    prev=texts,
    txid=texts,
    time=texts,
    actor=texts,
    tool=texts,
    message=maybe,
    critical=st.booleans(),
    actions=st.lists(actions, max_size=4).map(tuple),
)

ENTRY = Entry(
    format=1, seq=1, prev=DIGEST, txid="0" * 32, time="", actor="", tool="", actions=()
)
DOCUMENT: dict[str, Any] = {
    "format": 1,
    "seq": 1,
    "prev": DIGEST,
    "txid": "0" * 32,
    "time": "",
    "actor": "",
    "tool": "",
    "actions": [],
}
INFO = RegistryInfo(format=1, uuid="0" * 32, digest="b3")
VERSION = {"name": "m", "version": "1.0.0"}
REGISTER = {**VERSION, "type": "register", "bundle": DIGEST, "manifest": DIGEST}


def _sealed(document: Any, algorithm: str = "b3") -> bytes:
    body = document if isinstance(document, bytes) else dumps(document)[:-1]
    return body + b',"check":"' + digest_of(algorithm, body).encode() + b'"}\n'


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(entry=entries)
def test_an_entry_comes_back(algorithm: str, entry: Entry) -> None:
    """Every entry that can be made is read as what it was, from one line."""
    raw = entry_to_bytes(entry, algorithm)
    assert entry_from_bytes(raw, algorithm) == entry
    assert raw.endswith(b"}\n")
    assert raw.count(b"\n") == 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_registry_json_comes_back(algorithm: str) -> None:
    """With everything that it pins; its digest is found in itself."""
    info = RegistryInfo(
        format=1,
        uuid="0123456789abcdef" * 2,
        digest=algorithm,
        read=("a",),
        write=("b",),
        statuses=("good", "bad"),
        protected_aliases=("production",),
        created="2026",
        tool="t",
    )
    assert registry_from_bytes(registry_to_bytes(info)) == info


def test_what_is_absent_has_its_default() -> None:
    """The shortest documents are those of the page."""
    entry = entry_from_bytes(_sealed(DOCUMENT), "b3")
    assert entry == ENTRY
    assert (entry.message, entry.critical) == (None, True)
    short = {"format": 1, "uuid": "0" * 32, "digest": "sha256"}
    info = registry_from_bytes(_sealed(short, "sha256"))
    assert info.statuses == DEFAULT_STATUSES
    register = {**REGISTER, "record": {}}
    (action,) = entry_from_bytes(
        _sealed({**DOCUMENT, "actions": [register]}), "b3"
    ).actions
    assert isinstance(action, Register)
    assert action.record == Record()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_flipped_bit_is_damage(algorithm: str) -> None:
    """A bit of the body, of the seal or of its form: never junk, never a commit."""
    raw = entry_to_bytes(ENTRY, algorithm)
    for bit in range(8 * len(raw)):
        hit = bytearray(raw)
        hit[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError) as caught:
            entry_from_bytes(bytes(hit), algorithm)
        assert caught.value.kind == ErrorKind.ENTRY_DAMAGED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"junk\n",
        bytes(1000),
        entry_to_bytes(ENTRY, "b3")[:-20],
        entry_to_bytes(ENTRY, "sha256"),
        dumps(DOCUMENT),
        _sealed(b"["),
        _sealed(b'{"format":1,"format":1'),
        _sealed(b'{"format":1,"seq":NaN'),
        _sealed(b"\xff"),
        b" " * MAX_ENTRY + entry_to_bytes(ENTRY, "b3"),
    ],
    ids=[*"abcdefghijkl"],
)
def test_what_never_was_an_entry_is_no_damage(raw: bytes) -> None:
    """It is void: FormatError, not IntegrityError, and no later release helps."""
    with pytest.raises(FormatError) as caught:
        entry_from_bytes(raw, "b3")
    assert not isinstance(caught.value, UpgradeRequiredError)


@pytest.mark.parametrize("field", DOCUMENT)
def test_every_field_of_an_entry_is_needed(field: str) -> None:
    """Those without a default, one by one; and none is of another type."""
    with pytest.raises(FormatError):
        entry_from_bytes(
            _sealed({k: v for k, v in DOCUMENT.items() if k != field}), "b3"
        )
    other: Any = "1" if field in ("format", "seq") else 1
    wrong: Any
    for wrong in (None, True, 1.0, {}, other):
        with pytest.raises(FormatError):
            entry_from_bytes(_sealed({**DOCUMENT, field: wrong}), "b3")


@pytest.mark.parametrize(
    "action",
    [
        None,
        5,
        "register",
        [],
        {"type": "note", **VERSION},
        {"type": "note", **VERSION, "text": 5},
        {"type": "note", **VERSION, "text": None},
        {"type": "alias", "name": "m", "alias": "a"},
        {"type": "alias", "name": "m", "alias": "a", "version": 1},
        {"type": "alias", "name": "m", "alias": "a", "version": "1", "expect": {}},
        {"type": "alias", "name": "m", "alias": "a", "version": "1", "expect": "1"},
        {"type": "status", **VERSION},
        {"type": "tag", **VERSION, "set": {"a": 1}},
        {"type": "tag", **VERSION, "set": []},
        {"type": "tag", **VERSION, "unset": "abc"},
        {"type": "tag", **VERSION, "unset": [1]},
        {"type": "tag", **VERSION, "unset": {"a": 1}},
        {"type": "metrics", **VERSION, "metrics": {"a": "1"}},
        {"type": "metrics", **VERSION, "metrics": {"a": True}},
        {"type": "metrics", **VERSION, "metrics": {"a": None}},
        {"type": "metrics", **VERSION, "slices": {"a": 1}},
        {"type": "metrics", **VERSION, "slices": {"a": {"b": False}}},
        {"type": "feature", "read": "abc"},
        REGISTER,
        {**REGISTER, "record": None},
        {**REGISTER, "record": 5},
        {**REGISTER, "record": {"params": []}},
        {**REGISTER, "record": {"files": 1.5}},
        {**REGISTER, "record": {"files": True}},
        {**REGISTER, "record": {"code": "abc"}},
        {**REGISTER, "record": {"parents": [{"name": "m"}]}},
        {**REGISTER, "record": {"inputs": [5]}},
        {**REGISTER, "record": []},
        {**REGISTER, "record": "abc"},
    ],
    ids=lambda action: repr(action)[-60:],
)
def test_types_are_checked_and_never_converted(action: Any) -> None:
    """A wrong one makes the entry void, and the error says where."""
    with pytest.raises(FormatError):
        entry_from_bytes(_sealed({**DOCUMENT, "actions": [action]}), "b3")


def test_an_integer_is_a_number() -> None:
    """JSON of other languages writes 2.0 as 2."""
    action = {"type": "metrics", **VERSION, "metrics": {"a": 2, "b": 0.5}}
    (found,) = entry_from_bytes(
        _sealed({**DOCUMENT, "actions": [action]}), "b3"
    ).actions
    assert isinstance(found, Metrics)
    assert repr(found.metrics) == "{'a': 2.0, 'b': 0.5}"


def test_an_entry_is_bounded() -> None:
    """1,000 actions and 1 MiB are read and written; one more is neither."""
    full = [{"type": "x"}] * MAX_ACTIONS
    free = {**DOCUMENT, "critical": False}
    found = entry_from_bytes(_sealed({**free, "actions": full}), "b3")
    assert found.actions == (Unknown(name="x"),) * MAX_ACTIONS
    with pytest.raises(FormatError, match="more than 1000"):
        entry_from_bytes(_sealed({**free, "actions": [*full, {"type": "x"}]}), "b3")
    room = MAX_ENTRY - len(entry_to_bytes(_with_message(""), "b3"))
    raw = entry_to_bytes(_with_message("a" * room), "b3")
    assert len(raw) == MAX_ENTRY
    assert entry_from_bytes(raw, "b3").message == "a" * room
    with pytest.raises(InvalidInputError) as caught:
        entry_to_bytes(_with_message("a" * (room + 1)), "b3")
    assert caught.value.kind == ErrorKind.TOO_LARGE
    many = Entry(
        format=1,
        seq=1,
        prev="",
        txid="",
        time="",
        actor="",
        tool="",
        actions=(Feature(),) * (MAX_ACTIONS + 1),
    )
    with pytest.raises(InvalidInputError):
        entry_to_bytes(many, "b3")


def _with_message(message: str) -> Entry:
    return Entry(
        format=1,
        seq=1,
        prev="",
        txid="",
        time="",
        actor="",
        tool="",
        message=message,
        actions=(),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"uuid": "../../etc"},
        {"uuid": "0" * 31},
        {"uuid": "A" * 32},
        {"uuid": 5},
        {"digest": "sha256"},
        {"digest": "md5"},
        {"statuses": ["a\x1b"]},
        {"statuses": "approved"},
        {"read": [1]},
        {"format": 0},
        {"format": None},
    ],
    ids=repr,
)
def test_a_registry_json_that_lies_is_refused(fields: dict[str, Any]) -> None:
    """Also where its seal is right: its uuid becomes a path, its statuses are shown."""
    document = {"format": 1, "uuid": "0" * 32, "digest": "b3", **fields}
    with pytest.raises(FormatError):
        registry_from_bytes(_sealed(document))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_flipped_bit_of_registry_json_is_never_believed(algorithm: str) -> None:
    """Each is an error of ours."""
    raw = registry_to_bytes(RegistryInfo(format=1, uuid="0" * 32, digest=algorithm))
    for bit in range(8 * len(raw)):
        hit = bytearray(raw)
        hit[bit // 8] ^= 1 << bit % 8
        with pytest.raises((IntegrityError, FormatError)):
            registry_from_bytes(bytes(hit))


@given(st.binary(max_size=300))
def test_any_bytes_are_an_entry_or_an_error_of_ours(raw: bytes) -> None:
    """Sealed or not."""
    for data in (raw, _sealed(raw), _sealed(b"{" + raw)):
        with pytest.raises((IntegrityError, FormatError)):
            entry_from_bytes(data, "b3")
        with pytest.raises((IntegrityError, FormatError)):
            registry_from_bytes(data)

"""The fold: every rule, and that an entry has all of its effect or none."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver._values.entry import (
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
from modelver._values.fold import Fold, find_version
from modelver._values.state import RegistryInfo, State, VersionState, Void

INFO = RegistryInfo(format=1, uuid="0" * 32, digest="b3", statuses=("approved",))
START = State(info=INFO, seq=0, head="b3:start")
BUNDLE = "b3:" + "1" * 64
OTHER = "b3:" + "2" * 64


def _register(version: str = "1.0.0", name: str = "m", **fields: Any) -> Register:
    record = Record(**fields.pop("record", {}))
    made = {"bundle": BUNDLE, "manifest": OTHER, **fields}
    return Register(name=name, version=version, record=record, **made)


def _alias(version: str | None, alias: str = "a", **fields: Any) -> SetAlias:
    return SetAlias(name="m", alias=alias, version=version, **fields)


def _entry(state: State, *actions: Action) -> Entry:
    return Entry(
        format=1,
        seq=state.seq + 1,
        prev=state.head,
        txid="0" * 32,
        time="2026-03-01T09:30:00.000000Z",
        actor="me",
        tool="t",
        message="why",
        actions=actions,
    )


def _after(state: State, *actions: Action) -> State:
    """Return the state after a commit that must take effect."""
    fold = Fold(state)
    assert fold.apply(_entry(state, *actions), f"b3:{state.seq + 1}") is None
    return fold.state()


def _broken(state: State, *actions: Action) -> str:
    """Return the rule that a commit breaks, which must leave no trace."""
    fold = Fold(state)
    reason = fold.apply(_entry(state, *actions), "b3:void")
    assert reason is not None
    found = fold.state()
    assert found.models == state.models
    assert (found.read, found.write) == (state.read, state.write)
    assert (found.seq, found.head) == (state.seq + 1, "b3:void")
    assert found.voids == (*state.voids, Void(seq=found.seq, reason=reason))
    return reason


def _version(state: State, version: str = "1.0.0") -> VersionState:
    found = find_version(state.models["m"], version)
    assert found is not None
    return found


ONE = _after(START, _register())


def test_registering_says_all_that_the_record_says() -> None:
    """Tags, metrics and slices begin as the record's; status and notes are empty."""
    words = {"tags": {"t": "x"}, "metrics": {"auc": 0.5}, "slices": {"s": {"auc": 1.0}}}
    found = _version(_after(START, _register(record=words)))
    assert (found.tags, found.metrics, found.slices) == tuple(words.values())
    assert (found.ref, found.bundle, found.message) == ("m@1.0.0", BUNDLE, "why")
    assert (found.said.seq, found.said.actor) == (1, "me")
    assert (found.status, found.notes, found.withdrawal) == (None, (), None)


@pytest.mark.parametrize(
    "action",
    [
        _register(name="M"),
        _register(name="../m"),
        _register(name="1.0.0"),
        _register(name="a/b/c/d"),
        _register("v1.0.0"),
        _register("1.0"),
        _register("01.0.0"),
        _register("1.0.0 "),
        _register("1.0.0-" + "a" * 128),
        _register(bundle="b3:" + "1" * 63),
        _register(bundle="sha256:" + "1" * 64),
        _register(manifest="1" * 64),
        _register(manifest=OTHER + "\n"),
    ],
    ids=lambda action: (
        f"{action.name}-{action.version[:9]}-{action.bundle[:9]}"
        f"-{action.manifest[:9]!r}-{len(action.bundle)}"
    ),
)
def test_names_numbers_and_digests_are_checked(action: Register) -> None:
    """A model that cannot be called so, no SemVer, no digest of this registry."""
    _broken(START, action)


def test_a_number_is_taken_for_ever() -> None:
    """Not by the same bundle either, nor with metadata, nor after a withdrawal."""
    gone = _after(ONE, Withdraw(name="m", version="1.0.0", reason="r"))
    for state in (ONE, gone):
        for number in ("1.0.0", "1.0.0+b"):
            assert "is taken" in _broken(state, _register(number))
            assert "is taken" in _broken(state, _register(number, bundle=OTHER))
    assert _after(ONE, _register("1.0.0", name="n")).models.keys() == {"m", "n"}
    built = _after(START, _register("1.0.0+a"))
    assert "is taken" in _broken(built, _register("1.0.0"))


def test_a_number_is_named_whole() -> None:
    """A log names build metadata; only people may leave it out."""
    built = _after(START, _register("1.0.0+a"))
    for number in ("1.0.0", "1.0.0+b"):
        _broken(built, _alias(number))
        _broken(built, Note(name="m", version=number, text="t"))
    _after(built, _alias("1.0.0+a"))
    assert find_version(built.models["m"], "1.0.0") is _version(built, "1.0.0+a")
    assert find_version(built.models["m"], "1.0.0+b") is None


def test_parents_are_registered_before() -> None:
    """A parent is another version, of the bundle that is cited, earlier in the log."""
    parent = Parent(name="m", version="1.0.0", bundle=BUNDLE)
    child = _register("1.1.0", record={"parents": (parent,)})
    _after(ONE, child)
    _after(START, _register(), child)
    _broken(START, child)
    _broken(START, child, _register())
    _broken(START, _register(record={"parents": (parent,)}))
    wrong = Parent(name="m", version="1.0.0", bundle=OTHER)
    assert "another bundle" in _broken(
        ONE, _register("1.1.0", record={"parents": (wrong,)})
    )


def test_versions_are_ranked_by_precedence() -> None:
    """Whatever the order of registration; a void one leaves no rank."""
    state = START
    for number in ("1.0.0", "0.9.0", "1.0.0-rc.10", "1.0.0-rc.9", "10.0.0"):
        state = _after(state, _register(number))
    _broken(state, _register("5.0.0"), _register("1.0.0"))
    found = [v.version for v in state.models["m"].descending()]
    assert found == ["10.0.0", "1.0.0", "1.0.0-rc.10", "1.0.0-rc.9", "0.9.0"]


def test_an_alias_moves_and_remembers() -> None:
    """Each move says where it was; a cleared alias keeps its moves."""
    state = _after(ONE, _register("2.0.0"), _alias("1.0.0"))
    state = _after(state, _alias("2.0.0", reason="better"))
    state = _after(state, _alias(None, kind="clear"))
    model = state.models["m"]
    assert model.aliases == {}
    moves = [(m.seq, m.previous, m.version, m.kind) for m in model.moves["a"]]
    assert moves == [
        (2, None, "1.0.0", "promote"),
        (3, "1.0.0", "2.0.0", "promote"),
        (4, "2.0.0", None, "clear"),
    ]


@pytest.mark.parametrize("alias", ["latest", "newest", "v1", "A", "", "x", "con", "1"])
def test_an_alias_that_cannot_be_one_is_void(alias: str) -> None:
    """A hostile log cannot make a ref ambiguous."""
    _broken(ONE, _alias("1.0.0", alias))


def test_an_alias_needs_something_to_stand_on() -> None:
    """A model, a registered version in use; and to be cleared, to be set."""
    _broken(START, _alias("1.0.0"))
    _broken(START, _alias(None))
    _broken(ONE, _alias("2.0.0"))
    assert "not set" in _broken(ONE, _alias(None))
    gone = _after(ONE, Withdraw(name="m", version="1.0.0", reason="r"))
    assert "is withdrawn" in _broken(gone, _alias("1.0.0"))


def test_an_expected_position_is_a_rule() -> None:
    """The move is void unless the alias stands there; null expects it unset."""
    _after(ONE, _alias("1.0.0", expect=Expect(version=None)))
    _broken(ONE, _alias("1.0.0", expect=Expect(version="1.0.0")))
    at_one = _after(ONE, _register("2.0.0"), _alias("1.0.0"))
    _after(at_one, _alias("2.0.0", expect=Expect(version="1.0.0")))
    _broken(at_one, _alias("2.0.0", expect=Expect(version="2.0.0")))
    _broken(at_one, _alias("2.0.0", expect=Expect(version=None)))
    _broken(at_one, _alias(None, expect=Expect(version="2.0.0")))


def test_a_status_is_declared() -> None:
    """One of the registry's, or none."""
    state = _after(
        ONE, SetStatus(name="m", version="1.0.0", status="approved", reason="r")
    )
    found = _version(state)
    assert (found.status, found.status_reason) == ("approved", "r")
    _broken(state, SetStatus(name="m", version="1.0.0", status="great"))
    cleared = _after(state, SetStatus(name="m", version="1.0.0", status=None))
    assert (_version(cleared).status, _version(cleared).status_reason) == (None, None)


def test_tags_go_before_they_come() -> None:
    """A tag that is in both is set; removing what is not there is no fault."""
    state = _after(ONE, Tag(name="m", version="1.0.0", set={"a": "1", "b": "2"}))
    change = Tag(name="m", version="1.0.0", set={"b": "3"}, unset=("a", "b", "z"))
    assert _version(_after(state, change)).tags == {"b": "3"}


def test_metrics_of_the_usual_data_win() -> None:
    """Those of another data set stand among the evaluations alone."""
    words = {"metrics": {"auc": 0.5, "f1": 0.1}, "slices": {"s": {"auc": 1.0}}}
    state = _after(START, _register(record=words))
    same = Metrics(
        name="m", version="1.0.0", metrics={"auc": 0.6}, slices={"s": {"f1": 0.2}}
    )
    other = Metrics(name="m", version="1.0.0", metrics={"auc": 0.9}, dataset="live")
    found = _version(_after(_after(state, same), other))
    assert found.metrics == {"auc": 0.6, "f1": 0.1}
    assert found.slices == {"s": {"auc": 1.0, "f1": 0.2}}
    assert [e.measured for e in found.evaluations] == [same, other]
    assert _version(state).metrics == words["metrics"]


def test_a_withdrawal_is_taken_back() -> None:
    """Only once each, and never while an alias stands there."""
    withdraw = Withdraw(name="m", version="1.0.0", reason="r")
    restore = Restore(name="m", version="1.0.0")
    assert "not withdrawn" in _broken(ONE, restore)
    held = _after(ONE, _alias("1.0.0"))
    assert "still a" in _broken(held, withdraw)
    _after(held, _alias(None), withdraw)
    gone = _after(ONE, withdraw)
    assert "withdrawn already" in _broken(gone, withdraw)
    _after(gone, Note(name="m", version="1.0.0", text="still spoken of"))
    assert _version(_after(gone, restore)).withdrawal is None


def test_features_only_grow() -> None:
    """Sorted and without repetition; a void entry adds none."""
    state = _after(START, Feature(read=("b", "a")), Feature(read=("a",), write=("c",)))
    assert (state.read, state.write) == (("a", "b"), ("c",))
    _broken(state, Feature(read=("z",), write=("z",)), _alias("1.0.0"))


@pytest.mark.parametrize(
    "action",
    [
        SetStatus(name="m", version="2.0.0", status=None),
        Tag(name="m", version="2.0.0"),
        Note(name="m", version="2.0.0", text="t"),
        Metrics(name="m", version="2.0.0"),
        Withdraw(name="m", version="2.0.0", reason="r"),
        Restore(name="m", version="2.0.0"),
    ],
    ids=lambda action: action.type,
)
def test_only_what_is_registered_can_be_spoken_of(action: Action) -> None:
    """Every action that names a version has that rule."""
    assert "not registered" in _broken(ONE, action)
    assert "no model" in _broken(START, action)


def test_what_is_unknown_has_no_effect() -> None:
    """It breaks no rule either."""
    state = _after(ONE, Unknown(name="poem"))
    assert (state.models, state.seq) == (ONE.models, 2)


EVERY: list[Action] = [
    _register("2.0.0"),
    _register("1.0.0", name="n"),
    _alias("1.0.0"),
    _alias("1.0.0", "b"),
    _alias(None, "held", kind="clear"),
    SetStatus(name="m", version="1.0.0", status="approved"),
    Tag(name="m", version="1.0.0", set={"k": "v"}, unset=("old",)),
    Note(name="m", version="1.0.0", text="t"),
    Metrics(name="m", version="1.0.0", metrics={"auc": 0.5}, slices={"s": {"x": 1.0}}),
    Withdraw(name="m", version="0.1.0", reason="r"),
    Restore(name="m", version="0.2.0"),
    Feature(read=("r",), write=("w",)),
    Unknown(name="poem"),
]
RICH = _after(
    START,
    _register("0.1.0"),
    _register("0.2.0"),
    _register(record={"tags": {"old": "x"}}),
    _alias("1.0.0", "held"),
    Withdraw(name="m", version="0.2.0", reason="r"),
)


@pytest.mark.parametrize("action", EVERY, ids=lambda a: repr(a)[:60])
def test_a_broken_second_action_leaves_no_trace_of_the_first(action: Action) -> None:
    """Whatever the first did is undone: in the state, and in the fold that goes on."""
    _after(RICH, action)
    broken = Note(name="m", version="9.9.9", text="t")
    _broken(RICH, action, broken)
    fold = Fold(RICH)
    assert fold.apply(_entry(RICH, action, broken), "b3:void") is not None
    middle = fold.state()
    assert fold.apply(_entry(middle, action), "b3:next") is None
    assert fold.state().models == _after(middle, action).models


@given(st.lists(st.lists(st.sampled_from(EVERY), min_size=1, max_size=4), max_size=6))
def test_one_fold_or_many_come_to_the_same(entries: list[list[Action]]) -> None:
    """Where a reader pauses makes no difference, void entries or not."""
    whole = Fold(RICH)
    pieces = RICH
    for number, actions in enumerate(entries):
        entry = _entry(whole.state(), *actions)
        head = f"b3:{number}"
        one = Fold(pieces)
        assert one.apply(entry, head) == whole.apply(entry, head)
        before, pieces = pieces, one.state()
        if pieces.voids != before.voids:
            assert pieces.models == before.models
    assert whole.state() == pieces
    assert Fold(RICH).state() == RICH

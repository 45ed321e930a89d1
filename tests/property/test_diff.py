"""A difference is exactly what leads from one version to the other."""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given, strategies as st

from modelver._search.diff import Change, Diff, FileChange, MetricChange
from modelver._values.facts import Facts, flatten

NAMES = st.sampled_from(["a", "b", "c.d", "é"])
NUMBERS = st.sampled_from([0.0, 0.1, 1.0, -1.0, 1e308, -1e308, 5e-324])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | NUMBERS
    | st.sampled_from(["", "1", "true", "x", "\x1b[2J", "<b>"])
)
TEXTS = st.dictionaries(NAMES, st.sampled_from(["x", "y", "\u202e"]))
METRICS = st.dictionaries(NAMES, NUMBERS)
FILES = st.dictionaries(
    st.sampled_from(["model/a", "code/b", "docs/c"]),
    st.tuples(st.just("model"), st.sampled_from(["b3:1", "b3:2"]), st.integers(0, 2)),
)
FLAT = st.dictionaries(NAMES, SCALARS)
MAYBE = st.none() | st.sampled_from(["1", "2"])
FACTS = st.builds(
    Facts,
    ref=st.sampled_from(["m@1.0.0", "m@1.1.0"]),
    digest=st.just(""),
    files=FILES,
    config=FLAT,
    packages=TEXTS,
    python=MAYBE,
    code=MAYBE,
    params=FLAT,
    metrics=METRICS,
    slices=st.dictionaries(st.sampled_from(["s", "t"]), METRICS),
    tags=TEXTS,
    inputs=TEXTS,
)


def _patched(old: Any, changes: Iterable[Change | MetricChange]) -> dict[str, Any]:
    new = dict(old)
    for change in changes:
        assert (change.name in new) == (change.change != "added")
        if change.change == "removed":
            del new[change.name]
        else:
            new[change.name] = change.new
    return new


def _patched_files(old: Any, changes: Iterable[FileChange]) -> dict[str, Any]:
    new = dict(old)
    for change in changes:
        assert (change.path in new) == (change.change != "added")
        if change.change == "removed":
            del new[change.path]
        else:
            new[change.path] = (change.role, change.new_digest, change.new_size)
    return new


def _given(name: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {name: value}


@given(FACTS, FACTS)
def test_applied_to_the_old_it_gives_the_new(a: Facts, b: Facts) -> None:
    """Nothing that changed is missing, and nothing is listed that did not."""
    diff = Diff.between(a, b)
    assert _patched(a.config, diff.config) == b.config
    assert _patched(a.params, diff.params) == b.params
    assert _patched(a.metrics, diff.metrics) == b.metrics
    assert _patched(a.tags, diff.tags) == b.tags
    assert _patched(a.inputs, diff.inputs) == b.inputs
    assert _patched_files(a.files, diff.files) == b.files
    assert _patched(_given("commit", a.code), diff.code) == _given("commit", b.code)
    assert _patched({**a.packages, **_given("python", a.python)}, diff.packages) == {
        **b.packages,
        **_given("python", b.python),
    }
    for part in {*a.slices, *b.slices}:
        changes = [c for c in diff.slices if c.slice == part]
        assert _patched(a.slices.get(part, {}), changes) == b.slices.get(part, {})


@given(FACTS, FACTS)
def test_back_is_the_mirror_of_forth(a: Facts, b: Facts) -> None:
    """As many changes in both directions, and none from a version to itself."""
    forth, back = Diff.between(a, b).to_dict(), Diff.between(b, a).to_dict()
    assert {k: len(v) for k, v in forth.items()} == {k: len(v) for k, v in back.items()}
    assert not Diff.between(a, a)
    opposite = {"up": "down", "down": "up", None: None}
    assert [opposite[m["direction"]] for m in forth["metrics"]] == [
        m["direction"] for m in back["metrics"]
    ]


@given(FACTS, FACTS)
def test_can_always_be_shown(a: Facts, b: Facts) -> None:
    """Every rendering works, and the dictionary is strict JSON."""
    diff = Diff.between(a, b)
    said = diff.to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert bool(diff) == any(said[key] for key in said if key not in {"old", "new"})
    for shown in (str(diff), repr(diff), diff.to_markdown(), diff._repr_html_()):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('ab."', max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict | list) and value:
        inner = value.values() if isinstance(value, dict) else value
        return [leaf for child in inner for leaf in _leaves(child)]
    if isinstance(value, dict | list):
        return ["{}" if isinstance(value, dict) else "[]"]
    return [value]


@given(VALUES)
def test_flatten_keeps_every_leaf(value: Any) -> None:
    """As many keys as leaves, in order, even where keys hold dots and quotes."""
    empty = value in ({}, [])
    assert list(flatten(value).values()) == ([] if empty else _leaves(value))
    assert list(flatten(value, "p").values()) == _leaves(value)

"""Differences: what is listed, how it reads, and that text stays text."""

import json
from typing import Any

import pytest
from attrs import evolve

from modelver._search.diff import Change, Diff, FileChange, MetricChange
from modelver._values.facts import Facts

OLD = Facts(
    ref="fraud@1.0.0",
    digest="b3:01",
    files={
        "model/model.joblib": ("model", "b3:a", 1234),
        "code/train.py": ("code", "b3:b", 800),
        "code/old.py": ("code", "b3:c", 12),
    },
    config={"optimizer": "adam", "layers.0": 64, "same": 1},
    packages={"numpy": "2.1.0", "scikit-learn": "1.5.0"},
    python="3.11.7",
    code="1" * 40,
    params={"lr": 0.1, "depth": 3, "flag": 1, "same": None},
    metrics={"auc": 0.91, "loss": 0.31, "same": 1.0},
    slices={"country=DE": {"auc": 0.9}, "country=FR": {"auc": 0.8}},
    tags={"task": "fraud"},
    inputs={"train": "b3:" + "1" * 64},
    status="archived",
)
NEW = Facts(
    ref="fraud@1.1.0",
    digest="b3:02",
    files={
        "model/model.joblib": ("model", "b3:d", 2345678),
        "code/train.py": ("code", "b3:b", 800),
        "code/new.py": ("code", "b3:e", 99),
    },
    config={"optimizer": "sgd", "layers.0": 64, "layers.1": 32, "same": 1},
    packages={"numpy": "2.1.0", "scikit-learn": "1.6.1", "scipy": "1.14.0"},
    python="3.12.1",
    code="2" * 40,
    params={"lr": "0.1", "depth": 3.0, "flag": True, "same": None, "new": None},
    metrics={"auc": 0.945, "loss": 0.31, "same": 1, "f1": 0.7},
    slices={"country=DE": {"auc": 0.85}},
    tags={"task": "fraud", "team": "risk"},
    inputs={"train": "b3:" + "2" * 64},
    aliases=("production",),
)
DIFF = Diff.between(OLD, NEW)


def test_lists_only_what_changed() -> None:
    """Every section has its changes, sorted, and nothing that stayed."""
    expected = Diff(
        old="fraud@1.0.0",
        new="fraud@1.1.0",
        metrics=(
            MetricChange(name="auc", change="changed", old=0.91, new=0.945),
            MetricChange(name="f1", change="added", new=0.7),
        ),
        slices=(
            MetricChange(
                name="auc", slice="country=DE", change="changed", old=0.9, new=0.85
            ),
            MetricChange(name="auc", slice="country=FR", change="removed", old=0.8),
        ),
        params=(
            Change(name="flag", change="changed", old=1, new=True),
            Change(name="lr", change="changed", old=0.1, new="0.1"),
            Change(name="new", change="added"),
        ),
        config=(
            Change(name="layers.1", change="added", new=32),
            Change(name="optimizer", change="changed", old="adam", new="sgd"),
        ),
        files=(
            FileChange(
                path="model/model.joblib",
                role="model",
                change="changed",
                old_digest="b3:a",
                old_size=1234,
                new_digest="b3:d",
                new_size=2345678,
            ),
            FileChange(
                path="code/new.py",
                role="code",
                change="added",
                new_digest="b3:e",
                new_size=99,
            ),
            FileChange(
                path="code/old.py",
                role="code",
                change="removed",
                old_digest="b3:c",
                old_size=12,
            ),
        ),
        inputs=(
            Change(
                name="train",
                change="changed",
                old="b3:" + "1" * 64,
                new="b3:" + "2" * 64,
            ),
        ),
        packages=(
            Change(name="python", change="changed", old="3.11.7", new="3.12.1"),
            Change(name="scikit-learn", change="changed", old="1.5.0", new="1.6.1"),
            Change(name="scipy", change="added", new="1.14.0"),
        ),
        code=(Change(name="commit", change="changed", old="1" * 40, new="2" * 40),),
        tags=(Change(name="team", change="added", new="risk"),),
    )
    assert expected == DIFF


def test_reads_well() -> None:
    """The text is aligned, has only sections with changes, and marks each line."""
    assert str(DIFF) == (
        """\
fraud@1.0.0 -> fraud@1.1.0

Metrics
  ~  auc  0.91  ->  0.945  +0.035  +3.8%  up
  +  f1               0.7

Slices
  ~  auc@country=DE  0.9  ->  0.85  -0.05  -5.6%  down
  -  auc@country=FR  0.8

Params
  ~  flag  1    ->  true
  ~  lr    0.1  ->  '0.1'
  +  new            null

Config
  +  layers.1             32
  ~  optimizer  adam  ->  sgd

Files
  ~  model/model.joblib  1.2 KiB  ->  2.2 MiB
  +  code/new.py                         99 B
  -  code/old.py            12 B

Inputs
  ~  train  b3:1111111111111...  ->  b3:2222222222222...

Packages
  ~  python        3.11.7  ->  3.12.1
  ~  scikit-learn  1.5.0   ->  1.6.1
  +  scipy                     1.14.0

Code
  ~  commit  1111111111111111...  ->  2222222222222222...

Tags
  +  team  risk"""
    )


def test_repr_is_short() -> None:
    """One line that counts."""
    assert repr(DIFF) == (
        "<Diff fraud@1.0.0 -> fraud@1.1.0: metrics 2, slices 2, params 3, config 2, "
        "files 3, inputs 1, packages 3, code 1, tags 1>"
    )


def test_no_change_is_false() -> None:
    """Alias and status belong to the registry, and are no difference of versions."""
    same = Diff.between(
        OLD, evolve(OLD, ref="fraud@1.0.1", status=None, aliases=("x",))
    )
    assert not same
    assert DIFF
    assert str(same) == "fraud@1.0.0 -> fraud@1.0.1: no change"
    assert repr(same) == "<Diff fraud@1.0.0 -> fraud@1.0.1: no change>"
    assert same.to_markdown() == "### `fraud@1.0.0` → `fraud@1.0.1`\n\nNo change.\n"
    assert "No change." in same._repr_html_()


@pytest.mark.parametrize(
    ("old", "new", "delta", "relative", "direction"),
    [
        (0.5, 0.75, 0.25, 0.5, "up"),
        (-2.0, -3.0, -1.0, -0.5, "down"),
        (0.0, 1.0, 1.0, None, "up"),
        (-1e308, 1e308, None, None, "up"),
        (5e-324, 1e308, 1e308, None, "up"),
        (None, 1.0, None, None, None),
        (1.0, None, None, None, None),
    ],
)
def test_metric_numbers(
    old: float | None,
    new: float | None,
    delta: float | None,
    relative: float | None,
    direction: str | None,
) -> None:
    """Delta and relative change are numbers where there are such numbers."""
    change = MetricChange(name="m", change="changed", old=old, new=new)
    assert change.delta == delta
    assert change.relative == relative
    assert change.direction == direction


def test_numbers_that_differ_look_different() -> None:
    """Six digits are enough, except where the change lies behind them."""
    close = (evolve(OLD, metrics={"m": n}) for n in (0.123456781, 0.123456782))
    assert "0.123456781  ->  0.123456782" in str(Diff.between(*close))


def test_nan_is_the_same_as_nan() -> None:
    """A configuration may hold NaN; that it stayed is no change."""
    nan = evolve(OLD, config={"x": float("nan")})
    assert not Diff.between(nan, evolve(nan, config={"x": float("nan")}))
    said = Diff.between(nan, evolve(nan, config={"x": float("inf")})).to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["config"] == [
        {"name": "x", "change": "changed", "old": "nan", "new": "inf"}
    ]


def test_dict_is_stable_json() -> None:
    """Every section is there, in one order, whatever changed."""
    said = DIFF.to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert list(said) == list(Diff.between(OLD, OLD).to_dict())
    assert said["metrics"][0] == {
        "name": "auc",
        "slice": None,
        "change": "changed",
        "old": 0.91,
        "new": 0.945,
        "delta": pytest.approx(0.035),
        "relative": pytest.approx(0.0385, abs=1e-4),
        "direction": "up",
    }
    assert said["files"][2] == {
        "path": "code/old.py",
        "role": "code",
        "change": "removed",
        "old_digest": "b3:c",
        "old_size": 12,
        "new_digest": None,
        "new_size": None,
    }


def test_markdown() -> None:
    """A table for each section, numbers on the right."""
    text = Diff.between(OLD, evolve(OLD, metrics={**OLD.metrics, "auc": 0.945}))
    assert text.to_markdown() == (
        "### `fraud@1.0.0` → `fraud@1.0.0`\n\n"
        "#### Metrics\n\n"
        "|  | name | old | new | delta | relative |  |\n"
        "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
        "| ~ | auc | 0.91 | 0.945 | +0.035 | +3.8% | up |\n"
    )


def test_long_sections_are_cut_for_people_only() -> None:
    """A hundred lines of a section are shown and the rest is counted."""
    many = evolve(OLD, config={**OLD.config, **{f"k{n:04}": n for n in range(1234)}})
    diff = Diff.between(OLD, many)
    for shown in (str(diff), diff.to_markdown(), diff._repr_html_()):
        assert "k0099" in shown
        assert "k0100" not in shown
        assert "... and 1,134 more; to_dict() has them all" in shown
    assert len(diff.to_dict()["config"]) == 1234


def test_long_cells_are_cut_in_the_middle() -> None:
    """Of a long path both ends are shown."""
    path = "code/" + "x" * 500 + "/train.py"
    diff = Diff.between(OLD, evolve(OLD, files={**OLD.files, path: ("code", "d", 1)}))
    line = next(line for line in str(diff).splitlines() if "xxx" in line)
    assert "code/xxx" in line
    assert "xxx/train.py" in line
    assert len(line) < 80


def test_wide_characters_are_aligned() -> None:
    """A character that takes two columns counts as two."""
    new = evolve(OLD, tags={"任务": "x", "ab": "y", "e\u0301": "z"})
    lines = str(Diff.between(evolve(OLD, tags={}), new)).splitlines()[3:]
    assert lines == ["  +  ab    y", "  +  e\u0301     z", "  +  任务  x"]


def test_direction_of_arguments() -> None:
    """Seen from the other side, what was added is removed and up is down."""
    back: Any = Diff.between(NEW, OLD)
    assert [c.change for c in back.files] == ["changed", "removed", "added"]
    assert back.metrics[0].direction == "down"
    assert back.metrics[0].delta == pytest.approx(-0.035)

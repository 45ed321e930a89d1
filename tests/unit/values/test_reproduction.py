"""Levels, shares and tolerances, as values."""

import math

import pytest
from hypothesis import given, strategies as st

from modelver._values.entry import Tolerance
from modelver._values.reproduction import (
    LEVELS,
    LevelResult,
    Reproducibility,
    Reproduction,
    compare_metrics,
    wilson,
)


def made(*outcomes: str) -> Reproduction:
    """Return a reproduction whose levels ended so."""
    results = tuple(
        LevelResult(level=level, outcome=outcome, why="because")
        for level, outcome in zip(LEVELS, outcomes, strict=True)
    )
    return Reproduction(ref="m@1.0.0", digest="b3:00", results=results)


@pytest.mark.parametrize(
    ("outcomes", "level", "ok"),
    [
        (["passed"] * 5, "L4", True),
        (["passed", "passed", "passed", "failed", "untried"], "L2", False),
        (["passed", "failed", "passed", "passed", "passed"], "L0", False),
        (["passed", "untried", "untried", "untried", "untried"], "L0", True),
        (["failed", "untried", "untried", "untried", "untried"], None, False),
    ],
)
def test_the_level_is_the_last_without_a_gap(
    outcomes: list[str], level: str | None, *, ok: bool
) -> None:
    """A level counts only if every lower one was shown to hold."""
    found = made(*outcomes)
    assert (found.level, found.ok) == (level, ok)
    assert found.to_dict()["level"] == level
    assert all(meaning in str(found) for meaning in LEVELS.values())


def test_what_a_terminal_could_obey_is_not_printed() -> None:
    """Details come from programs: control characters do not reach a terminal."""
    result = LevelResult(level="L0", outcome="failed", details=("\x1b[2Jgone",))
    assert "\x1b" not in str(Reproduction(ref="m@1", digest="", results=(result,)))


@pytest.mark.parametrize(
    ("passed", "tried", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)],
)
def test_wilson_is_the_published_interval(
    passed: int, tried: int, low: float, high: float
) -> None:
    """The 95 % intervals of 0, 5 and 10 of 10, as tables have them."""
    found = wilson(passed, tried)
    assert found == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share(tried: int, data: st.DataObject) -> None:
    """The interval lies within 0 and 1 and holds the share that was seen."""
    passed = data.draw(st.integers(0, tried))
    low, high = wilson(passed, tried)
    assert low is not None
    assert high is not None
    assert 0 <= low <= passed / tried <= high <= 1


def test_shares_count_what_was_tried() -> None:
    """What was not tried is counted apart, by its reason, and is in no share."""
    found = Reproducibility.of(
        5,
        [
            {"L0": "passed", "L1": "passed", "L2": "untried: no command"},
            {"L0": "passed", "L1": "failed", "L2": "untried: L1 did not hold"},
            {"L0": "failed", "L1": "untried: L0 did not hold"},
        ],
    )
    zero, one, two, three, _ = found.levels
    assert (zero.tried, zero.passed) == (3, 2)
    assert (one.tried, one.passed, one.untried) == (2, 1, {"L0 did not hold": 1})
    assert (two.tried, two.share, two.low) == (0, None, None)
    assert two.untried == {"no command": 1, "L1 did not hold": 1, "not said": 1}
    assert three.untried == {"not said": 3}
    assert "3 of 5 versions were tried" in str(found)
    assert found.to_dict()["levels"][0]["share"] == pytest.approx(2 / 3)


def test_a_metric_without_tolerance_must_be_equal() -> None:
    """Nothing is forgiven that nobody declared."""
    assert compare_metrics({"auc": 0.9}, {"auc": 0.9}, {}) == []
    (line,) = compare_metrics({"auc": 0.9}, {"auc": math.nextafter(0.9, 1)}, {})
    assert "no tolerance is declared" in line


@pytest.mark.parametrize(
    ("tolerance", "now", "holds"),
    [
        ({"auc": Tolerance(absolute=0.01)}, 0.905, True),
        ({"auc": Tolerance(absolute=0.01)}, 0.92, False),
        ({"auc": Tolerance(relative=0.1)}, 0.85, True),
        ({"*": Tolerance(absolute=0.01)}, 0.905, True),
        ({"*": Tolerance(absolute=1), "auc": Tolerance()}, 0.905, False),
        ({"auc": Tolerance(absolute=1)}, math.nan, False),
    ],
)
def test_a_tolerance_is_what_was_declared(
    tolerance: dict[str, Tolerance], now: float, *, holds: bool
) -> None:
    """Of absolute and relative the wider one counts; ``*`` is for the unnamed."""
    assert (compare_metrics({"auc": 0.9}, {"auc": now}, tolerance) == []) is holds


def test_a_metric_that_is_missing_is_a_difference() -> None:
    """A metric that is no longer measured is told; a new one is not."""
    (line,) = compare_metrics({"auc": 0.9}, {"f1": 1.0}, {"*": Tolerance(absolute=9)})
    assert line.startswith("auc: ")

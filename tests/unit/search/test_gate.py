"""Gates: conditions on metrics, and what comes out of them."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver import ErrorKind, InvalidInputError
from modelver._search.conditions import MAX_LENGTH, parse_conditions
from modelver._search.gate import Gate, Measured

NEW = Measured(
    ref="fraud@1.4.0",
    metrics={"auc": 0.941, "loss": 1e-7, "f1 score": 0.8, "auc-x": 1.0, "and": 2.0},
    slices={"country=DE": {"auc": 0.9}, "country=FR": {"auc": 0.8}, "n": {"x": 1.0}},
)
OLD = Measured(
    ref="fraud@1.3.0",
    metrics={"auc": 0.943, "recall": 0.5},
    slices={"country=DE": {"auc": 0.91}, "country=FR": {"auc": 0.7}},
)


def gate(*conditions: str, base: Measured | None = OLD, **words: Any) -> Gate:
    """Return what comes out for the new version."""
    return Gate.of(NEW, conditions, base, **{"no_base_yet": False, **words})


@pytest.mark.parametrize(
    ("condition", "passed", "evidence"),
    [
        ("auc >= 0.9", True, "0.941 >= 0.9"),
        ("auc>=0.9", True, "0.941 >= 0.9"),
        ("metrics.auc < 0.9", False, "0.941 is not < 0.9"),
        # In floats 0.943 - 0.002 is a little more than 0.941.
        ("auc >= base.auc - 0.002", True, "0.941 >= 0.943 - 0.002"),
        ("auc > base.auc - 0.002", False, "0.941 is not > 0.943 - 0.002"),
        ("auc = base.auc - 0.002", True, "0.941 = 0.943 - 0.002"),
        ("auc != base.auc", True, "0.941 != 0.943"),
        ("auc == 0.941", True, "0.941 = 0.941"),
        ("auc + 0.002 >= base.metrics.auc", True, "0.941 + 0.002 >= 0.943"),
        ("auc >= base.auc * 0.99", True, "0.941 >= 0.943 * 0.99"),
        ("loss <= 1e-6", True, "1E-7 <= 0.000001"),
        ("auc > -0.5", True, "0.941 > -0.5"),
        ("0.5 < auc", True, "0.5 < 0.941"),
        ('"f1 score" >= 0.8', True, "0.8 >= 0.8"),
        ('metrics."f1 score" > base.auc', False, "0.8 is not > 0.943"),
        ('slices."country=DE".auc >= 0.85', True, "0.9 >= 0.85"),
        ('auc@"country=DE" >= 0.85', True, "0.9 >= 0.85"),
        ("slices.n.x = 1", True, "1.0 = 1"),
        ("slices.*.auc >= 0.8", True, "in all 2 slices"),
        (
            "slices.*.auc >= 0.85",
            False,
            "not in 1 of 2 slices: country=FR: 0.8 is not >= 0.85",
        ),
        (
            "slices.*.auc >= base.slices.*.auc",
            False,
            "not in 1 of 2 slices: country=DE: 0.9 is not >= 0.91",
        ),
        ("auc >= base.slices.*.auc", True, "in all 2 slices"),
        ("slices.*.nope > 0", False, "no slice has such a metric"),
        ("nope > 0", False, "nope is not recorded"),
        ("auc >= base.nope", False, "base.nope is not recorded"),
        ("recall >= base.recall", False, "recall is not recorded"),
        # A name may hold a dash: without spaces it is one.
        ("auc-x = 1", True, "1.0 = 1"),
        ("auc-0.002 > 0", False, "auc-0.002 is not recorded"),
        ("and = 2", True, "2.0 = 2"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_conditions(condition: str, passed: bool, evidence: str) -> None:  # noqa: FBT001 - a table's column
    """A condition holds or not, reckoned in decimal, with its numbers as evidence."""
    (test,) = gate(condition).tests
    assert (test.passed, test.evidence) == (passed, evidence)
    assert test.condition == condition


def test_all_must_hold() -> None:
    """Conditions are joined by 'and', in one text or in several."""
    for found in (gate("auc > 0.9 and auc < 0.95"), gate("auc > 0.9", "auc < 0.95")):
        assert [test.passed for test in found.tests] == [True, True]
        assert found
    assert not gate("auc > 0.9 AND auc < 0.94")
    assert not gate("auc > 0.9", "nope > 1")


def test_a_slice_that_is_gone_fails() -> None:
    """What the base had is missed; what is new has nothing to be compared with."""
    fewer = Measured(ref="m@2.0.0", metrics={}, slices={"new": {"auc": 0.1}})
    found = Gate.of(fewer, "slices.*.auc >= base.slices.*.auc", OLD, no_base_yet=False)
    assert not found
    assert "slices.country=DE.auc is not recorded" in found.tests[0].evidence
    back = Gate.of(OLD, "slices.*.auc >= base.slices.*.auc", fewer, no_base_yet=False)
    assert not back


def test_no_base() -> None:
    """A comparison without a base is an error, unless it is said that there is none."""
    with pytest.raises(InvalidInputError, match="none is given"):
        gate("auc >= base.auc", base=None)
    found = gate("auc >= base.auc", "auc > 0.99", base=None, no_base_yet=True)
    assert [test.passed for test in found.tests] == [True, False]
    assert found.base is None
    assert gate("auc > 0.9", base=None)


def test_against_itself() -> None:
    """A version is as good as itself: a job that runs again passes."""
    (test,) = gate("auc > base.auc", base=NEW).tests
    assert (test.passed, test.evidence) == (True, "it is the base itself")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("auc", 3),
        ("auc >=", 6),
        ("auc >= ", 7),
        (">= 1", 0),
        ("auc >= 1 or auc < 2", 9),
        ("auc >= 1 auc", 9),
        ("auc >= 'x'", 7),
        ("auc >= 1 - auc", 9),
        ("auc >= base.auc / 2", 16),
        ("auc >= base.auc - base.auc", 18),
        ("auc >= nan(", 10),
        ("*.auc > 1", 1),
        ("metrics.* > 1", 0),
        ("slices.x.* > 1", 0),
        ('"auc > 1', 0),
        ("auc >= 1.2.3", 7),
        ("auc >= 5x", 7),
        ("__import__('os') > 1", 10),
    ],
)
def test_what_does_not_parse(text: str, position: int) -> None:
    """The error points at the place, and says how a condition is written."""
    with pytest.raises(InvalidInputError) as found:
        parse_conditions(text)
    assert found.value.kind is ErrorKind.BAD_FILTER
    assert found.value.facts["position"] == position


@pytest.mark.parametrize(
    "text",
    [
        "a" * (MAX_LENGTH + 1),
        "a > 1 and " * 200 + "a > 1",
        '"' * MAX_LENGTH,
        "a." * (MAX_LENGTH // 2),
        "a > " + "9" * 4000,
        "a > " + "-" * 4000,
        "a.`" * 1300,
        "(" * MAX_LENGTH,
    ],
    ids=lambda text: f"{text[:9]} x{len(text)}",
)
def test_hostile_conditions(text: str) -> None:
    """However long and odd it is, it is refused."""
    with pytest.raises(InvalidInputError):
        parse_conditions(text)


@pytest.mark.parametrize("wrong", [3, None, [3], [None], []])
def test_no_text(wrong: Any) -> None:
    """What is no text is no condition."""
    with pytest.raises(InvalidInputError):
        parse_conditions(wrong)


@given(st.text(alphabet="auc.base*@\"`+-><=! 0123456789eE'()slices", max_size=60))
def test_any_text(text: str) -> None:
    """It parses or is refused; whatever parses comes out one way or the other."""
    try:
        found = gate(text)
    except InvalidInputError as error:
        assert error.kind is ErrorKind.BAD_FILTER  # noqa: PT017 - either way is right
        return
    assert found.passed == all(test.passed for test in found.tests)
    json.dumps(found.to_dict())


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_numbers_compare_as_they_are(left: float, right: float) -> None:
    """Without arithmetic, a condition says what Python says of the two numbers."""
    version = Measured(ref="m@1.0.0", metrics={"a": left}, slices={})
    base = Measured(ref="m@0.9.0", metrics={"a": right}, slices={})
    for op, passed in ((">=", left >= right), ("<", left < right)):
        found = Gate.of(version, f"a {op} base.a", base, no_base_yet=False)
        assert found.passed == passed
    assert Gate.of(version, "a >= base.a * 1e3", base, no_base_yet=False) is not None


def test_how_it_looks() -> None:
    """For people a line for each condition; for programs everything; text is text."""
    found = gate("auc > 0.9", "slices.*.auc >= 0.85")
    assert str(found).splitlines() == [
        "fraud@1.4.0 does not pass against fraud@1.3.0",
        "    ok  auc > 0.9: 0.941 > 0.9",
        f"FAILED  slices.*.auc >= 0.85: {found.tests[1].evidence}",
    ]
    assert found.to_dict()["tests"][0]["evidence"] == "0.941 > 0.9"
    evil = Measured(
        ref="m@1.0.0", metrics={}, slices={"<b>\x1b[0m": {"a": 1.0}, "o": {"a": 1.0}}
    )
    shown = Gate.of(evil, "slices.*.a > 2", None, no_base_yet=False)
    assert "\x1b" not in str(shown)
    assert "<b>" not in shown._repr_html_()
    assert "&lt;b&gt;\\x1b" in shown._repr_html_()

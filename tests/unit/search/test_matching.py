"""The meaning of single conditions, and what a query refuses to be."""

from typing import Any

import pytest
from attrs import evolve

from modelver._values.matching import matches, order, select
from modelver._values.query import (
    And,
    Comparison,
    Document,
    Field,
    In,
    IsNull,
    Like,
    Not,
    Or,
    OrderKey,
    Query,
)
from modelver.errors import ErrorKind, InvalidInputError

DOCUMENT = Document(
    ref="fraud@1.2.0",
    name="fraud",
    version="1.2.0",
    seq=7,
    author="ada",
    created="2026-03-01T09:30:00Z",
)
TAG = Field("tags", "t")


@pytest.mark.parametrize(
    ("text", "pattern", "like", "ilike"),
    [
        ("", "", True, True),
        ("", "%", True, True),
        ("", "_", False, False),
        ("a", "a%a", False, False),
        ("aa", "a%a", True, True),
        ("aba", "ab%ba", False, False),
        ("abba", "ab%ba", True, True),
        ("abc", "a%b%c", True, True),
        ("abcbc", "a%bc", True, True),
        ("xay", "%a%", True, True),
        ("ab", "_", False, False),
        ("ab", "__", True, True),
        ("a\nb", "a_b", True, True),
        ("a\nb", "a%b", True, True),
        ("a\n", "a", False, False),
        ("ABC", "a%", False, True),
        ("STRASSE", "straße", False, True),
        ("straße", "STRASSE", False, True),
        ("a%b", r"a\%b", True, True),
        ("axb", r"a\%b", False, False),
        ("a_b", r"a\_b", True, True),
        ("a\\b", r"a\\b", True, True),
        ("a\\b", r"a\b", True, True),
        ("a\\", "a\\", True, True),
        ("a.c", "a.c", True, True),
        ("abc", "a.c", False, False),
        ("(a+)+$", "(a+)+$", True, True),
        ("日本語", "日_語", True, True),
    ],
)
def test_like(text: str, pattern: str, *, like: bool, ilike: bool) -> None:
    """``%`` is any run, ``_`` any one, a backslash takes their power away."""
    document = evolve(DOCUMENT, tags={"t": text})
    assert matches(Like(TAG, pattern), document) is like
    assert matches(Like(TAG, pattern, ignore_case=True), document) is ilike


def test_like_is_quick_on_hostile_patterns() -> None:
    """256 wildcards over a long text are no more than a few passes over it."""
    document = evolve(DOCUMENT, tags={"t": "a" * 65_536})
    for pattern in ("%a" * 128 + "b", "%a_" * 85, "_" * 255 + "b", "%" * 256):
        matches(Like(TAG, pattern), document)


@pytest.mark.parametrize(
    ("created", "op", "value"),
    [
        ("2026-03-01T09:30:00.10Z", "=", "2026-03-01T09:30:00.1Z"),
        ("2026-03-01T09:30:00.000Z", "=", "2026-03-01T09:30:00Z"),
        ("2026-03-01T09:30:00Z", "<", "2026-03-01T09:30:00.000001Z"),
        ("2026-03-01T09:30:00.9Z", "<", "2026-03-01T09:30:01Z"),
        ("2026-03-01T09:30:10Z", ">", "2026-03-01T09:30:01Z"),
        ("2026-03-01T09:30:10Z", "!=", "2026-03-01T09:30:01Z"),
    ],
)
def test_times_compare_as_times(created: str, op: Any, value: str) -> None:
    """A fraction may be there or not, with as many digits as it likes."""
    document = evolve(DOCUMENT, created=created)
    field = Field("created")
    assert matches(Comparison(field, op, value), document)
    assert matches(In(field, (value,)), document) is (op == "=")


def test_missing_is_not_anything() -> None:
    """What is missing fails every test, and passes every opposite."""
    for field in (TAG, Field("metrics", "m"), Field("status"), Field("alias")):
        for op in ("=", "<", "<=", ">", ">="):
            expr = Comparison(field, op, 1)
            assert not matches(expr, DOCUMENT)
            assert matches(Not(expr), DOCUMENT)
        assert matches(Comparison(field, "!=", 1), DOCUMENT)
        assert matches(Not(In(field, (1,))), DOCUMENT)
        assert matches(Not(Like(field, "%")), DOCUMENT)
        assert matches(IsNull(field), DOCUMENT)


def test_a_null_parameter_is_missing() -> None:
    """There is no difference between null and not there."""
    null = evolve(DOCUMENT, params={"p": None})
    assert matches(IsNull(Field("params", "p")), null)


def test_empty_and_is_true_empty_or_is_false() -> None:
    """As in logic, so that an index need not care how many items there are."""
    assert matches(And(()), DOCUMENT)
    assert not matches(Or(()), DOCUMENT)


def test_ties_are_broken_to_the_end() -> None:
    """Name, higher version, later registration, ref: no order is left to chance."""
    twin = evolve(DOCUMENT, ref="fraud@1.2.0+b", version="1.2.0+b")
    later = evolve(DOCUMENT, ref="fraud@1.2.0+a", version="1.2.0+a", seq=8)
    higher = evolve(DOCUMENT, ref="fraud@1.10.0", version="1.10.0", seq=1)
    other = evolve(DOCUMENT, ref="alpha@0.1.0", name="alpha", version="0.1.0")
    expected = [other, higher, later, DOCUMENT, twin]
    assert order([twin, other, DOCUMENT, later, higher], ()) == expected
    assert order(reversed(expected), (OrderKey(Field("author")),)) == expected


def test_select_without_anything_is_everything() -> None:
    """An empty query leaves out what is withdrawn, and nothing else."""
    gone = evolve(DOCUMENT, ref="fraud@1.3.0", version="1.3.0", withdrawn=True)
    assert select([gone, DOCUMENT], Query()) == [DOCUMENT]


@pytest.mark.parametrize("limit", [-1, True, 1.5, "3"])
def test_a_limit_is_a_count(limit: Any) -> None:
    """Not negative, and nothing that only looks like a number."""
    with pytest.raises(InvalidInputError, match="not 0 or more"):
        Query(limit=limit)


@pytest.mark.parametrize("field", [("metrics", None), ("status", "x"), ("alias", "x")])
def test_a_field_has_a_key_where_it_needs_one(field: Any) -> None:
    """A metric without a name and a status with one are mistakes."""
    with pytest.raises(InvalidInputError) as caught:
        Field(*field)
    assert caught.value.kind is ErrorKind.BAD_FILTER

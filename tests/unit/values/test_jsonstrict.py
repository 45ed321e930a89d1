"""Strict JSON: one reading of every byte string, or none."""

from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from modelver._values import jsonstrict
from modelver._values.jsonstrict import MAX_DEPTH, MAX_INTEGER, dumps, loads
from modelver.errors import ErrorKind, FormatError, InvalidInputError
from tests.hostile.watching import quick, small

LIMIT = 10_000

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read(value: Any) -> None:
    """Every value that can be written comes back, of the same types."""
    found = loads(dumps(value), limit=10**6)
    assert found == value
    assert repr(found) == repr(value)


def _count(value: Any) -> int:
    """Return how many of ``[``, ``{`` and ``,`` a value is written with."""
    if not isinstance(value, list | dict):
        return 0
    inside = value.values() if isinstance(value, dict) else value
    return 1 + max(0, len(value) - 1) + sum(map(_count, inside))


@given(values, st.integers(0, 40))
@example(['"[[['], 1)
@example([r"\\", "[,[", '\\"'], 3)
def test_so_many_values_and_no_more(value: Any, limit: int) -> None:
    """A document is refused if it has more than there may be; text does not count."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonstrict, "MAX_VALUES", limit)
        if _count(value) <= limit:
            assert loads(dumps(value), limit=10**6) == value
            return
        with pytest.raises(FormatError, match="more than"):
            loads(dumps(value), limit=10**6)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"[]," * (4 * 2**20),
        b"[" + b'"",' * (4 * 2**20),
        b"[" * (4 * 2**20),
        b'"' + b"," * (12 * 2**20),
        b'"' + b"\\," * (6 * 2**20),
        b"," * (4 * 2**20) + b"x" * (8 * 2**20),
        b'"' + b"," * (4 * 2**20) + b'"' + b"x" * (8 * 2**20),
        b'"' + b"," * (4 * 2**20) + b'"' * (8 * 2**20),
    ],
    ids=lambda raw: f"{raw[:6]!r}-{raw[-2:]!r}",
)
def test_a_great_many_values_cost_little(raw: bytes) -> None:
    """Megabytes that would be hundreds are refused for a few times their size."""
    with quick(), small(3 * len(raw)), pytest.raises(FormatError):
        loads(raw, limit=len(raw))


@given(st.binary(max_size=60) | st.text('[]{}",:\\u0d8-1eE.', max_size=30))
def test_any_bytes_are_read_or_refused(raw: bytes | str) -> None:
    """Whatever the bytes, the answer is a value that can be written, or FormatError."""
    try:
        value = loads(raw.encode() if isinstance(raw, str) else raw, limit=LIMIT)
    except FormatError:
        return
    assert loads(dumps(value), limit=LIMIT) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"'a'",
        b"[1,]",
        b"// a\n1",
        b"NaN",
        b"[Infinity]",
        b'{"a":-Infinity}',
        b"1e999",
        b'{"a":[0.5,-1e999]}',
        b'{"a":1,"a":1}',
        b'[{"b":{"a":1,"\\u0061":2}}]',
        b"9007199254740993",
        b'{"a":[1,[-9007199254740993]]}',
        b'{"a":1,"b":' + b"9" * 400 + b"}",
        b"9" * 5000,
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b'["\\ude00\\ud83d"]',
        b"01",
        b'"a\nb"',
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_what_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    """No key twice, no NaN, no number out of bounds, no lone surrogate, no rest."""
    with pytest.raises(FormatError) as caught:
        loads(raw, limit=LIMIT)
    assert caught.value.kind == ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"9007199254740992", MAX_INTEGER),
        (b"[-9007199254740992]", [-MAX_INTEGER]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'{"a":{"a":1},"b":[{"a":1}]}', {"a": {"a": 1}, "b": [{"a": 1}]}),
        (b' {"a" : 1e3}\n', {"a": 1000.0}),
        (b'"9999999999999999999"', "9" * 19),
    ],
)
def test_what_is_at_the_bound_is_read(raw: bytes, value: Any) -> None:
    """The bounds themselves are inside."""
    assert loads(raw, limit=LIMIT) == value


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_depth_is_bounded(pair: str) -> None:
    """Depth 32 is read and 33 is not, and a million brackets are refused at once."""
    opening = pair[0] if pair == "[]" else '{"a":'

    def nested(depth: int) -> bytes:
        return (opening * (depth - 1) + pair + pair[1] * (depth - 1)).encode()

    loads(nested(MAX_DEPTH), limit=LIMIT)
    for depth in (MAX_DEPTH + 1, 10**6):
        with pytest.raises(FormatError, match="deeper than 32"):
            loads(nested(depth), limit=10**8)


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b"[" * 50 + b'"',
        b'"\\"' + b"{" * 50 + b'"',
        b'["\\\\",' + b"[]," * 40 + b"1]",
    ],
    ids=["text", "quote", "wide"],
)
def test_brackets_in_text_and_side_by_side_are_no_depth(raw: bytes) -> None:
    """Only what is open at one time counts."""
    loads(raw, limit=LIMIT)


def test_length_is_bounded() -> None:
    """The limit is the last length that is read."""
    assert loads(b'"abc"', limit=5) == "abc"
    with pytest.raises(FormatError, match="longer than 4"):
        loads(b'"abc"', limit=4)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        [float("inf")],
        {"a": -float("inf")},
        "\ud800",
        {"\udfff": 1},
        MAX_INTEGER + 1,
        [{"a": -MAX_INTEGER - 1}],
        10**5000,
        {1, 2},
        b"bytes",
    ],
    ids=[*"abcdefgh", "set", "bytes"],
)
def test_what_cannot_be_read_back_is_not_written(value: Any) -> None:
    """The writer refuses exactly what the reader would."""
    with pytest.raises(InvalidInputError) as caught:
        dumps(value)
    assert caught.value.kind == ErrorKind.BAD_VALUE


def test_a_value_that_holds_itself_is_not_written() -> None:
    """It is refused like any other, and quickly."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidInputError):
        dumps(value)


def test_it_is_compact_and_keeps_the_order() -> None:
    """The bytes are the format's: no spaces, UTF-8 unescaped, keys as they came."""
    assert dumps({"b": [1, 2.5, None, True], "a": "é"}) == (
        '{"b":[1,2.5,null,true],"a":"é"}'.encode()
    )

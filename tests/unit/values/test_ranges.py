"""Ranges: what each operator takes in, pre-releases, and what is refused."""

from typing import Any

import pytest

from modelver._values.ranges import MAX_COMPARATORS, Range, is_range
from modelver._values.semver import Version
from modelver.errors import ErrorKind, InvalidInputError

TABLE = [
    ("^1.2.3", "1.2.3 1.2.4 1.3.0 1.99.99", "1.2.2 0.9.0 2.0.0 1.2.3-rc.1 2.0.0-0"),
    ("^1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"),
    ("^1", "1.0.0 1.9.0", "0.9.0 2.0.0"),
    ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0 1.0.0"),
    ("^0.2", "0.2.0 0.2.9", "0.1.9 0.3.0"),
    ("^0.0.3", "0.0.3", "0.0.2 0.0.4 0.1.0"),
    ("^0.0", "0.0.0 0.0.9", "0.1.0"),
    ("^0.0.0", "0.0.0", "0.0.1"),
    ("^0", "0.0.0 0.9.0", "1.0.0"),
    ("^0.x", "0.0.0 0.9.0", "1.0.0"),
    ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
    ("~1.2", "1.2.0 1.2.9", "1.1.9 1.3.0"),
    ("~1", "1.0.0 1.9.0", "0.9.0 2.0.0"),
    ("~=1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"),
    ("~=1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
    ("~=0.2", "0.2.0 0.9.0", "0.1.0 1.0.0"),
    (">=1,<2", "1.0.0 1.9.9", "0.9.9 2.0.0 2.0.0-rc.1 1.0.0-rc.1"),
    (">1", "2.0.0 3.0.0", "1.0.0 1.9.9 2.0.0-rc.1"),
    (">1.2", "1.3.0 2.0.0", "1.2.0 1.2.9"),
    (">1.2.3", "1.2.4", "1.2.3"),
    (">1.0", "1.1.0", "1.0.9"),
    (">=1.2", "1.2.0 2.0.0", "1.1.9"),
    ("<1.2", "1.1.9", "1.2.0 1.2.0-rc.1"),
    ("<1.2.3", "1.2.2", "1.2.3"),
    ("<=1", "1.9.9 0.1.0", "2.0.0 2.0.0-rc.1"),
    ("<=1.2", "1.2.9", "1.3.0"),
    ("<=1.2.3", "1.2.3", "1.2.4"),
    ("==1.2.3", "1.2.3 1.2.3+build", "1.2.4 1.2.3-rc.1"),
    ("==1.2", "1.2.0 1.2.9", "1.3.0"),
    ("!=1.2.3", "1.2.2 1.2.4", "1.2.3 1.2.3+build 1.2.4-rc.1"),
    ("!=1.2", "1.1.9 1.3.0", "1.2.0 1.2.9"),
    ("^1,!=1.3", "1.2.0 1.4.0", "1.3.0 1.3.1"),
    ("1", "1.0.0 1.9.9", "0.9.0 2.0.0 1.1.0-rc.1"),
    ("1.2", "1.2.0 1.2.9", "1.3.0"),
    ("1.x", "1.0.0 1.9.9", "2.0.0"),
    ("1.x.x", "1.0.0 1.9.9", "2.0.0"),
    ("1.2.*", "1.2.0 1.2.9", "1.3.0"),
    ("1.2.3", "1.2.3", "1.2.4"),
    ("*", "0.0.0 9.9.9", "1.0.0-rc.1"),
    ("x", "0.0.0 9.9.9", "1.0.0-rc.1"),
    ("X.x", "0.0.0", "1.0.0-rc.1"),
    (" >= 1.0 , < 2 ", "1.0.0", "2.0.0"),
    ("^v1.2", "1.2.0", "2.0.0"),
    # A pre-release is in a range only where one of the same numbers was named.
    ("^1.2.3-beta.2", "1.2.3-beta.2 1.2.3-rc.1 1.2.3 1.3.0", "1.2.3-beta.1 1.2.4-rc.1"),
    ("~1.2.3-beta", "1.2.3-beta.1 1.2.9", "1.2.3-alpha 1.2.4-beta 1.3.0"),
    ("~=1.2.3-rc.1", "1.2.3-rc.2 1.2.9", "1.2.3-beta 1.3.0"),
    (">1.2.3-rc.1", "1.2.3-rc.2 1.2.3", "1.2.3-rc.1 1.2.4-rc.1"),
    (">=2.0.0-rc.1,<2.0.0", "2.0.0-rc.1 2.0.0-rc.9", "2.0.0 2.0.0-beta 1.9.0"),
    ("==1.2.3-rc.1", "1.2.3-rc.1 1.2.3-rc.1+b", "1.2.3-rc.2 1.2.3"),
    ("<2,>=2.0.0-rc.1", "", "2.0.0-rc.1 2.0.0-rc.2"),
    ("^1.2,>=2.0.0-rc.1", "", "2.0.0-rc.1 2.0.0-rc.2"),
    ("!=1.2.3-rc.1", "1.2.3 9.0.0", "1.2.3-rc.1 1.2.3-rc.2"),
    (">=1.2.3-rc.1,!=1.2.3-rc.2", "1.2.3-rc.1 1.2.3-rc.3", "1.2.3-rc.2"),
]


@pytest.mark.parametrize(
    ("text", "inside", "outside"), TABLE, ids=[row[0] for row in TABLE]
)
def test_what_a_range_takes_in(text: str, inside: str, outside: str) -> None:
    """Each form of a range ends exactly where npm's (or PEP 440's `~=`) does."""
    wanted = Range.parse(text)
    assert is_range(text)
    assert [v for v in inside.split() if not wanted.matches(Version.parse(v))] == []
    assert [v for v in outside.split() if wanted.matches(Version.parse(v))] == []


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" >= 1.0 , < 2 ", ">=1.0,<2"),
        ("1.x", "1"),
        ("1.2.*", "1.2"),
        ("X", "*"),
        ("^v1.2.3-rc.1", "^1.2.3-rc.1"),
        ("~=1.2", "~=1.2"),
    ],
)
def test_ranges_print_in_one_form(text: str, canonical: str) -> None:
    """Spaces, wildcards and a `v` go; what is left reads back as the same range."""
    assert str(Range.parse(text)) == canonical
    assert Range.parse(canonical) == Range.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        ">=1,",
        ">=1,,<2",
        ">=1 <2",
        "1 || 2",
        "1.0 - 2.0",
        "=1.2",
        "===1.2",
        "=>1",
        "> =1",
        "~>1",
        "^",
        "^*",
        ">x",
        "1.x.3",
        "1.2.3.x",
        "1.2.3.4",
        "1.2.x-rc",
        "1.2-rc",
        "01.2",
        "^1.02",
        "1. 2",
        "+1",
        "-1",
        "٣",
        "1_0",
        "1\n",
        "latest",
        "v",
        "V1",
        "~=1",
        "~=1.x",
        "~=1.2.x",
        "^1.2.3+build",
        "^1.2.3-01",
        "^" + "1" * 200,
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_what_is_no_range_is_refused(text: str) -> None:
    """Forms of other systems, typing errors and lenient digits are refused."""
    with pytest.raises(InvalidInputError) as caught:
        Range.parse(text)
    assert caught.value.kind is ErrorKind.BAD_VERSION
    assert caught.value.hints
    assert not is_range(text)


def test_build_metadata_is_refused_with_the_reason() -> None:
    """Build metadata has no part in the order, so no range may seem to use it."""
    with pytest.raises(InvalidInputError) as caught:
        Range.parse(">=1.2.3+build")
    assert "build metadata" in caught.value.hints[0]


def test_size_is_bounded() -> None:
    """A range has at most 16 comparators and 256 characters, and fails at once."""
    assert len(Range.parse(",".join([">1"] * MAX_COMPARATORS)).comparators) == 16
    with pytest.raises(InvalidInputError, match="more than 16"):
        Range.parse(",".join([">1"] * (MAX_COMPARATORS + 1)))
    with pytest.raises(InvalidInputError, match="at most 256"):
        Range.parse("^" * 10_000_000)


@pytest.mark.parametrize("value", [None, 1, 1.2, b"^1"], ids=repr)
def test_what_is_not_text_is_refused(value: Any) -> None:
    """The number 1.2 is no range."""
    with pytest.raises(InvalidInputError, match="a range is text, not"):
        Range.parse(value)

"""Versions: the examples of semver.org, the bump rule, and what is refused."""

from typing import Any

import pytest

from modelver._values.semver import INITIAL, Level, Version, is_version
from modelver.errors import ErrorKind, InvalidInputError

VALID = [
    "0.0.4",
    "1.2.3",
    "10.20.30",
    "1.1.2-prerelease+meta",
    "1.1.2+meta",
    "1.1.2+meta-valid",
    "1.0.0-alpha",
    "1.0.0-beta",
    "1.0.0-alpha.beta",
    "1.0.0-alpha.beta.1",
    "1.0.0-alpha.1",
    "1.0.0-alpha0.valid",
    "1.0.0-alpha.0valid",
    "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
    "1.0.0-rc.1+build.1",
    "2.0.0-rc.1+build.123",
    "1.2.3-beta",
    "10.2.3-DEV-SNAPSHOT",
    "1.2.3-SNAPSHOT-123",
    "1.0.0",
    "2.0.0",
    "1.1.7",
    "2.0.0+build.1848",
    "2.0.1-alpha.1227",
    "1.0.0-alpha+beta",
    "1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
    "1.2.3----R-S.12.9.1--.12+meta",
    "1.2.3----RC-SNAPSHOT.12.9.1--.12",
    "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
    "1.0.0-0A.is.legal",
    "99999999999999999999999.999999999999999999.99999999999999999",
]

INVALID = [
    "1",
    "1.2",
    "1.2.3-0123",
    "1.2.3-0123.0123",
    "1.1.2+.123",
    "+invalid",
    "-invalid",
    "-invalid+invalid",
    "-invalid.01",
    "alpha",
    "alpha.beta",
    "alpha.beta.1",
    "alpha.1",
    "alpha+beta",
    "alpha_beta",
    "alpha.",
    "alpha..",
    "beta",
    "1.0.0-alpha_beta",
    "-alpha.",
    "1.0.0-alpha..",
    "1.0.0-alpha..1",
    "1.0.0-alpha...1",
    "1.0.0-alpha....1",
    "1.0.0-alpha.....1",
    "1.0.0-alpha......1",
    "1.0.0-alpha.......1",
    "01.1.1",
    "1.01.1",
    "1.1.01",
    "1.2.3.DEV",
    "1.2-SNAPSHOT",
    "1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788",
    "1.2-RC-SNAPSHOT",
    "-1.0.3-gamma+b7718",
    "+justmeta",
    "9.8.7+meta+meta",
    "9.8.7-whatever+meta+meta",
    "99999999999999999999999.999999999999999999.99999999999999999----RC-SNAPSHOT.12.09.1--..12",
]

LENIENT = [
    "",
    " 1.2.3",
    "1.2.3 ",
    "1.2.3\n",
    "+1.2.3",
    "1_0.2.3",
    "٣.0.0",
    "1.2.3-é",
    "V1.2.3",
    "vv1.2.3",
    "v 1.2.3",
    "1.2.3-",
    "1.2.3+",
    "1.2.3\x00",
    "1.2.3-rc.1\u202e",
]

ORDERED = [
    "0.9.9",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "2.1.10",
    "10.0.0",
]


@pytest.mark.parametrize("text", VALID)
def test_valid_examples_are_read_and_written_back(text: str) -> None:
    """Each valid example of semver.org parses, and prints as it was written."""
    assert str(Version.parse(text)) == text
    assert is_version(text)


@pytest.mark.parametrize("text", INVALID + LENIENT, ids=ascii)
def test_invalid_examples_are_refused(text: str) -> None:
    """Each invalid example, and each thing that int() would wave through, fails."""
    with pytest.raises(InvalidInputError) as caught:
        Version.parse(text)
    assert caught.value.kind is ErrorKind.BAD_VERSION
    assert "1.2.0" in caught.value.hints[0]
    assert not is_version(text)


def test_a_leading_v_is_accepted_and_dropped() -> None:
    """A `v`, as in git tags, is read and never kept."""
    assert Version.parse("v1.2.3-rc.1") == Version.parse("1.2.3-rc.1")
    assert str(Version.parse("v1.2.3")) == "1.2.3"


def test_precedence_table() -> None:
    """The table of semver.org, and numbers in numeric order, hold pair by pair."""
    versions = [Version.parse(text) for text in ORDERED]
    for i, low in enumerate(versions):
        for high in versions[i + 1 :]:
            assert low < high
            assert low <= high
            assert high > low
            assert high >= low
            assert low != high
            assert not low.same_precedence(high)
    assert sorted(set(versions)) == versions


def test_build_metadata_distinguishes_without_ordering() -> None:
    """Two builds of one number differ, and neither comes first."""
    a, b = Version.parse("1.0.0+a"), Version.parse("1.0.0+b")
    assert a != b
    assert len({a, b, Version.parse("1.0.0+a")}) == 2
    assert not a < b
    assert not a > b
    assert a <= b
    assert a >= b
    assert a.same_precedence(b)


@pytest.mark.parametrize(
    "compare", ["__lt__", "__le__", "__gt__", "__ge__"], ids=lambda name: name[2:4]
)
def test_other_types_do_not_compare(compare: str) -> None:
    """A version is not compared with text: that would be the order of letters."""
    assert getattr(INITIAL, compare)("0.1.0") is NotImplemented


@pytest.mark.parametrize(
    ("text", "level", "pre", "expected"),
    [
        ("1.1.0", "major", None, "2.0.0"),
        ("1.1.1", "minor", None, "1.2.0"),
        ("1.1.1", "patch", None, "1.1.2"),
        ("2.0.0-rc.1", "major", None, "2.0.0"),
        ("2.1.0-rc.1", "major", None, "3.0.0"),
        ("2.0.1-rc.1", "major", None, "3.0.0"),
        ("1.2.0-rc.1", "minor", None, "1.2.0"),
        ("1.2.1-rc.1", "minor", None, "1.3.0"),
        ("1.2.0-rc.1", "patch", None, "1.2.0"),
        ("1.2.3-rc.1", "patch", None, "1.2.3"),
        ("1.2.3+build", "patch", None, "1.2.4"),
        ("1.2.3-rc.1+build", "patch", None, "1.2.3"),
        ("1.1.0", "minor", "rc", "1.2.0-rc.1"),
        ("1.2.0-rc.1", "minor", "rc", "1.2.0-rc.2"),
        ("1.2.0-rc.9", "minor", "rc", "1.2.0-rc.10"),
        ("1.2.0-rc", "minor", "rc", "1.2.0-rc.1"),
        ("1.2.0-rc.1.5", "minor", "rc", "1.2.0-rc.2"),
        ("1.2.0-rc.1", "major", "rc", "2.0.0-rc.1"),
        ("1.2.0-rc.1", "patch", "rc", "1.2.0-rc.2"),
        ("1.2.0-beta.3", "minor", "rc", "1.2.0-rc.1"),
        ("1.2.0-rc.1", "minor", "alpha", "1.3.0-alpha.1"),
        ("2.0.0-rc.1", "major", "alpha", "3.0.0-alpha.1"),
        ("1.2.4-rc.1", "patch", "alpha", "1.2.5-alpha.1"),
        ("1.2.0-rc.x", "minor", "rc", "1.3.0-rc.1"),
        ("1.2.0-a.b.1", "minor", "a.b", "1.2.0-a.b.2"),
        ("1.2.0+build", "patch", "rc", "1.2.1-rc.1"),
    ],
)
def test_bump(text: str, level: Level, pre: str | None, expected: str) -> None:
    """A bump completes a pre-release, counts its label up, or raises the number."""
    assert str(Version.parse(text).bump(level, pre)) == expected


@pytest.mark.parametrize("label", ["", "rc_1", "rc..1", "01", "rc+1", "rc\n", "ŕc"])
def test_bad_labels_are_refused(label: str) -> None:
    """What cannot stand behind the hyphen is no label."""
    with pytest.raises(InvalidInputError, match="label") as caught:
        INITIAL.bump("minor", label)
    assert caught.value.kind is ErrorKind.BAD_VERSION


def test_an_unknown_level_is_refused() -> None:
    """`auto` is decided by who knows the files, not here."""
    level: Any = "auto"
    with pytest.raises(InvalidInputError, match="'auto' is not a level") as caught:
        INITIAL.bump(level)
    assert caught.value.kind is ErrorKind.BAD_ARGUMENT


def test_a_bump_never_makes_a_version_that_cannot_be_read() -> None:
    """Where one more digit would be too long, the bump fails."""
    longest = Version.parse("0.0." + "9" * 124)
    with pytest.raises(InvalidInputError, match="at most 128"):
        longest.bump("patch")


@pytest.mark.parametrize(
    "fields",
    [
        (-1, 0, 0),
        (0, True, 0),
        (0, 0, 1.0),
        ("1", 0, 0),
        (1, 0, 0, ("01",)),
        (1, 0, 0, ("",)),
        (1, 0, 0, ("a.b",)),
        (1, 0, 0, ("a" * 129,)),
        (1, 0, 0, (), ("a_b",)),
    ],
    ids=repr,
)
def test_fields_are_held_to_the_grammar(fields: tuple[Any, ...]) -> None:
    """A version made from fields is as strict as one that was read."""
    with pytest.raises(InvalidInputError) as caught:
        Version(*fields)
    assert caught.value.kind is ErrorKind.BAD_VERSION


@pytest.mark.parametrize("value", [None, 1, 1.2, b"1.2.3"], ids=repr)
def test_what_is_not_text_is_refused(value: Any) -> None:
    """The number 1.2 is no version: it says that text is wanted."""
    with pytest.raises(InvalidInputError, match="a version is text, not"):
        Version.parse(value)


def test_long_text_is_refused_at_once_and_not_repeated() -> None:
    """Ten million characters cost nothing, and do not fill the message."""
    with pytest.raises(InvalidInputError) as caught:
        Version.parse("1" * 10_000_000)
    assert len(str(caught.value)) + len(caught.value.hints[0]) < 300
    assert str(Version.parse("1.2.3-" + "a" * 122)).endswith("a")


def test_repr_and_properties() -> None:
    """A version shows how to make it, and what it is."""
    version = Version.parse("1.2.3-rc.1+b")
    assert repr(version) == "Version.parse('1.2.3-rc.1+b')"
    assert (version.pre, version.build) == (("rc", "1"), ("b",))
    assert version.is_prerelease
    assert version.core == Version(1, 2, 3)
    assert not version.core.is_prerelease
    assert str(INITIAL) == "0.1.0"

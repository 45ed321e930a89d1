"""Laws of versions, ranges, refs, names and paths."""

import itertools
from typing import get_args

from hypothesis import assume, given, strategies as st

from modelver._values.names import check_alias, check_model_name
from modelver._values.paths import check_bundle_path, check_no_collisions
from modelver._values.ranges import Range, is_range
from modelver._values.ref import Alias, Ref
from modelver._values.semver import Level, Version, is_version
from modelver._values.text import csv_safe, html_safe, term_safe
from modelver.errors import InvalidInputError

NUMBERS = st.integers(0, 3) | st.integers(0, 10**6)
IDENTIFIERS = st.sampled_from(
    ["0", "1", "2", "10", "alpha", "beta", "rc", "x", "-", "0a"]
) | st.from_regex(r"[1-9][0-9]{0,5}|[a-zA-Z-][0-9a-zA-Z-]{0,5}", fullmatch=True)
VERSIONS = st.builds(
    Version,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.lists(IDENTIFIERS, max_size=4).map(tuple),
    st.just(()) | st.just(("b", "007")),
)
LABELS = st.lists(IDENTIFIERS, min_size=1, max_size=2).map(".".join)
LEVELS = st.sampled_from(get_args(Level))
OPERATORS = st.sampled_from(["", "^", "~", "~=", ">=", "<=", ">", "<", "==", "!="])


@st.composite
def comparators(draw: st.DrawFn) -> str:
    """Draw one comparator, partial or whole."""
    op = draw(OPERATORS)
    numbers = draw(st.lists(NUMBERS, min_size=2 if op == "~=" else 1, max_size=3))
    text = op + ".".join(map(str, numbers))
    pre = draw(st.lists(IDENTIFIERS, max_size=2)) if len(numbers) == 3 else []
    return f"{text}-{'.'.join(pre)}" if pre else text


RANGES = st.lists(comparators(), min_size=1, max_size=4).map(",".join)
PRINTED = st.text(
    st.characters(codec="utf-8") | st.sampled_from("@:/.-v1x^~=<>,* "), max_size=40
)


@given(VERSIONS)
def test_a_version_reads_back(version: Version) -> None:
    """What is printed is a version, and the same one, with or without a `v`."""
    assert Version.parse(str(version)) == version
    assert Version.parse(f"v{version}") == version
    assert is_version(str(version))


@given(VERSIONS, VERSIONS)
def test_order_is_total(a: Version, b: Version) -> None:
    """Of two versions one is lower, or both are of the same precedence."""
    assert (a < b) + (a > b) + a.same_precedence(b) == 1
    assert (a <= b) == (not a > b)
    assert (a >= b) == (not a < b)
    assert a != b or a.same_precedence(b)


@given(st.lists(VERSIONS, min_size=3, max_size=3))
def test_order_is_transitive(three: list[Version]) -> None:
    """Sorting one after the other leaves the ends in order."""
    low, middle, high = sorted(three)
    assert low <= middle <= high
    assert low <= high


@given(VERSIONS)
def test_a_release_follows_its_prereleases(version: Version) -> None:
    """A pre-release is below the release of its numbers, and above the one before."""
    assume(version.pre)
    assert version < version.core
    if version.patch:
        before = Version(version.major, version.minor, version.patch - 1)
        assert version > before


@given(VERSIONS, LEVELS, st.none() | LABELS)
def test_a_bump_is_always_higher(
    version: Version, level: Level, pre: str | None
) -> None:
    """Whatever is bumped by whatever comes after what was there."""
    bumped = version.bump(level, pre)
    assert bumped > version
    assert bumped.build == ()
    if pre is None:
        assert not bumped.is_prerelease
    else:
        label = tuple(pre.split("."))
        assert bumped.pre[:-1] == label
    lower = {"major": (bumped.minor, bumped.patch), "minor": (bumped.patch,)}
    assert not any(lower.get(level, ())) or bumped.core == version.core


@given(RANGES)
def test_a_range_reads_back(text: str) -> None:
    """What is printed is the same range."""
    wanted = Range.parse(text)
    assert Range.parse(str(wanted)) == wanted
    assert is_range(text)


@given(RANGES, RANGES, VERSIONS)
def test_a_comma_never_lets_more_releases_in(a: str, b: str, version: Version) -> None:
    """For releases, a comma is the conjunction of both sides."""
    release = version.core
    both = Range.parse(f"{a},{b}").matches(release)
    assert both == (Range.parse(a).matches(release) and Range.parse(b).matches(release))


@given(VERSIONS, VERSIONS)
def test_operators_are_the_order(bound: Version, version: Version) -> None:
    """For releases, each comparison in a range is the one of versions."""
    low, high = bound.core, version.core
    for op, expected in {
        ">": high > low,
        ">=": high >= low,
        "<": high < low,
        "<=": high <= low,
        "==": high == low,
        "!=": high != low,
    }.items():
        assert Range.parse(f"{op}{low}").matches(high) is expected


@given(VERSIONS, VERSIONS)
def test_ranges_around_a_version(bound: Version, other: Version) -> None:
    """`^v` and `~v` hold v, nothing below it, and no other major number."""
    text = str(bound).partition("+")[0]
    for op in ("^", "~", "~=", ">=", "<=", "==", ""):
        assert Range.parse(op + text).matches(bound)
    for op in ("^", "~", "~="):
        if Range.parse(op + text).matches(other):
            assert other >= bound
            assert other.major == bound.major
            assert (
                Range.parse("^" + text).matches(other) or op != "~" or not bound.major
            )
    assert not Range.parse("!=" + text).matches(bound)


@given(RANGES, VERSIONS)
def test_prereleases_come_only_when_asked(text: str, version: Version) -> None:
    """A pre-release is matched only where the range names one of its numbers."""
    assume(version.pre)
    if Range.parse(text).matches(version):
        assert f"{version.core}-" in text


@given(PRINTED)
def test_refs_are_read_or_refused(text: str) -> None:
    """Any text is a ref that reads back the same, or a clear error."""
    try:
        ref = Ref.parse(text)
    except InvalidInputError:
        return
    assert Ref.parse(str(ref)) == ref


@given(st.from_regex(r"[vx][0-9x.a-]{0,8}|[a-z][a-z0-9._-]{0,20}", fullmatch=True))
def test_an_alias_is_never_a_version(text: str) -> None:
    """What may be an alias is neither a version nor a range, and a ref says alias."""
    try:
        check_alias(text)
    except InvalidInputError:
        return
    assert not is_version(text)
    assert not is_range(text)
    assert Ref.parse(f"m@{text}").selector == Alias(text)


@given(st.text("abxv10./-_@: A", max_size=12))
def test_model_names_are_safe_paths(text: str) -> None:
    """What may be a model name is a safe path too, and never a version."""
    try:
        name = check_model_name(text)
    except InvalidInputError:
        return
    assert check_bundle_path(name) == text
    assert not is_version(text)


PARTS = st.text("aB.~ é\u0301:\\\u202e", max_size=4) | st.sampled_from(
    ["con", "NUL.x", ".git", "GIT~1", "..", ".", ""]
)


@given(st.lists(PARTS, max_size=4).map("/".join))
def test_accepted_paths_stay_inside(path: str) -> None:
    """Split by either system's separator, no part of a good path moves up or away."""
    try:
        check_bundle_path(path)
    except InvalidInputError:
        return
    for part in path.replace("\\", "/").split("/"):
        assert part.rstrip(". ") == part != ""
        assert part.lower() != ".git"
        assert ":" not in part
        assert part.isprintable()


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_a_path_is_as_good_as_its_parts(parts: list[str]) -> None:
    """A short path is good exactly when each of its parts is."""

    def good(path: str) -> bool:
        try:
            check_bundle_path(path)
        except InvalidInputError:
            return False
        return True

    assert good("/".join(parts)) == all(map(good, parts))


@given(st.lists(st.text("aA/b!é", min_size=1, max_size=5), max_size=8))
def test_collisions_are_those_of_every_pair(paths: list[str]) -> None:
    """Sorting finds exactly what comparing all pairs would."""
    paths = [path.strip("/") or "a" for path in paths]
    keys = [path.casefold() for path in paths]
    expected = any(
        a == b or b.startswith(a + "/") or a.startswith(b + "/")
        for a, b in itertools.combinations(keys, 2)
    )
    try:
        check_no_collisions(paths)
    except InvalidInputError:
        assert expected
    else:
        assert not expected


@given(st.text(st.characters()))
def test_shown_text_cannot_act(text: str) -> None:
    """No control character, no bracket and no half character is ever put out."""
    shown = term_safe(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    shown.encode()
    assert term_safe(shown) == shown
    assert not set(html_safe(text)) & set("<>\"'")
    assert csv_safe(text)[:1] not in {"=", "+", "@", "\r"} or text.lstrip("+").isdigit()

"""Fingerprints of RECORDs: the same for the same wheel, whoever installed it where."""

import csv
import io
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from modelver._values import distributions
from modelver._values.distributions import fingerprint, name_and_version, record_rows

WHEEL = [
    ("pkg/__init__.py", "sha256=aaa", "10"),
    ("pkg/data-1.csv", "sha256=bbb", "20"),
    ("pkg.py", "sha256=ccc", ""),
    ("pkg-1.0.dist-info/METADATA", "sha256=ddd", "30"),
    ("pkg-1.0.dist-info/RECORD", "", ""),
]
# What pip adds: scripts, compiled files, and what it says itself.
BY_PIP = [
    ("../../../bin/pkg", "sha256=eee", "200"),
    ("pkg-1.0.dist-info/INSTALLER", "sha256=fff", "4"),
    ("pkg-1.0.dist-info/REQUESTED", "sha256=ggg", "0"),
    ("pkg-1.0.dist-info/direct_url.json", "sha256=hhh", "90"),
    ("pkg/__pycache__/__init__.cpython-311.pyc", "", ""),
]
NAMES = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="\\"
    ),
    min_size=1,
    max_size=12,
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ROWS = st.lists(
    st.tuples(PATHS, st.sampled_from(["sha256=x", "sha256=y"]), st.just("1")),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[0],
)


def text(rows: Sequence[Sequence[str]], end: str = "\n") -> bytes:
    """Return a RECORD of *rows*."""
    said = io.StringIO(newline="")
    csv.writer(said, lineterminator=end).writerows(rows)
    return said.getvalue().encode()


def test_what_pip_adds_changes_nothing() -> None:
    """Scripts, compiled files, what pip writes, line ends and order do not count."""
    installed = [*BY_PIP, *reversed(WHEEL)]
    assert fingerprint(text(WHEEL)) == fingerprint(text(installed, "\r\n"))
    for added in BY_PIP:
        assert fingerprint(text([*WHEEL, added])) == fingerprint(text(WHEEL)), added


@pytest.mark.parametrize("at", range(4))
def test_every_file_of_the_wheel_counts(at: int) -> None:
    """Another hash, another path or a file less is another wheel."""
    path, digest, size = WHEEL[at]
    others = [row for n, row in enumerate(WHEEL) if n != at]
    prints = {
        fingerprint(text(WHEEL)),
        fingerprint(text(others)),
        fingerprint(text([*others, (path, digest + "x", size)])),
        fingerprint(text([*others, (path + "x", digest, size)])),
    }
    assert len(prints) == 4
    assert fingerprint(text([*others, (path, digest, "7")])) in prints


def test_what_a_wheel_keeps_apart_is_found_at_the_top() -> None:
    """Files of purelib stand at the top later; scripts and data elsewhere."""
    wheel = [
        *WHEEL[1:],
        ("pkg-1.0.data/purelib/pkg/__init__.py", "sha256=aaa", "10"),
        ("pkg-1.0.data/scripts/run", "sha256=ooo", "5"),
        ("pkg-1.0.data/data/share/x", "sha256=ppp", "5"),
    ]
    assert fingerprint(text(wheel)) == fingerprint(text(WHEEL))


def test_what_another_one_was_copied_with_counts() -> None:
    """INSTALLER of a distribution inside this one is a file like any other."""
    inside = ("pkg/_vendor/x-1.dist-info/INSTALLER", "sha256=v", "4")
    assert fingerprint(text([*WHEEL, inside])) != fingerprint(text(WHEEL))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b'"', id="half"),
        pytest.param(b'"a\nb",sha256=x,1\n', id="path-of-two-lines"),
        pytest.param(b"pkg.py,,\n", id="no-hash"),
        pytest.param(b"../x,sha256=y,1\np-1.dist-info/RECORD,,\n", id="all-outside"),
        pytest.param(
            text([*WHEEL, ("_editable_impl_pkg.pth", "sha256=x", "3")]), id="hatch"
        ),
        pytest.param(
            text([*WHEEL, ("__editable__.pkg-1.0.pth", "sha256=x", "3")]), id="setup"
        ),
    ],
)
def test_nothing_is_said_where_nothing_is_known(record: bytes) -> None:
    """What is no RECORD, or of a project that is edited, has no fingerprint."""
    assert fingerprint(record) is None


@given(ROWS, st.randoms(use_true_random=False))
def test_one_meaning_whatever_the_spelling(
    rows: list[tuple[str, str, str]], shuffle: random.Random
) -> None:
    """Quoting, line ends and order make no difference; both ways of reading agree."""
    whole = [*rows, *WHEEL]
    mixed = list(whole)
    shuffle.shuffle(mixed)
    said = io.StringIO(newline="")
    csv.writer(said, quoting=csv.QUOTE_ALL).writerows(mixed)
    assert fingerprint(said.getvalue().encode()) == fingerprint(text(whole))


def test_the_quick_way_reads_like_the_careful_one() -> None:
    """Of a RECORD in which nothing is odd both find the same rows."""
    whole = "\n" + text([*WHEEL, *BY_PIP]).decode()
    quick = distributions._plain(whole)
    assert quick is not None
    assert sorted(quick) == sorted(distributions._careful(whole.encode()))
    assert len(quick) == 4


@given(st.binary(max_size=200))
def test_no_record_is_too_odd(record: bytes) -> None:
    """Any bytes have a fingerprint, or none."""
    found = fingerprint(record)
    assert found is None or len(found) == 64
    rows = record_rows(record)
    assert rows is None or all("\n" not in row.path for row in rows)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("Name: A_b.C\nVersion: 1\n", ("a-b-c", "1")),
        ("Version: 1.0+cu128\r\nName: x\r\n\r\nName: y", ("x", "1.0+cu128")),
        ("Name: x\n\nVersion: 1", None),
        ("Name: ../x\nVersion: 1", None),
    ],
)
def test_name_and_version(metadata: str, expected: tuple[str, str] | None) -> None:
    """Both are read from the head alone, and the name is normalised."""
    assert name_and_version(metadata) == expected

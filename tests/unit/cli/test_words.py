"""Words of the command line become values, or an error that names them."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from modelver._cli.words import (
    data_sources,
    json_object,
    json_or_text,
    moment,
    number,
    pairs,
    pairs_or_files,
    sources,
)
from modelver._values.data import Data
from modelver.errors import (
    AccessDeniedError,
    ErrorKind,
    InvalidInputError,
    StorageError,
)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back(value: float) -> None:
    """A metric that was written as Python or JSON writes it is the same number."""
    assert number("auc", repr(value)) == value


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-Infinity", "1_000", " 1", "1 ", "0x10", "٣", "1e", "."]
)
def test_no_number(text: str) -> None:
    """What is no finite decimal number is refused, and named."""
    with pytest.raises(InvalidInputError, match="'auc'") as caught:
        number("auc", text)
    assert caught.value.kind == ErrorKind.BAD_VALUE


@pytest.mark.parametrize(
    ("text", "value"), [("-1", -1.0), ("+.5", 0.5), ("5.", 5.0), ("1E3", 1000.0)]
)
def test_short_numbers(text: str, value: float) -> None:
    """Numbers may be written as people write them."""
    assert number("x", text) == value


def test_a_number_too_large_is_left_to_the_library() -> None:
    """What no float can hold becomes infinite, which the registry refuses."""
    assert math.isinf(number("x", "9" * 400))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(json_values)
def test_json_is_read_as_json(value: object) -> None:
    """A parameter that is JSON has the value of the JSON."""
    assert json_or_text("k", json.dumps(value)) == value


@pytest.mark.parametrize(
    "text", ["adam", "1.0.0", "", "NaN", "{", '{"a":1,"a":2}', "9" * 5000, "[" * 10**5]
)
def test_other_text_is_text(text: str) -> None:
    """A parameter that is no strict JSON is kept as it was typed."""
    assert json_or_text("k", text) == text


def test_pairs() -> None:
    """The first equals sign ends the key; later pairs win; the rest is text."""
    assert pairs(["a=1", "b=x=y", "a="], "--tag") == {"a": "", "b": "x=y"}
    for text in ("a", "=a", ""):
        with pytest.raises(InvalidInputError, match="--tag"):
            pairs([text], "--tag")


def test_files_and_pairs_mix(tmp_path: Path) -> None:
    """JSON files and pairs are one mapping, in their order; a BOM is passed over."""
    file = tmp_path / "m.json"
    file.write_bytes(b'\xef\xbb\xbf{"auc": 0.5, "f1": 1}')
    assert pairs_or_files([str(file), "auc=0.9"], "--metrics", number) == {
        "auc": 0.9,
        "f1": 1,
    }
    assert pairs_or_files(["auc=0.9", str(file)], "--metrics", number)["auc"] == 0.5


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[1]",
        b"null",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"{" * 100_000,
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1e999}',
    ],
    ids=lambda raw: str(raw[:16]),
)
def test_a_file_that_is_no_object(raw: bytes, tmp_path: Path) -> None:
    """A file that holds no strict JSON object is refused, and named."""
    file = tmp_path / "m.json"
    file.write_bytes(raw)
    with pytest.raises(InvalidInputError, match=r"m\.json") as caught:
        json_object(str(file), "--metrics")
    assert caught.value.kind == ErrorKind.BAD_VALUE


@pytest.mark.parametrize("name", ["nowhere.json", "", "a\0b"])
def test_a_file_that_is_missing(name: str) -> None:
    """A missing file is an error of the call."""
    with pytest.raises(InvalidInputError, match="there is no file") as caught:
        json_object(name, "--metrics")
    assert caught.value.kind == ErrorKind.MISSING_FILE


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder where a file is meant is an error of the call or of the store."""
    with pytest.raises((InvalidInputError, StorageError)):
        json_object(str(tmp_path), "--metrics")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """A file without permission is an error of the environment."""
    file = tmp_path / "m.json"
    file.write_bytes(b"{}")
    file.chmod(0)
    with pytest.raises(AccessDeniedError):
        json_object(str(file), "--metrics")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_an_endless_file_is_refused() -> None:
    """No more of a file is read than a file of settings has."""
    with pytest.raises(InvalidInputError, match="longer than") as caught:
        json_object("/dev/zero", "--params")
    assert caught.value.kind == ErrorKind.TOO_LARGE


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One path alone stands for itself; several, or with names, are a mapping."""
    monkeypatch.chdir(tmp_path)
    for name in ("a=b.csv", "c.csv"):
        (tmp_path / name).write_text("x")
    assert sources([], "--data") is None
    assert sources(["c.csv"], "--data") == "c.csv"
    assert sources(["a=b.csv"], "--data") == "a=b.csv"
    assert sources(["train=c.csv"], "--data") == {"train": Path("c.csv")}
    assert sources(["a=b.csv", "t=c.csv", "./c.csv"], "--data") == {
        "a=b.csv": Path("a=b.csv"),
        "t": Path("c.csv"),
        "c.csv": Path("c.csv"),
    }
    assert sources([".", "c.csv"], "--data") == {
        tmp_path.name: Path(),
        "c.csv": Path("c.csv"),
    }


def test_two_sources_of_one_name() -> None:
    """Two things of one name are refused before anything is read."""
    with pytest.raises(InvalidInputError, match=r"'x\.csv'") as caught:
        sources(["a/x.csv", "b/x.csv"], "--data")
    assert caught.value.kind == ErrorKind.BAD_PATH


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("12", 12), ("2026-03-01", "2026-03-01"), ("٣", "٣"), ("-1", "-1")],
)
def test_moments(text: str, value: int | str) -> None:
    """Digits are the number of a commit, all else is a time."""
    assert moment(text) == value


def test_data_words() -> None:
    """Paths alone are handed on as ever; addresses and other ways are named."""
    assert data_sources([], [], []) is None
    assert data_sources(["c.csv"], [], []) == "c.csv"
    found = data_sources(
        ["s3://b/year=2026/t.csv", "val=v.csv"], ["raw.dvc", "x=gs://b/x"], ["big.bin"]
    )
    assert found == {
        "t.csv": Data("s3://b/year=2026/t.csv"),
        "val": Data("v.csv"),
        "raw": Data("raw.dvc", how="reference"),
        "x": Data("gs://b/x", how="reference"),
        "big.bin": Data("big.bin", how="digest"),
    }
    with pytest.raises(InvalidInputError, match="two data are called"):
        data_sources(["a=x"], ["a=s3://b/y"], [])

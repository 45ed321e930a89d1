"""What data says of itself: tables, arrays, and the files that DVC writes."""

import io
import json
import string
import struct
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver._capture.data import (
    array_of,
    array_pieces,
    count_records,
    footer_length,
    frame_of,
    read_config,
    read_dvc_file,
    read_dvc_lock,
    read_footer,
    read_head,
    read_listing,
)
from modelver._capture.data.plain_yaml import NotPlainError, parse_plain
from modelver.errors import InvalidInputError

numpy: Any = pytest.importorskip("numpy")

MD5 = "c3f99799953294213a08be1567270f77"


def _content(frame: Any) -> bytes:
    found = frame_of(frame)
    assert found is not None
    return b"".join(found.pieces())


# CSV.


@pytest.mark.parametrize(
    ("text", "rows", "columns", "names"),
    [
        ("a,b\n1,2\n3,4\n", 2, 2, ["a", "b"]),
        ("a,b\n1,2\n3,4", 2, 2, ["a", "b"]),
        ("a;b;c\r\n1;2;3\r\n", 1, 3, ["a", "b", "c"]),
        ('a,b\n"one\ntwo",2\n"a ""b""\n",3\n', 2, 2, ["a", "b"]),
        ('"first\nname",b\n1,2\n', 2, 2, None),
        ("\ufeffa\tb\n1\t2\n", 1, 2, ["a", "b"]),
        ("1,2\n3,4\n", 2, 2, None),
        ("ada@example.com,7\nbob@example.com,8\n", 2, 2, None),
        ("a,a\n1,2\n", 2, 2, None),
        ("a\n", 0, 1, ["a"]),
    ],
)
def test_records_of_csv(
    text: str, rows: int, columns: int, names: list[str] | None
) -> None:
    """Records end outside of quotes; a first line of data is no line of names."""
    facts = count_records([text.encode()])
    assert facts is not None
    assert (facts.rows, facts.columns) == (rows, columns)
    assert list(facts.schema) == (names or [])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'"never closed\n',
        b"\xff\xfe\x00a\n",
        b"a\0b\n1\n",
        b"x" * 70_000,
        b"a\n" + b'"\n"\n' * 600_000,
    ],
    ids=range(6),
)
def test_what_is_no_csv_says_nothing(raw: bytes) -> None:
    """Neither does a first line of any length."""
    assert count_records([raw]) is None


@given(st.lists(st.text(string.printable, max_size=5), min_size=1), st.integers(1, 9))
def test_csv_is_the_same_in_any_pieces(fields: list[str], step: int) -> None:
    """How it is read changes nothing, and the csv module counts as many records."""
    text = "".join('"' + field.replace('"', '""') + '",x\n' for field in fields)
    raw = ("a,b\n" + text).encode()
    whole = count_records([raw])
    assert whole == count_records(raw[n : n + step] for n in range(0, len(raw), step))
    assert whole is not None
    assert whole.rows == len(fields)


# Arrays.


@pytest.mark.parametrize(
    "array",
    [
        numpy.arange(12.0).reshape(3, 4),
        numpy.arange(12).reshape(3, 4).T,
        numpy.array(5),
        numpy.zeros((0, 3)),
        numpy.arange(5, dtype=">i4"),
        numpy.array([("a", 1)], dtype=[("n", "U3"), ("v", ">f4")]),
        numpy.arange(3_000_000.0).reshape(3, -1)[:, ::2],
        numpy.array(["a", "bc"]),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_an_array_is_the_file_that_numpy_writes(array: Any) -> None:
    """In the order of C, the smallest byte first, whatever it is in memory."""
    file = io.BytesIO()
    little = array.astype(array.dtype.newbyteorder("<"), order="C")
    numpy.save(file, little)
    raw = b"".join(array_pieces(array))
    assert raw == file.getvalue()
    head = read_head(raw[:70_000])
    assert head is not None
    assert head.shape == array.shape


def test_an_array_of_objects_is_refused() -> None:
    """Only pickle could keep it; a masked one has values that nobody sees."""
    with pytest.raises(InvalidInputError, match="Python objects"):
        list(array_pieces(numpy.array([{}, None])))
    with pytest.raises(InvalidInputError, match="masked"):
        array_of(numpy.ma.masked_array([1, 2], mask=[0, 1]))


@given(st.binary(max_size=200))
def test_any_bytes_have_a_head_or_none(raw: bytes) -> None:
    """Nothing that is no .npy file makes the reader of heads fail."""
    for around in (raw, b"\x93NUMPY\x01\x00" + raw, b"\x93NUMPY\x02\x00" + raw):
        read_head(around)


def test_a_head_is_never_evaluated() -> None:
    """A type that is a program, or a shape of a million digits, is no head."""
    evil = b"{'descr': __import__('os'), 'fortran_order': False, 'shape': (), }\n"
    long = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }\n" % (
        b"9" * 50_000
    )
    for text in (evil, long):
        assert (
            read_head(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)
            is None
        )


# Tables.


def test_the_content_of_a_pandas_table() -> None:
    """It changes with any value, name, type and order; not with how it is stored."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, float("nan")]})
    content = _content(frame)
    assert content == _content(frame.copy())
    assert content == _content(pandas.concat([frame[:1], frame[1:]], ignore_index=True))
    others = [
        frame.assign(a=[1, 3]),
        frame.assign(b=["x", ""]),
        frame.rename(columns={"a": "A"}),
        frame.astype({"a": "int32"}),
        frame[["b", "a", "c"]],
        frame[::-1],
        frame.set_index("a"),
        frame.head(1),
    ]
    contents = [content, *map(_content, others)]
    assert len(set(contents)) == len(contents)


def test_missing_is_not_zero() -> None:
    """A type that knows missing values has other bytes for nothing than for zero."""
    pandas = pytest.importorskip("pandas")
    some = pandas.DataFrame({"a": pandas.array([1, None], dtype="Int64")})
    zero = pandas.DataFrame({"a": pandas.array([1, 0], dtype="Int64")})
    assert _content(some) != _content(zero)
    elsewhere = [[1, None, 0], [1, 0, None]]
    tables = (pandas.DataFrame({"a": pandas.array(v, "Int64")}) for v in elsewhere)
    assert len(set(map(_content, tables))) == 2
    times = pandas.DataFrame({"t": pandas.to_datetime(["2026-01-01", None])})
    assert _content(times) == _content(times.copy())
    zones = times.assign(t=times["t"].dt.tz_localize("UTC"))
    assert _content(zones) != _content(times)
    labels = pandas.DataFrame({"c": pandas.Categorical(["a", "b", None])})
    assert _content(labels) == _content(labels.astype(object))


def test_all_nan_are_one() -> None:
    """There are millions of them, and which one it is says nothing."""
    pandas = pytest.importorskip("pandas")
    patterns = [0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000]
    bits = numpy.array(patterns, dtype="u8")
    contents = {
        _content(pandas.DataFrame({"a": bits[n : n + 1].view("f8")})) for n in range(3)
    }
    assert len(contents) == 1


def test_text_cannot_be_shifted_between_rows() -> None:
    """Where one value ends and the next begins is part of the content."""
    pandas = pytest.importorskip("pandas")
    one, two = [["ab", "c"], ["a", "bc"]], [["a", ""], ["", "a"]]
    for first, second in (one, two):
        tables = (pandas.DataFrame({"t": values}) for values in (first, second))
        assert len(set(map(_content, tables))) == 2


def test_what_a_table_cannot_hold_is_refused() -> None:
    """Two columns of one name, and objects that are nobody's value."""
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InvalidInputError, match="two columns"):
        frame_of(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
    frame = frame_of(pandas.DataFrame({"o": [object()]}))
    assert frame is not None
    with pytest.raises(InvalidInputError, match="no bytes of its own"):
        list(frame.pieces())
    circle: list[Any] = []
    circle.append(circle)
    frame = frame_of(pandas.DataFrame({"o": [circle]}))
    assert frame is not None
    with pytest.raises(InvalidInputError, match="deep"):
        list(frame.pieces())


TABLES = {
    "numbers": {
        "a": [1, 2, 3],
        "b": [0.5, float("nan"), 1.0],
        "c": [True, False, True],
    },
    "text": {"a": ["x", "", "ü"], "b": [b"1", b"", b"\xff"]},
    "missing": {"a": ["x", None, "z"]},
    "lists": {"a": [[1, 2], [], [3]]},
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_three_libraries_agree(table: dict[str, Any]) -> None:
    """The same table has the same content, whoever holds it."""
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    content = _content(pandas.DataFrame(table))
    assert _content(polars.DataFrame(table)) == content
    assert _content(pyarrow.table(table)) == content


def test_nothing_is_a_table_by_chance() -> None:
    """Neither are things that only look like one."""
    for value in ("text", 7, None, [1, 2], {"a": 1}, object()):
        assert frame_of(value) is None
        assert array_of(value) is None


# Parquet.


def _varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _footer(rows: int, names: list[str]) -> bytes:
    """Return what stands in front of a footer: version, schema, rows."""

    def element(name: str, kind: int | None, children: int) -> bytes:
        out, last = b"", 0
        if kind is not None:
            out, last = b"\x15" + _varint(kind * 2), 1
        out += bytes([(4 - last) << 4 | 8]) + _varint(len(name)) + name.encode()
        if children:
            out += b"\x15" + _varint(children * 2)
        return out + b"\x00"

    elements = [element("root", None, len(names)), *(element(n, 2, 0) for n in names)]
    schema = b"\x19" + bytes([len(elements) << 4 | 12]) + b"".join(elements)
    return b"\x15\x04" + schema + b"\x16" + _varint(rows * 2) + b"\x00"


def test_a_footer_of_parquet() -> None:
    """Rows, names and types come from the head of the footer alone."""
    facts = read_footer(_footer(1234, ["amount", "label"]))
    assert facts is not None
    assert (facts.rows, facts.columns) == (1234, 2)
    assert facts.schema == {"amount": "int64", "label": "int64"}
    assert footer_length(struct.pack("<I", 99) + b"PAR1") == 99
    assert footer_length(struct.pack("<I", 2**31) + b"PAR1") is None
    assert footer_length(b"PAR1") is None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_footer_or_none(raw: bytes) -> None:
    """Damaged or made up: the answer is None, or a number of rows."""
    good = _footer(7, ["a"])
    for found in (raw, good[: len(raw) % len(good)] + raw):
        facts = read_footer(found)
        assert facts is None or facts.rows is not None


# DVC.


def test_what_dvc_3_writes() -> None:
    """A file, a folder, and the outputs of a pipeline."""
    (out,) = read_dvc_file(
        f"outs:\n- md5: {MD5}.dir\n  size: 2\n  nfiles: 2\n  hash: md5\n"
        "  path: raw data\n".encode()
    )
    assert (out.path, out.size, out.files, out.folder) == ("raw data", 2, 2, True)
    assert out.digest == f"md5:{MD5}.dir"
    assert out.key == f"files/md5/c3/{MD5[2:]}.dir"
    (locked,) = read_dvc_lock(
        "schema: '2.0'\nstages:\n  prep:\n    cmd: python -c \"print('a: b')\"\n"
        f"    deps:\n    - path: in\n      hash: md5\n      md5: {MD5}\n      size: 1\n"
        "    params:\n      params.yaml:\n        lr: 0.1\n        layers: [1, 2]\n"
        f"    outs:\n    - path: out.txt\n      hash: md5\n      md5: {MD5}\n"
        "      size: 5\n".encode()
    )
    assert (locked.path, locked.size, locked.legacy) == ("out.txt", 5, False)


def test_what_dvc_2_writes() -> None:
    """Without the name of the sum, which was taken of text with LF for CRLF."""
    said = f"  - md5: {MD5}\n    path: 'it''s.csv'\n    remote: far\n"
    raw = f"wdir: ../data\nouts:\n{said}"
    (out,) = read_dvc_file(raw.encode())
    assert (out.path, out.legacy, out.remote) == ("../data/it's.csv", True, "far")
    assert out.digest == f"md5lf:{MD5}"
    assert out.key == f"c3/{MD5[2:]}"


def test_a_command_of_many_lines_hides_nothing() -> None:
    """What is folded over lines is passed over; what stands beside it is read."""
    (out,) = read_dvc_lock(
        "stages:\n  a:\n    cmd: python train.py --one\n      --two: 3\n"
        f"    outs:\n    - path: m\n      md5: {MD5}\n  b:\n    cmd: |\n      outs:\n"
        f"      - path: no\n        md5: {MD5}\n".encode()
    )
    assert out.path == "m"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"outs: 5",
        b"outs:\n- path: a\n",
        b"outs:\n- md5: short\n  path: a\n",
        b"outs: &a [*a, *a]\n",
        b"&a a: *a\n",
        b"\xff\xfe",
        b"outs:\n" + b"- \n" * 60_000,
        b"a:\n" + b"".join(b" " * n + b"a:\n" for n in range(1, 900)),
        b"- " * 200_000,
        b"outs:\n- md5: " + b"a" * 2**21,
    ],
    ids=range(11),
)
def test_bombs_and_junk_are_nothing(raw: bytes) -> None:
    """Neither grows, hangs nor raises."""
    assert read_dvc_file(raw) == []
    assert read_dvc_lock(raw) == []


@given(st.text("ab:-\n \"'#&*|[]{}\t", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """The reader of YAML ends on everything, with an answer or its own refusal."""
    try:
        parse_plain(text)
    except NotPlainError:
        return


def _plain_values() -> st.SearchStrategy[Any]:
    words = st.text(string.ascii_letters + string.digits + "./_-", min_size=1).filter(
        lambda text: text[0] not in "-."
    )
    return st.dictionaries(
        words,
        st.one_of(words, st.lists(st.dictionaries(words, words, min_size=1))),
        min_size=1,
    )


@given(_plain_values())
def test_plain_yaml_is_what_pyyaml_reads(value: Any) -> None:
    """On what DVC writes, the two agree."""
    yaml = pytest.importorskip("yaml")

    def without_empty(found: dict[str, Any]) -> dict[str, Any]:
        return {key: inner for key, inner in found.items() if inner != []}

    text = yaml.dump(value, default_flow_style=False, width=10**6)
    expected = yaml.load(text, Loader=yaml.BaseLoader)
    assert without_empty(parse_plain(text)) == without_empty(expected) or "[]" in text


def test_the_configuration_of_dvc() -> None:
    """Remotes by name; the local file wins; junk says nothing."""
    config = read_config(
        b"[core]\n    remote = far\n['remote \"far\"']\n    url = s3://lake/dvc\n",
        b'[remote "far"]\n    url = s3://other/dvc\n[cache]\n    dir = /big/cache\n',
        b"\xff",
        b"no section",
    )
    assert config.remotes == {"far": "s3://other/dvc"}
    assert (config.default, config.cache) == ("far", "/big/cache")


def test_a_listing_of_dvc() -> None:
    """A folder's files; anything else is none."""
    assert read_listing(json.dumps([{"md5": MD5, "relpath": "a/b"}]).encode()) == {
        "a/b": MD5
    }
    for junk in (b"", b"{}", b"[5]", b'[{"md5": "x", "relpath": "a"}]', b"[" * 10**5):
        assert read_listing(junk) is None

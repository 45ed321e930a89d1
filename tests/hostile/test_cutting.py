"""Headers that lie: the file is cut by content, at once, and with little memory."""

import io
import zipfile
from collections.abc import Callable
from itertools import count
from struct import pack
from typing import Any, Final

import pytest

from modelver._bundle.cutting import cutter_for
from modelver._bundle.cutting.content import ContentDefined
from modelver._bundle.cutting.cutter import MAX_RANGES
from modelver._bundle.cutting.planned import Planned
from tests.hostile.watching import quick, small
from tests.unit.bundle.cuttable import (
    MIB,
    archive,
    chosen,
    cut,
    gguf,
    reader,
    safetensors,
    safetensors_header,
    text,
)

LIMIT: Final = 32 * MIB
BODY: Final = bytes(range(256)) * 40


def _safe(**entries: Any) -> bytes:
    return safetensors_header(entries) + BODY


def _offsets(*offsets: Any) -> dict[str, Any]:
    return {"dtype": "U8", "shape": [1], "data_offsets": list(offsets)}


def _json(raw: bytes, length: int | None = None) -> bytes:
    length = len(raw) if length is None else length
    return length.to_bytes(8, "little") + raw + BODY


WHOLE: Final = b'"w":{"dtype":"U8","shape":[1],"data_offsets":[0,10240]}'
END: Final = len(BODY)

SAFETENSORS: Final = {
    "nothing": _safe(),
    "overlap": _safe(a=_offsets(0, END), b=_offsets(100, END)),
    "same-place": _safe(a=_offsets(0, END), b=_offsets(0, END)),
    "negative": _safe(a=_offsets(-8, END)),
    "backwards": _safe(a=_offsets(END, 0)),
    "beyond": _safe(a=_offsets(0, END + 1)),
    "far-beyond": _safe(a=_offsets(0, 2**63)),
    "too-many-digits": _safe(a=_offsets(0, 10**30)),
    "fractions": _safe(a=_offsets(0.0, float(END))),
    "text": _safe(a=_offsets("0", str(END))),
    "one-offset": _safe(a=_offsets(END)),
    "no-offsets": _safe(a={"dtype": "U8"}),
    "no-object": _safe(a=[0, END]),
    "deep-object": _safe(a={"data_offsets": [0, END], "x": {"y": {}}}),
    "small-share": _safe(a=_offsets(0, 100)),
    "key-twice": _json(b"{" + WHOLE + b"," + WHOLE.replace(b"0,", b"9999,") + b"}"),
    "key-twice-empty": _json(b"{" + WHOLE + b',"w":{"data_offsets":[0,0]}}'),
    "comma-at-end": _json(b"{" + WHOLE + b",}"),
    "more-behind": _json(b"{" + WHOLE + b"} {}"),
    "never-closed": _json(b"{" + WHOLE),
    "never-closed-text": _json(b'{"' + b"a" * 1000),
    "backslash-at-end": _json(b'{"\\'),
    "brace-only": _json(b"{"),
    "no-header": _json(b"{", 0),
    "cut-short": _json(b"{" + WHOLE + b"}", 40),
    "longer-than-file": _json(b"{" + WHOLE + b"}", 10**5),
    "deep": _json(b"{" + b'"a":{' * 100_000 + b"}" * 100_000),
    "deep-list": _json(b'{"a":' + b"[" * 100_000),
    "not-utf-8": _json(b'{"\xff":{"data_offsets":[0,\xff]}}'),
}


def _gguf(counts: bytes, rest: bytes = b"") -> bytes:
    return b"GGUF" + pack("<I", 3) + counts + rest + BODY


def _infos(*offsets: int, names: tuple[str, ...] = ("a", "b", "c")) -> bytes:
    rest = b"".join(
        text(name) + pack("<IQIQ", 1, 1, 0, offset)
        for name, offset in zip(names, offsets, strict=False)
    )
    return _gguf(pack("<QQ", len(offsets), 0), rest)


def _value(kind: int, value: bytes) -> bytes:
    rest = text("key") + pack("<I", kind) + value
    return _gguf(pack("<QQ", 1, 1), rest)


def _alignment(value: int) -> bytes:
    data = gguf({"a": BODY, "b": BODY}, values=[], alignment=64)
    key = text("general.alignment") + pack("<I", 4)
    return data.replace(key + pack("<I", 64), key + pack("<I", value))


GGUF: Final = {
    "magic-only": b"GGUF",
    "no-version": b"GGUF\x03",
    "version-0": gguf({"a": BODY}, values=[], version=0),
    "version-1": gguf({"a": BODY}, values=[], version=1),
    "version-4": gguf({"a": BODY}, values=[], version=4),
    "no-tensors": _gguf(pack("<QQ", 0, 0)),
    "2^60-tensors": _gguf(pack("<QQ", 2**60, 0)),
    "2^60-values": _gguf(pack("<QQ", 1, 2**60)),
    "2^64-1-values": _gguf(pack("<QQ", 1, 2**64 - 1)),
    "name-of-2000": _infos(0, names=("a" * 2000,)),
    "long-name": _gguf(pack("<QQ", 1, 0), pack("<Q", 2**63)),
    "long-key": _gguf(pack("<QQ", 1, 1), pack("<Q", 2**63)),
    "unknown-type": _value(13, b""),
    "long-string": _value(8, pack("<Q", 2**64 - 1)),
    "2^60-strings": _value(9, pack("<IQ", 8, 2**60)),
    "2^60-numbers": _value(9, pack("<IQ", 12, 2**60)),
    "2^60-arrays": _value(9, pack("<IQ", 9, 2**60)),
    "unknown-array": _value(9, pack("<IQ", 99, 3)),
    "deep-arrays": _value(9, pack("<IQ", 9, 1) * 800),
    "2^32-1-dimensions": _gguf(pack("<QQ", 1, 0), text("a") + pack("<I", 2**32 - 1)),
    "unaligned": _infos(0, 33),
    "beyond": _infos(0, 32 * 1000),
    "far-beyond": _infos(0, 2**64 - 32),
    "name-twice": _infos(0, 32, names=("a", "a")),
    "alignment-0": _alignment(0),
    "alignment-7": _alignment(7),
    "alignment-2^32-1": _alignment(2**32 - 1),
    "infos-missing": _gguf(pack("<QQ", 60_000, 0)),
}


def _zip(change: Callable[[bytearray, int, int], None]) -> bytes:
    """Return an archive of two large members, with something changed.

    *change* takes the bytes, the offset of the directory, and that of its end record.
    """
    data = bytearray(archive({"a": b"a" * MIB, "b": b"b" * MIB}))
    end = data.rindex(b"PK\x05\x06")
    change(data, int.from_bytes(data[end + 16 : end + 20], "little"), end)
    return bytes(data)


def _at(where: str, offset: int, value: bytes) -> bytes:
    """Return an archive with *value* in a record: its directory, its end, the start."""

    def change(data: bytearray, directory: int, end: int) -> None:
        start = {"directory": directory, "end": end, "start": 0}[where] + offset
        data[start : start + len(value)] = value

    return _zip(change)


def _wide_end(where: int, length: int, offset: int) -> bytes:
    """Return an archive with 64-bit records before its end."""

    def change(data: bytearray, _directory: int, end: int) -> None:
        record = pack("<4s28xQQQ", b"PK\x06\x06", 2, length, offset)
        data[end:end] = record + pack("<4s4xQ4x", b"PK\x06\x07", end + where)

    return _zip(change)


def _extra(value: bytes) -> bytes:
    """Return an archive whose first member is said to be large in an extra field."""

    def change(data: bytearray, directory: int, end: int) -> None:
        data[directory + 20 : directory + 24] = b"\xff" * 4
        data[directory + 42 : directory + 46] = b"\xff" * 4
        data[directory + 30 : directory + 32] = pack("<H", len(value))
        data[end + 12 : end + 16] = pack("<I", end - directory + len(value))
        data[directory + 47 : directory + 47] = value

    return _zip(change)


ZIPS: Final = {
    "magic-only": b"PK\x03\x04",
    "no-end": archive({"a": b"a" * MIB})[:-1],
    "end-only": b"PK\x03\x04" + b"PK\x05\x06" + bytes(18),
    "cut-end": b"PK\x03\x04" + b"PK\x05\x06",
    "many-ends": b"PK\x03\x04" + b"PK\x05\x06" * 20_000,
    "long-comment": _at("end", 20, b"\xff\xff"),
    "directory-beyond": _at("end", 16, pack("<I", 2**31)),
    "directory-long": _at("end", 12, pack("<I", 2**31)),
    "directory-elsewhere": _at("end", 16, pack("<I", 1000)),
    "directory-short": _at("end", 12, pack("<I", 50)),
    "no-entry": _at("directory", 0, b"XXXX"),
    "member-beyond": _at("directory", 42, pack("<I", 2**31)),
    "member-in-directory": _at("directory", 42, pack("<I", 2 * MIB + 70)),
    "same-member-twice": _at("directory", 47 + 42, pack("<I", 0)),
    "overlap": _at("directory", 20, pack("<I", MIB + 1)),
    "huge-member": _at("directory", 20, pack("<I", 2**32 - 2)),
    "no-header": _at("start", 0, b"PK\x03\x04")[:26]
    + _at("start", 26, b"\xff\xff")[26:],
    "long-extra": _at("start", 28, b"\xff\xff"),
    "name-beyond": _at("directory", 28, b"\xff\xff"),
    "extra-beyond": _at("directory", 30, b"\xff\xff"),
    "wide-nowhere": _wide_end(-(2**21), 94, 0),
    "wide-far": _wide_end(2**62, 94, 0),
    "wide-farther": _wide_end(2**63, 94, 0),
    "wide-2^60-long": _wide_end(0, 2**60, 0),
    "wide-2^60-offset": _wide_end(0, 94, 2**60),
    "extra-empty": _extra(b""),
    "extra-cut": _extra(b"\x01"),
    "extra-long": _extra(pack("<HH", 1, 65535)),
    "extra-2^64": _extra(pack("<HHQQ", 1, 16, 2**64 - 1, 2**64 - 1)),
}

LIES: Final = [
    pytest.param(data, path, id=f"{path}-{name}")
    for path, table in (("safetensors", SAFETENSORS), ("gguf", GGUF), ("zip", ZIPS))
    for name, data in table.items()
]


@pytest.mark.parametrize(("data", "path"), LIES)
def test_what_lies_is_cut_by_content(data: bytes, path: str) -> None:
    """A header that cannot be right plans nothing, and no byte is lost."""
    with quick():
        assert isinstance(chosen(data, path), ContentDefined)
    cut(data, path)


def test_the_truth_beside_the_lies_is_believed() -> None:
    """The tables' files would be cut by structure if they were right."""
    right = [
        _json(b"{" + WHOLE + b"}"),
        _safe(b=_offsets(100, END), a=_offsets(0, 100)),
        _infos(0, 32, 32),
        _alignment(64),
        archive({"a": b"a" * MIB, "b": b"b" * MIB}),
        _wide_end(0, 94, 2 * MIB + 62),
        _extra(pack("<HHQQ", 1, 16, MIB, 0)),
    ]
    assert [type(chosen(data)) for data in right] == [Planned] * len(right)


class _Endless:
    """A file larger than any disk that begins with *head*, and counts what is read."""

    def __init__(self, head: bytes, again: bytes) -> None:
        self.size = 2**40
        self.read_bytes = 0
        self._head, self._again = head, again

    def read(self, start: int, end: int) -> bytes:
        self.read_bytes += end - start
        head = self._head[start:end]
        left = end - start - len(head)
        skip = max(0, start - len(self._head)) % len(self._again)
        return head + (self._again * (left // len(self._again) + 2))[skip:][:left]


def _entry(name: bytes) -> bytes:
    return b'"%s":{"data_offsets":[0,0]},' % name


def _entries(most: int) -> bytes:
    found, size = [], 0
    for number in count():
        found.append(_entry(b"%d" % number))
        size += len(found[-1])
        if size > most:
            return b"".join(found[:-1])
    raise AssertionError


def _long_safetensors(raw: bytes) -> bytes:
    return len(raw).to_bytes(8, "little") + raw


def _kvs() -> bytes:
    return text("k") + pack("<IB", 0, 1)


def _members(count: int) -> bytes:
    """Return an archive of *count* members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(count):
            file.writestr(zipfile.ZipInfo(f"{number:040}"), BODY[:100])
    return out.getvalue()


BIG: Final = 8 * MIB - 100

LARGE: Final = {
    "100-mb": lambda: _long_safetensors(b"{" + b" " * 100 * 10**6),
    "blanks": lambda: _long_safetensors(b"{" + b" " * BIG),
    "quotes": lambda: _long_safetensors(b'{"' + b'\\"' * (BIG // 2)),
    "metadata": lambda: _long_safetensors(
        b'{"__metadata__":{' + b'"a":"b",' * (BIG // 8) + b"}}"
    ),
    "one-name": lambda: _long_safetensors(
        b'{"' + b"a" * BIG + b'":{"data_offsets":[0,0]}}'
    ),
    "brackets": lambda: _long_safetensors(b'{"a":{' + b"[]," * (BIG // 3) + b"}}"),
    "almost-offsets": lambda: _long_safetensors(
        b'{"a":{' + b'"data_offsets":[0,' * (BIG // 18) + b"}}"
    ),
    "tensors": lambda: _long_safetensors(b"{" + _entries(BIG) + b"}"),
    "tensors-names": lambda: _long_safetensors(
        b"{" + b"".join(_entry(b"%0100d" % i) for i in range(MAX_RANGES))[:-1] + b"}"
    ),
    "members": lambda: _members(MAX_RANGES),
}

ENDLESS: Final = {
    "strings": (
        pack("<QQ", 1, 1) + text("k") + pack("<IIQ", 9, 8, 10**6),
        pack("<Q", 0),
    ),
    "long-strings": (
        pack("<QQ", 1, 1) + text("k") + pack("<IIQ", 9, 8, 2**19),
        pack("<Q", 300_000) + bytes(300_000),
    ),
    "arrays": (
        pack("<QQ", 1, 1) + text("k") + pack("<IIQ", 9, 9, 65_000),
        pack("<IQ", 8, 0),
    ),
    "values": (pack("<QQ", 1, 65_000), _kvs()),
    "tensors": (pack("<QQ", 2**15, 0), text("a" * 64) + pack("<IQIQ", 1, 1, 0, 0)),
    "long-tensors": (
        pack("<QQ", 2**15, 0),
        text("a" * 1024) + pack("<I16QIQ", 16, *[1] * 16, 0, 0),
    ),
}


@pytest.mark.large
@pytest.mark.parametrize("name", list(LARGE))
def test_large_headers_are_bounded(name: str) -> None:
    """The largest that are looked at take a second and 32 MiB at most."""
    data = LARGE[name]()
    with quick():
        chosen(data)
    with small(LIMIT):
        chosen(data)


@pytest.mark.large
@pytest.mark.parametrize("name", list(ENDLESS))
def test_headers_without_end_are_bounded(name: str) -> None:
    """No list is followed further than the largest true ones go."""
    counts, again = ENDLESS[name]
    file = _Endless(b"GGUF" + pack("<I", 3) + counts, again)
    with quick():
        cutter_for("a", file.size, file.read)
    assert file.read_bytes < 70 * MIB
    with small(LIMIT):
        cutter_for("a", file.size, file.read)


@pytest.mark.large
def test_more_than_32768_tensors_or_members_are_too_many() -> None:
    """One more than a plan may have, and there is none."""
    for more, kind in ((0, Planned), (1, ContentDefined)):
        count = MAX_RANGES + more
        tensors = dict.fromkeys(map(str, range(count)), b"a" * 200)
        files = safetensors(tensors), gguf(tensors, values=[]), _members(count)
        assert [type(chosen(file)) for file in files] == [kind] * 3


_END_RECORD: Final = pack("<4s8xIIH", b"PK\x05\x06", 9 * MIB, 4, 0)


@pytest.mark.parametrize(
    ("head", "size"),
    [
        pytest.param((10**8).to_bytes(8, "little") + b"{", 2**40, id="safetensors"),
        pytest.param(b"PK\x03\x04" + bytes(9 * MIB) + _END_RECORD, None, id="zip"),
        pytest.param(_value(9, pack("<IQ", 8, 2**21)), 2**40, id="gguf-strings"),
        pytest.param(_value(9, pack("<IQ", 9, 2**17)), 2**40, id="gguf-arrays"),
        pytest.param(_gguf(pack("<QQ", 1, 2**17)), 2**40, id="gguf-values"),
        pytest.param(_gguf(pack("<QQ", 2**15 + 1, 0)), 2**40, id="gguf-tensors"),
    ],
)
def test_headers_that_are_too_long_are_not_read(head: bytes, size: int | None) -> None:
    """What says that it is longer than any true one is not looked at."""
    file = _Endless(head.removesuffix(BODY), bytes(1))
    file.size = size or len(head)
    assert isinstance(cutter_for("a", file.size, file.read), ContentDefined)
    assert file.read_bytes < 300_000


def test_reads_that_end_early_are_no_header() -> None:
    """A file that became shorter since its size was asked is cut by content."""
    for data in (safetensors({"a": BODY}), gguf({"a": BODY}), archive({"a": BODY})):
        for there in (0, 4, 16, 30, 60):
            cutter = cutter_for("a.zip", len(data), reader(data[:there]))
            assert isinstance(cutter, ContentDefined)

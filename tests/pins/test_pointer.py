"""The text of a pointer: what it must be, and what it is refused for."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelver._pins.pointer import MAX_POINTER, Pointer, maybe, parse
from modelver._values.manifest import ROLES
from modelver.errors import FormatError, ModelverError, UpgradeRequiredError

DIGEST = "b3:" + "0f" * 32
GOOD: dict[str, Any] = {
    "digest": DIGEST,
    "format": 1,
    "ref": "fraud@^1.2",
    "registry": "s3://acme/registry",
    "uuid": "ab" * 16,
    "version": "1.4.0",
}
FILE = {"file": "model/w.bin", "content": DIGEST, "size": 3}


def text(**changes: Any) -> bytes:
    """Return a good pointer with changes; None leaves a field out."""
    said = {**GOOD, **changes}
    return json.dumps({k: v for k, v in said.items() if v is not None}).encode()


BAD = [
    b"",
    b"[]",
    b"null",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    text() + b" " * MAX_POINTER,
    text()[:-1] + b', "version": "2.0.0"}',
    text(format=None),
    text(format="1"),
    text(format=0),
    text(format=True),
    text(registry=None),
    text(registry=7),
    text(registry="s3://KEY:SECRET@bucket/registry"),
    text(registry="https://host/registry?token=abc"),
    text(registry="simplecache::s3://bucket"),
    text(registry="a\x1b[2Jb"),
    text(registry="a\u202eb"),
    text(registry="x" * 5000),
    text(uuid="AB" * 16),
    text(uuid="../" * 10 + "ab"),
    text(ref="b3:0f0f"),
    text(ref="../../x@1"),
    text(ref="fraud@"),
    text(ref=["fraud"]),
    text(version="^1.2"),
    text(version="1.4"),
    text(version="1.4.0\n"),
    text(digest="md5:" + "0f" * 16),
    text(digest=DIGEST[:-1]),
    text(roles=[]),
    text(roles=["weights"]),
    text(roles=["model", "model"]),
    text(roles="model"),
    text(roles=[["model"]]),
    text(**{**FILE, "file": "/etc/passwd"}),
    text(**{**FILE, "file": "model/../../x"}),
    text(**{**FILE, "file": "w.bin"}),
    text(**{**FILE, "file": "model"}),
    text(**{**FILE, "file": "model/con"}),
    text(**{**FILE, "file": "model/.git/config"}),
    text(**{**FILE, "content": None}),
    text(**{**FILE, "size": -1}),
    text(**{**FILE, "size": 1.5}),
    text(**{**FILE, "size": 10**30}),
    b"<<<<<<< HEAD\n" + text(),
]


def test_a_pointer_is_a_field_a_line() -> None:
    """It is sorted, indented, ends in a newline, and is read as it was written."""
    pointer = parse(text(), "x")
    lines = pointer.dump().decode().splitlines(keepends=True)
    assert lines[0] == "{\n"
    assert lines[-1] == "}\n"
    keys = [line.split('"')[1] for line in lines[1:-1]]
    assert keys == sorted(GOOD)
    assert parse(pointer.dump(), "x") == pointer
    assert (pointer.name, pointer.exact) == ("fraud", "fraud@1.4.0")


@given(
    roles=st.lists(st.sampled_from(ROLES), min_size=1, unique=True),
    whole=st.sampled_from(["whole", "file"]),
    more=st.dictionaries(st.text(min_size=1), st.integers(0, 9), max_size=3),
)
def test_reading_what_was_written(
    roles: list[str],
    whole: str,
    more: dict[str, int],
) -> None:
    """Whatever is pinned, the text means it; fields of later releases are kept."""
    more = {f"x-{key}": value for key, value in more.items() if key.isascii()}
    said: dict[str, Any] = {} if whole == "whole" else {"roles": roles}
    pointer = parse(text(**said, **(FILE if whole == "whole" else {}), **more), "x")
    again = parse(pointer.dump(), "x")
    assert again == pointer
    assert {k: again.to_dict()[k] for k in more} == more
    assert again.roles == (("model",) if whole == "whole" else tuple(roles))


@pytest.mark.parametrize("raw", BAD, ids=[str(n) for n in range(len(BAD))])
def test_what_is_no_pointer(raw: bytes) -> None:
    """It is refused with the file's name, and no secret of it is repeated."""
    with pytest.raises(FormatError) as caught:
        parse(raw, "models/x.mv.json")
    assert "models/x.mv.json" in str(caught.value)
    assert "SECRET" not in f"{caught.value}{caught.value.hints}"
    assert maybe(raw, "x") is None


def test_a_later_format_asks_for_an_upgrade() -> None:
    """It is not guessed at."""
    with pytest.raises(UpgradeRequiredError, match="format 2"):
        parse(text(format=2), "x")


@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    """Whatever a file holds, it is a pointer or an error of ours."""
    for candidate in (raw, b"{" + raw, text()[:-1] + b"," + raw + b"}"):
        try:
            assert isinstance(parse(candidate, "x"), Pointer)
        except ModelverError:
            continue

"""Git LFS pointers, told from everything that only looks like one."""

import pytest
from hypothesis import given, strategies as st

from modelver._values.lfs import LFS_HEAD, LfsPointer, is_lfs_pointer

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
V1 = "https://git-lfs.github.com/spec/v1"
POINTER = f"version {V1}\noid sha256:{OID}\nsize 12345\n"


@pytest.mark.parametrize(
    "text",
    [
        POINTER,
        POINTER.replace(V1, "https://hawser.github.com/spec/v1"),
        POINTER.replace(V1, "http://git-media.io/v/2"),
        POINTER.removesuffix("\n"),
        POINTER.replace("\n", "\r\n"),
        POINTER.replace("oid", f"ext-0-foo sha256:{OID}\next-1-bar sha256:{OID}\noid"),
    ],
    ids=["v1", "hawser", "git-media", "no-last-newline", "windows", "extensions"],
)
def test_a_pointer_says_oid_and_size(text: str) -> None:
    """Every spelling that Git LFS itself reads gives oid and size."""
    found = is_lfs_pointer(text.encode())
    assert found == LfsPointer(oid=OID, size=12345)
    assert found.digest == f"sha256:{OID}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version ",
        f"version {V1}",
        f"version {V1}\noid sha256:{OID}\n",
        f"version {V1}\nsize 1\n",
        POINTER.replace("v1", "v3"),
        POINTER.replace("sha256", "md5"),
        POINTER.replace(OID, OID[:-1]),
        POINTER.replace(OID, OID.upper()),
        POINTER.replace("12345", "-1"),
        POINTER.replace("12345", "1_0"),
        POINTER.replace("12345", "٣"),
        POINTER.replace("12345", "9223372036854775808"),
        POINTER.replace("12345", "9" * 200),
        POINTER.replace("oid ", "oid  "),
        POINTER + "\n",
        POINTER + "size 1\n",
        POINTER + "and this is a text about pointers\n" * 3,
        "# " + POINTER,
        "\ufeff" + POINTER,
        POINTER.replace("oid", "OID"),
        POINTER.replace("oid", "x " + "y" * LFS_HEAD + "\noid"),
    ],
)
def test_what_only_looks_like_a_pointer(text: str) -> None:
    """Anything short of the whole is ordinary content."""
    assert is_lfs_pointer(text.encode()) is None


def test_a_file_that_goes_on_after_its_head_is_no_pointer() -> None:
    """A head that is full may be followed by anything."""
    line = POINTER + "zz " + "a" * (LFS_HEAD - len(POINTER) - 4)
    assert is_lfs_pointer(line.encode()) is not None
    assert is_lfs_pointer(line.encode() + b"a") is None


@given(st.binary(max_size=LFS_HEAD) | st.text().map(lambda t: (POINTER + t).encode()))
def test_any_bytes_have_an_answer(head: bytes) -> None:
    """Nothing raises, and what is taken for a pointer has a sound oid and size."""
    found = is_lfs_pointer(head)
    if found is not None:
        assert len(found.oid) == 64
        assert 0 <= found.size < 2**63


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_written_pointer_is_read(size: int, oid: bytes) -> None:
    """Every oid and size survives being written down."""
    text = f"version {V1}\noid sha256:{oid.hex()}\nsize {size}\n"
    assert is_lfs_pointer(text.encode()) == LfsPointer(oid=oid.hex(), size=size)

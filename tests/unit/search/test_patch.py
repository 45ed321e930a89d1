"""Unified patches: what git apply takes, and bounded whatever the files hold."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from modelver._search.patch import text_patch

LINES = st.lists(st.sampled_from(["a", "b", "c", "x = 1", "", "  y"]), max_size=40)


def as_bytes(lines: list[str], *, newline: bool) -> bytes:
    """Return lines as a file, with or without a newline at its end."""
    text = "\n".join(lines)
    return (text + ("\n" if newline and lines else "")).encode()


@given(LINES, LINES, st.tuples(st.booleans(), st.booleans()), st.integers(0, 30))
@settings(max_examples=40)
def test_git_applies_it(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[str],
    new: list[str],
    ends: tuple[bool, bool],
    same: int,
) -> None:
    """Applied to the old file, a patch gives the new one; also far down a file."""
    head = [f"line {n}" for n in range(same)]
    before = as_bytes(head + old, newline=ends[0])
    after = as_bytes(head + new, newline=ends[1])
    if not before or not after:
        return
    patch = text_patch("a.py", before, after)
    assert (patch == "") is (before == after)
    if not patch:
        return
    folder = tmp_path_factory.mktemp("patch")
    (folder / "a.py").write_bytes(before)
    subprocess.run(
        ["git", "apply", "-"],  # noqa: S607 - the one on the PATH
        cwd=folder,
        input=patch.encode(),
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        check=True,
    )
    assert Path(folder, "a.py").read_bytes() == after


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\0b"])
def test_binary_files_are_only_named(data: bytes) -> None:
    """What is no text has no lines to compare."""
    assert text_patch("a.bin", b"text\n", data).endswith("Binary files differ\n")


def test_a_file_that_came_or_went() -> None:
    """The side on which there is no file is /dev/null, as in git."""
    assert text_patch("a.py", None, b"x\n").startswith("--- /dev/null\n+++ b/a.py\n")
    assert text_patch("a.py", b"x\n", None).startswith("--- a/a.py\n+++ /dev/null\n")


def test_what_is_alike_nowhere_is_not_compared() -> None:
    """Files of many lines without a common one end early."""
    old = "".join(f"{n}\n" for n in range(5_000)).encode()
    new = "".join(f"{n}x\n" for n in range(5_000)).encode()
    assert "too much to show" in text_patch("a.py", old, new)

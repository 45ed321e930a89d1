"""What changed in text files, as a unified patch; bounded, whatever the files hold."""

from collections.abc import Sequence
from difflib import unified_diff
from typing import Final

# Comparing lines takes time by the square of their number where nothing is alike.
_MOST_LINES: Final = 2_000
_MOST_SHOWN: Final = 20_000
_CONTEXT: Final = 3
_NO_NEWLINE: Final = "\\ No newline at end of file"


def text_patch(path: str, old: bytes | None, new: bytes | None) -> str:
    """Return the patch of one file, as ``diff -u`` writes it; empty where it is equal.

    Args:
        path: What the file is called.
        old: Its bytes; None where it was not there.
        new: Its bytes; None where it is no longer there.
    """
    if old == new:
        return ""
    head = f"--- {_side('a', path, old)}\n+++ {_side('b', path, new)}\n"
    try:
        before, after = (_lines(data) for data in (old, new))
    except UnicodeDecodeError:
        return f"{head}Binary files differ\n"
    start, before, after = _middle(before, after)
    if max(len(before), len(after)) > _MOST_LINES:
        said = f"{len(before)} lines became {len(after)}"
        return f"{head}@@ too much to show: from line {start + 1} on {said} @@\n"
    lines = []
    for line in list(unified_diff(before, after, n=_CONTEXT))[2:]:
        if line.startswith("@@"):
            lines.append(_moved(line, start))
        else:
            lines.append(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}\n")
        if len(lines) > _MOST_SHOWN:
            break
    return head + "".join(lines)


def _side(side: str, path: str, data: bytes | None) -> str:
    return "/dev/null" if data is None else f"{side}/{path}"


def _lines(data: bytes | None) -> list[str]:
    text = (data or b"").decode()
    if "\0" in text:
        raise UnicodeDecodeError("utf-8", data or b"", 0, 1, "it holds a NUL")
    # What else Python calls the end of a line is none to diff and patch.
    parts = text.split("\n")
    last = parts.pop()
    return [f"{part}\n" for part in parts] + ([last] if last else [])


def _middle(
    before: Sequence[str], after: Sequence[str]
) -> tuple[int, list[str], list[str]]:
    """Cut off what both begin and end with, but for the context of a patch."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    start, end = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    return (
        start,
        list(before[start : len(before) - end]),
        list(after[start : len(after) - end]),
    )


def _moved(line: str, by: int) -> str:
    """Return ``@@ -1,3 +1,4 @@`` as it is *by* lines further down."""
    _, old, new, _ = line.split(" ")
    return f"@@ -{_further(old[1:], by)} +{_further(new[1:], by)} @@\n"


def _further(place: str, by: int) -> str:
    first, comma, count = place.partition(",")
    return f"{int(first) + by}{comma}{count}"

"""The little YAML that DVC writes: mappings, lists and plain words, one to a line.

No aliases, no tags, nothing that can grow: a value of another kind, as a command over
several lines, is passed over, and what is no mapping or list at all is refused. DVC
need not be installed, and neither need a parser. YAML itself: https://yaml.org/spec/1.2.2/.
"""

import json
import re
from typing import Any, Final

_MAX_TEXT: Final = 2**20
_MOST_LINES: Final = 50_000
_DEEPEST: Final = 16
_KEY: Final = re.compile(
    r"""("(?:[^"\\]|\\.)*+"|'(?:[^']|'')*+'|[^\s"'#:&*!|>{}\[\],%@`-][^:#]*?):(?:\s+(.*))?"""
)
_QUOTED: Final = re.compile(r"'(?:[^']|'')*+'")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")

Line = tuple[int, str]


class NotPlainError(ValueError):
    """The text is more than is read here."""


def parse_plain(text: str) -> Any:
    """Return what *text* says: dicts, lists and texts; numbers stay text.

    Raises:
        NotPlainError: It uses more of YAML, or is longer than a megabyte.
    """
    if len(text) > _MAX_TEXT:
        raise NotPlainError("too long")
    lines = _lines(text)
    if not lines:
        return {}
    found, rest = _block(lines, 0, 0)
    if rest != len(lines):
        raise NotPlainError(f"line {rest + 1} stands nowhere")
    return found


def _lines(text: str) -> list[Line]:
    found: list[Line] = []
    for raw in text.splitlines():
        line = raw.rstrip()
        # A comment, where no quotes are that it may stand between.
        if '"' not in line and "'" not in line:
            line = _COMMENT.sub("", line).rstrip()
        bare = line.lstrip(" ")
        if not bare or bare.startswith("#") or (bare == "---" and not found):
            continue
        found.append((len(line) - len(bare), bare))
        if len(found) > _MOST_LINES:
            raise NotPlainError("too many lines")
    return found


def _block(lines: list[Line], at: int, depth: int) -> tuple[Any, int]:
    """Return the block that begins at line *at*, and the line behind it."""
    if depth > _DEEPEST:
        raise NotPlainError("too deep")
    is_list = lines[at][1] == "-" or lines[at][1].startswith("- ")
    return _items(lines, at, depth) if is_list else _pairs(lines, at, depth)


def _items(lines: list[Line], at: int, depth: int) -> tuple[list[Any], int]:
    indent, found = lines[at][0], []
    while at < len(lines) and lines[at][0] == indent:
        bare = lines[at][1]
        if bare != "-" and not bare.startswith("- "):
            break
        inner = bare[1:].lstrip(" ")
        if not inner:
            value, at = _below(lines, at, indent, depth)
        elif _KEY.fullmatch(inner):
            # What follows the dash is the first line of a mapping that stands there.
            lines[at] = (indent + len(bare) - len(inner), inner)
            value, at = _block(lines, at, depth + 1)
        else:
            value, at = _inline(lines, at, inner)
        found.append(value)
    return found, at


def _pairs(lines: list[Line], at: int, depth: int) -> tuple[dict[str, Any], int]:
    indent, found = lines[at][0], {}
    while at < len(lines) and lines[at][0] == indent:
        match = _KEY.fullmatch(lines[at][1])
        if match is None:
            raise NotPlainError("a line that is no key")
        key = _scalar(match[1])
        if key is None or key in found:
            raise NotPlainError("a key twice, or none")
        if match[2]:
            found[key], at = _inline(lines, at, match[2])
        else:
            found[key], at = _below(lines, at, indent, depth)
    return found, at


def _inline(lines: list[Line], at: int, text: str) -> tuple[str | None, int]:
    """Return the word behind a key or a dash; what is below it belongs to it, too."""
    indent, after = lines[at][0], at + 1
    while after < len(lines) and lines[after][0] > indent:
        after += 1
    return (_scalar(text) if after == at + 1 else None), after


def _below(lines: list[Line], at: int, indent: int, depth: int) -> tuple[Any, int]:
    """Return what stands indented below line *at*; None where nothing does."""
    after = at + 1
    if after == len(lines):
        return None, after
    deeper = lines[after][0] > indent
    # A list may stand as far to the left as the key that it belongs to.
    level = lines[after][0] == indent and lines[after][1].startswith("-")
    if deeper or (level and not lines[at][1].startswith("-")):
        return _block(lines, after, depth + 1)
    return None, after


def _scalar(text: str) -> str | None:
    """Return a word, with quotes or without; None where it is more than that."""
    text = text.strip()
    if text[:1] == '"':
        try:
            found = json.loads(text)
        except ValueError:
            return None
        return found if isinstance(found, str) else None
    if _QUOTED.fullmatch(text):
        return text[1:-1].replace("''", "'")
    return None if text[:1] in tuple("'&*!|>{}[]%@`,") else text

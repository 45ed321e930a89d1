"""Paths of files inside a bundle, safe to create on any system.

Used for what a user hands in and for what a stored manifest claims, which may be
hostile. Rules are lexical: nothing here looks at a disk. A path is refused when
POSIX, Windows or macOS would put the file elsewhere than its text says.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from modelver._values.text import UNSEEN, quoted, require_text
from modelver.errors import ErrorKind, InvalidInputError

__all__ = [
    "MAX_PARTS",
    "MAX_PART_BYTES",
    "MAX_PATH_BYTES",
    "check_bundle_path",
    "check_no_collisions",
    "is_device_name",
]

MAX_PATH_BYTES = 1024
"""The longest path, in bytes of UTF-8."""
MAX_PART_BYTES = 255
"""The longest part between two slashes, in bytes of UTF-8."""
MAX_PARTS = 64
"""The most parts: folders inside folders, and the file."""

_HINT = "Use a relative path with '/' between its parts, for example 'weights/a.bin'."

_STEM = r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])"
_DEVICE = re.compile(rf"{_STEM} *(?:\..*)?", re.IGNORECASE | re.DOTALL)
_PLAIN_PART = rf"(?i:(?!{_STEM}(?![^./])))[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
# Nearly every path of nearly every bundle: one match instead of a dozen checks.
_PLAIN_LENGTH = 2 * MAX_PARTS  # too short for too many parts, or for a long one
_PLAIN = re.compile(f"{_PLAIN_PART}(?:/{_PLAIN_PART})*")
_RESERVED = re.compile(r'[\\:<>"|?*]')
# They change how the character before them looks, and nothing else.
_VARIATION = re.compile("[\ufe00-\ufe0f]")

# Both are searched in a whole path between two more slashes: a pattern that begins
# with a literal is found sooner.
_BAD_EDGE = re.compile(r"[\s.]/|/\s")
_BAD_PART = re.compile(
    r"/(?:(?P<empty>)|(?P<dots>\.\.?)"
    rf"|(?P<device>{_STEM} *(?:\.[^/]*)?)"
    r"|(?P<git>\.git|git~[0-9]+))/"  # NTFS finds .git by its short name too
)
_FAULTS = {
    "empty": "has an empty part",
    "dots": "has '.' or '..' among its parts",
    "device": "has a part that is a device on Windows",
    "git": "has a part where git keeps its own files",
}


def is_device_name(part: str) -> bool:
    """Tell whether Windows opens a device for *part*: ``CON``, ``nul.txt``."""
    return _DEVICE.fullmatch(part) is not None


def check_bundle_path(text: str) -> str:
    """Return *text* if it is a safe place inside a bundle, unchanged.

    It is relative, ``/``-separated and in Unicode form NFC, and each part can be a
    file name under the rules of POSIX, Windows and macOS alike.

    Raises:
        InvalidInputError: It is not (kind ``BAD_PATH``).
    """
    text = require_text(
        text, "a bundle path", limit=MAX_PATH_BYTES, kind=ErrorKind.BAD_PATH
    )
    if len(text) <= _PLAIN_LENGTH and _PLAIN.fullmatch(text):
        return text
    fault = next(_faults(text), None)
    if fault is not None:
        raise InvalidInputError(
            f"path {quoted(text)} {fault}",
            kind=ErrorKind.BAD_PATH,
            hint=_HINT,
            path=text,
        )
    return text


def _faults(text: str) -> Iterator[str]:
    # Only the first is asked for. A later check may need an earlier one to have
    # passed: a lone surrogate can be neither encoded nor normalized.
    if not text:
        yield "is empty"
    if text.startswith("/"):
        yield "is absolute"
    if unseen := UNSEEN.search(text):
        yield f"holds U+{ord(unseen[0]):04X}, which cannot be seen"
    if reserved := _RESERVED.search(text):
        yield f"holds {reserved[0]!r}, which Windows does not allow"
    yield from _size_faults(text)
    if not unicodedata.is_normalized("NFC", text):
        yield "is not in Unicode form NFC"
    folded = text.lower() if text.isascii() else _folded(text)
    if bad := _BAD_PART.search(f"/{folded}/"):
        yield _FAULTS[bad.lastgroup or ""]
    if _BAD_EDGE.search(f"/{text}/"):
        yield "has a part that begins with a space, or ends with a space or a dot"


def _size_faults(text: str) -> Iterator[str]:
    encoded = text.encode()
    if len(encoded) > MAX_PATH_BYTES:
        yield f"is longer than {MAX_PATH_BYTES:,} bytes"
    parts = encoded.split(b"/")
    if len(parts) > MAX_PARTS:
        yield f"has more than {MAX_PARTS} parts"
    if max(map(len, parts)) > MAX_PART_BYTES:
        yield f"has a part longer than {MAX_PART_BYTES} bytes"


def _folded(text: str) -> str:
    """Return what *text* is to a file system that cares for neither case nor form."""
    text = unicodedata.normalize("NFKC", _VARIATION.sub("", text)).casefold()
    # Folding can undo the form: U+0345 folds to a letter that composes.
    return unicodedata.normalize("NFKC", text)


def check_no_collisions(paths: Iterable[str]) -> None:
    """Refuse paths that cannot all be files of one folder on every system.

    Two must not be equal when case and Unicode form are ignored, and none may be
    a folder of another. Takes O(n log n) in the number of paths, however deep.

    Args:
        paths: Each has passed :func:`check_bundle_path`.

    Raises:
        InvalidInputError: Two collide; both are named (kind ``BAD_PATH``).
    """
    # With the lowest character for the slash, what lies in a folder sorts directly
    # behind the folder's own name, so neighbours are all that needs comparing.
    keyed = sorted(
        (
            (path.lower() if path.isascii() else _folded(path)).replace("/", "\0"),
            path,
        )
        for path in paths
    )
    before, other = "\0", ""
    for key, path in keyed:
        if key.startswith(before) and (
            len(key) == len(before) or key[len(before)] == "\0"
        ):
            raise _collision(other, path, same=key == before)
        before, other = key, path


def _collision(first: str, second: str, *, same: bool) -> InvalidInputError:
    if first == second:
        message = f"path {quoted(first)} is there twice"
    elif same:
        message = (
            f"paths {quoted(first)} and {quoted(second)} are one file where case "
            "or Unicode form is ignored"
        )
    else:
        message = (
            f"path {quoted(first)} is a file, and a folder in path {quoted(second)}"
        )
    return InvalidInputError(
        message,
        kind=ErrorKind.BAD_PATH,
        hint="Rename one of the two.",
        paths=(first, second),
    )

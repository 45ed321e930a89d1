"""Which files were handed out for which question, so that it is answered at once.

To know which files a folder of a bundle has, its manifest must be read and parsed: for
a version of many files that takes longer than all the rest. An answer is kept beside
the stamps, and is worth no more than they are.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from modelver._bundle.cache.places import read_plain, write_whole

_NAME: Final = ".answers.json"
_LIMIT: Final = 16 * 2**20
# Questions that are kept of one version; whoever asks more asks for single files.
_MOST: Final = 64


@frozen
class Answer:
    """What was handed out.

    Attributes:
        inner: The path within the folder of the manifest's files.
        files: The files that had to be there, by their bundle paths.
    """

    inner: str
    files: tuple[str, ...]


def answer_to(root: Path, question: str) -> Answer | None:
    """Return what was answered before; None where nothing was that makes sense."""
    return _parsed(_read(root).get(question))


def keep_answer(root: Path, question: str, inner: str, files: Sequence[str]) -> None:
    """Keep an answer, unless it is there, or there are many."""
    known = _read(root)
    if question in known or len(known) >= _MOST:
        return
    text = json.dumps({**known, question: [inner, *files]})
    if len(text) <= _LIMIT:
        write_whole(root / _NAME, text.encode())


def _read(root: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_plain(root / _NAME, _LIMIT) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _parsed(found: Any) -> Answer | None:
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        return None
    inner, *files = found or [""]
    inside = all(path == inner or path.startswith(f"{inner}/") for path in files)
    return Answer(inner, tuple(files)) if files and inside else None

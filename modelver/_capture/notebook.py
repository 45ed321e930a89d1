"""What was run in a notebook, and notebooks without what they printed.

Outputs are no code: they hold data, pictures, and what somebody printed to look at it,
a token for instance. They are not stored unless somebody asks for the file itself.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

MAX_CELLS: Final = 2**23
"""Bytes of executed cells; the first ones are left out where there are more."""
MAX_STRIPPED: Final = 2**24
"""Bytes of a notebook; a larger one is not looked into."""

_MOST_CELLS: Final = 10_000
_MOST_INDENTED: Final = 2**22
# What tools note in a notebook when it runs: nbconvert, Jupyter, Colab, papermill.
_RUN: Final = frozenset(
    {
        "ExecuteTime",
        "collapsed",
        "execute_time",
        "execution",
        "executionInfo",
        "last_executed_text",
        "outputId",
        "papermill",
        "scrolled",
        "trusted",
    }
)
_RUN_OF_ALL: Final = frozenset(
    {"ExecuteTime", "execution", "papermill", "signature", "trusted", "widgets"}
)


def executed_cells() -> bytes | None:
    """Return the cells that were executed here, in order, as a Python script.

    Each has its execution count in a comment. What IPython made of magic commands is
    what was run, and what is returned. None outside of IPython and where nothing was
    executed yet. Nothing is imported for it; never raises.
    """
    try:
        shell = sys.modules["IPython"].get_ipython()
        cells = shell.history_manager.input_hist_parsed
        return _script(cells) if isinstance(cells, list) else None
    except Exception:  # noqa: BLE001 - not there, or a shell of another making
        return None


def _script(cells: list[Any]) -> bytes | None:
    parts: list[bytes] = []
    size = left_out = 0
    # From the last one: the model was made by what ran last.
    for count in range(len(cells) - 1, 0, -1):
        cell = cells[count]
        if not isinstance(cell, str) or not cell.strip():
            continue
        text = cell.rstrip()
        part = f"# In [{count}]:\n{text}\n".encode("utf-8", "replace")
        if size + len(part) > MAX_CELLS or len(parts) >= _MOST_CELLS:
            left_out = count
            break
        size += len(part)
        parts.append(part)
    if not parts and not left_out:
        return None
    if left_out:
        parts.append(b"# %d cells before these are left out.\n" % left_out)
    return b"\n".join(reversed(parts))


class _TwiceError(ValueError):
    """A key is there twice: of the first value, nobody knows that it is there."""


def strip_outputs(ipynb: bytes) -> bytes:
    """Return a notebook without outputs and without traces of its execution.

    Outputs, execution counts, states of widgets, and what tools note when they run a
    notebook (times, users, parameters) are removed. Cells, attachments and all other
    metadata stay. What has nothing of it, what is no notebook, and what is larger than
    16 MiB is returned as it is.

    Args:
        ipynb: The file's bytes; nothing of it is trusted.
    """
    if len(ipynb) > MAX_STRIPPED or b'"nbformat"' not in ipynb:
        return ipynb
    try:
        text = ipynb.decode("utf-8-sig")
        twice = False
        try:
            book = json.loads(text, object_pairs_hook=_once)
        except _TwiceError:
            twice = True
            book = json.loads(text)
        if not isinstance(book, dict) or not _is_notebook(book):
            return ipynb
        changed = _strip(book)
        return _dump(book) if changed or twice else ipynb
    except (ValueError, RecursionError):
        return ipynb


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


def _is_notebook(book: Mapping[str, Any]) -> bool:
    return isinstance(book.get("nbformat"), int) and any(
        isinstance(book.get(name), list) for name in ("cells", "worksheets")
    )


def _cells(book: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the cells of any format: until 3 they lay in worksheets."""
    sheets = book.get("worksheets")
    groups = [book, *(sheets if isinstance(sheets, list) else ())]
    for group in groups:
        cells = group.get("cells") if isinstance(group, dict) else None
        if isinstance(cells, list):
            yield from (cell for cell in cells if isinstance(cell, dict))


def _strip(book: dict[str, Any]) -> bool:
    """Strip in place; return whether there was anything."""
    changed = _drop(book.get("metadata"), _RUN_OF_ALL)
    for cell in _cells(book):
        if cell.get("outputs"):
            cell["outputs"] = []
            changed = True
        for name in ("execution_count", "prompt_number"):
            if cell.get(name) is not None:
                cell[name] = None
                changed = True
        changed |= _drop(cell.get("metadata"), _RUN)
    return changed


def _drop(metadata: Any, names: frozenset[str]) -> bool:
    if not isinstance(metadata, dict):
        return False
    found = names & metadata.keys()
    for name in found:
        del metadata[name]
    return bool(found)


def _dump(book: Mapping[str, Any]) -> bytes:
    # As Jupyter itself writes: one space, and no escapes where none are needed.
    text = json.dumps(book, ensure_ascii=False)
    if len(text) <= _MOST_INDENTED:  # Python does it, not C
        with suppress(RecursionError):
            text = json.dumps(book, ensure_ascii=False, indent=1)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half of a character
        return json.dumps(book).encode() + b"\n"

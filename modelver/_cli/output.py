"""Answers, and how they are shown: JSON, plain lines, or tables on a terminal.

Every stored text passes here on its way out, and is made harmless here. What the
answers mean is not known.
"""

import json
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import IO, Any, Final, NamedTuple, TextIO

from modelver._cli.failure import has_colour
from modelver._values.text import UNSEEN, human_number, human_size, term_safe
from modelver.errors import ErrorKind, InvalidInputError, StorageError

_MAX_SHOWN_FILE: Final = 4 * 2**20
# Beyond it laying out columns takes longer than a person waits.
_MAX_RICH_ROWS: Final = 500


class Cell(NamedTuple):
    """One value of a table.

    Attributes:
        plain: For programs.
        shown: For people, where it is not the same.
        style: As rich calls it: ``dim``, ``bold``, ``green``.
    """

    plain: str
    shown: str | None = None
    style: str = ""


class Table(NamedTuple):
    """Records: on a terminal a table, else one line each, separated by tabs.

    Attributes:
        head: Names of the columns.
        rows: Cells, as many as the head has.
        right: Columns of numbers.
        headed: Whether the head is shown: on a terminal, and to programs.
        empty: What a person is told where there are no rows.
        drawn: What a terminal shows instead, laid out already.
        summary: What a person is told below it.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    right: Sequence[int] = ()
    headed: tuple[bool, bool] = (True, False)
    empty: str = ""
    drawn: str = ""
    summary: str = ""


class Text(NamedTuple):
    """Text of one or more lines.

    Attributes:
        plain: For programs; none where it is empty.
        shown: For people, where it is not the same.
    """

    plain: str
    shown: str | None = None


class Raw(NamedTuple):
    """The bytes of a file, and what it is called."""

    stream: IO[bytes]
    size: int
    name: str


class Reply(NamedTuple):
    """What a verb answers.

    Attributes:
        data: As JSON has it.
        body: For everybody else.
        code: The exit code.
    """

    data: Any
    body: Table | Text | Raw
    code: int = 0


def size(number: int) -> Cell:
    """Return a number of bytes as a cell."""
    return Cell(str(number), human_size(number))


def digest(text: str) -> Cell:
    """Return a digest as a cell: a person sees the beginning."""
    return Cell(text, text[:15], "dim")


def metric(value: float) -> Cell:
    """Return a number as a cell, with all its digits for programs."""
    return Cell(repr(value), human_number(value))


def show(reply: Reply, *, as_json: bool, colour: bool) -> None:
    """Write *reply* to standard output.

    Raises:
        InvalidInputError: Bytes that are no text would go to a terminal.
        BrokenPipeError: Nobody reads any more.
        StorageError: What is written to is full, or refuses.
    """
    stream = sys.stdout
    if stream is None:
        return
    try:
        if as_json:
            _write(stream, _document(reply.data, stream.encoding))
        elif isinstance(reply.body, Raw):
            _show_raw(stream, reply.body)
        elif isinstance(reply.body, Text):
            _show_text(stream, reply.body)
        else:
            _show_table(stream, reply.body, has_colour(stream, wanted=colour))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"the answer cannot be written: {error.strerror or error}"
        ) from error


def _document(data: Any, encoding: str) -> str:
    utf8 = encoding.lower().replace("-", "") == "utf8"
    text = json.dumps(data, indent=2, ensure_ascii=not utf8, allow_nan=False)
    # Raw newlines are layout alone: those of stored text are escaped already.
    return UNSEEN.sub(_escape, text) + "\n"


def _escape(match: Any) -> str:
    found: str = match[0]
    return found if found == "\n" else json.dumps(found)[1:-1]


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _line(stream: TextIO, text: str) -> None:
    if text:
        _write(stream, term_safe(text, multiline=True).rstrip("\n") + "\n")


def _show_text(stream: TextIO, text: Text) -> None:
    shown = stream.isatty() and text.shown is not None
    _line(stream, text.shown or "" if shown else text.plain)


def _show_raw(stream: TextIO, raw: Raw) -> None:
    with raw.stream as source:
        if not stream.isatty():
            stream.flush()
            shutil.copyfileobj(source, stream.buffer, 2**20)
            stream.buffer.flush()
            return
        text = _as_text(source.read(_MAX_SHOWN_FILE + 1))
    if text is None or len(text) > _MAX_SHOWN_FILE:
        raise InvalidInputError(
            f"{raw.name} is no text to be shown on a terminal ({human_size(raw.size)})",
            kind=ErrorKind.BAD_ARGUMENT,
            hint="Send it to a file (> FILE) or to another program (| PROGRAM).",
        )
    _line(stream, text)


def _as_text(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.replace("\r\n", "\n")


# Tables.


def _show_table(stream: TextIO, table: Table, colour: bool) -> None:  # noqa: FBT001
    if not stream.isatty():
        rows = [[_plain(cell) for cell in row] for row in table.rows]
        head = [list(table.head)] if table.headed[1] and rows else []
        for row in [*head, *rows]:
            _write(stream, "\t".join(map(term_safe, row)) + "\n")
        return
    if table.drawn or not table.rows:
        _line(stream, table.drawn or table.empty)
    elif len(table.rows) > _MAX_RICH_ROWS or not _show_rich(stream, table, colour):
        _show_aligned(stream, table)
    _line(stream, table.summary)


def _plain(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.plain


def _shown(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return term_safe(cell)
    return term_safe(cell.plain if cell.shown is None else cell.shown)


def _show_rich(stream: TextIO, table: Table, colour: bool) -> bool:  # noqa: FBT001
    """Show *table* with rich; return whether it is installed."""
    try:
        from rich.console import Console  # noqa: PLC0415 - for tables on terminals
        from rich.table import Table as RichTable  # noqa: PLC0415 - an extra
        from rich.text import Text as RichText  # noqa: PLC0415 - an extra
    except ImportError:
        return False
    drawn = RichTable(
        box=None, pad_edge=False, header_style="bold", show_header=table.headed[0]
    )
    for at, name in enumerate(table.head):
        drawn.add_column(
            name,
            justify="right" if at in table.right else "left",
            no_wrap=at == 0,
            overflow="fold",
        )
    for row in table.rows:
        # Text objects: what is stored is never taken for markup.
        cells = (
            RichText(_shown(c), "" if isinstance(c, str) else c.style) for c in row
        )
        drawn.add_row(*cells)
    console = Console(
        file=stream,
        color_system="auto" if colour else None,
        force_terminal=True,
        highlight=False,
        emoji=False,
        markup=False,
        width=_terminal_width(),
    )
    console.print(drawn)
    return True


def _terminal_width() -> int:
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def _show_aligned(stream: TextIO, table: Table) -> None:
    rows = [[_shown(cell) for cell in row] for row in table.rows]
    if table.headed[0]:
        rows.insert(0, list(table.head))
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        _write(stream, _aligned(row, widths, table.right) + "\n")


def _aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    cells = []
    for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
        gap = " " * (width - _width(cell))
        cells.append(gap + cell if at in right else cell + gap)
    return "  ".join(cells).rstrip()


def _width(cell: str) -> int:
    """Return how many columns of a terminal *cell* takes."""
    if cell.isascii():
        return len(cell)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in cell
    )


def some(values: Iterable[str], limit: int) -> str:
    """Return the first few of *values* in one cell, and whether there are more."""
    found = list(values)
    return " ".join([*found[:limit], *(["..."] if len(found) > limit else [])])

"""Tables as plain text, Markdown and HTML; the only place where they are escaped.

Differences and comparisons hand over cells as they are stored, and whatever the
text holds, it comes out as text.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from modelver._values.query import Scalar
from modelver._values.text import html_safe, term_safe

__all__ = ["Table", "html", "markdown", "plain", "show", "text"]

MAX_ROWS: Final = 100
"""How many rows of a table a person is shown; programs get them all."""
_MAX_CELL: Final = 60

# Entities are text to every renderer, wherever they stand; a backslash is not.
_MARKUP: Final = re.compile(
    r"[\\`*\[\]|${}]"
    r"|~(?=\S)|(?<=\S)~"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is only that
    r"|(?<=:)//|(?<=www)\.",  # bare addresses become links
    re.IGNORECASE,
)
# Forges notify who is mentioned, whatever is escaped: an unseen joiner parts them.
_MENTION: Final = re.compile(r"(?<!\w)@(?=\w)")
_CODE: Final = re.compile(r"[\w.@/+-]{1,100}", re.ASCII)
_NO_CHANGE: Final = "no change"


@frozen(kw_only=True)
class Table:
    """One table of cells.

    Attributes:
        title: Heading; may be empty.
        head: Names of the columns; empty text for a column that explains itself.
        rows: Cells, as many as the head has.
        right: Columns of numbers, to be aligned on the right.
        arrow: Column that an arrow leads to where its left neighbour is not empty,
            or None.
        marked: Rows to make stand out, where the output can.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    arrow: int | None = None
    marked: frozenset[int] = frozenset()


def show(value: Scalar | None) -> str:
    """Return *value* so that its type can be told: ``0.1`` and ``'0.1'``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    looks_like_other = re.fullmatch(
        r"|\s.*|.*\s|null|true|false|[+-]?(\d.*|\.\d.*|nan|inf.*)",
        value[:40],
        re.IGNORECASE | re.DOTALL,
    )
    return f"'{value}'" if looks_like_other else value


def plain(value: Scalar | None) -> Scalar | None:
    """Return *value* as strict JSON can hold it: NaN and infinity as text."""
    odd = isinstance(value, float) and not math.isfinite(value)
    return str(value) if odd else value


def text(title: Sequence[str], tables: Sequence[Table]) -> str:
    """Return tables for a terminal, columns aligned; a change is ``old -> new``."""
    heading = term_safe(" -> ".join(title))
    blocks = [heading if tables else f"{heading}: {_NO_CHANGE}"] if title else []
    for table in tables:
        lines = [term_safe(table.title)] if table.title else []
        body = [_cells(row, table.arrow) for row in table.rows[:MAX_ROWS]]
        # An arrow explains its two columns, and so do units the others.
        if table.arrow is None:
            body.insert(0, _cells(table.head, None))
        widths = [max(map(_width, column)) for column in zip(*body, strict=True)]
        right = {n + (n >= (table.arrow or n + 1)) for n in table.right}
        for row in body:
            cells = [
                _pad(cell, width, right=n in right)
                for n, (cell, width) in enumerate(zip(row, widths, strict=True))
                if width
            ]
            lines.append(f"  {'  '.join(cells)}".rstrip())
        lines += [f"  {more}" for more in _more(table)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def markdown(title: Sequence[str], tables: Sequence[Table]) -> str:
    """Return tables in GitHub's Markdown; no cell can be more than text."""
    blocks = ["### " + " → ".join(map(_markdown_code, title))] if title else []
    for table in tables:
        if table.title:
            blocks.append(f"#### {_markdown_cell(table.title)}")
        rule = ("---:" if n in table.right else "---" for n in range(len(table.head)))
        lines = [
            "| " + " | ".join(cells) + " |"
            for cells in (
                tuple(map(_markdown_cell, table.head)),
                tuple(rule),
                *(tuple(map(_markdown_cell, row)) for row in table.rows[:MAX_ROWS]),
            )
        ]
        blocks.append("\n".join(lines))
        blocks += _more(table)
    if not tables:
        blocks.append(f"{_NO_CHANGE.capitalize()}.")
    return "\n\n".join(blocks) + "\n"


def html(title: Sequence[str], tables: Sequence[Table]) -> str:
    """Return tables for a notebook: no scripts, no links, every cell escaped."""
    heading = " → ".join(map(_html_cell, title))
    parts = [f"<p><strong>{heading}</strong></p>"] if title else []
    for table in tables:
        if table.title:
            parts.append(f"<p>{_html_cell(table.title)}</p>")
        rows = [_html_row("th", table.head, table.right)]
        rows += [
            _html_row("td", row, table.right, marked=n in table.marked)
            for n, row in enumerate(table.rows[:MAX_ROWS])
        ]
        parts += ["<table>", *rows, "</table>"]
        parts += [f"<p>{_html_cell(more)}</p>" for more in _more(table)]
    if not tables:
        parts.append(f"<p>{_NO_CHANGE.capitalize()}.</p>")
    return "\n".join(["<div>", *parts, "</div>"])


def _more(table: Table) -> list[str]:
    hidden = len(table.rows) - MAX_ROWS
    return [f"... and {hidden:,} more; to_dict() has them all"] if hidden > 0 else []


def _cut(cell: str) -> str:
    # Of a path the end tells most, of a sentence the beginning.
    return cell if len(cell) <= _MAX_CELL else f"{cell[:36]}...{cell[-21:]}"


def _cells(row: tuple[str, ...], arrow: int | None) -> tuple[str, ...]:
    cells = tuple(term_safe(_cut(cell)) for cell in row)
    if arrow is None:
        return cells
    between = "->" if cells[arrow - 1] and cells[arrow] else ""
    return (*cells[:arrow], between, *cells[arrow:])


def _width(cell: str) -> int:
    """Return how many columns of a terminal *cell* takes."""
    if cell.isascii():
        return len(cell)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in cell
    )


def _pad(cell: str, width: int, *, right: bool) -> str:
    gap = " " * (width - _width(cell))
    return gap + cell if right else cell + gap


def _markdown_cell(cell: str) -> str:
    safe = html_safe(term_safe(_cut(cell)))
    safe = _MARKUP.sub(lambda found: "".join(f"&#{ord(c)};" for c in found[0]), safe)
    return _MENTION.sub("@&#8288;", safe)


def _markdown_code(cell: str) -> str:
    # A ref looks like a mail address, which only code is not made a link of.
    return f"`{cell}`" if _CODE.fullmatch(cell) else _markdown_cell(cell)


def _html_cell(cell: str) -> str:
    return html_safe(_cut(cell))


def _html_row(
    tag: str, cells: Sequence[str], right: frozenset[int], *, marked: bool = False
) -> str:
    weight = ";font-weight:bold" if marked else ""
    inner = "".join(
        f'<{tag} style="text-align:{"right" if n in right else "left"}{weight}">'
        f"{_html_cell(cell)}</{tag}>"
        for n, cell in enumerate(cells)
    )
    return f"<tr>{inner}</tr>"

r"""A lineage as a Mermaid chart, as a tree of text and as HTML.

The only place of this room where stored text is escaped. It is handed a graph as it
is, with whatever the labels hold, and what it returns is of these grammars.

Mermaid, every line one of ::

    chart  = "flowchart LR"
    node   = "    " id ( '["' label '"]' | '[("' label '")]' | '(["' label '"])' )
    edge   = "    " id (" ==> " | " --> " | " -.-> ") id
    style  = "    classDef root stroke-width:3px"
    mark   = "    class " id " root"
    id     = "n" number
    label  = (letter | entity) { letter | digit | " " | "," | "-" | "." | "/" | "_"
                               | entity }    letters and digits of any script
    entity = "#" number ";"
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import Factory, define

from modelver._lineage.graph import Graph, Kind, Node, Relation, short_digest, steps
from modelver._values.text import html_safe, human_size, term_safe

__all__ = ["MAX_SHOWN", "html", "mermaid", "summary", "text"]

MAX_SHOWN: Final = 100
"""How many lines of each side a person is shown; programs get them all."""
_MAX_STEPS: Final = 12
_MAX_LABEL: Final = 60
_DATE: Final = len("2026-01-31")

_SHAPES: Final[Mapping[Kind, tuple[str, str]]] = {
    "version": ('["', '"]'),
    "data": ('[("', '")]'),
    "code": ('(["', '"])'),
}
_NOUNS: Final[Mapping[Kind, str]] = {
    "version": "version",
    "data": "data set",
    "code": "commit",
}
_ARROWS: Final[Mapping[Relation, str]] = {
    "parent": "==>",
    "input": "-->",
    "code": "-.->",
}
# Labels are Markdown to Mermaid, and what it takes for a list, emphasis or a link it
# refuses to draw: a beginning that is no letter, an underscore that is not within a
# word, `www.` and mail addresses. It also cuts the semicolon off an entity in a line
# that has `style` and then a bare colon.
_NOT_PLAIN: Final = re.compile(
    r"^[\W\d_]|[^\w ,./-]|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.", re.IGNORECASE
)


def mermaid(graph: Graph, root: Node | None) -> str:
    """Return a Mermaid flowchart of the grammar above, every node and edge in it."""
    numbers = {id_: f"n{number}" for number, id_ in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for id_, node in graph.nodes.items():
        left, right = _SHAPES[node.kind]
        label = _NOT_PLAIN.sub(_entity, term_safe(_chart_label(node)))
        lines.append(f"    {numbers[id_]}{left}{label}{right}")
    lines += [
        f"    {numbers[edge.source]} {_ARROWS[edge.relation]} {numbers[edge.target]}"
        for edge in graph.edges
    ]
    if root is not None:
        lines.append("    classDef root stroke-width:3px")
        lines.append(f"    class {numbers[root.id]} root")
    return "\n".join(lines) + "\n"


def _chart_label(node: Node) -> str:
    # Some viewers show entities as they are written: what every label has, the @ of
    # a ref and the colon of a digest, is left out. A bare @ is a mail address.
    label, id_ = _cut(node.label), _cut(short_digest(node.id))
    if node.kind == "data":
        return f"{label}, {id_.replace(':', ' ', 1)}"
    if node.kind == "code":
        return label.replace(":", " ", 1)
    return ", ".join([label.replace("@", " ", 1), *map(_cut, _standing(node))])


def _entity(match: re.Match[str]) -> str:
    return f"#{ord(match[0])};"


def summary(graph: Graph) -> str:
    """Return how much of each kind there is: ``3 versions, 1 data set, 2 commits``."""
    counts = dict.fromkeys(_SHAPES, 0)
    for node in graph.nodes.values():
        counts[node.kind] += 1
    return ", ".join(_count(count, _NOUNS[kind]) for kind, count in counts.items())


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@define
class _Branch:
    """A node where it stands in a tree, and what is to be said of it there."""

    node: Node
    note: str
    branches: list["_Branch"] = Factory(list)


def text(graph: Graph, root: Node | None) -> str:
    """Return a tree: above the root what it was made from, below it what from it.

    Without a root, versions grow from their parents, and data and code are a list.
    The nearest :data:`MAX_SHOWN` lines of each side are drawn, up to 12 steps away.
    """
    if root is None:
        return _forest(graph)
    made_from, older = _side(graph, root, graph.above)
    made_into, newer = _side(graph, root, graph.below)
    return "\n".join(
        [
            *_more(older, " further up", "upstream"),
            *reversed([*_draw(made_from, up=True)]),
            f"● {_line(root)}",
            *_draw(made_into),
            *_more(newer, " further down", "downstream"),
        ]
    )


def _forest(graph: Graph) -> str:
    # Grown from data and code, each version would stand in many places.
    children: dict[str, list[str]] = {}
    for edge in graph.edges:
        if edge.relation == "parent":
            children.setdefault(edge.source, []).append(edge.target)
    born = {id_ for ids in children.values() for id_ in ids}
    kinds: dict[Kind, list[str]] = {kind: [] for kind in _SHAPES}
    for id_, node in graph.nodes.items():
        kinds[node.kind].append(id_)
    first = [id_ for id_ in kinds["version"] if id_ not in born]
    grown, shown = _grow(graph, first, children, set())
    others = [*kinds["data"], *kinds["code"]][:MAX_SHOWN]
    for id_ in others:
        made = _count(len(set(graph.below.get(id_, ()))), "version")
        grown.append(_Branch(graph.nodes[id_], f"into {made}"))
    hidden = _more(len(graph.nodes) - shown - len(others))
    return "\n".join([summary(graph), *_draw(grown), *hidden])


def _side(
    graph: Graph, root: Node, onward: Mapping[str, Sequence[str]]
) -> tuple[list["_Branch"], int]:
    """Return the branches of one side of *root*, and how many nodes stay hidden."""
    grown, shown = _grow(graph, onward.get(root.id, ()), onward, {root.id})
    return grown, len(steps(root.id, onward)) - 1 - shown


def _grow(
    graph: Graph,
    first: Sequence[str],
    onward: Mapping[str, Sequence[str]],
    seen: set[str],
) -> tuple[list[_Branch], int]:
    """Return the nearest branches, and how many nodes they show.

    Breadth first: a node goes on where it stands nearest to the root, and a side
    that is cut loses what is farthest.
    """
    top: list[_Branch] = []
    before = len(seen)
    lines = 0
    waiting = deque([(top, first, 1)])
    while waiting:
        into, ids, step = waiting.popleft()
        for id_ in ids[: MAX_SHOWN - lines]:
            lines += 1
            further = onward.get(id_, ())
            again = id_ in seen and bool(further)
            branch = _Branch(graph.nodes[id_], "again" if again else "")
            into.append(branch)
            seen.add(id_)
            if further and not again and step < _MAX_STEPS:
                waiting.append((branch.branches, further, step + 1))
    return top, len(seen) - before


def _draw(
    branches: Sequence[_Branch], indent: str = "", *, up: bool = False
) -> Iterator[str]:
    """Yield the lines of a tree; *up*: to be read from the last to the first."""
    corner = "┌─ " if up else "└─ "
    for left, branch in enumerate(reversed(branches) if up else branches, 1):
        last = left == len(branches)
        line = _line(branch.node, branch.note)
        yield f"{indent}{corner if last else '├─ '}{line}"
        yield from _draw(branch.branches, indent + ("   " if last else "│  "), up=up)


def _more(hidden: int, where: str = "", method: str = "") -> list[str]:
    if hidden <= 0:
        return []
    has = f"{method}().nodes has" if method else "nodes has"
    return [f"… and {hidden:,} more{where}: {has} them all"]


def _line(node: Node, note: str = "") -> str:
    kind = "data " if node.kind == "data" else ""
    line = term_safe(kind + _cut(node.label))
    facts = ", ".join(term_safe(_cut(fact)) for fact in [*_facts(node), note] if fact)
    return f"{line}  ({facts})" if facts else line


def _standing(node: Node) -> list[str]:
    withdrawn = ["withdrawn"] if node.detail.get("withdrawn") else []
    status = node.detail.get("status")
    return [str(status), *withdrawn] if status else withdrawn


def _facts(node: Node) -> list[str]:
    if node.kind == "version":
        created = str(node.detail.get("created_at", ""))[:_DATE]
        return [*_standing(node), created]
    if node.kind == "data":
        size = node.detail["size"]
        known = [human_size(size)] if size >= 0 else []
        version = node.detail.get("version")
        said = [f"version {version}"] if version else []
        return [*known, *said, str(node.detail.get("uri", "")), short_digest(node.id)]
    return []


def _cut(label: str) -> str:
    # The end of a ref is its version: a long one loses its middle.
    return label if len(label) <= _MAX_LABEL else f"{label[:36]}…{label[-23:]}"


def html(graph: Graph, root: Node | None) -> str:
    """Return a table for a notebook: no scripts, no links, every cell escaped."""
    of = f" of {html_safe(_cut(root.label))}" if root is not None else ""
    title = f"<p><strong>Lineage{of}</strong>: {html_safe(summary(graph))}</p>"
    head: tuple[str, ...] = ("kind", "name", "what is known")
    if root is None:
        rows = [_cells(node) for node in [*graph.nodes.values()][:MAX_SHOWN]]
        hidden = len(graph.nodes) - len(rows)
    else:
        head = ("steps", *head)
        above = [*steps(root.id, graph.above).items()][1:]
        below = [*steps(root.id, graph.below).items()][1:]
        near = [
            *((-step, id_) for id_, step in reversed(above[:MAX_SHOWN])),
            (0, root.id),
            *((step, id_) for id_, step in below[:MAX_SHOWN]),
        ]
        rows = [
            (f"{step:+}" if step else "0", *_cells(graph.nodes[id_]))
            for step, id_ in near
        ]
        hidden = len(above) + 1 + len(below) - len(rows)
    table = [_html_row("th", head), *(_html_row("td", row) for row in rows)]
    more = [f"<p>{html_safe(line)}</p>" for line in _more(hidden)]
    return "\n".join(["<div>", title, "<table>", *table, "</table>", *more, "</div>"])


def _cells(node: Node) -> tuple[str, ...]:
    return (
        node.kind,
        _cut(node.label),
        ", ".join(_cut(fact) for fact in _facts(node) if fact),
    )


def _html_row(tag: str, cells: Iterable[str]) -> str:
    style = ' style="text-align:left"'
    inner = "".join(f"<{tag}{style}>{html_safe(cell)}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"

"""``Lineage``, what a user is given when he asks what came from what.

Made by the desk; asks the graph and the drawing, and holds no registry: it is a
value, and says what was so at the commit that it was made at.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, final

from attrs import field, frozen

from modelver._lineage.graph import Edge, Graph, Node, build, steps
from modelver._lineage.render import html, mermaid, summary, text
from modelver._values.names import near
from modelver._values.state import VersionState
from modelver._values.text import quoted, term_safe
from modelver.errors import ErrorKind, InvalidInputError, NotFoundError

__all__ = ["Lineage"]

_LONG: Final = -(10**9)


@final
@frozen(repr=False)
class Lineage:
    """What versions were made from, and what was made from them.

    The nodes are versions, data (known by the digest of the content: the same file
    under another path is the same node) and code commits; an edge leads from what
    came first to the version that was made from it. The lineage of one version has
    that version as its root, and holds what it was made from and what was made from
    it, at any number of steps; the lineage of a whole registry has no root.

    Versions cite only what was registered before them, so that there are no cycles.
    Should a forged log make one, every method still ends, and shows each node once
    or marks it as shown again.

    ``print(lineage)`` draws a tree, and a notebook shows a table. Both show the
    nearest hundred nodes of each side; ``nodes``, :meth:`to_dict` and
    :meth:`to_mermaid` have them all. A lineage is a value: it does not change when
    the registry does.
    """

    _graph: Graph
    root: Node | None = field(default=None)
    """The version whose lineage this is; None for a whole registry."""

    @classmethod
    def of(cls, versions: Iterable[VersionState], root: str | None) -> "Lineage":
        """Return the lineage of *root*, or of all *versions* where it is None.

        Args:
            versions: All that the registry has, in any order: those of one commit
                stay in the order in which they come.
            root: The id of a node: an exact ref, or a digest of data.

        Raises:
            NotFoundError: There is no node *root*.
        """
        graph = build(versions)
        if root is None:
            return cls(graph)
        if root not in graph.nodes:
            raise NotFoundError(
                f"no version was registered as, or made from, {quoted(root)}",
                hint="Ask for an exact ref, for example 'fraud@1.4.0'.",
                ref=root,
                near=near(root, graph.nodes),
            )
        related = steps(root, graph.above) | steps(root, graph.below)
        return cls(graph.only(related), graph.nodes[root])

    @property
    def nodes(self) -> tuple[Node, ...]:
        """In order of registration, what a version was made from before it."""
        return tuple(self._graph.nodes.values())

    @property
    def edges(self) -> tuple[Edge, ...]:
        """From what came first to what was made from it, ordered by the latter."""
        return self._graph.edges

    def versions(self) -> tuple[str, ...]:
        """Return the exact refs of the versions, the root's own included."""
        return tuple(node.id for node in self.nodes if node.kind == "version")

    def upstream(self, depth: int | None = None) -> "Lineage":
        """Return what the root was made from, with the root itself.

        Args:
            depth: The most steps from the root, 1 or more; None: all.

        Raises:
            InvalidInputError: *depth* is not such a number (kind ``BAD_VALUE``), or
                there is no root (``BAD_ARGUMENT``).
        """
        return self._reached("upstream", self._graph.above, depth)

    def downstream(self, depth: int | None = None) -> "Lineage":
        """Return what was made from the root, with the root itself.

        Args:
            depth: The most steps from the root, 1 or more; None: all.

        Raises:
            InvalidInputError: *depth* is not such a number (kind ``BAD_VALUE``), or
                there is no root (``BAD_ARGUMENT``).
        """
        return self._reached("downstream", self._graph.below, depth)

    def _reached(
        self, way: str, onward: Mapping[str, Sequence[str]], depth: int | None
    ) -> "Lineage":
        if depth is not None and (type(depth) is not int or depth < 1):
            # A very long number has no repr.
            short = type(depth) is int and depth > _LONG
            shown = repr(depth) if short else quoted(depth)
            raise InvalidInputError(
                f"depth is a number of steps from 1 upwards, not {shown}",
                kind=ErrorKind.BAD_VALUE,
                hint="Leave depth out to have all steps.",
            )
        if self.root is None:
            raise InvalidInputError(
                f"the lineage of a whole registry has no {way}: it has no root",
                kind=ErrorKind.BAD_ARGUMENT,
                hint="Ask for the lineage of one version: lineage('fraud@1.4.0').",
            )
        reached = steps(self.root.id, onward, depth)
        return Lineage(self._graph.only(reached), self.root)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it: ``root`` (an id or None), ``nodes``, ``edges``."""
        return {
            "root": None if self.root is None else self.root.id,
            "nodes": [
                {
                    "id": node.id,
                    "kind": node.kind,
                    "label": node.label,
                    "detail": dict(node.detail),
                }
                for node in self.nodes
            ],
            "edges": [
                {
                    "source": edge.source,
                    "target": edge.target,
                    "relation": edge.relation,
                }
                for edge in self.edges
            ],
        }

    def to_mermaid(self) -> str:
        """Return it as a Mermaid flowchart, to be put into Markdown or a wiki.

        Versions are boxes (``fraud 1.4.0``: an ``@`` would be drawn as a link), data
        are cylinders and commits have round ends; thick arrows lead from parents,
        thin ones from data, dotted ones from code. Stored text cannot leave its
        label. Mermaid by default refuses to draw more than 500 edges: give
        :meth:`upstream` a depth.
        """
        return mermaid(self._graph, self.root)

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self._graph.nodes)

    def __contains__(self, id_: object) -> bool:
        """Tell whether there is a node of this id."""
        return isinstance(id_, str) and id_ in self._graph.nodes

    def __str__(self) -> str:
        return text(self._graph, self.root)

    def __repr__(self) -> str:
        of = f" of {term_safe(self.root.label)}" if self.root is not None else ""
        return f"<Lineage{of}: {summary(self._graph)}>"

    def _repr_html_(self) -> str:
        return html(self._graph, self.root)

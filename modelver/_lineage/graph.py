"""The graph of what was made from what, built from versions alone.

Used by :class:`~modelver._lineage.lineage.Lineage`, and by the desk for the users of
a file. Knows what records say, and neither how a graph is shown nor whether what
they say is still in the store. Every function takes time in proportion to the
versions and what they cite, and ends on any input, a cycle included.
"""

from collections.abc import Container, Iterable, Mapping, Sequence, Set as AbstractSet
from typing import Any, Final, Literal

from attrs import field, frozen

from modelver._values.entry import Parent, Record
from modelver._values.manifest import Input
from modelver._values.state import VersionState

__all__ = [
    "Edge",
    "Graph",
    "Kind",
    "Node",
    "Relation",
    "build",
    "short_digest",
    "steps",
    "users_of",
    "users_of_address",
    "users_of_version",
]

Kind = Literal["version", "data", "code"]
Relation = Literal["parent", "input", "code"]

_DIGITS: Final = 12
_NAMES: Final = 3


@frozen
class Node:
    """One thing in a lineage.

    Attributes:
        id: Of a version its exact ref; of data the digest of the content; of code
            ``git:<commit>``.
        kind: ``version``, ``data`` or ``code``.
        label: For people. Stored text: escape it where it is shown.
        detail: What is known of it, as JSON has it. A version has ``name``,
            ``version``, ``digest``, ``created_at``, ``author``, ``status`` and
            ``withdrawn`` (the first three alone where it is only cited); data has
            ``names``, ``size`` and ``kind``, and ``how``, ``uri`` and ``version`` where
            it was not copied; code has ``commit`` and ``system``.
    """

    id: str
    kind: Kind
    label: str
    detail: Mapping[str, Any] = field(factory=dict, hash=False)


@frozen
class Edge:
    """One thing was made from another.

    Attributes:
        source: Id of what came first.
        target: Id of the version that was made from it.
        relation: What the source was to it: ``parent``, ``input`` or ``code``.
    """

    source: str
    target: str
    relation: Relation


@frozen
class Graph:
    """Nodes by id, and edges between them.

    Attributes:
        nodes: In order of registration, what a version was made from before it.
        edges: In the order of their targets; none twice.
        above: Id to the ids that it was made from; absent where there are none.
        below: Id to the ids that were made from it; absent where there are none.
    """

    nodes: Mapping[str, Node] = field(hash=False)
    edges: tuple[Edge, ...]
    above: Mapping[str, Sequence[str]] = field(init=False, repr=False, eq=False)
    below: Mapping[str, Sequence[str]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        above: dict[str, list[str]] = {}
        below: dict[str, list[str]] = {}
        for edge in self.edges:
            above.setdefault(edge.target, []).append(edge.source)
            below.setdefault(edge.source, []).append(edge.target)
        object.__setattr__(self, "above", above)
        object.__setattr__(self, "below", below)

    def only(self, ids: Container[str]) -> "Graph":
        """Return the nodes of *ids*, in the same order, and the edges among them."""
        return Graph(
            nodes={id_: node for id_, node in self.nodes.items() if id_ in ids},
            edges=tuple(
                edge for edge in self.edges if edge.source in ids and edge.target in ids
            ),
        )


def steps(
    start: str, onward: Mapping[str, Sequence[str]], depth: int | None = None
) -> dict[str, int]:
    """Return what can be reached from *start*, with the fewest steps to it.

    Args:
        start: An id; it is in the answer, with 0 steps.
        onward: ``above`` or ``below`` of a graph.
        depth: The most steps; None: all.
    """
    found = {start: 0}
    reached = [start]
    step = 0
    while reached and step != depth:
        step += 1
        nearest: list[str] = []
        for id_ in reached:
            for other in onward.get(id_, ()):
                if other not in found:
                    found[other] = step
                    nearest.append(other)
        reached = nearest
    return found


def build(versions: Iterable[VersionState]) -> Graph:
    """Return the graph of *versions* and of everything that they cite.

    A parent that is not among *versions* is a node that knows what its child says
    of it. Where two things claim one id, which only a forged record can do, a
    version comes before data and code, and of data and code the first.
    """
    ordered = _in_order(versions)
    nodes: dict[str, Node] = {}
    names: dict[str, dict[str, None]] = {}
    inputs: dict[str, Input] = {}
    edges: dict[Edge, None] = {}
    for version in ordered:
        record = version.record
        for parent in record.parents:
            known = nodes.get(parent.ref)
            if known is None or known.kind != "version":
                nodes[parent.ref] = _cited(parent)
            edges[Edge(parent.ref, version.ref, "parent")] = None
        for source in _data_of(record):
            id_ = source.digest
            names.setdefault(id_, {})[source.name] = None
            if id_ not in nodes:
                inputs[id_] = source
                # Its label needs all names; this holds the place in the order.
                nodes[id_] = Node(id_, "data", "")
            edges[Edge(id_, version.ref, "input")] = None
        if record.code is not None:
            id_ = f"git:{record.code.commit}"
            if id_ not in nodes:
                commit, system = record.code.commit, record.code.system
                detail = {"commit": commit, "system": system}
                nodes[id_] = Node(id_, "code", f"git:{commit[:_DIGITS]}", detail)
            edges[Edge(id_, version.ref, "code")] = None
        nodes[version.ref] = _registered(version)
    for id_, source in inputs.items():
        if nodes[id_].kind == "data":
            nodes[id_] = _data(source, tuple(names[id_]))
    return Graph(nodes=nodes, edges=tuple(edges))


def _data_of(record: Record) -> Iterable[Input]:
    """Return the inputs but for versions, which are there already, as parents."""
    cited = {parent.bundle for parent in record.parents}
    return (i for i in record.inputs if i.kind != "model" or i.digest not in cited)


def _in_order(versions: Iterable[VersionState]) -> list[VersionState]:
    # Stable: within one commit the versions stay as they come.
    return sorted(versions, key=lambda version: version.said.seq)


def _cited(parent: Parent) -> Node:
    detail = {"name": parent.name, "version": parent.version, "digest": parent.bundle}
    return Node(parent.ref, "version", parent.ref, detail)


def _registered(version: VersionState) -> Node:
    detail = {
        "name": version.name,
        "version": version.version,
        "digest": version.bundle,
        "created_at": version.said.time,
        "author": version.said.actor,
        "status": version.status,
        "withdrawn": version.withdrawal is not None,
    }
    return Node(version.ref, "version", version.ref, detail)


def _data(source: Input, names: tuple[str, ...]) -> Node:
    label = ", ".join(names[:_NAMES])
    if len(names) > _NAMES:
        label = f"{label} and {len(names) - _NAMES:,} more names"
    detail: dict[str, Any] = {
        "names": list(names),
        "size": source.size,
        "kind": source.kind,
    }
    for what in ("how", "uri", "version"):
        if (said := getattr(source, what)) not in (None, "copy"):
            detail[what] = said
    label = label.strip() or short_digest(source.digest)
    return Node(source.digest, "data", label, detail)


def short_digest(digest: str) -> str:
    """Return a digest as a person is shown it: ``b3:9f2c41d0a7e3``."""
    algorithm, colon, digits = digest.partition(":")
    return f"{algorithm}{colon}{digits[:_DIGITS]}"


def users_of(
    versions: Iterable[VersionState], ids: AbstractSet[str]
) -> list[VersionState]:
    """Return the versions that were made from one of *ids*, each once.

    Args:
        versions: In any order.
        ids: Digests of files, folders or bundles, and exact refs. A version uses
            what is among its inputs, and its parents by ref or by bundle.

    Returns:
        In order of registration.
    """
    return [
        version
        for version in _in_order(versions)
        if any(source.digest in ids for source in version.record.inputs)
        or any(
            parent.ref in ids or parent.bundle in ids
            for parent in version.record.parents
        )
    ]


def users_of_address(versions: Iterable[VersionState], uri: str) -> list[VersionState]:
    """Return the versions that were made from data at *uri*, or below it."""
    whole = uri.rstrip("/")
    return [
        version
        for version in _in_order(versions)
        if any(
            source.uri is not None
            and f"{source.uri.rstrip('/')}/".startswith(f"{whole}/")
            for source in version.record.inputs
        )
    ]


def users_of_version(versions: Iterable[VersionState], ref: str) -> list[VersionState]:
    """Return the children of the version *ref*, in order of registration.

    *ref* is exact: ``fraud@1.4.0``. Versions that cite another number with the same
    bundle are no children of this one.
    """
    return [
        version
        for version in _in_order(versions)
        if any(parent.ref == ref for parent in version.record.parents)
    ]

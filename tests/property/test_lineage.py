"""Laws of lineages: order, the two ways, and charts that hold any text."""

import html
import itertools
import json
import re
from random import Random

from hypothesis import given, strategies as st

from modelver._lineage import Lineage, users_of, users_of_version
from modelver._values.entry import Parent, Record
from modelver._values.manifest import Code, Input
from modelver._values.semver import Version
from modelver._values.state import Said, VersionState
from modelver._values.text import UNSEEN, term_safe

# Written down apart from the code: what a line of a chart may be.
PLAIN = r"(?:[^\W_]|[ ,./-]|(?<=[^\W_])_(?=[^\W_])|\#[0-9]+;)"
LABEL = rf"(?=[^\W\d_]|\#){PLAIN}+"
LINE = re.compile(
    rf"""
      flowchart[ ]LR
    | [ ]{{4}}n[0-9]+(?:\["{LABEL}"\]|\[\("{LABEL}"\)\]|\(\["{LABEL}"\]\))
    | [ ]{{4}}n[0-9]+[ ](?:==>|-->|-\.->)[ ]n[0-9]+
    | [ ]{{4}}classDef[ ]root[ ]stroke-width:3px
    | [ ]{{4}}class[ ]n[0-9]+[ ]root
    """,
    re.VERBOSE,
)
NODE = re.compile(r'    n([0-9]+)[\[(]+"([^"]*)"[\])]+')
EDGE = re.compile(r"    n([0-9]+) \S+ n([0-9]+)")

HOSTILE = st.lists(
    st.sampled_from(
        [
            *"\"'`#;:[](){}<>/\\|@%&$*_~-+=.,!?^ \n\r\t1a",
            '"]',
            "</script>",
            "#quot;",
            "#35;",
            "%%{init: {}}%%",
            "\n    n0 --> n1",
            "end",
            "www.",
            "style a fill:#f00;",
            "classDef x:#f00;",
            "\x00",
            "\x1b[2J",
            "\u202e",
            "\u2028",
            "\ud800",
            "¶ß",
            "é",
            "日",
            "🙂",
        ]
    )
    | st.text(max_size=4),
    max_size=8,
).map("".join)


@st.composite
def histories(draw: st.DrawFn, text: st.SearchStrategy[str]) -> list[VersionState]:
    """Draw versions in order of registration, each citing earlier ones."""
    versions: list[VersionState] = []
    source = st.builds(
        Input,
        name=text,
        digest=st.sampled_from(["b3:11", "b3:22", "b3:33"]) | text,
        size=st.integers(0, 2**53),
    )
    inputs = st.lists(source, max_size=2).map(tuple)
    code = st.none() | st.builds(Code, commit=text)
    # Bit k of the number: whether the k-th version is a parent.
    for n, picked in enumerate(draw(st.lists(st.integers(0, 2**6 - 1), max_size=6))):
        parents = [v for k, v in enumerate(versions) if picked >> k & 1]
        versions.append(
            VersionState(
                name=draw(st.sampled_from(["a", "b"])),
                number=Version(1, 0, n),
                bundle=f"b3:{n:064x}",
                manifest=f"b3:{n:064x}",
                record=Record(
                    parents=tuple(parent.as_parent() for parent in parents),
                    inputs=draw(inputs),
                    code=draw(code),
                ),
                said=Said(seq=n + 1, time=draw(text), actor=draw(text)),
                message=None,
                tags={},
                metrics={},
                slices={},
                status=draw(st.none() | text),
            )
        )
    return versions


TAME = histories(st.sampled_from(["x", "y", "z"]))


@given(histories(HOSTILE))
def test_every_line_of_a_chart_is_of_the_grammar(versions: list[VersionState]) -> None:
    """No text leaves its label: the chart has its nodes and edges, and no others."""
    roots = [None, *(version.ref for version in versions[:1])]
    for root in roots:
        lineage = Lineage.of(versions, root)
        chart = lineage.to_mermaid()
        assert chart.endswith("\n")
        lines = chart[:-1].split("\n")
        assert all(LINE.fullmatch(line) for line in lines), chart
        assert chart.splitlines() == lines
        assert lines.count("flowchart LR") == 1
        assert sum(NODE.fullmatch(line) is not None for line in lines) == len(lineage)
        ids = [node.id for node in lineage.nodes]
        drawn = [EDGE.fullmatch(line) for line in lines]
        assert [(ids[int(e[1])], ids[int(e[2])]) for e in drawn if e] == [
            (edge.source, edge.target) for edge in lineage.edges
        ]


@given(HOSTILE.filter(lambda text: text.strip() and len(text) < 40))
def test_a_label_reads_back(name: str) -> None:
    """What a chart shows is the text: entities stand for the characters they name."""
    source = Input(name=name, digest="b3:1234", size=1)
    made = VersionState(
        name="m",
        number=Version(1, 0, 0),
        bundle="b3:00",
        manifest="b3:00",
        record=Record(inputs=(source,)),
        said=Said(seq=1, time="", actor=""),
        message=None,
        tags={},
        metrics={},
        slices={},
    )
    lines = Lineage.of([made], None).to_mermaid().split("\n")
    found = NODE.fullmatch(lines[1])
    assert found is not None
    shown = re.sub(r"#([0-9]+);", lambda m: chr(int(m[1])), found[2])
    assert shown == f"{term_safe(name.strip())}, b3 1234"


@given(histories(HOSTILE))
def test_what_is_shown_commands_nothing(versions: list[VersionState]) -> None:
    """Neither a terminal nor a browser is given anything but text and our own tags."""
    for root in [None, *(version.ref for version in versions[-1:])]:
        lineage = Lineage.of(versions, root)
        assert UNSEEN.search(str(lineage).replace("\n", "")) is None
        assert UNSEEN.search(repr(lineage)) is None
        table = lineage._repr_html_()
        ours = re.sub(
            r"</?(?:div|p|strong|table|tr)>|<t[hd] style=\"text-align:left\">|</t[hd]>",
            "",
            table,
        )
        assert not set("<>\"'") & set(ours)
        assert not set(html.unescape(ours)) & {"\x00", "\x1b", "\u202e", "\ud800"}
        json.loads(json.dumps(lineage.to_dict(), allow_nan=False))


@given(TAME)
def test_what_comes_first_stands_first(versions: list[VersionState]) -> None:
    """A history as the fold lets it be has no cycle: every edge leads onwards."""
    lineage = Lineage.of(versions, None)
    place = {node.id: n for n, node in enumerate(lineage.nodes)}
    assert all(place[edge.source] < place[edge.target] for edge in lineage.edges)
    assert len(set(lineage.edges)) == len(lineage.edges)


@given(TAME, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_count(
    versions: list[VersionState], random: Random
) -> None:
    """The log's order decides, not the order in which versions are handed over."""
    shuffled = list(versions)
    random.shuffle(shuffled)
    assert Lineage.of(shuffled, None).to_dict() == Lineage.of(versions, None).to_dict()


@given(TAME, st.integers(1, 9) | st.none())
def test_the_two_ways_mirror_each_other(
    versions: list[VersionState], depth: int | None
) -> None:
    """A was made from B in n steps exactly where B was made into A in n steps."""
    refs = [version.ref for version in versions]
    above = {a: set(Lineage.of(versions, a).upstream(depth).versions()) for a in refs}
    below = {b: set(Lineage.of(versions, b).downstream(depth).versions()) for b in refs}
    for a in refs:
        assert a in above[a] & below[a]
        assert {b for b in refs if a in below[b]} == above[a]


@given(TAME)
def test_depths_only_add(versions: list[VersionState]) -> None:
    """A step more never loses a node, and enough steps are all."""
    for version in versions:
        lineage = Lineage.of(versions, version.ref)
        both: set[str] = {version.ref}
        for walk in (lineage.upstream, lineage.downstream):
            reached = [{n.id for n in walk(depth).nodes} for depth in range(1, 14)]
            assert all(a <= b for a, b in itertools.pairwise(reached))
            assert reached[-1] == {n.id for n in walk().nodes}
            both |= reached[-1]
        assert both == {node.id for node in lineage.nodes}


@given(TAME)
def test_users_are_one_step_down(versions: list[VersionState]) -> None:
    """Who uses a thing is what stands one step below it."""
    whole = Lineage.of(versions, None)
    for node in whole.nodes:
        near = Lineage.of(versions, node.id).downstream(1)
        below = [ref for ref in near.versions() if ref != node.id]
        if node.kind == "code":
            continue
        assert [v.ref for v in users_of(versions, {node.id})] == below
        if node.kind == "version":
            assert [v.ref for v in users_of_version(versions, node.id)] == below


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
def test_forged_cycles_end(pairs: list[tuple[int, int]]) -> None:
    """Whatever cites whatever, everything ends and every node is there."""
    cited: dict[int, list[int]] = {n: [] for n in range(6)}
    for child, parent in pairs:
        cited[child].append(parent)
    versions = [
        VersionState(
            name="m",
            number=Version(1, 0, n),
            bundle="b3:00",
            manifest="b3:00",
            record=Record(
                parents=tuple(
                    Parent(name="m", version=f"1.0.{p}", bundle="b3:00")
                    for p in parents
                )
            ),
            said=Said(seq=n, time="", actor=""),
            message=None,
            tags={},
            metrics={},
            slices={},
        )
        for n, parents in cited.items()
    ]
    whole = Lineage.of(versions, None)
    assert len(whole) == 6
    assert len(whole.edges) == len(set(pairs))
    for lineage in (whole, Lineage.of(versions, "m@1.0.0")):
        assert all(LINE.fullmatch(s) for s in lineage.to_mermaid().split("\n")[:-1])
        assert (
            len(str(lineage).split("\n")) <= 2 * len(lineage.edges) + len(lineage) + 2
        )
    rooted = Lineage.of(versions, "m@1.0.0")
    shown = str(rooted)
    assert all(ref in shown for ref in rooted.versions())

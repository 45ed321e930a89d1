"""Lineages: their nodes and edges, the two ways through them, and who uses what."""

import copy
import json
import timeit
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from modelver._lineage import Edge, Lineage, users_of, users_of_version
from modelver._values.entry import Parent, Record
from modelver._values.manifest import Code, Input
from modelver._values.semver import Version
from modelver._values.state import Said, VersionState, Withdrawal
from modelver.errors import ErrorKind, InvalidInputError, NotFoundError


def digest(text: str) -> str:
    """Return a digest that can be told from others."""
    return f"b3:{text.encode().hex():0>64}"


def data(name: str, content: str) -> Input:
    """Return an input of this content."""
    return Input(name=name, digest=digest(content), size=len(content))


def version(
    ref: str,
    seq: int,
    parents: Sequence[VersionState] = (),
    inputs: Sequence[Input] = (),
    commit: str | None = None,
) -> VersionState:
    """Return a version as the fold makes it."""
    name, _, number = ref.partition("@")
    return VersionState(
        name=name,
        number=Version.parse(number),
        bundle=digest(f"bundle {ref}"),
        manifest=digest(f"manifest {ref}"),
        record=Record(
            parents=tuple(parent.as_parent() for parent in parents),
            inputs=tuple(inputs),
            code=None if commit is None else Code(commit=commit),
        ),
        said=Said(seq=seq, time=f"2026-03-{seq:02}T10:00:00Z", actor="ann"),
        message=None,
        tags={},
        metrics={},
        slices={},
    )


def citing(child: VersionState, *parents: VersionState) -> VersionState:
    """Return *child* with parents that the fold would have refused."""
    cited = tuple(parent.as_parent() for parent in parents)
    return evolve(child, record=evolve(child.record, parents=cited))


# A base model, two children in different models, a grandchild, and a stranger.
RAW, CLEAN = data("raw", "raw rows"), data("clean", "clean rows")
BASE = version("base@1.0.0", 1, [], [RAW], "c0ffee" + "0" * 34)
LEFT = version("fraud@1.0.0", 2, [BASE], [data("train.csv", "raw rows"), CLEAN])
RIGHT = version("churn@1.0.0", 3, [BASE], [CLEAN], "c0ffee" + "0" * 34)
LAST = version("fraud@1.1.0", 4, [LEFT], [CLEAN])
OTHER = version("other@1.0.0", 5, [], [data("own", "other rows")])
ALL = [BASE, LEFT, RIGHT, LAST, OTHER]
CODE = "git:c0ffee" + "0" * 34


def ids(lineage: Lineage) -> set[str]:
    """Return the ids of the nodes."""
    return {node.id for node in lineage.nodes}


def test_a_whole_registry_has_every_node_once() -> None:
    """Without a root, each version, content and commit is one node."""
    lineage = Lineage.of(ALL, None)
    assert lineage.root is None
    assert [node.id for node in lineage.nodes] == [
        RAW.digest,
        CODE,
        "base@1.0.0",
        CLEAN.digest,
        "fraud@1.0.0",
        "churn@1.0.0",
        "fraud@1.1.0",
        digest("other rows"),
        "other@1.0.0",
    ]
    assert len(lineage) == 9
    assert lineage.versions() == tuple(v.ref for v in ALL)


def test_edges_lead_from_what_came_first() -> None:
    """Parents, inputs and code are edges to the version that was made from them."""
    assert Lineage.of([BASE, LEFT], None).edges == (
        Edge(RAW.digest, "base@1.0.0", "input"),
        Edge(CODE, "base@1.0.0", "code"),
        Edge("base@1.0.0", "fraud@1.0.0", "parent"),
        Edge(RAW.digest, "fraud@1.0.0", "input"),
        Edge(CLEAN.digest, "fraud@1.0.0", "input"),
    )


def test_data_is_known_by_its_content() -> None:
    """The same bytes under two names are one node that has both names."""
    lineage = Lineage.of(ALL, None)
    raw = next(node for node in lineage.nodes if node.id == RAW.digest)
    assert raw.kind == "data"
    assert raw.label == "raw, train.csv"
    assert raw.detail == {"names": ["raw", "train.csv"], "size": 8, "kind": "file"}
    twice = version("a@1.0.0", 1, [], [data("x", "same"), data("y", "same")])
    assert len(Lineage.of([twice], None).edges) == 1


def test_many_names_are_counted() -> None:
    """A label has the first three names; the detail has them all."""
    inputs = [data(f"part{n}", "same") for n in range(5)]
    node = Lineage.of([version("a@1.0.0", 1, [], inputs)], None).nodes[0]
    assert node.label == "part0, part1, part2 and 2 more names"
    assert len(node.detail["names"]) == 5


def test_data_without_a_name_is_labelled_by_its_digest() -> None:
    """A blank name is no label."""
    lineage = Lineage.of([version("a@1.0.0", 1, [], [data(" ", "rows")])], None)
    assert lineage.nodes[0].label == "b3:000000000000"


def test_a_bundle_used_as_data_is_data() -> None:
    """An input that has a bundle's digest is a node of its own, and no parent."""
    source = Input(name="model", digest=BASE.bundle, size=1)
    lineage = Lineage.of([BASE, version("b@1.0.0", 2, [], [source])], "b@1.0.0")
    assert ids(lineage) == {"b@1.0.0", BASE.bundle}


def test_a_version_tells_where_it_stands() -> None:
    """The detail of a version has its digest, author, time, status and withdrawal."""
    said = Said(seq=9, time="2026-04-01T00:00:00Z", actor="bob")
    gone = evolve(
        BASE, status="archived", withdrawal=Withdrawal(reason="leak", said=said)
    )
    root = Lineage.of([gone], "base@1.0.0").root
    assert root is not None
    assert root.detail == {
        "name": "base",
        "version": "1.0.0",
        "digest": BASE.bundle,
        "created_at": "2026-03-01T10:00:00Z",
        "author": "ann",
        "status": "archived",
        "withdrawn": True,
    }


def test_the_root_has_what_is_up_and_down_and_nothing_beside() -> None:
    """Siblings, strangers and what they alone were made from are left out."""
    lineage = Lineage.of(ALL, "fraud@1.0.0")
    assert lineage.root is not None
    assert lineage.root.id == "fraud@1.0.0"
    assert ids(lineage) == {
        "base@1.0.0",
        RAW.digest,
        CODE,
        CLEAN.digest,
        "fraud@1.0.0",
        "fraud@1.1.0",
    }
    # The child was made from the same data as the root: that edge is true as well.
    assert Edge(CLEAN.digest, "fraud@1.1.0", "input") in lineage.edges


def test_data_can_be_the_root() -> None:
    """Of data it can be asked what was made from it."""
    lineage = Lineage.of(ALL, CLEAN.digest)
    assert lineage.upstream().versions() == ()
    assert lineage.versions() == ("fraud@1.0.0", "churn@1.0.0", "fraud@1.1.0")


@pytest.mark.parametrize(
    ("depth", "versions"),
    [
        (1, ("fraud@1.0.0", "fraud@1.1.0")),
        (2, ("base@1.0.0", "fraud@1.0.0", "fraud@1.1.0")),
        (None, ("base@1.0.0", "fraud@1.0.0", "fraud@1.1.0")),
        (10**5000, ("base@1.0.0", "fraud@1.0.0", "fraud@1.1.0")),
    ],
    ids=["1", "2", "all", "huge"],
)
def test_upstream_goes_so_far(depth: int | None, versions: tuple[str, ...]) -> None:
    """A depth counts steps; None, and more than there are, is all of them."""
    assert Lineage.of(ALL, "fraud@1.1.0").upstream(depth).versions() == versions


def test_downstream_goes_so_far() -> None:
    """A depth counts steps downwards too, and the root stays."""
    lineage = Lineage.of(ALL, "base@1.0.0")
    near = lineage.downstream(depth=1)
    assert near.versions() == ("base@1.0.0", "fraud@1.0.0", "churn@1.0.0")
    assert near.root == lineage.root
    assert near.downstream() == near
    assert ids(lineage.downstream()) == ids(near) | {"fraud@1.1.0"}
    assert ids(lineage.upstream().downstream()) == {"base@1.0.0"}


@pytest.mark.parametrize(
    "depth",
    [0, -1, -(10**5000), True, 1.0, float("nan"), "1", [], "9" * 10**7],
    ids=["0", "-1", "long", "bool", "float", "nan", "text", "list", "long text"],
)
@pytest.mark.parametrize("way", ["upstream", "downstream"])
def test_a_depth_is_a_number_of_steps(way: str, depth: Any) -> None:
    """What is no whole number from 1 upwards is refused in few words."""
    walk = getattr(Lineage.of(ALL, "base@1.0.0"), way)
    with pytest.raises(InvalidInputError, match="steps from 1 upwards") as caught:
        walk(depth)
    assert caught.value.kind == ErrorKind.BAD_VALUE
    assert caught.value.hints
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("way", ["upstream", "downstream"])
def test_a_whole_registry_has_no_upstream(way: str) -> None:
    """Without a root the question has no meaning, and the hint says what has."""
    with pytest.raises(InvalidInputError, match=f"no {way}") as caught:
        getattr(Lineage.of(ALL, None), way)()
    assert "lineage('fraud@1.4.0')" in caught.value.hints[0]


def test_an_unknown_root_is_not_found() -> None:
    """The error names what is near."""
    with pytest.raises(NotFoundError, match=r"fraud@1\.2\.0") as caught:
        Lineage.of(ALL, "fraud@1.2.0")
    assert "fraud@1.1.0" in caught.value.near
    assert caught.value.ref == "fraud@1.2.0"


def test_a_parent_that_is_not_there_is_still_named() -> None:
    """A cited version is a node that knows what its child says of it."""
    lineage = Lineage.of([LAST], "fraud@1.1.0")
    cited = next(node for node in lineage.nodes if node.id == "fraud@1.0.0")
    assert cited.kind == "version"
    assert cited.detail == {
        "name": "fraud",
        "version": "1.0.0",
        "digest": LEFT.bundle,
    }
    assert "fraud@1.0.0" in str(lineage)


def test_the_order_of_commits_counts_and_not_that_of_the_list() -> None:
    """Versions handed over in another order make the same lineage."""
    assert Lineage.of(reversed(ALL), None) == Lineage.of(ALL, None)
    assert Lineage.of(reversed(ALL), None).to_dict() == Lineage.of(ALL, None).to_dict()


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_forged_cycle_ends(length: int) -> None:
    """A cycle, which the fold does not let in, makes nothing hang or grow."""
    ring = [version(f"m@1.0.{n}", n + 1) for n in range(length)]
    ring = [citing(v, ring[n - 1]) for n, v in enumerate(ring)]
    whole, lineage = Lineage.of(ring, None), Lineage.of(ring, "m@1.0.0")
    assert len(whole) == len(lineage) == len(whole.edges) == length
    assert ids(lineage.upstream()) == ids(lineage.downstream()) == ids(whole)
    assert str(lineage).count("again") == 2
    for shown in (whole, lineage):
        assert len(str(shown).splitlines()) <= 2 * length + 1
        assert len(shown.to_mermaid().splitlines()) <= 2 * length + 3
        assert shown._repr_html_()
        assert shown.to_dict()["edges"]


def test_a_version_that_cites_itself_as_data_is_a_version() -> None:
    """Of two things that claim one id, the version wins, wherever it comes from."""
    forged = Input(name="me", digest="a@1.0.0", size=1)
    itself = version("a@1.0.0", 1, [], [forged])
    before = version("b@1.0.0", 1, [], [forged])
    code = Input(name="me", digest="git:1234", size=1)
    for versions in (
        [itself],
        [before, itself],
        [before, version("c@1.0.0", 2, [version("a@1.0.0", 1)])],
    ):
        nodes = {node.id: node.kind for node in Lineage.of(versions, None).nodes}
        assert nodes["a@1.0.0"] == "version"
    both = version("d@1.0.0", 1, [], [code], "1234")
    assert Lineage.of([both], None).nodes[0].kind == "data"
    later = version("e@1.0.0", 2, [], [code])
    first = version("d@1.0.0", 1, [], [], "1234")
    assert Lineage.of([first, later], None).nodes[0].kind == "code"


def test_it_says_what_it_holds() -> None:
    """Ids are looked up by `in`; what is no text is in no lineage."""
    lineage = Lineage.of(ALL, "fraud@1.0.0")
    assert "base@1.0.0" in lineage
    assert CLEAN.digest in lineage
    assert "churn@1.0.0" not in lineage
    assert [] not in lineage
    assert None not in lineage
    assert not Lineage.of([], None)


def test_it_is_json() -> None:
    """The dictionary is plain JSON, and refers to its own ids alone."""
    found = Lineage.of(ALL, "fraud@1.0.0").to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["root"] == "fraud@1.0.0"
    assert list(found) == ["root", "nodes", "edges"]
    known = {node["id"] for node in found["nodes"]}
    assert {e["source"] for e in found["edges"]} <= known
    assert {e["target"] for e in found["edges"]} <= known
    assert Lineage.of(ALL, None).to_dict()["root"] is None


def test_it_is_a_value() -> None:
    """Lineages of the same are equal, hash alike, copy, and cannot be changed."""
    one, two = Lineage.of(ALL, "base@1.0.0"), Lineage.of(ALL, "base@1.0.0")
    assert one == two
    assert hash(one) == hash(two)
    assert copy.deepcopy(one) == one
    assert one != Lineage.of(ALL, "fraud@1.0.0")
    with pytest.raises(AttributeError):
        one.root = None  # type: ignore[misc]  # this is the claim


def test_users_of_data() -> None:
    """Versions that have a digest among their inputs, in order of registration."""
    assert users_of(reversed(ALL), {CLEAN.digest}) == [LEFT, RIGHT, LAST]
    assert users_of(ALL, {digest("nobody's")}) == []
    assert users_of(ALL, set()) == []


def test_users_of_a_version() -> None:
    """A parent is used under its ref and under its bundle, and named once."""
    assert users_of(ALL, {"base@1.0.0"}) == [LEFT, RIGHT]
    assert users_of(ALL, {BASE.bundle}) == [LEFT, RIGHT]
    assert users_of(ALL, {BASE.bundle, "base@1.0.0", RAW.digest}) == [BASE, LEFT, RIGHT]


def test_children_are_those_of_the_number() -> None:
    """Who cites another number with the same bundle is no child of this one."""
    twin = Parent(name="base", version="1.0.1", bundle=BASE.bundle)
    child = version("twin@1.0.0", 6)
    child = evolve(child, record=evolve(child.record, parents=(twin,)))
    assert users_of_version([*ALL, child], "base@1.0.0") == [LEFT, RIGHT]
    assert users_of([*ALL, child], {BASE.bundle}) == [LEFT, RIGHT, child]


@pytest.mark.large
def test_a_large_registry_takes_no_time() -> None:
    """10,000 versions with 20,000 edges take under a second, chain or star."""
    chain: list[VersionState] = []
    for n in range(10_000):
        inputs = [data("rows", f"{n % 500}")]
        chain.append(version(f"m@0.0.{n}", n, chain[-1:], inputs))
    star = [version("hub@1.0.0", 0)]
    star += [
        version(f"m@0.0.{n}", n, star[:1], [data("rows", "all")])
        for n in range(1, 10_000)
    ]
    for versions in (chain, star):
        lineage = Lineage.of(versions, versions[0].ref)
        assert len(lineage.downstream()) >= 10_000
        assert len(str(lineage)) < 20_000
        for step in (
            lambda versions=versions: Lineage.of(versions, versions[0].ref),
            lineage.downstream,
            lineage.to_mermaid,
            lineage.to_dict,
            lineage._repr_html_,
            lineage.__str__,
        ):
            assert min(timeit.repeat(step, number=1, repeat=3)) < 1

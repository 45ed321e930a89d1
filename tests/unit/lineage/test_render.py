"""What a person sees of a lineage: the tree, the chart and the table."""

from collections.abc import Sequence

import pytest

from modelver._lineage import Lineage
from modelver._lineage.render import MAX_SHOWN
from modelver._values.entry import Record
from modelver._values.manifest import Code, Input
from modelver._values.semver import Version
from modelver._values.state import Said, VersionState, Withdrawal


def data(name: str, content: str, size: int = 2048) -> Input:
    """Return an input whose digest begins with *content*, which is hex."""
    return Input(name=name, digest=f"b3:{content:0<64}", size=size)


def version(
    ref: str,
    seq: int,
    parents: Sequence[VersionState] = (),
    inputs: Sequence[Input] = (),
    commit: str | None = None,
    *,
    status: str | None = None,
    reason: str | None = None,
) -> VersionState:
    """Return a version as the fold makes it; with a *reason* it is withdrawn."""
    name, _, number = ref.partition("@")
    said = Said(seq=seq, time=f"2026-03-{seq:02}T10:00:00Z", actor="ann")
    return VersionState(
        name=name,
        number=Version.parse(number),
        bundle=f"b3:{seq:064x}",
        manifest=f"b3:{seq:064x}",
        record=Record(
            parents=tuple(parent.as_parent() for parent in parents),
            inputs=tuple(inputs),
            code=None if commit is None else Code(commit=commit),
        ),
        said=said,
        message=None,
        tags={},
        metrics={},
        slices={},
        status=status,
        withdrawal=None if reason is None else Withdrawal(reason=reason, said=said),
    )


TRAIN, VALID = data("train", "9f2c"), data("valid", "77aa", 100)
V1 = version("fraud@1.0.0", 1, [], [TRAIN], "1" * 40, status="archived", reason="x")
V2 = version("fraud@1.1.0", 2, [V1], [data("new", "9f2c"), VALID], status="approved")
ENCODER = version("encoder@0.3.0", 3, [], [], "2" * 40)
V3 = version("fraud@2.0.0", 4, [V2, ENCODER], [VALID])
V4 = version("fraud@2.0.1", 5, [V3])
INTENT = version("nlp/intent@1.0.0", 6, [V3])
V5 = version("fraud@2.1.0", 7, [V4, INTENT])
V6 = version("fraud@2.2.0", 8, [V5])
ALL = [V1, V2, ENCODER, V3, V4, INTENT, V5, V6]


def test_the_tree_has_the_root_in_the_middle() -> None:
    """Above the root stands what it was made from, below it what was made from it."""
    assert str(Lineage.of(ALL, "fraud@2.0.0")).splitlines() == [
        "      ┌─ data train, new  (2.0 KiB, b3:9f2c00000000)",
        "      ├─ git:111111111111",
        "   ┌─ fraud@1.0.0  (archived, withdrawn, 2026-03-01)",
        "   ├─ data train, new  (2.0 KiB, b3:9f2c00000000)",
        "   ├─ data valid  (100 B, b3:77aa00000000)",
        "┌─ fraud@1.1.0  (approved, 2026-03-02)",
        "│  ┌─ git:222222222222",
        "├─ encoder@0.3.0  (2026-03-03)",
        "├─ data valid  (100 B, b3:77aa00000000)",
        "● fraud@2.0.0  (2026-03-04)",
        "├─ fraud@2.0.1  (2026-03-05)",
        "│  └─ fraud@2.1.0  (2026-03-07)",
        "│     └─ fraud@2.2.0  (2026-03-08)",
        "└─ nlp/intent@1.0.0  (2026-03-06)",
        "   └─ fraud@2.1.0  (2026-03-07, again)",
    ]


def test_the_tree_of_a_registry_grows_from_parents() -> None:
    """Without a root versions hang below their parents; data and code are listed."""
    assert str(Lineage.of([V1, V2, ENCODER, V3], None)).splitlines() == [
        "4 versions, 2 data sets, 2 commits",
        "├─ fraud@1.0.0  (archived, withdrawn, 2026-03-01)",
        "│  └─ fraud@1.1.0  (approved, 2026-03-02)",
        "│     └─ fraud@2.0.0  (2026-03-04)",
        "├─ encoder@0.3.0  (2026-03-03)",
        "│  └─ fraud@2.0.0  (2026-03-04)",
        "├─ data train, new  (2.0 KiB, b3:9f2c00000000, into 2 versions)",
        "├─ data valid  (100 B, b3:77aa00000000, into 2 versions)",
        "├─ git:111111111111  (into 1 version)",
        "└─ git:222222222222  (into 1 version)",
    ]


def test_an_empty_registry_has_a_tree_too() -> None:
    """Nothing is said of what is not there."""
    lineage = Lineage.of([], None)
    assert str(lineage) == "0 versions, 0 data sets, 0 commits"
    assert lineage.to_mermaid() == "flowchart LR\n"
    assert "0 versions" in lineage._repr_html_()


def test_a_version_alone_is_one_line() -> None:
    """A root without relations stands alone."""
    assert str(Lineage.of([ENCODER], "encoder@0.3.0").downstream()) == (
        "● encoder@0.3.0  (2026-03-03)"
    )


def test_the_nearest_are_drawn() -> None:
    """A long chain and a wide fan are cut at their far end, and it is said."""
    chain: list[VersionState] = []
    for n in range(40):
        chain.append(version(f"m@1.0.{n}", n, chain[-1:]))
    lines = str(Lineage.of(chain, "m@1.0.39")).splitlines()
    assert lines[0] == "… and 27 more further up: upstream().nodes has them all"
    assert lines[-2].startswith("┌─ m@1.0.38")
    assert len(lines) == 14
    fan = [version("hub@1.0.0", 0)]
    fan += [version(f"m@1.0.{n}", n, fan[:1]) for n in range(1, 131)]
    lines = str(Lineage.of(fan, "hub@1.0.0")).splitlines()
    assert lines[-1] == "… and 30 more further down: downstream().nodes has them all"
    assert len(lines) == 1 + MAX_SHOWN + 1
    lines = str(Lineage.of(fan, None)).splitlines()
    assert lines[-1] == "… and 31 more: nodes has them all"


def test_what_is_hidden_is_counted_in_the_table() -> None:
    """The table shows the nearest hundred of each side, and how many there are."""
    inputs = [data("x", f"{n:x}f") for n in range(105)]
    hub = version("hub@1.0.0", 0, [], inputs)
    fan = [hub, *(version(f"m@1.0.{n}", n, [hub]) for n in range(1, 131))]
    rooted = Lineage.of(fan, "hub@1.0.0")._repr_html_()
    assert rooted.count("<tr>") == 1 + MAX_SHOWN + 1 + MAX_SHOWN
    assert f"and {5 + 30} more" in rooted
    whole = Lineage.of(fan, None)._repr_html_()
    assert whole.count("<tr>") == 1 + MAX_SHOWN
    assert f"and {105 + 131 - MAX_SHOWN} more" in whole


def test_the_chart() -> None:
    """Boxes, cylinders and rounds, three kinds of arrows, and the root marked."""
    assert Lineage.of([V1, V2], "fraud@1.1.0").to_mermaid() == (
        "flowchart LR\n"
        '    n0[("train, new, b3 9f2c00000000")]\n'
        '    n1(["git 111111111111"])\n'
        '    n2["fraud 1.0.0, archived, withdrawn"]\n'
        '    n3[("valid, b3 77aa00000000")]\n'
        '    n4["fraud 1.1.0, approved"]\n'
        "    n0 --> n2\n"
        "    n1 -.-> n2\n"
        "    n2 ==> n4\n"
        "    n0 --> n4\n"
        "    n3 --> n4\n"
        "    classDef root stroke-width:3px\n"
        "    class n4 root\n"
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ('a"]; click n0 "x', "a#34;#93;#59; click n0 #34;x"),
        ("a\nb", "a#92;nb"),
        ("</div>", "#60;/div#62;"),
        ("#quot;", "#35;quot#59;"),
        ("`x`", "#96;x#96;"),
        ("1. x", "#49;. x"),
        ("_x_ a_b", "#95;x#95; a_b"),
        ("www.x", "www#46;x"),
        ("ann@x.org", "ann#64;x.org"),
        ("https://x", "https#58;//x"),
        ("style: x", "style#58; x"),
        ("%%{init}", "#37;#37;#123;init#125;"),
        ("\u202ex", "#92;u202ex"),
        ("über 日本", "über 日本"),
    ],
    ids=[
        "quote",
        "newline",
        "tag",
        "entity",
        "backticks",
        "list",
        "emphasis",
        "www",
        "mail",
        "url",
        "style",
        "directive",
        "bidi",
        "letters",
    ],
)
def test_a_label_is_text_to_mermaid(name: str, label: str) -> None:
    """What Mermaid would read as more than text is written as an entity."""
    made = version("a@1.0.0", 1, [], [data(name, "1234")])
    chart = Lineage.of([made], None).to_mermaid().splitlines()
    assert chart[1] == f'    n0[("{label}, b3 123400000000")]'


def test_the_table() -> None:
    """Rows go from the farthest source to the farthest use, with the steps."""
    table = Lineage.of(ALL, "fraud@2.0.0")._repr_html_()
    assert "<strong>Lineage of fraud@2.0.0</strong>: 8 versions" in table
    rows = [row.split("<td", 2)[1] for row in table.split("<tr>")[2:]]
    steps = [int(row.partition(">")[2].partition("<")[0]) for row in rows]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (-3, 3)
    assert "archived, withdrawn, 2026-03-01" in table


def test_a_table_holds_no_markup_of_others() -> None:
    """Names of data, status and digests are escaped."""
    hostile = "<img src=x onerror=alert(1)>\"'"
    evil = Input(name=hostile, digest=hostile, size=1)
    made = version("a@1.0.0", 1, [], [evil], hostile, status=hostile)
    for root in (None, "a@1.0.0", hostile):
        table = Lineage.of([made], root)._repr_html_()
        assert "<img" not in table
        assert "&lt;img" in table


def test_a_terminal_is_not_commanded() -> None:
    """Escape sequences and bidi characters are shown, in the tree and the repr."""
    evil = Input(name="\x1b[2J\u202ename\n● root", digest="\x1b]0;x\x07", size=1)
    made = version("a@1.0.0", 1, [], [evil], "\x1b[31m", status="\x9b1m")
    for lineage in (
        Lineage.of([made], None),
        Lineage.of([made], "a@1.0.0"),
        Lineage.of([made], evil.digest),
    ):
        for text in (str(lineage), repr(lineage), lineage.to_mermaid()):
            assert not set(text) & set("\x1b\x07\x9b\u202e")
        assert sum("●" in line[:4] for line in str(lineage).splitlines()) <= 1


def test_long_names_lose_their_middle() -> None:
    """The end of a ref is its version, and stays; a line does not run on."""
    name = "a" * 200
    made = version(f"{name}@1.0.0-rc.1", 1, [], [data("x" * 10**6, "12")], "3" * 10**6)
    lineage = Lineage.of([made], made.ref)
    for shown in (str(lineage), lineage.to_mermaid(), lineage._repr_html_()):
        assert max(map(len, shown.splitlines())) < 400
    assert "…aaaaaaaaaaaa@1.0.0-rc.1" in str(lineage)
    assert "aaa 1.0.0-rc.1" in lineage.to_mermaid()


def test_repr() -> None:
    """The repr says whose lineage it is and how large."""
    lineage = Lineage.of([V1, V2], "fraud@1.1.0")
    assert repr(lineage) == (
        "<Lineage of fraud@1.1.0: 2 versions, 2 data sets, 1 commit>"
    )
    assert repr(Lineage.of([ENCODER], None)) == (
        "<Lineage: 1 version, 0 data sets, 1 commit>"
    )

"""Versions side by side: rows, marks, frames."""

import json
import sys

import pytest
from attrs import evolve

from modelver._search.compare import Comparison, Row
from modelver._values.facts import Facts
from modelver.errors import InvalidInputError, PluginError

ONE = Facts(
    ref="fraud@1.0.0",
    digest="b3:1",
    files={"model/m.bin": ("model", "b3:a", 1000)},
    python="3.11.7",
    code="abc",
    params={"lr": 0.1, "depth": 3, "note": None},
    metrics={"auc": 0.91, "loss": 0.3},
    slices={"country=DE": {"auc": 0.9}},
    tags={"task": "fraud"},
    status="archived",
)
TWO = evolve(
    ONE,
    ref="fraud@1.1.0",
    files={"model/m.bin": ("model", "b3:b", 2048)},
    params={"lr": "0.1", "depth": 3},
    metrics={"auc": 0.95, "loss": 0.3, "f1": 1},
    tags={"task": "fraud", "team": "risk"},
    status=None,
    aliases=("champion", "production"),
)
BOTH = Comparison.of([ONE, TWO])


def test_table() -> None:
    """A row for each thing known, columns aligned, a mark where they differ."""
    assert str(BOTH) == (
        """\
                             fraud@1.0.0  fraud@1.1.0
  *  status                  archived
  *  aliases                              champion, production
     python                  3.11.7       3.11.7
     code                    abc          abc
  *  size                    1000 B       2.0 KiB
  *  metrics.auc             0.91         0.95
  *  metrics.f1                           1
     metrics.loss            0.3          0.3
     metrics.auc@country=DE  0.9          0.9
     params.depth            3            3
  *  params.lr               0.1          '0.1'
     params.note
     tags.task               fraud        fraud
  *  tags.team                            risk"""
    )
    assert repr(BOTH) == "<Comparison of fraud@1.0.0, fraud@1.1.0: 14 rows>"


def test_differing_keeps_the_rows_that_differ() -> None:
    """The same columns, only the marked rows."""
    rows = BOTH.differing()
    assert rows.refs == BOTH.refs
    assert [row.label for row in rows.rows] == [
        "status",
        "aliases",
        "size",
        "metrics.auc",
        "metrics.f1",
        "params.lr",
        "tags.team",
    ]
    assert Comparison.of([ONE]).differing().rows == ()
    assert str(Comparison.of([ONE]).differing()).strip() == "fraud@1.0.0"


def test_order_of_columns_is_the_caller_s() -> None:
    """Columns come as given, each version once."""
    assert Comparison.of([TWO, ONE, TWO]).refs == ("fraud@1.1.0", "fraud@1.0.0")


def test_nothing_to_compare() -> None:
    """No version at all is a mistake of the caller's."""
    with pytest.raises(InvalidInputError, match="nothing to compare"):
        Comparison.of([])


@pytest.mark.parametrize(
    ("cells", "differs"),
    [
        ((1, 1.0), False),
        ((1, True), True),
        ((0.1, "0.1"), True),
        ((None, None), False),
        ((None, "x"), True),
        ((float("nan"), float("nan")), False),
        (("a", "a", "b"), True),
        (("a",), False),
    ],
)
def test_differs(cells: tuple[float | str | None, ...], *, differs: bool) -> None:
    """Values differ by type too; NaN does not differ from itself."""
    assert Row(section="params", name="x", cells=cells).differs is differs


def test_numbers_that_differ_look_different() -> None:
    """Six digits, unless that would hide why a row is marked."""
    a, b = (
        evolve(ONE, ref=r, metrics={"m": n})
        for r, n in (("a", 0.12345678), ("b", 0.12345679))
    )
    assert "0.12345678  0.12345679" in str(Comparison.of([a, b]))


def test_dict_is_json() -> None:
    """Values by ref, None where a version has none."""
    said = BOTH.to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["refs"] == ["fraud@1.0.0", "fraud@1.1.0"]
    rows = {(row["section"], row["name"]): row for row in said["rows"]}
    assert rows["metrics", "f1"] == {
        "section": "metrics",
        "name": "f1",
        "differs": True,
        "values": {"fraud@1.0.0": None, "fraud@1.1.0": 1},
    }
    assert rows["version", "size"]["values"]["fraud@1.1.0"] == 2048
    assert rows["slices", "auc@country=DE"]["differs"] is False


def test_html_makes_differing_rows_stand_out() -> None:
    """Bold rows differ."""
    rows = BOTH._repr_html_().split("<tr>")
    assert all("bold" in row for row in rows if ">metrics.auc<" in row)
    assert not any("bold" in row for row in rows if ">params.depth<" in row)


def test_pandas() -> None:
    """One line for each version, typed columns by section and name."""
    pandas = pytest.importorskip("pandas")
    frame = BOTH.to_pandas()
    assert list(frame.index) == ["fraud@1.0.0", "fraud@1.1.0"]
    assert frame["metrics", "auc"].idxmax() == "fraud@1.1.0"
    assert frame["metrics", "auc"].dtype == float
    assert pandas.isna(frame["metrics", "f1"]["fraud@1.0.0"])
    assert list(frame["slices"]) == ["auc@country=DE"]


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra to install, and nothing else is lost."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PluginError) as caught:
        BOTH.to_pandas()
    assert "modelver[pandas]" in caught.value.hints[0]
    assert BOTH.to_dict()

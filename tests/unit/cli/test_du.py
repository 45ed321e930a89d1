"""What takes space, told on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver._registry.registry import Registry

Run = Callable[..., Any]


@pytest.fixture
def two(empty: Registry) -> Registry:
    """Return a registry with two versions of a model and one of another."""
    for number in range(2):
        files = {"head.bin": f"{number}".encode() * 3000, "body.bin": b"b" * 50_000}
        empty.register("fraud", files, environment=False)
    empty.register("nlp/intent", {"w.bin": b"w" * 2000}, environment=False)
    return empty


def test_rows_for_programs(cli: Run, two: Registry) -> None:
    """A line for each model, its versions below it, bytes as numbers, and a total."""
    two.withdraw("fraud@0.1.0", "bad")
    found = two.stats()
    rows = cli("du").rows
    assert [(row[4], row[5]) for row in rows] == [
        ("fraud", ""),
        ("fraud@0.2.0", ""),
        ("fraud@0.1.0", "withdrawn"),
        ("nlp/intent", ""),
        ("nlp/intent@0.1.0", ""),
        ("total", ""),
    ]
    assert [list(map(int, row[:4])) for row in rows] == [
        [each.files, each.size, each.own, each.shared] for each in found.lines()
    ]
    assert rows[-1][:2] == ["5", "108000"]


def test_a_model_and_a_version(cli: Run, two: Registry) -> None:
    """A name is a model; anything else is a version."""
    assert two.seq == 3
    names = [row[4] for row in cli("du", "fraud").rows]
    assert names == ["fraud@0.2.0", "fraud@0.1.0", "total"]
    for ref in ("fraud@latest", "fraud@0.2.0"):
        assert [row[4] for row in cli("du", ref).rows] == ["fraud@0.2.0"]
    assert cli("du", "frau").code == 3
    assert cli("du", "fraud@9.9.9").code == 3
    assert [row[4] for row in cli("--at", "1", "du").rows] == ["fraud@0.1.0", "total"]


def test_one_document(cli: Run, two: Registry) -> None:
    """JSON is what the library says, of each model and of each version."""
    assert cli("du", "--json").json == json.loads(json.dumps(two.stats().to_dict()))
    found = cli("du", "fraud@0.1.0", "--json").json
    assert found["total"]["name"] == "fraud@0.1.0"


def test_a_terminal_sees_sizes(cli: Run, terminal: Run, two: Registry) -> None:
    """People are shown units, and in one sentence how much is saved."""
    said = terminal("du")
    assert said.code == 0
    assert said.out == f"{two.stats()}\n"
    assert "105.5 KiB of files take 56.6 KiB in " in said.out
    assert "1.9 times less" in said.out
    assert cli("du").out != said.out


def test_a_lost_manifest_is_named(cli: Run, terminal: Run, two: Registry) -> None:
    """It is no failure of this verb: verify is there for that."""
    lost = two._core.state().models["fraud"].versions["0.2.0"].manifest[3:]
    (path,) = (Path(two.url) / "manifests").rglob(f"{lost}*")
    path.unlink()
    said = cli("du")
    assert said.code == 0
    (row,) = (row for row in said.rows if row[4] == "fraud@0.2.0")
    assert row[2:] == ["", "", "fraud@0.2.0", "manifest-missing"]
    assert "  fraud@0.2.0 (manifest-missing)\n" in terminal("du").out


def test_nothing_is_there(cli: Run, terminal: Run, empty: Registry) -> None:
    """An empty registry takes nothing."""
    assert empty.seq == 0
    assert cli("du").rows == [["0", "0", "0", "0", "total", ""]]
    assert terminal("du").out.splitlines()[-1].endswith("total (0 versions)")

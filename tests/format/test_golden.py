"""Registries of earlier releases say what they said when they were written.

They lie in ``v1/``, are never written again, and each has beside it what it says.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from modelver import Registry
from tests.format.asking import answers, expecting_junk, told
from tests.format.foreign import Foreign

GOLDEN = Path(__file__).parent / "v1"
KINDS = {
    "register",
    "alias",
    "status",
    "tag",
    "note",
    "metrics",
    "withdraw",
    "restore",
    "feature",
}

# The first two are of the first release; in the third, files have parts and packs.
pytestmark = pytest.mark.parametrize("algorithm", ["b3", "sha256", "b3-parts"])


def _expected(algorithm: str) -> dict[str, Any]:
    text = (GOLDEN / f"{algorithm}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_this_release_reads_it(algorithm: str) -> None:
    """Versions, aliases, moves, words, numbers and bytes are what they were."""
    assert answers(GOLDEN / algorithm) == _expected(algorithm)


def test_this_release_reads_it_without_rollups(algorithm: str, tmp_path: Path) -> None:
    """The rollup says nothing that the log does not say."""
    shutil.copytree(GOLDEN / algorithm, tmp_path / "r")
    shutil.rmtree(tmp_path / "r/rollups")
    assert answers(tmp_path / "r") == _expected(algorithm)


def test_it_is_whole(algorithm: str) -> None:
    """All of it is right but the junk, which is named and hurts nothing."""
    with expecting_junk():
        report = Registry(GOLDEN / algorithm, read_only=True).verify()
    (junk,) = report.problems
    assert (junk.kind, junk.key) == ("malformed", f"log/{65:020}.json")
    assert report.damaged == ()
    assert report.commits == 66
    assert report.voids == 2
    assert report.unreferenced == 0


def test_reading_leaves_it_alone(algorithm: str, tmp_path: Path) -> None:
    """A reader writes nothing, whatever it is asked."""
    shutil.copytree(GOLDEN / algorithm, tmp_path / "r")
    before = _contents(tmp_path / "r")
    answers(tmp_path / "r")
    with expecting_junk():
        Registry(tmp_path / "r").verify()
    assert _contents(tmp_path / "r") == before


@pytest.mark.parametrize("rollups", [False, True])
def test_a_foreign_reader_reads_it(algorithm: str, rollups: bool) -> None:  # noqa: FBT001
    """Whoever follows the page finds the same, with and without the rollup."""
    assert told(Foreign(GOLDEN / algorithm, rollups=rollups)) == _expected(algorithm)


def test_it_is_written_on(algorithm: str, tmp_path: Path) -> None:
    """This release commits behind what the earlier one wrote, junk included."""
    shutil.copytree(GOLDEN / algorithm, tmp_path / "r")
    with expecting_junk():
        registry = Registry(tmp_path / "r", author="later")
        registry.tag("fraud@0.1.0", later="yes")
        assert registry.seq == 67
    expected = _expected(algorithm)
    expected["seq"] = 67
    expected["models"]["fraud"]["versions"]["0.1.0"]["tags"]["later"] = "yes"
    assert answers(tmp_path / "r") == told(Foreign(tmp_path / "r")) == expected


def test_it_holds_every_kind_of_action(algorithm: str) -> None:
    """Nothing of the format is missing from what is compared."""
    commits = Foreign(GOLDEN / algorithm).commits.values()
    found = {action["type"] for commit in commits for action in commit["actions"]}
    assert found > KINDS


def test_it_names_no_machine(algorithm: str) -> None:
    """What was captured of the run was left out, so that the bytes are anybody's."""
    for commit in Foreign(GOLDEN / algorithm).commits.values():
        for action in commit["actions"]:
            assert action.get("record", {}).get("run", {}) == {}

"""The tutorial's script does what it says, each time, and its page shows it."""

import ast
import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen
from markdown_it import MarkdownIt

import modelver

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
PAGE = TUTORIAL / "from-training-to-rollback.md"
COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@frozen
class Ran:
    """One run of the script, and the registry as it was afterwards."""

    output: str
    registry: modelver.Registry

    def said(self, what: str) -> str:
        """Return the words after *what* in the summary."""
        _, _, summary = self.output.partition("\nSummary\n")
        found = re.search(rf"^ +{what} +(.+)$", summary, re.MULTILINE)
        assert found is not None, self.output
        return found[1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    """Return four runs in one folder.

    In the third a package more is installed; the fourth begins anew, without it.
    """
    folder = tmp_path_factory.mktemp("tutorial")
    package = folder / "more" / "newcomer-1.0.dist-info" / "METADATA"
    package.parent.mkdir(parents=True)
    package.write_text("Metadata-Version: 2.1\nName: newcomer\nVersion: 1.0\n")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MODELVER_")}
    environ |= {
        "MODELVER_AUTHOR": "you",
        "MODELVER_STATE_DIR": str(folder / "state"),
        "PYTHONIOENCODING": "utf-8",
    }
    found: list[Ran] = []
    path = os.pathsep.join(
        filter(None, [environ.get("PYTHONPATH"), str(folder / "more")])
    )
    for words, more in (
        ([], {}),
        ([], {}),
        ([], {"PYTHONPATH": path}),
        (["--fresh"], {}),
    ):
        done = subprocess.run(
            [sys.executable, TUTORIAL / "tutorial.py", *words],
            cwd=folder,
            env=environ | more,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        # The last run deletes what the others have left; a copy is a registry, too.
        copy = folder / f"copy-{len(found)}"
        shutil.copytree(folder / "modelver-tutorial" / "registry", copy)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MODELVER_STATE_DIR", str(folder / "state"))
            registry = modelver.Registry(copy, read_only=True)
        found.append(Ran(done.stdout, registry))
    return found


def test_nine_runs_become_nine_versions(runs: list[Ran]) -> None:
    """Each run is a version of its own, and its number says what changed."""
    first = runs[0]
    assert first.said("registered").startswith("9 new versions")
    bumps = {name: _bumps(first.registry, name) for name in first.registry}
    assert bumps == {
        "digits": "first minor major minor minor",
        "tumour": "first minor major patch",
    }


def _bumps(registry: modelver.Registry, name: str) -> str:
    return " ".join(version.bump for version in registry.versions(name))


def test_versions_are_whole(runs: list[Ran]) -> None:
    """Every version has code, data, configuration, environment, metrics and slices."""
    registry = runs[0].registry
    for version in registry.search():
        roles = {file.role for file in version.files}
        assert roles == {"model", "code", "data", "config"}, version
        assert version.environment is not None, version
        assert version.metrics, version
        assert len(version.slices) >= 4, version
        assert bool(version.parents) == (version.bump != "first"), version


def test_production_was_rolled_back(runs: list[Ran]) -> None:
    """The worse version was in production once, and is not any more."""
    history = runs[0].registry.alias_history("digits", "production")
    assert [(move.kind, move.version) for move in history] == [
        ("rollback", "1.1.0"),
        ("promote", "1.2.0"),
        ("promote", "1.1.0"),
    ]
    bad = runs[0].registry.get("digits@1.2.0")
    (measured,) = bad.evaluations
    assert measured.measured.metrics["accuracy"] < bad.metrics["accuracy"] - 0.1


@pytest.mark.parametrize(("which", "versions"), [(0, 9), (1, 9), (2, 18), (3, 9)])
def test_the_summary_has_nothing_to_regret(
    runs: list[Ran], which: int, versions: int
) -> None:
    """All versions verify, are found, and predict as they did; in good time."""
    ran = runs[which]
    assert (
        ran.said("found") == f"{versions} of {versions} versions; compared {versions}"
    )
    assert ran.said("verified") == f"{versions} of {versions} versions, every byte"
    same = "9 versions; 9 give the same scores as at training"
    assert ran.said("checked out") == same
    assert ran.said("trained again").endswith(": the same bytes")
    assert re.fullmatch(r"in \d+\.\d ms", ran.said("rolled back"))
    assert float(ran.said("all of this").split()[1]) < 120


def test_the_second_run_registers_nothing(runs: list[Ran]) -> None:
    """The same runs again are the same versions; only the fire drill is written."""
    first, second, *_ = runs
    assert second.said("registered").startswith("no new versions; 9 of 9 runs")
    added = second.registry.log(limit=second.registry.seq - first.registry.seq)
    assert [commit.summary()[0].split()[0] for commit in added] == [
        "rollback",
        "promote",
    ]
    assert second.registry.resolve("digits@production") == "digits@1.1.0"


def test_what_is_not_as_it_was_is_new(runs: list[Ran]) -> None:
    """Another package makes nine other bundles, and the story goes on with them."""
    third = runs[2]
    assert third.said("registered").startswith("9 new versions; 0 of 9 runs")
    production = third.registry.get("digits@production")
    assert production.environment is not None
    assert "newcomer" in production.environment.packages


def test_a_fresh_registry_has_the_same_bundles(runs: list[Ran]) -> None:
    """A bundle's identity depends on nothing but what is in it."""
    first, *_, fourth = runs
    assert fourth.said("registered").startswith("9 new versions")
    before, after = (
        {version.ref: version.digest for version in ran.registry.search()}
        for ran in (first, fourth)
    )
    assert before == after


def _fences(language: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(PAGE.read_text(encoding="utf-8"))
    return [t.content for t in tokens if t.type == "fence" and t.info == language]


def _functions() -> set[str]:
    """Return the source of every function of the tutorial's scripts."""
    found = set()
    for path in TUTORIAL.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                found.add(f"{ast.get_source_segment(text, node)}\n")
    return found


def test_the_page_shows_the_script() -> None:
    """Each piece of code in the page is a function of the scripts, to the letter."""
    pieces = _fences("python")
    assert len(pieces) >= 8
    assert [piece for piece in pieces if piece not in _functions()] == []


def _plain(text: str) -> str:
    """Return *text* without what may be another number on another machine."""
    lines = (line for line in text.splitlines() if "git:" not in line)
    text = "".join(f"{line}\n" for line in lines)
    text = re.sub(r"\b(b3:|\d{4}-\d\d-)[0-9a-f-]+", r"\1#", text)
    # A number with one dot: a version has two.
    return re.sub(r"(?<![\d.])[+-]?\d+\.\d+(?![\d.]*\d)", "#", text)


def test_the_page_shows_the_output(runs: list[Ran]) -> None:
    """What the page shows is what the first run prints, in that order."""
    pieces = _fences("text")
    assert len(pieces) >= 8
    got = _plain(runs[0].output)
    for count in range(1, len(pieces) + 1):
        shown = "".join(f"...\n{_plain(piece)}" for piece in pieces[:count])
        same = doctest.OutputChecker().check_output(f"{shown}...\n", got, COMPARE)
        assert same, f"{pieces[count - 1]}\nis not in:\n{runs[0].output}"

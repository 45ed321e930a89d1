"""``reproduce`` and ``reproducibility`` on the command line."""

import sys
from pathlib import Path

import pytest

from modelver import Registry
from tests.unit.cli.conftest import Run

SCRIPT = "open('out/m.bin', 'w').write({made!r})\n"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a registry with a version whose command makes it, in a project's folder."""
    monkeypatch.setenv("MODELVER_REGISTRY", str(tmp_path / "registry"))
    project = tmp_path / "project"
    (project / "out").mkdir(parents=True)
    (project / "out" / "m.bin").write_text("1")
    monkeypatch.chdir(project)
    Registry(create=True)


def register(cli: Run, name: str, made: str, *words: str) -> None:
    """Register with a script that makes *made*, by the command line."""
    Path("train.py").write_text(SCRIPT.format(made=made))
    command = ["--command", "python train.py", "--no-environment"]
    assert (
        cli("register", name, "out", "--code", "train.py", *command, *words).code == 0
    )


def test_without_run_it_is_a_plan(cli: Run) -> None:
    """Nothing is run: the plan is shown, and what its bytes show."""
    register(cli, "m", "1")
    found = cli("reproduce", "m")
    assert found.code == 0
    assert "run: python train.py" in found.out
    assert "nothing was run" in found.out


def test_what_does_not_hold_exits_with_1(cli: Run) -> None:
    """A script that makes something else fails L4; one that makes the same holds."""
    register(cli, "same", "1")
    register(cli, "other", "2")
    run = ["--run", "--python", sys.executable, "--attest", "--json"]
    same, other = cli("reproduce", "same", *run), cli("reproduce", "other", *run)
    assert (same.code, other.code) == (0, 1)
    outcomes = {r["level"]: r["outcome"] for r in same.json["results"]}
    assert outcomes == {
        "L0": "passed",
        "L1": "untried",
        "L2": "passed",
        "L3": "untried",
        "L4": "passed",
    }
    assert "model/m.bin" in other.json["results"][4]["details"][0]
    counted = cli("reproducibility", "--json").json
    assert (counted["versions"], counted["attempted"]) == (2, 2)
    assert counted["levels"][4]["tried"] == 2
    assert counted["levels"][4]["passed"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--tolerance", "much"],
        ["--tolerance", "auc=-1"],
        ["--seed", "x"],
        ["--output", "code=out"],
        ["--link", "mlflow=file:///x"],
        ["--container", "not an image!"],
    ],
)
def test_words_that_mean_nothing(cli: Run, words: list[str]) -> None:
    """What cannot be recorded is refused before anything is written."""
    found = cli("register", "m", "out", "--command", "python train.py", *words)
    assert found.code == 2, found
    assert Registry().seq == 0


def test_what_was_said_is_recorded(cli: Run) -> None:
    """Seeds, container, links and tolerance are found again."""
    words = ["--seed", "numpy=7", "--tolerance", "auc=0.01", "--metrics", "auc=0.9"]
    words += ["--container", f"train:1@sha256:{'a' * 64}"]
    words += ["--link", "mlflow=https://ada:pw@host/run/1?token=x"]
    register(cli, "m", "1", *words)
    version = Registry().get("m")
    assert version.run["seeds"] == {"numpy": 7}
    assert version.run["container"]["digest"] == f"sha256:{'a' * 64}"
    assert version.run["links"] == {"mlflow": "https://host/run/1"}
    assert version.recipe is not None
    assert version.recipe.tolerance["auc"].absolute == 0.01
    assert version.recipe.outputs == {"model": "out"}


def test_a_file_too_many_or_too_few_is_named(cli: Run) -> None:
    """Outputs are equal only if there is nothing more and nothing less."""
    Path("out/n.bin").write_text("2")
    register(cli, "fewer", "1")
    Path("out/n.bin").unlink()
    run = ["--run", "--python", sys.executable, "--json"]
    (line,) = cli("reproduce", "fewer", *run).json["results"][4]["details"]
    assert line == "model/n.bin: the command does not make it"
    Path("train.py").write_text("for n in 'mn': open(f'out/{n}.bin', 'w').write('1')\n")
    command = ["--command", "python train.py", "--no-environment"]
    assert cli("register", "more", "out", "--code", "train.py", *command).code == 0
    (line,) = cli("reproduce", "more", *run).json["results"][4]["details"]
    assert line == "model/n.bin: the command makes it, and it is not registered"

"""Real training projects, in virtual environments of their own, made again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelver import Data, Registry, Reproduction
from modelver.errors import InvalidInputError
from tests.reproduce.projects import RANDOM, SEEDED, TINY, project, train
from tests.wheelhouse import Wheelhouse, wheelhouse  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.large,
    pytest.mark.skipif(os.name == "nt", reason="the command lines are POSIX's"),
]

OUTCOMES = ["L0", "L1", "L2", "L3", "L4"]


@pytest.fixture(autouse=True)
def _wheels(
    wheelhouse: Wheelhouse,  # noqa: F811 - pytest's way
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheelhouse.use(monkeypatch)


def outcomes(made: Reproduction) -> list[str]:
    """Return how each level ended, in order."""
    return [made[level].outcome for level in OUTCOMES]


def test_a_seeded_project_is_made_again_bit_for_bit(
    wheelhouse: Wheelhouse,  # noqa: F811 - pytest's way
    tmp_path: Path,
) -> None:
    """NumPy and scikit-learn with seeds: all five levels, in a rebuilt environment.

    The script registers and promotes by itself; made again it does so beside the
    registry, which gets one commit: the attestation.
    """
    wheelhouse.pack("scikit-learn", "modelver")
    python = wheelhouse.venv(
        tmp_path / "venv", "scikit-learn", "modelver", dependencies=True
    )
    folder = project(tmp_path / "slope", SEEDED)
    where = tmp_path / "registry"
    assert train(folder, python, str(where)) == "slope@0.1.0"
    registry = Registry(where)
    version = registry.get("slope@candidate")
    assert version.code is not None
    assert {f.path for f in version.files} >= {
        "code/train.py",
        "config/config.json",
        "data/train.csv",
        "model/model.npz",
    }
    before = registry.seq
    made = version.reproduce(tmp_path / "again", run=True, attest=True)
    assert outcomes(made) == ["passed"] * 5, str(made)
    assert made.level == "L4"
    assert registry.seq == before + 1
    assert len(registry.versions("slope")) == 1
    (said,) = registry.get("slope@0.1.0").reproductions()
    assert said["level"] == "L4"
    shares = registry.reproducibility()
    assert [(s.tried, s.passed) for s in shares.levels] == [(1, 1)] * 5


def register(project: Path, python: Path, registry: Path, *words: str) -> None:
    """Register what a project made by the command line of its own environment."""
    variables = {k: v for k, v in os.environ.items() if k != "MODELVER_CODE"}
    run: list[str | Path] = [
        python,
        "-m",
        "modelver",
        "register",
        "--registry",
        str(registry),
    ]
    done = subprocess.run(
        [*run, *words],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_random_project_needs_a_tolerance(
    wheelhouse: Wheelhouse,  # noqa: F811 - pytest's way
    tmp_path: Path,
) -> None:
    """Without seeds metrics are near, not equal: L3 with a tolerance, else L2."""
    wheelhouse.pack("modelver")
    python = wheelhouse.venv(tmp_path / "venv", "modelver", dependencies=True)
    folder = project(tmp_path / "chance", RANDOM)
    train(folder, python)
    registry = Registry(tmp_path / "registry", create=True)
    words = ["out/model.txt", "--metrics", "out/metrics.json"]
    words += ["--command", "python train.py"]
    where = tmp_path / "registry"
    register(folder, python, where, "near", *words, "--tolerance", "auc=0.01")
    register(folder, python, where, "far", *words)
    near = registry.get("near").reproduce(run=True, python=python)
    far = registry.get("far").reproduce(run=True, python=python)
    assert outcomes(near) == ["passed", "passed", "passed", "passed", "failed"], near
    assert near.level == "L3"
    assert outcomes(far) == ["passed", "passed", "passed", "failed", "untried"], far
    assert "no tolerance is declared" in far["L3"].details[0]


@pytest.mark.parametrize("how", ["digest", "reference"])
def test_data_that_changed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Data that was not copied, and that changed, ends it at L0, by name."""
    folder = project(tmp_path / "chance", RANDOM)
    train(folder, Path(sys.executable))
    monkeypatch.chdir(folder)
    registry = Registry(tmp_path / "registry", create=True)
    there = folder / "data" / "train.csv"
    version = registry.register(
        "m",
        "out/model.txt",
        data={"train": Data(there if how == "digest" else there.as_uri(), how=how)},
        command="python train.py",
        environment=False,
    )
    before = there.read_bytes()
    assert version.reproduce(fetch=True)["L0"].passed
    if how == "reference":
        assert version.reproduce()["L0"].outcome == "untried"
    there.write_text("x,y\n1,2\n")
    made = version.reproduce(run=True)
    assert outcomes(made) == ["failed", *["untried"] * 4]
    assert "train" in made["L0"].details[0]
    assert made.level is None
    kept = tmp_path / "kept.csv"
    kept.write_bytes(before)
    assert version.reproduce(data={"train": kept})["L0"].passed
    with pytest.raises(InvalidInputError):
        version.reproduce(data={"test": kept})


def test_a_tampered_package_is_named(
    wheelhouse: Wheelhouse,  # noqa: F811 - pytest's way
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A package of the same name and version with other bytes ends it at L1."""
    wheelhouse.pack("modelver")
    wheelhouse.make("tiny", "1.0", {"tiny.py": "def answer():\n    return 42\n"})
    python = wheelhouse.venv(tmp_path / "venv", "modelver", "tiny", dependencies=True)
    folder = project(tmp_path / "tiny", TINY)
    train(folder, python)
    registry = Registry(tmp_path / "registry", create=True)
    register(
        folder,
        python,
        tmp_path / "registry",
        "tiny",
        "out",
        "--command",
        "python train.py",
    )
    version = registry.get("tiny")
    other = Wheelhouse(tmp_path / "other")
    for wheel in wheelhouse.path.glob("*.whl"):
        if not wheel.name.startswith("tiny-"):
            (other.path / wheel.name).symlink_to(wheel)
    other.make("tiny", "1.0", {"tiny.py": "def answer():\n    return 43\n"})
    other.use(monkeypatch)
    made = version.reproduce(run=True)
    assert outcomes(made) == ["passed", "failed", *["untried"] * 3], made
    assert any(line.startswith("tiny: ") for line in made["L1"].details)

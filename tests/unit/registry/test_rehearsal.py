"""A script that registers by itself, made again: the registry stays as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import modelver
from modelver import Registry

SCRIPT = """\
import os, sys
import modelver

os.makedirs("out", exist_ok=True)
with open("out/m.bin", "w") as file:
    file.write("made")
registry = modelver.Registry(sys.argv[1], create=True)
known = [model for model in registry.models()]
{register}
registry.tag(version, known=str(len(known)))
registry.promote(version, "production")
"""

PLAIN = """\
version = registry.register("m", "out", code={"train.py": "train.py"},
    metrics={"auc": 0.5}, command=True, environment=False)
"""
TOGETHER = """\
with registry.transaction() as tx:
    version = tx.register("m", "out", code={"train.py": "train.py"},
        metrics={"auc": 0.5}, command=True, environment=False)
version = version.version
"""
TRACKED = """\
with modelver.track("m", registry=registry, code={"train.py": "train.py"},
        command=True, environment=False) as run:
    run.add("out")
    run.log_metrics({"auc": 0.5})
version = run.version
"""


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder*."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("way", [PLAIN, TOGETHER, TRACKED])
@pytest.mark.parametrize("relative", [True, False])
def test_the_registry_stays_as_it_is(
    tmp_path: Path, way: str, *, relative: bool
) -> None:
    """However it registers, and wherever it looks for its registry, it is seen."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text(SCRIPT.format(register=way))
    where = "../registry" if relative else os.fspath(tmp_path / "registry")
    done = subprocess.run(
        [sys.executable, "train.py", where],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    registry = Registry(tmp_path / "registry")
    version = registry.get("m")
    assert version.tags == {"known": "0"}
    before = snapshot(tmp_path / "registry")
    again = tmp_path / "again"
    made = version.reproduce(again, run=True, python=sys.executable)
    outcomes = [made[level].outcome for level in ("L2", "L3", "L4")]
    assert outcomes == ["passed"] * 3, f"{made}\n{(again / 'run.log').read_text()}"
    assert snapshot(tmp_path / "registry") == before
    assert registry.get("m").tags == {"known": "0"}


def test_without_a_rehearsal_nothing_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of one there is neither overlay nor note."""
    monkeypatch.chdir(tmp_path)
    version = modelver.Registry("r", create=True).register("m", {"m.bin": b"1"})
    assert version.ref == "m@0.1.0"
    assert [path.name for path in tmp_path.iterdir()] == ["r"]

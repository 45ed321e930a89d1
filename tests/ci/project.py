"""A small training project in a real clone, and what stands in for programs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TEMPLATES: Final = ROOT / "docs" / "how-to" / "ci"

# Where the page says that each is copied to.
COPIED: Final = {
    "modelver.sh": "ci/modelver.sh",
    "comment.py": "ci/comment.py",
    "github/action.yml": ".github/actions/modelver/action.yml",
    "github/workflow.yml": ".github/workflows/train.yml",
    "gitlab/modelver.gitlab-ci.yml": "ci/modelver.gitlab-ci.yml",
    "jenkins/Jenkinsfile": "Jenkinsfile",
}

TRAIN: Final = """
import json, sys
from pathlib import Path

out = Path(sys.argv[sys.argv.index("--out") + 1])
quality = json.loads(Path("config.json").read_text())["quality"]
(out / "model").mkdir(parents=True, exist_ok=True)
(out / "model" / "model.bin").write_text(f"the weights of {quality}")
(out / "metrics.json").write_text(json.dumps({"auc": quality}))
slices = {"country=DE": {"auc": round(quality - 0.03, 3)}}
(out / "slices.json").write_text(json.dumps(slices))
"""

# `pip install` reaches for an index, and a virtual environment would be empty.
PYTHON: Final = """#!/bin/sh
if [ "$1" = -m ] && [ "$2" = pip ]; then exit 0; fi
if [ "$1" = -m ] && [ "$2" = venv ]; then
    mkdir -p "$3/bin"
    cp {tools}/* "$3/bin/"
    exit 0
fi
exec {python} "$@"
"""


def git(folder: Path, *words: str) -> None:
    """Run git as nobody in particular, without the user's settings."""
    program = shutil.which("git")
    assert program is not None
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    subprocess.run(
        [program, *who, *words],
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )


class Project:
    """A clone that a CI system has checked out.

    Attributes:
        folder: The work tree.
        registry: Where the registry is, outside of it.
        variables: The environment of every step: no variable of a CI system.

    Args:
        folder: Where it is made.
        modelver: The text of the program.
    """

    def __init__(self, folder: Path, modelver: str) -> None:
        origin, tools = folder / "origin.git", folder / "tools"
        self.folder = folder / "clone"
        self.registry = folder / "registry"
        for place in (origin, tools):
            place.mkdir()
        python = PYTHON.format(tools=tools, python=sys.executable)
        programs = {"python": python, "python3": python, "modelver": modelver}
        for name, text in programs.items():
            program = tools / name
            program.write_text(text)
            program.chmod(0o755)
        kept = {"HOME", "LANG", "TMPDIR", "MODELVER_STATE_DIR", "MODELVER_CACHE_DIR"}
        self.variables = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
            "MODELVER_REGISTRY": str(self.registry),
        }
        git(origin, "init", "-q", "--bare", "-b", "main")
        git(folder, "clone", "-q", str(origin), "clone")
        self.write("src/train.py", TRAIN)
        self.write("train.csv", "amount,label\n1,0\n")
        self.write("requirements.txt", "")
        self.write("pyproject.toml", "[project]\nname = 'fraud'\nversion = '1'\n")
        self.write(".gitignore", "build/\nvenv/\n")
        for template, target in COPIED.items():
            self.write(target, (TEMPLATES / template).read_text())
        self.train_for(0.94)

    def write(self, path: str, text: str) -> None:
        """Write a file of the work tree."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def train_for(self, quality: float) -> None:
        """Commit and push a configuration that makes a model of this quality."""
        self.write("config.json", json.dumps({"quality": quality}))
        git(self.folder, "add", ".")
        git(self.folder, "commit", "-qm", f"quality {quality}")
        git(self.folder, "push", "-q", "origin", "HEAD:main")

    def run(
        self, words: list[str], variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the work tree, with more variables."""
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=120,
        )

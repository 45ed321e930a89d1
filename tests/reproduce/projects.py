"""Small training projects, as people have them: a repository, a script, some data."""

import os
import subprocess
from pathlib import Path

_DATA = "x,y\n" + "".join(f"{n},{(3 * n) % 7}\n" for n in range(60))

_DOCS = Path(__file__).parents[2] / "docs"
SEEDED = (_DOCS / "tutorial" / "again" / "train.py").read_text()

RANDOM = """\
import json
import os
import random

os.makedirs("out", exist_ok=True)
value = 0.9 + random.uniform(-0.004, 0.004)
with open("out/model.txt", "w") as file:
    file.write(repr(value))
with open("out/metrics.json", "w") as file:
    json.dump({"auc": value}, file)
"""

TINY = """\
import os

import tiny

os.makedirs("out", exist_ok=True)
with open("out/model.txt", "w") as file:
    file.write(str(tiny.answer()))
"""


def git(folder: Path, *words: str) -> None:
    """Run git for real, with nobody's settings."""
    variables = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    subprocess.run(["git", *words], cwd=folder, env=variables, check=True)  # noqa: S607 - the one on the PATH


def project(folder: Path, script: str) -> Path:
    """Make a repository with a script and data, all of it committed."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "train.csv").write_text(_DATA)
    (folder / "train.py").write_text(script)
    (folder / ".gitignore").write_text("/out/\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "a first model")
    return folder


def train(project: Path, python: Path, *words: str) -> str:
    """Run the project's script with *python*, as a person would."""
    variables = {k: v for k, v in os.environ.items() if k != "MODELVER_CODE"}
    done = subprocess.run(
        [python, "train.py", *words],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

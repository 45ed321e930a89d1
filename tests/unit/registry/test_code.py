"""Code that is taken in by itself: what runs, as it is, and never a reason to fail."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from modelver import Registry


def git(folder: Path, *words: str) -> None:
    """Run git for real."""
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True)  # noqa: S607 - the one on the PATH


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a work tree that is the working folder, with one commit."""
    monkeypatch.setenv("MODELVER_CODE", "auto")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    place = tmp_path / "project"
    (place / "pkg").mkdir(parents=True)
    (place / "pkg" / "train.py").write_text("print(1)\n")
    (place / "run.sh").write_text("#!/bin/sh\n")
    (place / "run.sh").chmod(0o755)
    (place / ".gitignore").write_text("*.log\n")
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "one")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry beside the project."""
    return Registry(tmp_path / "registry", create=True)


def code_of(version: object) -> list[str]:
    """Return the code files of a version."""
    files = version.files  # type: ignore[attr-defined]
    return [f.path.removeprefix("code/") for f in files if f.role == "code"]


def test_the_tree_is_the_code(project: Path, registry: Registry) -> None:
    """Tracked and unignored files are kept, with the commit; ignored ones are not."""
    (project / "new.py").write_text("x = 1\n")
    (project / "train.log").write_text("noise\n")
    version = registry.register("m", {"model.bin": b"1"})
    assert code_of(version) == [".gitignore", "new.py", "pkg/train.py", "run.sh"]
    assert version.code is not None
    assert version.run["git_branch"] == "main"
    assert version.run["git_untracked"] == 1
    assert version.run["git_dirty"] is False
    executable = [f.path for f in version.files if f.executable]
    assert executable == ["code/run.sh"]


def test_changes_are_kept_as_a_patch(project: Path, registry: Registry) -> None:
    """What is in no commit is in the files, and as a patch that git can apply."""
    (project / "pkg" / "train.py").write_text("print(2)\n")
    version = registry.register("m", {"model.bin": b"1"})
    assert version.run["git_dirty"] is True
    assert version.read("code/pkg/train.py") == b"print(2)\n"
    patch = version.read("code/.modelver/changes.patch")
    git(project, "checkout", "-q", "--", ".")
    subprocess.run(["git", "apply", "-"], cwd=project, input=patch, check=True)  # noqa: S607 - the one on the PATH
    assert (project / "pkg" / "train.py").read_text() == "print(2)\n"


def test_what_is_given_otherwise_is_no_code(project: Path) -> None:
    """Model, data and the registry itself may lie in the tree: each is kept once."""
    for name in ("out/model.bin", "data/a.csv"):
        (project / name).parent.mkdir()
        (project / name).write_text(name)
    registry = Registry(project / "registry", create=True)
    version = registry.register("m", "out", data="data/a.csv")
    assert code_of(version) == [".gitignore", "pkg/train.py", "run.sh"]
    again = registry.register("m", "out", data="data/a.csv")
    assert again == version, "the registry is no part of the code"


def test_the_same_tree_is_the_same_version(project: Path, registry: Registry) -> None:
    """Registering again changes nothing; another commit of the code is a new one."""
    first = registry.register("m", {"model.bin": b"1"})
    assert registry.register("m", {"model.bin": b"1"}) == first
    (project / "pkg" / "train.py").write_text("print(3)\n")
    second = registry.register("m", {"model.bin": b"1"})
    assert (first.version, second.version) == ("0.1.0", "0.1.1")


@pytest.mark.parametrize("how", ["off", "none", "0", "False"])
def test_it_can_be_turned_off(
    project: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """``MODELVER_CODE=off`` and ``code=None`` keep code out."""
    assert project.is_dir()
    monkeypatch.setenv("MODELVER_CODE", how)
    version = registry.register("m", {"model.bin": b"1"})
    monkeypatch.setenv("MODELVER_CODE", "auto")
    other = registry.register("n", {"model.bin": b"1"}, code=None)
    assert code_of(version) == code_of(other) == []
    assert version.code is None


def test_names_that_no_bundle_holds_are_left_out(
    project: Path, registry: Registry
) -> None:
    """A file that cannot be in a bundle is told of, and fails nothing."""
    (project / "aux.py").write_text("x")
    (project / "README").write_text("x")
    (project / "readme").write_text("x")
    (project / "secret.pem").write_text("x")
    version = registry.register("m", {"model.bin": b"1"})
    assert code_of(version) == [".gitignore", "README", "pkg/train.py", "run.sh"]
    omitted = {told["path"] for told in version.run["omitted"]}
    assert omitted == {"aux.py", "readme", "secret.pem"}


def test_without_git_there_is_none(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is no work tree gives no code, and no error."""
    monkeypatch.setenv("MODELVER_CODE", "auto")
    monkeypatch.chdir(tmp_path)
    assert code_of(registry.register("m", {"model.bin": b"1"})) == []


def test_a_draft_takes_the_code_at_its_end(project: Path, registry: Registry) -> None:
    """What the draft was given meanwhile is no code."""
    with registry.draft("m") as draft:
        (project / "out").mkdir()
        (project / "out" / "model.bin").write_text("1")
        draft.add("out")
    assert code_of(draft.version) == [".gitignore", "pkg/train.py", "run.sh"]


def test_lock_files_are_kept(project: Path, registry: Registry) -> None:
    """A lock file at the top of the code is kept as it is, beside the environment."""
    (project / "requirements.txt").write_text("attrs==0.0.1\n")
    version = registry.register("m", {"model.bin": b"1"})
    assert version.read("environment/requirements.txt") == b"attrs==0.0.1\n"
    assert any("attrs" in warning for warning in version.run["warnings"])


def test_a_notebook_is_kept_without_its_outputs(
    project: Path, registry: Registry
) -> None:
    """What it printed is no code, and may be large; what no notebook is, stays."""
    cell = {"cell_type": "code", "source": "x", "metadata": {}, "execution_count": 7}
    printed = [{"output_type": "stream", "text": "printed " * 2**20}]
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    for name, outputs in (("a.ipynb", printed), ("b.ipynb", printed * 3)):
        text = json.dumps(book | {"cells": [cell | {"outputs": outputs}]})
        (project / name).write_text(text)
    (project / "c.ipynb").write_text("no notebook")
    version = registry.register("m", {"model.bin": b"1"})
    kept = json.loads(version.read("code/a.ipynb"))["cells"]
    assert kept == [cell | {"outputs": [], "execution_count": None}]
    assert version.read("code/c.ipynb") == b"no notebook"
    assert [told["path"] for told in version.run["omitted"]] == ["b.ipynb"]


def test_names_that_macos_would_write_otherwise(
    project: Path, registry: Registry
) -> None:
    """A decomposed name is the composed one in the bundle."""
    (project / "e\u0301.py").write_text("x")
    version = registry.register("m", {"model.bin": b"1"})
    assert "\u00e9.py" in code_of(version)


def test_a_folder_that_was_named_has_no_limit(
    project: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of too large a tree is not said of code that was handed over."""
    monkeypatch.setattr("modelver._capture.git.gather.MAX_FILES", 1)
    version = registry.register("m", {"model.bin": b"1"}, code=project / "pkg")
    assert code_of(version) == ["train.py"]
    assert "warnings" not in version.run
    assert version.run["git_branch"] == "main"

"""Repositories that want something done: nothing is, whatever they say."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from modelver._capture import capture_tree
from tests.hostile.trapped import PROGRAMS, Hostile
from tests.unit.capture.repositories import IDENTITY, Repo

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the payloads are shell scripts"
)


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    """Return a repository whose configuration is still harmless."""
    return Hostile(tmp_path)


@pytest.mark.parametrize("what", PROGRAMS)
def test_nothing_that_a_repository_names_is_run(hostile: Hostile, what: str) -> None:
    """Whatever it says, in files that are touched, changed, deleted or new."""
    hostile.say(PROGRAMS[what])
    hostile.touch()
    found = hostile.captured()
    assert found.commit == hostile.commit
    assert "src/train.py" in found.files
    assert "inner/src/train.py" in found.files
    for folder in (hostile.repo.path, hostile.repo.path / "inner"):
        (folder / "src/train.py").write_text("print(2)\n")
        (folder / "a.odd").unlink()
        (folder / "new.dot").write_text("new\n")
    found = hostile.captured()
    assert found.dirty is (None if what == "odd-filter" else True)
    if found.patch is not None:
        assert b"\x1b" not in found.patch
        assert b"diff --git a/a.odd b/a.odd\n" in found.patch


def test_the_payload_is_live(hostile: Hostile) -> None:
    """Git as it is usually called does run it: the tests above can fail."""
    live = ("fsmonitor", "diff-external", "textconv", "clean", "process", "include")
    for what in live:
        hostile.ran.unlink(missing_ok=True)
        config = hostile.repo.path / ".git/config"
        before = config.read_text()
        hostile.say(PROGRAMS[what])
        (hostile.repo.path / "src/train.py").write_text("print(3)\n")
        subprocess.run(
            ["git", "diff", "HEAD"],  # noqa: S607
            cwd=hostile.repo.path,
            env=os.environ | IDENTITY,
            check=False,
            capture_output=True,
        )
        assert hostile.ran.exists(), what
        config.write_text(before)


def test_all_of_it_at_once(hostile: Hostile) -> None:
    """Neither does one open a way for another."""
    for what, text in PROGRAMS.items():
        if what not in ("odd-filter", "worktree-config"):
            hostile.say(text)
    hostile.touch()
    assert hostile.captured().commit == hostile.commit


def _elsewhere(tmp_path: Path, repo: Repo) -> None:
    repo.git("config", "core.worktree", str(tmp_path / "secret"))


def _above(tmp_path: Path, repo: Repo) -> None:
    repo.git("config", "core.worktree", str(tmp_path))


@pytest.mark.parametrize("setting", [_elsewhere, _above], ids=["elsewhere", "above"])
def test_a_work_tree_that_is_said_to_be_elsewhere(
    tmp_path: Path, setting: Callable[[Path, Repo], None]
) -> None:
    """What lies in a folder that only a configuration names is never taken."""
    repo = Repo.init(tmp_path / "repo")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/diary.txt").write_text("dear diary")
    setting(tmp_path, repo)
    for place in (repo.path, repo.path / "src"):
        assert capture_tree(place) is None
        assert capture_tree(place, below=True) is None


def _gitfile(mine: Repo, theirs: Path) -> None:
    (theirs / ".git").write_text(f"gitdir: {mine.path}/.git\n")


def _gitlink(mine: Repo, theirs: Path) -> None:
    (theirs / ".git").symlink_to(mine.path / ".git")


def _commondir(mine: Repo, theirs: Path) -> None:
    (theirs / ".git").mkdir()
    (theirs / ".git/commondir").write_text(f"{mine.path}/.git\n")
    (theirs / ".git/HEAD").write_text("ref: refs/heads/main\n")


def _objects(mine: Repo, theirs: Path) -> None:
    (theirs / ".git").mkdir()
    (theirs / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (theirs / ".git/objects").symlink_to(mine.path / ".git/objects")
    (theirs / ".git/refs").symlink_to(mine.path / ".git/refs")


def _ref(mine: Repo, theirs: Path) -> None:
    git = theirs / ".git"
    (git / "objects/info").mkdir(parents=True)
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs/heads/main").symlink_to(mine.path / ".git/refs/heads/main")
    (git / "objects/info/alternates").write_text(f"{mine.path}/.git/objects\n")


def _worktree(mine: Repo, theirs: Path) -> None:
    mine.git("worktree", "add", "-q", "-b", "side", "../side")
    text = (mine.path.parent / "side/.git").read_text()
    (theirs / ".git").write_text(text)


@pytest.mark.parametrize(
    "borrow", [_gitfile, _gitlink, _commondir, _objects, _ref, _worktree]
)
def test_a_repository_that_borrows_from_another(
    tmp_path: Path, borrow: Callable[[Repo, Path], None]
) -> None:
    """Its patch would show, as deleted, all files of a repository that nobody meant."""
    mine = Repo.init(tmp_path / "mine")
    mine.commit({"secret.py": "TOP SECRET\n"})
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "train.py").write_text("print(1)\n")
    borrow(mine, theirs)
    found = capture_tree(theirs)
    assert found is not None
    assert found.dirty is True  # git would show it
    assert found.patch is None
    assert "secret.py" not in found.files
    assert "borrows" in " ".join(found.warnings)


def test_a_folder_laid_out_as_a_bare_repository(tmp_path: Path) -> None:
    """Files that imitate a repository inside a data set are files, wherever one is."""
    hostile = Hostile(tmp_path)
    hostile.repo.git("clone", "-q", "--bare", ".", str(hostile.repo.path / "data"))
    with (hostile.repo.path / "data/config").open("a") as file:
        file.write(PROGRAMS["fsmonitor"].format(evil=hostile.evil))
    for place in ("", "data", "data/refs"):
        found = hostile.repo.tree(place)
        assert found.root == hostile.repo.path
        assert "data/config" in found.files
    assert not hostile.ran.exists()

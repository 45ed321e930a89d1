"""Git itself: which one is run, for how long, and what it says of a work tree."""

import os
import time
from pathlib import Path

import pytest

from modelver._capture import capture_tree
from modelver._capture.scrub import scrub_remote
from tests.unit.capture.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a repository with one commit."""
    return Repo.init(tmp_path / "repo")


@pytest.mark.parametrize("staged", [True, False], ids=["staged", "not-staged"])
def test_a_changed_file_is_dirty(repo: Repo, *, staged: bool) -> None:
    """A tracked change is dirty from wherever it is looked at; a new file is not."""
    repo.write({"new.txt": "new"})
    assert repo.tree().dirty is False
    repo.write({"src/train.py": "print(2)\n"})
    if staged:
        repo.git("add", "src")
    for place in ("", "src"):
        assert repo.tree(place).dirty is True


def test_a_filtered_file_is_never_called_dirty(repo: Repo) -> None:
    """Where only a filter could tell, the answer is that nobody knows."""
    files = {".gitattributes": "/src/*.bin filter=x\n/src/*.lfs filter=lfs\n"}
    repo.commit({**files, "src/a.bin": "cleaned", "src/a.lfs": "no pointer"})
    for name in ("src/a.bin", "src/a.lfs"):
        repo.write({name: "what it was cleaned from"})
        found = repo.tree("src")
        assert (found.dirty, found.patch) == (None, None)
        assert name in found.files
        repo.git("checkout", "-q", ".")
    repo.write({"src/a.bin": "x", "src/train.py": "print(2)\n"})
    assert repo.tree("src").dirty is True


def test_a_filtered_file_that_is_staged_is_dirty(repo: Repo) -> None:
    """What the index says needs no filter."""
    repo.commit({".gitattributes": "*.bin filter=x\n", "a.bin": "a"})
    repo.write({"a.bin": "b"})
    repo.git("add", "a.bin")
    assert repo.tree().dirty is True


def test_a_branch_named_like_a_detached_head_or_an_option(repo: Repo) -> None:
    """Names of branches and remotes are data."""
    repo.git("checkout", "-q", "-b", "böse/--x;y$z")
    assert repo.tree().branch == "böse/--x;y$z"


@pytest.mark.parametrize("names", [["up"], ["origin", "up"], ["a", "b"]], ids=str)
def test_the_remote_that_counts(repo: Repo, names: list[str]) -> None:
    """The branch's own; else origin; else the only one; of several, none."""
    for name in names:
        repo.git("remote", "add", name, f"https://u:p@example.org/{name}")
    expected = {"up": "up", "origin": "origin", "a": None}[names[0]]
    url = None if expected is None else f"https://example.org/{expected}"
    assert repo.tree().remote == url
    repo.git("config", "branch.main.remote", names[-1])
    assert repo.tree().remote == f"https://example.org/{names[-1]}"


def test_a_repository_of_sha256(tmp_path: Path) -> None:
    """Its names are longer, and everything else is as usual."""
    (tmp_path / "repo").mkdir()
    repo = Repo(tmp_path / "repo")
    repo.git("init", "-q", "--object-format=sha256")
    commit = repo.commit({"a.py": "a\n"})
    repo.write({"a.py": "b\n"})
    found = repo.tree()
    assert (len(commit), found.commit, found.dirty) == (64, commit, True)
    assert found.patch is not None


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for git")
def test_a_git_that_hangs_or_floods(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that never ends is ended with its children; endless output is cut."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/git"
    program.write_text("#!/bin/sh\n/bin/sleep 60 & /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("modelver._capture.git.program.SECONDS", 0.3)
    start = time.monotonic()
    assert capture_tree(repo.path) is None
    program.write_text("#!/bin/sh\nwhile :; do echo filter.x.clean; done\n")
    assert capture_tree(repo.path) is None
    assert time.monotonic() - start < 5


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for git")
def test_a_git_in_the_repository_is_not_run(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative entry of PATH does not pick a program out of the code folder."""
    (repo.path / "git").write_text(f"#!/bin/sh\n/bin/touch {tmp_path / 'ran'}\n")
    (repo.path / "git").chmod(0o755)
    monkeypatch.chdir(repo.path)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", os.environ["PATH"]]))
    assert capture_tree(repo.path) is not None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://u:p@example.org:8443/a?x=1#f", "https://example.org:8443/a"),
        ("https://u:p@ss@example.org/a", "https://example.org/a"),
        ("ssh://git@example.org:22/a/b", "ssh://example.org:22/a/b"),
        ("git@example.org:a/b.git", "example.org:a/b.git"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("https://u:pa/ss@example.org/a", None),
        ("https://u:1/ss@example.org/a", None),
        ("https://u:1?ss@example.org/a", None),
        ("https://u:1#ss@example.org/a", None),
        ("https://exa mple.org/a", None),
        ("https://example.org\\@evil/a", None),
        ("https:///a", None),
        ("u:p@ss@example.org:a", None),
        ("/srv/git/a.git", None),
        ("../a.git", None),
        ("C:\\git\\a", None),
        ("C:/git/a", None),
        ("file:///srv/a", None),
        ("ext::sh -c x", None),
        ("ext::x", None),
        ("https://example.org/\x1b[31m", None),
        ("https://example.org/" + "a" * 2000, None),
        ("", None),
    ],
)
def test_remotes_keep_no_secret(remote: str, expected: str | None) -> None:
    """Userinfo, query and fragment go; what cannot be parsed is not recorded."""
    assert scrub_remote(remote) == expected

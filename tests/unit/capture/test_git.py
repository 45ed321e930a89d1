"""The commit, from repositories of every kind, hostile ones too."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelver._capture import GitState, capture_commit
from modelver._capture.scrub import scrub_remote

Run = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Run:
    """Return a function that runs git in ``tmp_path/repo``, with an identity."""
    identity = {
        f"GIT_{who}_{what}": "t@example.invalid"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    variables = os.environ | identity | {"GIT_CONFIG_GLOBAL": os.devnull}

    def run(*words: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words],  # noqa: S607
            cwd=at or tmp_path / "repo",
            env=variables,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    return run


@pytest.fixture
def repo(tmp_path: Path, git: Run) -> Path:
    """Return a repository with one commit of one file in a subfolder."""
    folder = tmp_path / "repo"
    (folder / "src").mkdir(parents=True)
    git("init", "-q", "-b", "main")
    (folder / "src/train.py").write_text("print(1)\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    return folder


def _state(path: Path) -> GitState:
    found = capture_commit(path)
    assert found is not None
    return found


def test_a_clean_tree(repo: Path, git: Run) -> None:
    """Commit, branch and cleanliness are found from the top, a folder or a file."""
    git("remote", "add", "origin", "https://me:secret@example.org/a/b.git?token=x#y")
    expected = GitState(
        commit=git("rev-parse", "HEAD"),
        branch="main",
        dirty=False,
        remote="https://example.org/a/b.git",
    )
    for place in (repo, repo / "src", repo / "src/train.py"):
        assert capture_commit(place) == expected


@pytest.mark.parametrize("staged", [True, False], ids=["staged", "not-staged"])
def test_a_changed_file_is_dirty(repo: Path, git: Run, *, staged: bool) -> None:
    """A tracked change is dirty from wherever it is looked at; a new file is not."""
    (repo / "new.txt").write_text("new")
    assert _state(repo).dirty is False
    (repo / "src/train.py").write_text("print(2)\n")
    if staged:
        git("add", "src")
    for place in (repo, repo / "src"):
        assert _state(place).dirty is True


def test_a_file_touched_is_not_dirty(repo: Path) -> None:
    """Content counts, not the time of a file."""
    os.utime(repo / "src/train.py", (1, 1))
    assert _state(repo).dirty is False


def test_a_filtered_file_is_never_called_dirty(repo: Path, git: Run) -> None:
    """Where only a filter could tell (Git LFS), the answer is that nobody knows."""
    (repo / ".gitattributes").write_text("/src/*.bin filter=lfs\n")
    (repo / "src/a.bin").write_text("pointer")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    (repo / "src/a.bin").write_text("what the pointer means")
    assert _state(repo / "src").dirty is None
    (repo / "src/train.py").write_text("print(2)\n")
    assert _state(repo / "src").dirty is True


def test_detached_worktree_and_no_commit(repo: Path, git: Run, tmp_path: Path) -> None:
    """A detached head has no branch, a worktree its own, a new repository nothing."""
    git("worktree", "add", "-q", "-b", "side", "../side")
    assert _state(tmp_path / "side").branch == "side"
    git("checkout", "-q", "--detach")
    found = _state(repo)
    assert (found.branch, found.dirty) == (None, False)
    new = tmp_path / "new"
    new.mkdir()
    git("init", "-q", at=new)
    assert capture_commit(new) is None


def test_a_branch_named_like_a_detached_head_or_an_option(repo: Path, git: Run) -> None:
    """Names of branches and remotes are data."""
    git("checkout", "-q", "-b", "böse/--x;y$z")
    assert _state(repo).branch == "böse/--x;y$z"


def test_no_repository(tmp_path: Path) -> None:
    """A plain folder, a missing one, nonsense: None."""
    assert capture_commit(tmp_path) is None
    assert capture_commit(tmp_path / "missing" / "deeper") is None
    assert capture_commit("a\0b") is None
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    assert capture_commit(tmp_path) is None


def test_no_git(repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without git on the PATH there is no commit, and no error."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert capture_commit(repo) is None


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for git")
def test_a_git_that_hangs_or_floods(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that never ends is ended with its children; endless output is cut."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/git"
    program.write_text("#!/bin/sh\n/bin/sleep 60 & /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("modelver._capture.git._SECONDS", 0.3)
    start = time.monotonic()
    assert capture_commit(repo) is None
    program.write_text("#!/bin/sh\nwhile :; do echo filter.x.clean; done\n")
    assert capture_commit(repo) is None
    assert time.monotonic() - start < 5


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for git")
def test_a_git_in_the_repository_is_not_run(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative entry of PATH does not pick a program out of the code folder."""
    (repo / "git").write_text(f"#!/bin/sh\n/bin/touch {tmp_path / 'ran'}\n")
    (repo / "git").chmod(0o755)
    monkeypatch.chdir(repo)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", os.environ["PATH"]]))
    assert capture_commit(repo) is not None
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root gives files away"
)
def test_a_repository_of_another_user_is_unknown(repo: Path) -> None:
    """Git distrusts it, and so do we; nothing of it is recorded."""
    for path in (repo, repo / ".git"):
        os.chown(path, 12345, 12345)
    assert capture_commit(repo) is None


HOSTILE = """
[core]
    fsmonitor = {evil}
    hooksPath = {hooks}
    pager = {evil}
    editor = {evil}
    sshCommand = {evil}
    askPass = {evil}
    gitProxy = {evil}
    alternateRefsCommand = {evil}
[diff]
    external = {evil}
[diff "evil"]
    command = {evil}
    textconv = {evil}
[filter "evil"]
    clean = {evil}
    smudge = {evil}
    process = {evil}
    required = true
[filter "sp ace.dot"]
    clean = {evil}
[credential]
    helper = {evil}
[remote "origin"]
    url = ext::{evil}
    promisor = true
    partialclonefilter = blob:none
    uploadpack = {evil}
[gpg]
    program = {evil}
[status]
    submoduleSummary = true
[alias]
    status = !{evil}
    config = !{evil}
    rev-parse = !{evil}
"""


@pytest.mark.skipif(os.name == "nt", reason="the payload is a shell script")
@pytest.mark.parametrize(
    "extra", ["", '[filter "a=b"]\n  clean = {evil}\n'], ids=["plain", "odd-name"]
)
def test_a_hostile_repository_runs_nothing(
    repo: Path, git: Run, tmp_path: Path, extra: str
) -> None:
    """Whatever its configuration names, none of it is started."""
    ran, evil, hooks = tmp_path / "ran", tmp_path / "evil.sh", tmp_path / "hooks"
    evil.write_text(f'#!/bin/sh\necho "$0 $*" >> {ran}\nexit 1\n')
    evil.chmod(0o755)
    inner = repo / "inner"  # a submodule has a configuration of its own
    inner.mkdir()
    git("init", "-q", at=inner)
    (inner / "a.txt").write_text("a")
    (inner / ".gitattributes").write_text("* filter=inner diff=evil\n")
    git("add", ".", at=inner)
    git("commit", "-q", "-m", "inner", at=inner)
    (repo / ".gitattributes").write_text(
        "* filter=evil diff=evil\n*.py filter=a=b\n*.md filter=sp\n"
    )
    git("-c", "advice.addEmbeddedRepo=false", "add", ".")
    git("commit", "-q", "-m", "two")
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / hook).symlink_to(evil)
        (repo / ".git/hooks" / hook).unlink(missing_ok=True)
        (repo / ".git/hooks" / hook).symlink_to(evil)
    text = (HOSTILE + extra).format(evil=evil, hooks=hooks)
    for config in (repo / ".git/config", inner / ".git/config"):
        config.write_text(config.read_text() + text)
    with (inner / ".git/config").open("a") as file:
        file.write(f'[filter "inner"]\n  clean = {evil}\n')
    for touched in (repo / "src/train.py", inner / "a.txt", inner / ".gitattributes"):
        os.utime(touched, (1, 1))  # git must look at the content, through the filters
    commit = (repo / ".git/refs/heads/main").read_text().strip()

    found = _state(repo)
    assert not ran.exists(), ran.read_text()
    assert found.commit == commit
    assert found.remote is None
    (repo / "src/train.py").write_text("print(2)\n")
    assert _state(repo / "src").dirty is None
    assert not ran.exists(), ran.read_text()

    # The payload is live: git as it is usually called runs it.
    subprocess.run(["git", "status"], cwd=repo, check=False, capture_output=True)  # noqa: S607
    assert ran.exists()


@pytest.mark.skipif(os.name == "nt", reason="the payload is a shell script")
def test_a_folder_laid_out_as_a_bare_repository(
    repo: Path, tmp_path: Path, git: Run
) -> None:
    """Files that imitate a repository inside a data set are not one."""
    git("clone", "-q", "--bare", str(repo), "../data")
    assert capture_commit(tmp_path / "data") is None


def test_capturing_writes_nothing(repo: Path) -> None:
    """Not even the index is refreshed."""
    os.utime(repo / "src/train.py", (1, 1))
    before = {p: p.stat().st_mtime_ns for p in (repo / ".git").rglob("*")}
    capture_commit(repo)
    assert before == {p: p.stat().st_mtime_ns for p in (repo / ".git").rglob("*")}


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

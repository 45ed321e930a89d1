"""Work trees of every kind that git can make, and what is said of each."""

import os
import sys
from pathlib import Path

import pytest

from modelver._capture import Submodule, capture_tree
from tests.unit.capture.repositories import Repo, bytes_of


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a repository with one commit."""
    return Repo.init(tmp_path / "repo")


def test_a_linked_worktree(repo: Repo, tmp_path: Path) -> None:
    """It has its own branch, files and changes; the other one's are not touched."""
    repo.git("worktree", "add", "-q", "-b", "side", "../side")
    side = Repo(tmp_path / "side")
    side.write({"src/train.py": "print(2)\n", "new.py": "n"})
    before = bytes_of(tmp_path)
    found = side.tree("src")
    assert (found.root, found.branch, found.dirty) == (side.path, "side", True)
    assert found.files == ("new.py", "src/train.py")
    assert found.patch is not None
    assert b"+print(2)" in found.patch
    assert (repo.tree().branch, repo.tree().dirty) == ("main", False)
    assert bytes_of(tmp_path) == before


def test_a_worktree_inside_the_work_tree(repo: Repo) -> None:
    """It is no code of the outer one, which says that it is there."""
    repo.git("worktree", "add", "-q", "-b", "side", "trees/side")
    found = repo.tree()
    assert found.files == ("src/train.py",)
    assert found.omitted == (
        ("trees/side", "is a repository of its own, and no submodule"),
    )
    assert repo.tree("trees/side").branch == "side"


def test_a_detached_head(repo: Repo) -> None:
    """There is a commit and no branch."""
    repo.git("checkout", "-q", "--detach")
    found = repo.tree()
    assert (found.commit, found.branch) == (repo.git("rev-parse", "HEAD"), None)
    assert (found.dirty, found.files) == (False, ("src/train.py",))


def test_no_commit_yet(tmp_path: Path) -> None:
    """The files are there, staged or not; there is nothing to differ from."""
    new = Repo(tmp_path / "new")
    new.path.mkdir()
    new.git("init", "-q", "-b", "trunk")
    assert (new.tree().commit, new.tree().files) == (None, ())
    new.write({"a.py": "a", "b.py": "b"})
    new.git("add", "a.py")
    found = new.tree()
    assert (found.commit, found.branch, found.tag) == (None, "trunk", None)
    assert (found.pushed, found.patch) == (None, None)
    assert found.files == ("a.py", "b.py")
    assert found.untracked == ("b.py",)


def test_a_shallow_clone(repo: Repo, tmp_path: Path) -> None:
    """It is known to be one; everything else is as usual."""
    commit = repo.commit({"b.py": "b\n"})
    repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(tmp_path / "c"))
    clone = Repo(tmp_path / "c")
    clone.write({"b.py": "c\n"})
    found = clone.tree()
    assert (found.shallow, found.pushed, found.commit) == (True, True, commit)
    assert found.files == ("b.py", "src/train.py")
    assert found.patch is not None
    assert b"-b\n+c\n" in found.patch
    assert repo.tree().shallow is False


def test_a_partial_clone_fetches_nothing(repo: Repo, tmp_path: Path) -> None:
    """What is not here is not asked for: the patch is missing, the rest is there."""
    repo.git("config", "uploadpack.allowFilter", "true")
    old = repo.commit({"b.py": "b\n"})
    commit = repo.commit({"b.py": "c\n"})
    words = ("-q", "--filter=blob:none", f"file://{repo.path}", str(tmp_path / "c"))
    repo.git("clone", *words)
    clone = Repo(tmp_path / "c")
    before = bytes_of(clone.path)
    assert clone.tree().commit == commit
    assert bytes_of(clone.path) == before
    clone.git("update-ref", "HEAD", old)  # now HEAD has content that is not here
    before = bytes_of(clone.path)
    found = clone.tree()
    assert (found.commit, found.dirty, found.patch) == (old, True, None)
    assert bytes_of(clone.path) == before


def test_submodules(repo: Repo, tmp_path: Path) -> None:
    """They are named with commit and state, and their files are code, inner ones too.

    One that is not checked out is named too, and told to be missing.
    """
    deep = Repo.init(tmp_path / "deep")
    lib = Repo.init(tmp_path / "lib")
    lib.git("submodule", "add", "-q", str(deep.path), "deep")
    lib.commit({"lib.py": "l\n", "lib.pem": "key"})
    repo.git("submodule", "add", "-q", str(lib.path), "vendor/lib")
    repo.git("submodule", "add", "-q", str(deep.path), "away")
    repo.git("submodule", "update", "-q", "--init", "--recursive")
    repo.commit({})
    repo.git("submodule", "deinit", "-q", "-f", "away")
    found = repo.tree()
    inside = Repo(repo.path / "vendor/lib")
    commits = lib.git("rev-parse", "HEAD"), deep.git("rev-parse", "HEAD")
    assert found.submodules == (
        Submodule(path="away", commit=commits[1], dirty=None),
        Submodule(path="vendor/lib", commit=commits[0], dirty=False),
        Submodule(path="vendor/lib/deep", commit=commits[1], dirty=False),
    )
    assert [path for path in found.files if "git" not in path] == [
        "src/train.py",
        "vendor/lib/deep/src/train.py",
        "vendor/lib/lib.py",
        "vendor/lib/src/train.py",
    ]
    assert dict(found.omitted) == {
        "away": "is a submodule that is not checked out",
        "vendor/lib/lib.pem": "is named like a private key",
    }
    assert (found.dirty, found.warnings) == (False, ())

    inside.write({"lib.py": "changed\n", "new.py": "n"})
    before = bytes_of(tmp_path)
    found = repo.tree()
    assert found.submodules[1].dirty is True
    assert found.untracked == ("vendor/lib/new.py",)
    assert "vendor/lib/new.py" in found.files
    assert found.warnings == (
        "the submodule vendor/lib has changes that no patch holds",
    )
    assert bytes_of(tmp_path) == before

    inside.commit({})
    found = repo.tree()
    assert found.dirty is True
    assert found.submodules[1].commit == inside.git("rev-parse", "HEAD")
    assert found.patch is not None
    assert b"+Subproject commit" in found.patch
    inside.write({"lib.py": "again\n"})
    found = repo.tree("vendor/lib/src")
    assert found.root == inside.path
    assert found.patch is not None
    assert b"+again\n" in found.patch


def test_a_sparse_checkout(repo: Repo) -> None:
    """What is not checked out is no change and no file, and its number is told."""
    repo.commit({"big/a.py": "a", "big/b.py": "b", "lib/c.py": "c"})
    repo.git("sparse-checkout", "set", "--cone", "lib")
    found = repo.tree()
    assert found.files == ("lib/c.py",)
    assert (found.dirty, found.patch) == (False, None)
    assert found.warnings == ("3 tracked files are not checked out (sparse checkout)",)


@pytest.mark.parametrize("how", ["--assume-unchanged", "--skip-worktree"])
def test_changes_that_git_was_told_not_to_see(repo: Repo, how: str) -> None:
    """Git calls the tree clean: the files are as they lie, and somebody says so."""
    repo.git("update-index", how, "src/train.py")
    repo.write({"src/train.py": "print('secretly')\n"})
    found = repo.tree()
    assert (found.dirty, found.files) == (False, ("src/train.py",))
    assert "not to look at 1 of" in found.warnings[0]


def test_files_that_are_gone(repo: Repo) -> None:
    """What git lists and nobody finds is a change, not a file; nor is it an error."""
    repo.commit({"a.py": "a\n", "dir/b.py": "b\n", "c.py": "c\n", "d/e.py": "e\n"})
    (repo.path / "a.py").unlink()
    (repo.path / "dir/b.py").unlink()
    (repo.path / "dir").rmdir()
    (repo.path / "c.py").unlink()
    repo.write({"c.py/now.py": "a folder"})
    (repo.path / "d/e.py").unlink()
    (repo.path / "d").rmdir()
    (repo.path / "d").write_text("now a file")
    found = repo.tree()
    assert found.files == ("c.py/now.py", "d", "src/train.py")
    assert found.omitted == ()
    assert found.patch is not None
    for line in (b"-a\n", b"-b\n", b"-c\n", b"-e\n"):
        assert line in found.patch


def test_a_merge_that_is_not_finished(repo: Repo) -> None:
    """Each file is there once, as it lies; the tree is dirty, and why is told."""
    repo.git("checkout", "-q", "-b", "side")
    repo.commit({"src/train.py": "print('side')\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"src/train.py": "print('main')\n"})
    with pytest.raises(Exception, match="merge"):
        repo.git("merge", "side")
    found = repo.tree()
    assert (found.files, found.dirty) == (("src/train.py",), True)
    assert "a merge is not finished: files hold both sides" in found.warnings


@pytest.mark.skipif(sys.platform != "linux", reason="names there are any bytes")
def test_names_that_are_no_text(repo: Repo) -> None:
    """They are left out and told, whether tracked or not; nothing else is lost."""
    for raw in (
        b"\xff\xfe.py",
        b"new\nline.py",
        b"t\tab",
        b'qu"ote.py',
        b"ok-\xc3\xa9",
    ):
        place = os.path.join(os.fsencode(repo.path), raw)  # noqa: PTH118 - bytes
        with open(place, "wb") as file:  # noqa: PTH123 - same
            file.write(b"x")
    repo.git("add", "-A")
    for raw in (b"\xfd.py",):
        with open(os.path.join(os.fsencode(repo.path), raw), "wb") as file:  # noqa: PTH118, PTH123 - same
            file.write(b"x")
    found = repo.tree()
    assert found.files == ("ok-é", "src/train.py")
    assert dict(found.omitted) == {
        "\\udcfd.py": "has a name that is no text",
        "\\udcff\\udcfe.py": "has a name that is no text",
        "new\\nline.py": "has a name that not every system can hold",
        'qu"ote.py': "has a name that not every system can hold",
        "t\\tab": "has a name that not every system can hold",
    }
    assert found.untracked == ("\\udcfd.py",)


def test_what_a_user_ignores_everywhere_is_no_code(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git's file of the user's ignored names counts, wherever git looks for it."""
    repo.write({"notes.private": "n", "b.py": "b"})
    home = tmp_path / "home"
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/ignore").write_text("*.private\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    assert repo.tree().untracked == ("b.py",)
    (home / "mine").write_text("b.py\n")
    (home / ".gitconfig").write_text("[core]\n  excludesFile = ~/mine\n")
    assert repo.tree().untracked == ("notes.private",)
    repo.git("config", "core.excludesFile", str(tmp_path / "missing"))
    assert repo.tree().untracked == ("b.py", "notes.private")
    repo.git("config", "core.excludesFile", "src/here")
    repo.commit({"src/here": "*.private\n"})
    repo.write({"c.py": "c"})
    repo.git("rm", "-q", "--cached", "b.py")
    assert repo.tree("src").untracked == ("b.py", "c.py")


def test_line_ends_as_the_user_has_them(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that the user's git checked out with other line ends is no change."""
    (tmp_path / "gitconfig").write_text("[core]\n  autocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (repo.path / "src/train.py").unlink()
    repo.git("-c", "core.autocrlf=true", "checkout", "-q", "src/train.py")
    assert (repo.path / "src/train.py").read_bytes() == b"print(1)\r\n"
    os.utime(repo.path / "src/train.py", (1, 1))
    assert repo.tree().dirty is False
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert repo.tree().dirty is True


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root gives files away"
)
def test_a_repository_of_another_user(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is none until this user says that it is trusted; it cannot say so itself."""
    repo.git("config", "safe.directory", "*")
    for path in (repo.path, repo.path / ".git"):
        os.chown(path, 12345, 12345)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert capture_tree(repo.path) is None
    (tmp_path / "gitconfig").write_text(f"[safe]\n  directory = {repo.path}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert repo.tree().files == ("src/train.py",)


def test_a_home_folder_in_git_is_not_code(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose whole home is a repository did not mean to store it with a model."""
    repo.write({"src/train.py": "print(2)\n", "letters/private.txt": "p"})
    monkeypatch.setenv("HOME", str(repo.path))
    found = repo.tree("src")
    assert (found.files, found.untracked, found.patch) == ((), (), None)
    assert found.too_large
    assert "home folder" in found.warnings[0]
    assert repo.tree("src", below=True).files == ("train.py",)


def test_variables_of_a_git_hook_do_not_lead_astray(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training from a hook sees the repository of the code, not the hook's."""
    other = Repo.init(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    assert capture_tree(repo.path) is not None
    found = capture_tree(repo.path)
    assert found is not None
    assert (found.root, found.dirty) == (repo.path, False)

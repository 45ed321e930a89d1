"""The code: the commit, what was changed, and the files, from real repositories."""

import os
from pathlib import Path

import pytest

from modelver._capture import CodeTree, capture_tree
from modelver._capture.git import gather
from modelver._capture.git.choose import MAX_FILE
from tests.unit.capture.repositories import LFS, Repo, bytes_of, pointer


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a repository with one commit."""
    return Repo.init(tmp_path / "repo")


def test_a_clean_tree(repo: Repo) -> None:
    """Commit, branch, tag, remote and files are those of the work tree."""
    repo.git("remote", "add", "origin", "https://me:secret@example.org/a/b.git?t=x#y")
    commit = repo.commit({".gitignore": "*.log\n", "a.log": "no code", "b.py": "b"})
    repo.git("tag", "v1.0")
    repo.git("tag", "-m", "annotated", "v1.10")
    assert repo.tree() == CodeTree(
        root=repo.path,
        base=repo.path,
        commit=commit,
        branch="main",
        tag="v1.10",
        remote="https://example.org/a/b.git",
        pushed=False,
        dirty=False,
        files=(".gitignore", "b.py", "src/train.py"),
    )


@pytest.mark.parametrize("path", ["src", "src/train.py", "src/new/deep"])
def test_a_folder_in_it_means_all_of_it(repo: Repo, path: str) -> None:
    """The whole work tree is the code, wherever in it the script lies."""
    repo.commit({"lib/a.py": "a"})
    repo.write({"src/new/deep/er.py": "untracked"})
    found = repo.tree(path)
    assert found.base == found.root == repo.path
    assert found.files == ("lib/a.py", "src/new/deep/er.py", "src/train.py")
    assert found.untracked == ("src/new/deep/er.py",)


def test_a_folder_that_was_named_means_that_folder(repo: Repo) -> None:
    """With ``below``, files and patch are of that folder, the commit of the tree."""
    repo.commit({"lib/a.py": "a\n", "src/x/b.pem": "key"})
    repo.write({"lib/a.py": "b\n", "src/train.py": "print(2)\n", "src/n.py": "new"})
    found = repo.tree("src", below=True)
    assert (found.root, found.base) == (repo.path, repo.path / "src")
    assert found.files == ("n.py", "train.py")
    assert [path for path, _ in found.omitted] == ["x/b.pem"]
    assert found.dirty is True
    assert found.patch is not None
    assert b"print(2)" in found.patch
    assert b"lib/a.py" not in found.patch
    assert repo.tree("", below=True).base == repo.path


def test_the_patch_makes_the_commit_what_the_files_are(
    repo: Repo, tmp_path: Path
) -> None:
    """Text, bytes, modes, staged, deleted: applied to a clone, all is as it is here."""
    repo.commit({"gone.py": "g\n", "b.dat": bytes(range(256)), "run.sh": "#!/bin/sh\n"})
    repo.write({"src/train.py": "print(2)\n", "b.dat": bytes(range(255, -1, -1))})
    (repo.path / "gone.py").unlink()
    (repo.path / "run.sh").chmod(0o755)
    repo.write({"staged.py": "s = 'ä'\n"})
    repo.git("add", "staged.py")
    os.utime(repo.path / "b.dat", (1, 1))
    found = repo.tree()
    assert found.dirty is True
    assert found.patch is not None
    assert "gone.py" not in found.files
    clone = repo.applied(found.patch, tmp_path / "clone")
    assert {f: (clone / f).read_bytes() for f in found.files} == {
        f: (repo.path / f).read_bytes() for f in found.files
    }
    assert not (clone / "gone.py").exists()
    assert os.access(clone / "run.sh", os.X_OK)


def test_a_file_that_was_only_touched_is_no_change(repo: Repo) -> None:
    """Neither the tree is dirty nor does the patch name it."""
    repo.commit({"b.py": "b\n"})
    os.utime(repo.path / "src/train.py", (1, 1))
    assert (repo.tree().dirty, repo.tree().patch) == (False, None)
    repo.write({"b.py": "c\n"})
    patch = repo.tree().patch
    assert patch is not None
    assert b"train.py" not in patch


def test_a_patch_that_is_too_large_is_not_kept(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree is still known to be dirty, and somebody says why there is none."""
    monkeypatch.setattr("modelver._capture.git.changes.MAX_PATCH", 100)
    repo.write({"src/train.py": "x = 1\n" * 100})
    found = repo.tree()
    assert (found.dirty, found.patch) == (True, None)
    assert "no patch" in found.warnings[0]


def test_pushed(repo: Repo, tmp_path: Path) -> None:
    """A commit is pushed once a remote-tracking branch holds it, on any branch."""
    repo.git("init", "-q", "--bare", str(tmp_path / "far"))
    repo.git("remote", "add", "far", str(tmp_path / "far"))
    assert repo.tree().pushed is False
    repo.git("push", "-q", "far", "main:other")
    assert repo.tree().pushed is True
    repo.commit({"b.py": "b"})
    assert repo.tree().pushed is False


def test_what_is_excluded_is_not_even_listed(repo: Repo) -> None:
    """The registry and the data are passed over: files, folders, odd names."""
    repo.commit({"data.csv": "1\n", "da[t]a/x.csv": "2\n", "datax.csv": "3\n"})
    repo.write({"reg/objects/1": "o", "data.csv": "changed\n", "da[t]a/y": "y"})
    exclude = [repo.path / name for name in ("reg", "data.csv", "da[t]a", "missing")]
    found = repo.tree(exclude=[*exclude, Path("/elsewhere")])
    assert found.files == ("datax.csv", "src/train.py")
    assert found.untracked == ()
    assert found.omitted == ()
    assert found.patch is None
    assert found.dirty is True
    assert repo.tree(exclude=[repo.path]).files == ()
    assert repo.tree(exclude=[repo.path.parent]).files == ()


def test_more_is_excluded_than_a_command_line_holds(repo: Repo) -> None:
    """A mapping of hundreds of data files excludes each of them."""
    repo.commit({f"{n}.csv": "1" for n in range(150)})
    repo.write({f"{n}.csv": "2" for n in range(300)} | {"d/x.csv": "3"})
    exclude = [repo.path / f"{n}.csv" for n in range(300)] + [repo.path / "d"]
    found = repo.tree(exclude=exclude)
    assert found.files == ("src/train.py",)
    assert (found.untracked, found.patch, found.dirty) == ((), None, True)
    repo.write({"src/train.py": "print(2)\n"})
    found = repo.tree(exclude=exclude)
    assert found.patch is not None
    assert found.patch.count(b"diff --git") == 1
    assert found.warnings == ()


def test_what_cannot_be_stored_is_left_out_with_a_reason(repo: Repo) -> None:
    """Secret names, sizes, links out, odd names: each is told, the rest is there."""
    repo.write({"big.txt": b"x" * (MAX_FILE + 1), "fits.txt": b"x" * MAX_FILE})
    repo.write({".env": "KEY=1", "a:b.py": "x", "aux.py": "x", ".modelver/a": "x"})
    (repo.path / "out").symlink_to("/etc/hostname")
    (repo.path / "in").symlink_to("src/train.py")
    (repo.path / "nowhere").symlink_to("missing")
    (repo.path / "round").symlink_to("round")
    (repo.path / "config").symlink_to(".git/config")
    (repo.path / "folder").symlink_to("src")
    (repo.path / "key").symlink_to(".env")
    repo.commit({".gitignore": "ignored\n", "ignored": "i"})
    (repo.path / "to-ignored").symlink_to("ignored")
    found = repo.tree()
    assert found.files == (".gitignore", "fits.txt", "in", "src/train.py")
    assert dict(found.omitted) == {
        ".env": "is named like a file of environment variables",
        ".modelver/a": "has a name that modelver keeps for itself",
        "a:b.py": "has a name that not every system can hold",
        "aux.py": "has a name that not every system can hold",
        "big.txt": "is larger than 8 MiB",
        "config": "is a link to a file that is left out",
        "folder": "is a link that leads to no file",
        "key": "is named like a file of environment variables",
        "nowhere": "is a link that leads to no file",
        "out": "is a link out of the code",
        "round": "is a link that leads to no file",
        "to-ignored": "is a link to a file that is left out",
    }


def test_a_secret_is_not_in_the_patch(repo: Repo) -> None:
    """Not as it is, not as it was, not where it is gone."""
    repo.commit({".env": "OLD", "a.pem": "OLD", "src/b.key": "OLD"})
    repo.write({".env": "NEW", "src/b.key": "NEW", "src/train.py": "print(2)\n"})
    (repo.path / "a.pem").unlink()
    found = repo.tree()
    assert found.patch is not None
    assert b"print(2)" in found.patch
    assert b"OLD" not in found.patch
    assert b"NEW" not in found.patch
    assert [path for path, _ in found.omitted] == [".env", "a.pem", "src/b.key"]
    assert "what changed in 3 of the files" in found.warnings[0]


def test_the_caller_says_what_a_secret_is_called(repo: Repo) -> None:
    """The list of names is an argument, and sees paths from the top."""
    repo.commit({"b/c.py": "c"})
    seen: list[str] = []

    def named(path: str) -> str | None:
        seen.append(path)
        return "is mine" if path.startswith("b/") else None

    found = repo.tree(name_is_secret=named)
    assert found.omitted == (("b/c.py", "is mine"),)
    assert sorted(set(seen)) == ["b/c.py", "src/train.py"]


def test_names_that_are_one_on_other_systems(repo: Repo) -> None:
    """One of them is kept, and the others are told: a bundle cannot hold both."""
    repo.commit({"A.py": "1", "a.py": "2", "é.py": "3", "e\u0301.py": "4"})
    found = repo.tree()
    assert len(found.files) == 3
    assert [why for _, why in found.omitted] == [
        "is the same file as another where case is ignored"
    ] * 2


@pytest.mark.parametrize("what", ["files", "bytes", "listing"])
def test_too_much_is_only_a_commit(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """More than is code gives no files at all, and says so; the commit stays."""
    repo.write({f"{n}.txt": "12345" for n in range(20)})
    where = "modelver._capture.git."
    name, value = {
        "files": ("gather.MAX_FILES", 20),
        "bytes": ("tree.MAX_BYTES", 100),
        "listing": ("listing._MOST_LISTED", 50),
    }[what]
    monkeypatch.setattr(where + name, value)
    found = repo.tree()
    assert found.too_large
    assert (found.files, found.omitted) == ((), ())
    assert found.commit == repo.git("rev-parse", "HEAD")
    assert "only its commit" in found.warnings[0]


def test_where_the_files_are_not_wanted(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the tree stands is told, and nothing of files: there may be too many."""
    monkeypatch.setattr("modelver._capture.git.gather.MAX_FILES", 1)
    repo.write({"src/train.py": "print(2)\n", ".env": "K=1", "b.py": "b"})
    found = repo.tree(files=False)
    assert (found.commit, found.dirty) == (repo.git("rev-parse", "HEAD"), True)
    assert found.untracked == (".env", "b.py")
    assert (found.files, found.omitted, found.patch) == ((), (), None)
    assert (found.too_large, found.warnings) == (False, ())


def test_the_limits_are_those_that_are_documented() -> None:
    """5,000 files, 256 MiB."""
    assert (gather.MAX_FILES, gather.MAX_BYTES) == (5000, 268_435_456)


def test_files_of_git_lfs(repo: Repo) -> None:
    """Pointers give oid and size; whether the bytes are here is seen, not asked."""
    here, away, big = b"h" * 300, b"a" * 500, b"b" * (MAX_FILE + 1)
    names = {"here.bin": here, "away.bin": away, "big.bin": big, "gone.bin": b"g"}
    texts = {name: pointer(content) for name, content in names.items()}
    repo.commit({".gitattributes": LFS, **texts, "plain.bin": b"no pointer"})
    repo.write({"here.bin": here, "big.bin": big, "new.dat": pointer(b"n" * 7)})
    (repo.path / "gone.bin").unlink()
    found = repo.tree()
    assert {(f.path, f.size, f.present) for f in found.lfs} == {
        ("here.bin", 300, True),
        ("away.bin", 500, False),
        ("big.bin", MAX_FILE + 1, True),
        ("gone.bin", 1, False),
        ("new.dat", 7, False),
    }
    assert {f.oid for f in found.lfs} > {pointer(here).split(":")[2][:64]}
    assert "git lfs pull" in " ".join(found.warnings)
    assert dict(found.omitted) == {"big.bin": "is larger than 8 MiB"}


def test_bytes_that_git_lfs_put_here_are_no_change(repo: Repo) -> None:
    """The pointer says what they should be: only other bytes are a change."""
    real = b"weights" * 100
    repo.commit({".gitattributes": LFS, "w.bin": pointer(real)})
    repo.write({"w.bin": real})
    assert (repo.tree().dirty, repo.tree().patch) == (False, None)
    repo.write({"w.bin": real[::-1]})
    found = repo.tree()
    assert found.dirty is True
    assert b"weights"[::-1] not in (found.patch or b"")
    assert "w.bin" in found.files


def test_what_is_kept_encrypted_in_git_is_not_stored_in_the_clear(repo: Repo) -> None:
    """A file behind git-crypt and the like lies decrypted in the work tree."""
    repo.commit({".gitattributes": "s* filter=git-crypt\n", "s.yaml": b"\0GITCRYPT"})
    repo.write({"s.yaml": "password: hunter2\n", "src/train.py": "print(2)\n"})
    found = repo.tree()
    assert ("s.yaml", "is kept encrypted in Git") in found.omitted
    assert b"hunter2" not in (found.patch or b"")
    assert found.dirty is True


def test_nothing_is_written_into_the_repository(repo: Repo, tmp_path: Path) -> None:
    """Byte for byte, the git folder is what it was, and no file is new anywhere."""
    repo.commit({"b.py": "b\n", ".gitattributes": LFS, "w.bin": pointer(b"w")})
    repo.git("update-index", "--split-index")
    repo.write({"src/train.py": "print(2)\n", "w.bin": "w", "new.py": "n"})
    os.utime(repo.path / "b.py", (1, 1))
    before = bytes_of(tmp_path)
    found = repo.tree()
    assert (found.dirty, found.untracked) == (True, ("new.py",))
    assert bytes_of(tmp_path) == before


def test_no_work_tree(tmp_path: Path, repo: Repo) -> None:
    """A plain folder, a missing one, a bare one, nonsense."""
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    for place in (tmp_path, tmp_path / "no" / "where", tmp_path / "bare", "a\0b"):
        assert capture_tree(place) is None
    assert repo.tree(".git").files == ("src/train.py",)


def test_no_git(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git on the PATH there is nothing to tell, and no error."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert capture_tree(repo.path) is None

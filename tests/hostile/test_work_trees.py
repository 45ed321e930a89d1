"""Work trees that were laid out to lead astray, to hang, or to fill a memory."""

import os
import time
from pathlib import Path

import pytest

from modelver._capture import capture_tree
from modelver._capture.git import MAX_FILE
from tests.hostile.trapped import Hostile
from tests.unit.capture.repositories import Repo

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and pipes")


def test_a_folder_on_the_way_is_a_link(tmp_path: Path) -> None:
    """A tracked path whose folder became a link leads to no file of ours."""
    repo = Repo.init(tmp_path / "repo")
    repo.commit({"deep/conf/a.txt": "a\n"})
    (tmp_path / "outside/conf").mkdir(parents=True)
    (tmp_path / "outside/conf/a.txt").write_text("private\n")
    for name in ("deep/conf/a.txt", "deep/conf", "deep"):
        place = repo.path / name
        place.unlink() if place.is_file() else place.rmdir()
    (repo.path / "deep").symlink_to(tmp_path / "outside")
    found = repo.tree()
    assert found.files == ("src/train.py",)
    assert b"private" not in (found.patch or b"")
    assert dict(found.omitted)["deep/conf/a.txt"] == "lies behind a link"


def test_a_submodule_behind_a_link(tmp_path: Path) -> None:
    """A submodule's folder that is a link to another repository is not followed."""
    mine = Repo.init(tmp_path / "mine")
    mine.commit({"secret.py": "TOP SECRET\n"})
    lib = Repo.init(tmp_path / "lib")
    repo = Repo.init(tmp_path / "repo")
    repo.git("submodule", "add", "-q", str(lib.path), "vendor/lib")
    repo.commit({})
    (repo.path / "vendor/lib").rename(tmp_path / "old")
    (repo.path / "vendor/lib").symlink_to(mine.path)
    assert not [path for path in repo.tree().files if "secret" in path]
    (repo.path / "vendor/lib").unlink()
    (repo.path / "vendor").rmdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/lib").symlink_to(mine.path)
    (repo.path / "vendor").symlink_to(tmp_path / "other")
    assert not [path for path in repo.tree().files if "secret" in path]


@pytest.mark.parametrize(
    "place",
    [
        ".gitignore",
        ".gitattributes",
        "src/.gitignore",
        ".git/info/exclude",
        ".git/info/attributes",
        ".git/config",
        ".git/HEAD",
        ".git/index",
        "src/train.py",
        "new.pipe",
    ],
)
def test_a_pipe_that_nobody_writes_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Wherever it lies, git waits for it no longer than it may, and is ended."""
    monkeypatch.setattr("modelver._capture.git.program.SECONDS", 1.0)
    repo = Repo.init(tmp_path / "repo")
    (repo.path / place).parent.mkdir(exist_ok=True)
    (repo.path / place).unlink(missing_ok=True)
    os.mkfifo(repo.path / place)
    start = time.monotonic()
    found = capture_tree(repo.path)
    assert time.monotonic() - start < 10  # far more than the second: no hang
    assert found is None or place not in found.files


@pytest.mark.parametrize("key", ["excludesFile", "attributesFile"])
def test_a_setting_that_names_a_pipe(tmp_path: Path, key: str) -> None:
    """A file of patterns that is none is not opened."""
    repo = Repo.init(tmp_path / "repo")
    os.mkfifo(tmp_path / "pipe")
    repo.git("config", f"core.{key}", str(tmp_path / "pipe"))
    assert repo.tree().files == ("src/train.py",)


@pytest.mark.parametrize("where", [".git/index", ".git/modules/inner/index"])
def test_an_index_of_nonsense(tmp_path: Path, where: str) -> None:
    """Where git cannot list the files there are none, and the commit stays.

    A submodule that is broken costs its own files, not those of the rest.
    """
    hostile = Hostile(tmp_path)
    (hostile.repo.path / where).write_bytes(b"DIRC" + b"\xff" * 1000)
    found = hostile.repo.tree()
    assert found.commit == hostile.commit
    if where == ".git/index":
        assert (found.files, found.too_large, found.dirty) == ((), True, None)
        assert "cannot list" in found.warnings[0]
        assert len([text for text in found.warnings if "only its commit" in text]) == 1
    else:
        assert "src/train.py" in found.files
        why = "is a submodule whose files Git cannot list"
        assert ("inner", why) in found.omitted
        assert found.submodules[0].dirty is None


def test_many_names_that_are_one(tmp_path: Path) -> None:
    """Where hundreds differ in case alone, nobody guesses which were meant."""
    repo = Repo.init(tmp_path / "repo")
    repo.write({f"{n}{end}": "x" for n in range(120) for end in "xX"})
    found = repo.tree()
    assert (found.files, found.too_large) == ((), True)
    assert "differ in case" in found.warnings[0]


def test_files_of_endless_size(tmp_path: Path) -> None:
    """A sparse terabyte is not read, whether new, tracked or a notebook."""
    repo = Repo.init(tmp_path / "repo")
    for name in ("new.bin", "src/train.py", "book.ipynb"):
        with (repo.path / name).open("wb") as file:
            file.truncate(2**40)
    found = repo.tree()
    assert found.files == ()
    assert dict(found.omitted) == {
        "book.ipynb": "is larger than 16 MiB",
        "new.bin": "is larger than 8 MiB",
        "src/train.py": "is larger than 8 MiB",
    }
    assert found.patch is None


def test_content_that_is_small_only_in_git(tmp_path: Path) -> None:
    """A gigabyte of nothing, packed into a megabyte, is not unpacked for a patch."""
    repo = Repo.init(tmp_path / "repo")
    repo.commit({"bomb": b"\0" * (MAX_FILE + 1), "fits": b"\0" * MAX_FILE})
    (repo.path / "bomb").unlink()
    (repo.path / "fits").write_bytes(b"x")
    found = repo.tree()
    assert found.dirty is True
    assert found.patch is not None
    assert b"bomb" not in found.patch
    assert b"fits" in found.patch
    assert "what changed in 1 of the files" in found.warnings[0]


def test_a_loop_of_links(tmp_path: Path) -> None:
    """Links that lead to each other end nowhere, and say so."""
    repo = Repo.init(tmp_path / "repo")
    for n in range(50):
        (repo.path / f"l{n}").symlink_to(f"l{(n + 1) % 50}")
    (repo.path / "up").symlink_to("..")
    (repo.path / "self").symlink_to(".")
    (repo.path / "loop").mkdir()
    (repo.path / "loop/again").symlink_to("../loop")
    found = repo.tree()
    assert found.files == ("src/train.py",)
    assert len(found.omitted) == 53


@pytest.mark.parametrize("level", [1, 12])
def test_repositories_in_repositories(tmp_path: Path, level: int) -> None:
    """However deep they lie in each other, it ends."""
    place = tmp_path / "repo"
    for _ in range(level):
        Repo.init(place)
        place /= "x"
    assert capture_tree(tmp_path / "repo") is not None
    found = capture_tree(place.parent)
    assert found is not None
    assert found.root == place.parent


def test_names_that_look_like_options_and_patterns(tmp_path: Path) -> None:
    """Names are data: for git, for pathspecs, for attributes."""
    repo = Repo.init(tmp_path / "repo")
    names = [
        "-rf",
        "--output=x",
        ":(top)a",
        "*",
        "[a]",
        "a b",
        "$(touch x)",
        "#a",
        "!b",
    ]
    repo.commit({f"d/{name}": f"{name}\n" for name in names})
    repo.write({f"d/{name}": f"{name} changed\n" for name in names})
    repo.write({"d/a.pem": "key", "d/*.pem": "key"})
    found = repo.tree("d", below=True, exclude=[repo.path / "d/*", repo.path / "-x"])
    assert set(found.files) == {*names} - {"*", ":(top)a"}
    assert not (repo.path / "x").exists()
    assert found.patch is not None
    assert b"+[a] changed" in found.patch
    assert b"+* changed" not in found.patch

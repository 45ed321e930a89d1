"""One git checkout restores the model that belongs to that commit."""

import os
import shutil
from pathlib import Path

import pytest

import modelver
from tests.pins.conftest import World
from tests.pins.test_pulling import ONE, TWO


@pytest.fixture
def two(world: World) -> World:
    """Return a repository whose branches ``main`` and ``next`` pin two versions."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    world.commit("one")
    world.run("git", "install")
    world.git("checkout", "-b", "next")
    modelver.pin("fraud@1.1.0", "models", registry=world.registry)
    world.commit("two")
    return world


def empty_branch(world: World) -> None:
    """Go to a branch that pins nothing."""
    world.git("checkout", "--orphan", "empty")
    world.git("rm", "-r", "--force", ".")
    modelver.pull()
    (world.repo / "readme").write_text("empty")
    world.commit("empty")


def test_branches(two: World) -> None:
    """Going from branch to branch, the files follow; nothing else is touched."""
    said = two.git("checkout", "main")
    assert two.files() == ONE
    assert "models/fraud is fraud@1.0.0" in said
    two.git("checkout", "next")
    assert two.files() == TWO
    assert two.git("status", "--short") == ""
    two.git("checkout", "--detach", "main")
    assert two.files() == ONE
    two.git("checkout", "-b", "other")
    assert two.files() == ONE


def test_a_branch_without_the_pointer(two: World) -> None:
    """Where the commit pins nothing, nothing is left; and it comes back."""
    empty_branch(two)
    two.git("checkout", "main")
    assert two.files() == ONE
    two.git("checkout", "empty")
    assert two.files(two.repo) == {"readme": b"empty"}
    two.git("checkout", "next")
    assert two.files() == TWO


def test_a_real_clone(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone has pointers alone, until it pulls; installed, it follows as well."""
    clone = two.folder / "clone"
    two.git("clone", str(two.repo), str(clone), at=two.folder)
    monkeypatch.chdir(clone)
    assert two.files(clone / "models") == {}
    assert [pin.state for pin in modelver.pull(check=True)] == ["missing"]
    modelver.pull()
    assert two.files(clone / "models") == TWO
    two.git("checkout", "main", at=clone)
    assert two.files(clone / "models") == TWO, "nothing was installed there"
    assert modelver.pull()[0].version == "fraud@1.0.0"
    two.run("git", "install")
    two.git("checkout", "next", at=clone)
    assert two.files(clone / "models") == TWO


def test_a_merge_moves_the_model(two: World) -> None:
    """A fast-forward and a merge commit both restore what they bring."""
    two.git("checkout", "main")
    (two.repo / "notes").write_text("notes")
    two.commit("notes")
    two.git("checkout", "-b", "ahead")
    two.git("merge", "--no-edit", "next")
    assert two.files() == TWO
    two.git("checkout", "main")
    two.git("merge", "--ff-only", "ahead")
    assert two.files() == TWO


def test_a_conflict_in_a_pointer(two: World) -> None:
    """Two branches moved one pin: Git says so, and no mixture is ever restored."""
    two.register({"w.bin": b"three"}, "2.0.0")
    two.git("checkout", "main")
    modelver.pin("fraud@2.0.0", "models", registry=two.registry)
    two.commit("three")
    assert "CONFLICT" in two.git("merge", "next", code=1)
    with pytest.raises(modelver.FormatError, match="merge conflict"):
        modelver.pull()
    assert two.files() == {"fraud/w.bin": b"three"}
    two.git("checkout", "--theirs", "--", "models/fraud.mv.json")
    assert modelver.pull()[0].version == "fraud@1.1.0"
    two.commit("merged")
    assert two.files() == TWO


def test_different_pins_merge_without_a_conflict(two: World) -> None:
    """Each pin is a file of its own, so two branches that add two do not meet."""
    two.registry.register("intent", {"i": b"i"}, environment=False)
    two.git("checkout", "main")
    modelver.pin("intent", "other", registry=two.registry)
    two.commit("intent")
    two.git("merge", "--no-edit", "next")
    assert two.files(two.repo / "other") == {"intent/i": b"i"}
    assert two.files() == TWO


def test_work_trees_have_their_own_files(two: World) -> None:
    """A new one is filled by its hook; each follows its own branch."""
    tree = two.folder / "tree"
    two.git("worktree", "add", str(tree), "main")
    assert two.files(tree / "models") == ONE
    assert two.files() == TWO
    two.git("checkout", "--detach", "next", at=tree)
    assert two.files(tree / "models") == TWO
    two.git("checkout", "--detach", "main")
    assert two.files() == ONE


def test_a_rebase_ends_with_its_model(two: World) -> None:
    """Whatever stood there in between, the files are those of the last commit."""
    two.git("checkout", "main")
    (two.repo / "notes").write_text("notes")
    two.commit("notes")
    two.git("checkout", "next")
    two.git("rebase", "main")
    assert two.files() == TWO
    empty_branch(two)
    two.git("checkout", "-b", "moved", "next")
    assert two.files() == TWO
    two.git("rebase", "--onto", "empty", "--root")
    assert two.files() == TWO
    assert (two.repo / "readme").is_file()


def test_one_file_from_another_commit(two: World) -> None:
    """``git checkout COMMIT -- POINTER`` restores as well."""
    two.git("checkout", "main", "--", "models/fraud.mv.json")
    assert two.files() == ONE


def test_changes_outlive_a_checkout(two: World) -> None:
    """What a user has changed stays, with a word; the checkout goes on."""
    path = two.repo / "models/fraud/w.bin"
    path.write_bytes(b"retrained")
    said = two.git("checkout", "main")
    assert "models/fraud/w.bin: not what modelver restored" in said
    assert path.read_bytes() == b"retrained"
    assert two.git("symbolic-ref", "--short", "HEAD").strip() == "main"


def test_a_registry_that_is_gone_breaks_no_checkout(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With copies in the cache it is not even noticed; without, it is only said."""
    two.registry.get("fraud@1.0.0").path()
    (two.folder / "registry").rename(two.folder / "away")
    two.git("checkout", "main")
    assert two.files() == ONE
    monkeypatch.setenv("MODELVER_CACHE_DIR", str(two.folder / "empty"))
    said = two.git("checkout", "next")
    assert "modelver: warning" in said
    assert two.files() == ONE
    (two.folder / "away").rename(two.folder / "registry")
    modelver.pull()
    assert two.files() == TWO


def test_offline_from_the_cache(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, what was fetched before is restored."""
    monkeypatch.setenv("MODELVER_OFFLINE", "1")
    (two.folder / "registry").rename(two.folder / "away")
    two.git("checkout", "main")
    assert two.files() == ONE
    shutil.rmtree(two.repo / "models/fraud")
    modelver.pull()
    assert two.files() == ONE


def test_the_repository_can_be_moved(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the registry beside it, and with its hooks and records."""
    place = two.folder / "elsewhere"
    place.mkdir()
    two.repo.rename(place / "repo")
    (two.folder / "registry").rename(place / "registry")
    monkeypatch.chdir(place / "repo")
    two.git("checkout", "main", at=place / "repo")
    assert two.files(place / "repo/models") == ONE


def test_no_module_of_the_repository_is_run(two: World) -> None:
    """Hooks and filter run in the work tree, and import nothing from there."""
    for name in ("modelver", "json", "attrs", "attr"):
        (two.repo / name).mkdir()
        (two.repo / name / "__init__.py").write_text(
            "open('/proc/self/cwd/executed', 'w')\nraise SystemExit(3)\n"
        )
    (two.repo / "sitecustomize.py").write_text("open('executed', 'w')\n")
    two.git("checkout", "main")
    assert two.files() == ONE
    assert not (two.repo / "executed").exists()


def test_no_program_of_the_configuration_is_run(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor that a repository's settings name is not asked."""
    trap = two.folder / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {two.folder}/executed\n")
    trap.chmod(0o755)
    two.git("config", "core.fsmonitor", str(trap))
    two.git("config", "diff.external", str(trap))
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    Path("git").write_text(f"#!/bin/sh\ntouch {two.folder}/executed\n")
    Path("git").chmod(0o755)
    modelver.pull()
    modelver.pin("fraud@1.0.0", "models", registry=two.registry)
    assert not (two.folder / "executed").exists()

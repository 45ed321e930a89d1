"""Hooks and filter: put in, taken out, and in nobody's way."""

import stat
from pathlib import Path

import pytest

import modelver
from modelver._pins import hooks
from modelver._pins.git import require_git
from modelver.errors import AlreadyExistsError, InvalidInputError
from tests.pins.conftest import World
from tests.pins.test_pulling import ONE, TWO

USER = '#!/bin/sh\nset -e\necho "user: $#" >> "$PWD/.git/said"\n'


def installed(world: World) -> hooks.Installed:
    """Install in the repository."""
    return hooks.install(require_git(world.repo))


def put(path: Path, text: str, mode: int = 0o755) -> None:
    """Write a hook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_it_may_be_run_again(world: World) -> None:
    """The second time nothing changes; uninstalled, nothing is left, twice too."""
    git = require_git(world.repo)
    config = (world.repo / ".git/config").read_bytes()
    first = hooks.install(git)
    assert first.works
    assert first.present == hooks.HOOKS
    texts = {p: p.read_bytes() for p in (world.repo / ".git/hooks").iterdir()}
    assert hooks.install(git) == first
    assert {p: p.read_bytes() for p in (world.repo / ".git/hooks").iterdir()} == texts
    for _ in range(2):
        gone = hooks.uninstall(git)
        assert (gone.present, gone.filter, gone.interpreter) == ((), False, None)
    left = {p.name for p in (world.repo / ".git/hooks").iterdir()}
    assert not left & set(hooks.HOOKS)
    assert (world.repo / ".git/config").read_bytes() == config


def test_a_hook_of_a_user_runs_as_well(world: World) -> None:
    """Ours comes first and cannot stop it; taken out, theirs is as it was."""
    path = world.repo / ".git/hooks/post-checkout"
    put(path, USER)
    installed(world)
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    world.commit("one")
    world.git("checkout", "-b", "next")
    modelver.pin("fraud@1.1.0", "models", registry=world.registry)
    world.commit("two")
    world.git("checkout", "main")
    assert world.files() == ONE
    assert (world.repo / ".git/said").read_text().count("user: 3") == 2
    hooks.uninstall(require_git(world.repo))
    assert path.read_text() == USER
    world.git("checkout", "next")
    assert world.files() == ONE


@pytest.mark.parametrize("kind", ["python", "binary", "link", "disabled"])
def test_a_hook_that_cannot_take_lines_is_refused(world: World, kind: str) -> None:
    """Clearly, with the line to add by hand; and nothing at all was changed."""
    path = world.repo / ".git/hooks/post-merge"
    if kind == "link":
        put(world.repo / "shared", USER)
        path.symlink_to(world.repo / "shared")
    elif kind == "binary":
        path.write_bytes(b"\x7fELF\x00\xff")
        path.chmod(0o755)
    else:
        put(path, "#!/usr/bin/env python3\n" if kind == "python" else USER)
        path.chmod(0o644 if kind == "disabled" else 0o755)
    before = path.read_bytes()
    with pytest.raises(AlreadyExistsError, match="post-merge") as caught:
        installed(world)
    assert "hook post-merge" in caught.value.hints[0]
    assert path.read_bytes() == before
    assert not (world.repo / ".git/hooks/post-checkout").exists()
    assert not require_git(world.repo).has_filter()


@pytest.mark.parametrize("shared", [".githooks", "../hooks"])
def test_hooks_are_put_where_git_looks(world: World, shared: str) -> None:
    """``core.hooksPath`` is heeded; the lines name nothing of this machine."""
    world.git("config", "core.hooksPath", shared)
    found = installed(world)
    assert found.hooks == (world.repo / shared).resolve()
    text = (found.hooks / "post-checkout").read_text()
    assert str(world.folder) not in text
    assert "python" not in text
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    world.commit("one")
    world.git("checkout", "-b", "next")
    modelver.pin("fraud@1.1.0", "models", registry=world.registry)
    world.commit("two")
    world.git("checkout", "main")
    assert world.files() == ONE
    # A clone shares tracked hooks; where nobody has installed, they do nothing.
    clone = world.folder / "clone"
    world.git("clone", str(world.repo), str(clone), at=world.folder)
    world.git("config", "core.hooksPath", shared, at=clone)
    world.git("checkout", "next", at=clone)
    assert world.files(clone / "models") == {}


def test_from_a_work_tree(world: World) -> None:
    """Installed in one work tree, it is installed in all of the repository."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    world.commit("one")
    tree = world.folder / "tree"
    world.git("worktree", "add", "-b", "next", str(tree))
    found = hooks.install(require_git(tree))
    assert found.hooks == world.repo / ".git/hooks"
    assert found.top == tree
    world.git("checkout", "-b", "other")
    assert hooks.status(require_git(world.repo)).present == hooks.HOOKS


def test_hooks_go_on_without_modelver(world: World) -> None:
    """With the interpreter gone and none on PATH, a checkout is a checkout."""
    installed(world)
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    world.commit("one")
    world.git("checkout", "-b", "next")
    modelver.pin("fraud@1.1.0", "models", registry=world.registry)
    world.commit("two")
    script = world.repo / ".git/modelver/run"
    lines = ["python='/gone'" if x[:7] == "python=" else x for x in _lines(script)]
    script.write_text("\n".join(lines).replace("command -v modelver", "false"))
    assert not hooks.status(require_git(world.repo)).works
    world.git("checkout", "main")
    assert world.files() == TWO
    script.unlink()
    world.git("checkout", "next")


def test_it_falls_back_to_the_path(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the interpreter gone, the ``modelver`` on PATH runs."""
    installed(world)
    script = world.repo / ".git/modelver/run"
    python = next(x for x in _lines(script) if x.startswith("python="))
    program = world.folder / "bin" / "modelver"
    put(program, f'#!/bin/sh\n{python}\nexec "$python" -P -m modelver "$@"\n')
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/local/bin:/usr/bin:/bin")
    script.write_text(script.read_text().replace(python, "python='/gone'"))
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    world.commit("one")
    (world.repo / "models/fraud/w.bin").unlink()
    world.git("checkout", "-b", "next")
    path = world.repo / "models/fraud.mv.json"
    old = path.read_text()
    modelver.pin("fraud@1.1.0", "models", registry=world.registry)
    world.commit("two")
    world.git("checkout", "main")
    assert path.read_text() == old
    assert world.files() == ONE


def test_modes_and_places(world: World) -> None:
    """Hooks can be run, and whoever else reads the repository cannot write them."""
    installed(world)
    for name in hooks.HOOKS:
        mode = (world.repo / ".git/hooks" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o755


def test_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to install into."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InvalidInputError, match="no Git work tree"):
        require_git(tmp_path)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_hooks_that_are_switched_off(world: World) -> None:
    """A folder that can hold none is an error, and nothing was installed."""
    world.git("config", "core.hooksPath", "/dev/null")
    with pytest.raises(modelver.StorageError):
        installed(world)
    assert not require_git(world.repo).has_filter()
    assert not (world.repo / ".git/modelver/run").exists()

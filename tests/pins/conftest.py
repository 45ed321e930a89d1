"""A registry, and real repositories beside it, for the tests of pins."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

import modelver
from modelver._cli import main
from modelver._registry.registry import Registry
from modelver._registry.version import ModelVersion

if sys.platform == "win32":
    pytest.skip("the hooks are tried with a POSIX shell", allow_module_level=True)


@frozen
class World:
    """A folder with a registry, a home, and repositories.

    Attributes:
        folder: Of all of it.
        registry: With the model ``fraud``.
    """

    folder: Path
    registry: Registry

    @property
    def repo(self) -> Path:
        """The first repository."""
        return self.folder / "repo"

    def git(self, *words: str, at: Path | None = None, code: int = 0) -> str:
        """Run git, and return what it says on both of its ways."""
        done = subprocess.run(
            ["git", *words],  # noqa: S607 - the git of this machine
            cwd=at or self.repo,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
        )
        said = done.stdout.decode("utf-8", "replace")
        assert done.returncode == code, f"git {words}: {done.returncode}\n{said}"
        return said

    def commit(self, message: str, at: Path | None = None) -> str:
        """Commit everything, and return the commit."""
        self.git("add", "--all", at=at)
        self.git("commit", "-m", message, at=at)
        return self.git("rev-parse", "HEAD", at=at).strip()

    def register(
        self, files: Mapping[str, bytes], version: str | None = None, **more: Any
    ) -> ModelVersion:
        """Register a version of ``fraud``."""
        more.setdefault("environment", False)
        return self.registry.register("fraud", files, version=version, **more)

    def run(self, *words: str, code: int = 0) -> None:
        """Run modelver in this process."""
        assert main(["--registry", self.registry.url, *words]) == code, words

    def files(self, folder: Path | None = None) -> dict[str, bytes]:
        """Return what lies in a folder, without Git's own and the pointers."""
        top = folder or self.repo / "models"
        found = (path for path in top.rglob("*") if path.is_file())
        return {
            path.relative_to(top).as_posix(): path.read_bytes()
            for path in found
            if not {".git", ".gitignore", ".gitattributes"} & set(path.parts)
            and not path.name.endswith(".mv.json")
        }


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the Pythons of hooks keep what they have compiled."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(autouse=True)
def _own_git(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    _compiled: Path,
) -> None:
    """Keep git from every setting of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    (home / "gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n"
        "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # The hooks start a Python that must find this very modelver.
    root = Path(modelver.__file__).parents[1]
    paths = [str(root), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    # Each starts one: compiled once, they start in a third of the time.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(_compiled))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a registry with two versions, and an empty repository to work in."""
    folder = tmp_path.resolve()
    registry = Registry(folder / "registry", create=True, author="ada")
    found = World(folder, registry)
    found.register({"w.bin": b"one", "sub/old.txt": b"old"}, "1.0.0")
    found.register({"w.bin": b"two", "new.txt": b"new"}, "1.1.0")
    found.git("init", "repo", at=folder)
    monkeypatch.chdir(found.repo)
    return found

"""Real repositories for tests, made by the git of this machine."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from modelver._capture import CodeTree, capture_tree

IDENTITY: Final = {
    f"GIT_{who}_{what}": "t@example.invalid"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
LFS: Final = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


class Repo:
    """A work tree, and git in it, without the settings of whoever runs the tests."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def init(cls, path: Path) -> "Repo":
        """Make a repository with one commit of ``src/train.py``."""
        path.mkdir(parents=True)
        repo = cls(path)
        repo.git("init", "-q", "-b", "main")
        repo.commit({"src/train.py": "print(1)\n"})
        return repo

    def git(self, *words: str) -> str:
        """Run git, and return what it said."""
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *words],  # noqa: S607
            cwd=self.path,
            env=os.environ | IDENTITY | {"GIT_CONFIG_GLOBAL": os.devnull},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, with their folders."""
        for name, content in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes], message: str = "more") -> str:
        """Write files and commit all there is; return the commit."""
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def tree(self, path: str = "", **wishes: object) -> CodeTree:
        """Return what is captured."""
        found = capture_tree(self.path / path, **wishes)  # type: ignore[arg-type] # as each test says
        assert found is not None
        return found

    def applied(self, patch: bytes, where: Path) -> Path:
        """Return a clone of the commit to which *patch* was applied."""
        self.git("clone", "-q", f"file://{self.path}", str(where))
        if patch:
            subprocess.run(
                ["git", "apply", "--binary", "-"],  # noqa: S607
                cwd=where,
                input=patch,
                check=True,
                capture_output=True,
            )
        return where


def pointer(content: bytes) -> str:
    """Return the text that Git LFS commits for *content*."""
    oid = hashlib.sha256(content).hexdigest()
    spec = "https://git-lfs.github.com/spec/v1"
    return f"version {spec}\noid sha256:{oid}\nsize {len(content)}\n"


def bytes_of(folder: Path) -> dict[str, bytes | str]:
    """Return every file below a folder with its bytes, every link with its target."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else ""
    return found

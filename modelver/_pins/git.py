"""Git, asked for what it knows of a work tree, and told little.

Here it runs for the user whose repository it is, with that user's settings: hooks and
filters belong into the same folders that Git itself would take. The one thing of a
repository's configuration that would run a program for a mere question, the monitor of
its files, is switched off.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from modelver.errors import ErrorKind, InvalidInputError, StorageError

FILTER: Final = "modelver"
"""What files are called in ``.gitattributes`` that Git holds as pointers."""

_SECONDS: Final = 60.0
_QUIET: Final = ("-c", "core.fsmonitor=false", "--no-pager")
_FIELDS: Final = 3  # of a line of cat-file: name, type, size


@frozen
class Git:
    """A work tree and its repository.

    Attributes:
        top: The work tree's upper folder, without links.
        folder: Where Git keeps what is of this work tree alone.
        common: Where it keeps what all work trees of the repository share.
    """

    top: Path
    folder: Path
    common: Path

    def ask(self, *words: str, ok: Iterable[int] = (0,)) -> bytes | None:
        """Return what git says; None where it ends otherwise than expected."""
        done = run(self.top, words)
        return done.stdout if done is not None and done.returncode in ok else None

    def tell(self, *words: str, stdin: bytes = b"") -> bytes:
        """Have git change something.

        Raises:
            StorageError: It refuses.
        """
        done = run(self.top, words, stdin)
        if done is None or done.returncode:
            said = b"" if done is None else done.stderr.strip()
            raise StorageError(
                f"git {words[0]} failed: {said.decode('utf-8', 'replace')[:500]}",
                hint="Run it by hand to see why.",
            )
        return done.stdout

    def listed(self, *words: str) -> list[str]:
        """Return the paths that git lists with ``-z``, as this system writes them."""
        return [os.fsdecode(path) for path in (self.ask(*words) or b"").split(b"\0")]

    def inside(self, path: Path) -> str:
        """Return *path* as git writes it: from the top, with slashes."""
        return path.relative_to(self.top).as_posix()

    def setting(self, name: str) -> str | None:
        """Return a setting that is a path; None where there is none."""
        said = self.ask("config", "--type=path", "-z", "--get", name)
        return os.fsdecode(said.rstrip(b"\0")) if said else None

    def hooks(self) -> Path:
        """Return where hooks are: ``core.hooksPath``, else the repository's own."""
        named = self.setting("core.hooksPath")
        if named is None:
            return self.common / "hooks"
        return Path(os.path.normpath(self.top / named))

    def own_settings(self, name: str) -> list[str]:
        """Return what the user and the machine have set, whatever a repository says."""
        said = self.ask("config", "--show-scope", "-z", "--get-all", name) or b""
        fields = [os.fsdecode(field) for field in said.split(b"\0")]
        found = zip(fields[::2], fields[1::2], strict=False)
        return [text for scope, text in found if scope not in {"local", "worktree"}]

    def blob(self, name: str, limit: int) -> bytes | None:
        """Return a blob of at most *limit* bytes: ``:path`` is that of the index."""
        size = self.ask("cat-file", "-s", name)
        if size is None or int(size) > limit:
            return None
        return self.ask("cat-file", "blob", name)

    def blobs(self, names: Sequence[str], limit: int) -> dict[str, bytes]:
        """Return blobs of at most *limit* bytes by their names, with two processes."""
        asked = "\n".join(dict.fromkeys(names))
        if not asked:
            return {}
        said = self.tell("cat-file", "--batch-check", stdin=f"{asked}\n".encode())
        lines = [line.split() for line in said.decode("ascii", "replace").splitlines()]
        small = [
            line[0]
            for line in lines
            if len(line) == _FIELDS and line[1] == "blob" and int(line[2]) <= limit
        ]
        said = self.tell(
            "cat-file", "--batch", stdin="".join(f"{n}\n" for n in small).encode()
        )
        found, at = {}, 0
        for name in small:
            start = said.index(b"\n", at) + 1
            size = int(said[at:start].split()[2])
            found[name] = said[start : start + size]
            at = start + size + 1
        return found

    def stage(self, path: Path, text: bytes) -> None:
        """Let the index hold *text* for a file, whatever bytes that has.

        Git forgets with it what the file looked like, and asks the filter once.
        """
        oid = self.tell("hash-object", "-w", "--stdin", stdin=text).strip()
        mode = b"100755" if os.access(path, os.X_OK) else b"100644"
        line = b"%s %s 0\t%s\0" % (mode, oid, os.fsencode(self.inside(path)))
        self.tell("update-index", "-z", "--index-info", stdin=line)

    def ignores(self, path: Path) -> bool:
        """Whether Git passes over a file that it does not track yet."""
        done = run(self.top, ("check-ignore", "--quiet", "--", self.inside(path)))
        return done is not None and done.returncode == 0

    def has_filter(self) -> bool:
        """Whether files can be held as pointers."""
        return self.ask("config", "--get", f"filter.{FILTER}.clean") is not None


def find_git(folder: Path) -> Git | None:
    """Return the work tree that holds *folder*; None where there is none, or no git."""
    asked = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")
    found = []
    for question in asked:
        done = run(folder, ("rev-parse", question))
        if done is None or done.returncode or not done.stdout.strip():
            return None
        found.append(os.fsdecode(done.stdout.removesuffix(b"\n")))
    top, own, common = (Path(os.path.realpath(folder / path)) for path in found)
    return Git(top, own, common)


def require_git(folder: Path) -> Git:
    """Return the work tree that holds *folder*.

    Raises:
        InvalidInputError: There is none.
    """
    git = find_git(folder)
    if git is None:
        raise InvalidInputError(
            f"{os.fspath(folder)!r} is in no Git work tree",
            kind=ErrorKind.MISSING_FILE,
            hint="Go into the repository first, and see that `git status` works there.",
        )
    return git


def run(
    folder: Path, words: Sequence[str], stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes] | None":
    """Run git in a folder; None where there is no git, or it hangs."""
    # A relative entry of PATH would run the `git` that lies in the folder.
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    absolute = os.pathsep.join(e for e in entries if Path(e).is_absolute())
    program = shutil.which("git", path=absolute)
    if program is None:
        return None
    try:
        return subprocess.run(  # noqa: S603 - a list, no shell
            [program, *_QUIET, *words],
            cwd=folder,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None

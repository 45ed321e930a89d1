"""Which commit the code was at.

A repository is data that somebody else may have written, and git runs programs that
a repository's configuration names: monitors, hooks, filters, external differs. Here
git runs with an empty environment and with each of them switched off. It writes
nothing and reaches for no network.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import IO, Final, cast

from attrs import frozen

from modelver._capture.scrub import scrub_remote

_SECONDS: Final = 10.0
_CAP: Final = 2**20
_MOST_FILTERS: Final = 64
_MOST_PATHS: Final = 50
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILTER = re.compile(r"filter\.(.+)\.(?:clean|smudge|process|required)", re.DOTALL)
_REMOTE = re.compile(r"remote\.(.+)\.url", re.DOTALL)
_OFF: Final = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.untrackedCache=false",
    "diff.external=",
    "protocol.allow=never",
    # A folder laid out like a bare repository may come with anybody's files.
    "safe.bareRepository=explicit",
    "status.submoduleSummary=false",
    "submodule.recurse=false",
)


@frozen(kw_only=True)
class GitState:
    """Where a work tree stands.

    Attributes:
        commit: Full hex object name.
        branch: None where no branch is checked out.
        dirty: Whether tracked files differ from the commit. None where that cannot
            be told without running the repository's own filters. Files that git
            does not track, and changes inside submodules, do not count.
        remote: Where it was cloned from, without credentials, query and fragment;
            None where it is a folder or cannot be parsed.
    """

    commit: str
    branch: str | None
    dirty: bool | None
    remote: str | None


def _environment(folders: Sequence[str]) -> dict[str, str]:
    kept = {k: os.environ[k] for k in ("SYSTEMROOT",) if k in os.environ}
    return kept | {
        "PATH": os.pathsep.join(folders),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_ASKPASS": "",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End git and whatever it may have started."""
    if process.poll() is not None:
        return
    if os.name == "nt":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class _Git:
    """Runs git in one folder, all runs together within the time allowed."""

    def __init__(self, folder: Path) -> None:
        # A relative entry of PATH would run the `git` that lies in the folder.
        entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
        folders = [entry for entry in entries if Path(entry).is_absolute()]
        self._program = shutil.which("git", path=os.pathsep.join(folders))
        self._folder = folder
        self._variables = _environment(folders)
        self._deadline = time.monotonic() + _SECONDS

    def run(self, *words: str, off: Sequence[str] = ()) -> bytes | None:
        """Return what git said, cut at 1 MiB, or None where it failed or hung."""
        left = self._deadline - time.monotonic()
        if self._program is None or left <= 0:
            return None
        settings = [word for setting in (*_OFF, *off) for word in ("-c", setting)]
        process = subprocess.Popen(  # noqa: S603 - no word of it is foreign, or is quoted
            [self._program, "--no-pager", *settings, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=self._variables,
            start_new_session=os.name != "nt",
        )
        timer = Timer(left, _kill, [process])
        timer.daemon = True
        timer.start()
        try:
            with cast("IO[bytes]", process.stdout) as pipe:
                said = pipe.read(_CAP + 1)
            if len(said) > _CAP:
                return said[:_CAP]
            return said if process.wait() == 0 else None
        finally:
            timer.cancel()
            _kill(process)
            process.wait()


def _settings(listing: bytes) -> dict[str, str]:
    """Return the configuration; of a key that is set twice, the last value."""
    found = {}
    for item in listing.decode("utf-8", "replace").split("\0"):
        key, _, value = item.partition("\n")
        found[key] = value
    return found


def _filters_off(settings: dict[str, str]) -> list[str] | None:
    """Return what switches the repository's filters off; None where nothing does."""
    names = {m[1] for key in settings if (m := _FILTER.fullmatch(key)) is not None}
    # git takes the first "=" for the end of the key.
    strange = any("=" in name or "\ufffd" in name for name in names)
    if strange or len(names) > _MOST_FILTERS:
        return None
    return [
        f"filter.{name}.{what}"
        for name in sorted(names)
        for what in ("clean=", "smudge=", "process=", "required=false")
    ]


def _remote(settings: dict[str, str], branch: str | None) -> str | None:
    """Return the remote that the branch follows; else ``origin``; else the only one."""
    remotes = {m[1]: v for k, v in settings.items() if (m := _REMOTE.fullmatch(k))}
    for name in (settings.get(f"branch.{branch}.remote"), "origin"):
        if name in remotes:
            return scrub_remote(remotes[name])
    return scrub_remote(*remotes.values()) if len(remotes) == 1 else None


def _changed(fields: Sequence[bytes]) -> list[bytes]:
    """Return the paths of ``status --porcelain=v2 -z`` without renames."""
    spaces = {b"1": 8, b"u": 10}
    return [
        field.split(b" ", spaces[field[:1]])[-1]
        for field in fields
        if field[:1] in spaces
    ]


def _is_dirty(git: _Git, changed: list[bytes]) -> bool | None:
    """Return whether *changed* holds a change that no filter can explain."""
    if not changed:
        return False
    paths = [os.fsdecode(path) for path in changed[:_MOST_PATHS]]
    up = git.run("rev-parse", "--show-cdup")  # the paths start at the top
    if up is None:
        return None
    top = os.fsdecode(up.strip()) or os.curdir
    said = git.run("-C", top, "check-attr", "-z", "filter", "--", *paths)
    if said is None:
        return None
    values = said.split(b"\0")[2::3]
    plain = any(value in {b"unspecified", b"unset"} for value in values)
    return True if plain else None


def _state(git: _Git) -> GitState | None:
    listing = git.run("config", "--list", "-z")
    if listing is None or len(listing) >= _CAP:
        return None
    settings = _settings(listing)
    off = _filters_off(settings)
    said = None
    if off is not None:
        status = ("status", "--porcelain=v2", "--branch", "-z", "--no-renames")
        ignored = ("--untracked-files=no", "--ignore-submodules=dirty")
        said = git.run(*status, *ignored, off=off)
    if said is None:
        return _commit_alone(git, settings)
    fields = said.split(b"\0")[:-1]  # the last one is empty, or was cut
    heads = {}
    for field in fields:
        if field.startswith(b"# branch."):
            key, _, value = field.removeprefix(b"# branch.").partition(b" ")
            heads[key] = value.decode("utf-8", "replace")
    commit = heads.get(b"oid", "")
    if not _COMMIT.fullmatch(commit):
        return None
    branch = heads.get(b"head")
    if branch == "(detached)":
        branch = None
    return GitState(
        commit=commit,
        branch=branch,
        dirty=_is_dirty(git, _changed(fields)),
        remote=_remote(settings, branch),
    )


def _commit_alone(git: _Git, settings: dict[str, str]) -> GitState | None:
    """Return the commit where the work tree cannot be looked at."""
    said = git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    commit = (said or b"").decode("ascii", "replace").strip()
    if not _COMMIT.fullmatch(commit):
        return None
    return GitState(
        commit=commit, branch=None, dirty=None, remote=_remote(settings, None)
    )


def capture_commit(path: str | os.PathLike[str]) -> GitState | None:
    """Return the state of the work tree that holds *path*, a folder or a file.

    None where there is no git, no repository, no commit yet, or where git does not
    trust the repository because another user owns it. The user's own git settings
    are not read. Takes 10 seconds at most, and never raises.
    """
    try:
        place = Path(os.path.realpath(path))
        return _state(_Git(place if place.is_dir() else place.parent))
    except Exception:  # noqa: BLE001 - provenance is never worth a registration
        return None

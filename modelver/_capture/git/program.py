"""Runs git so that nothing a repository says is executed, and never for long."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread, Timer
from typing import IO, Final, cast

SECONDS: Final = 10.0
"""For all runs of one capture together."""
CAP: Final = 2**20
"""Bytes that git may say at once, where nothing else is said."""

_OFF: Final = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.untrackedCache=false",
    # It would write the index, and does not care for GIT_OPTIONAL_LOCKS.
    "diff.autoRefreshIndex=false",
    "diff.external=",
    "protocol.allow=never",
    # A folder laid out like a bare repository may come with anybody's files.
    "safe.bareRepository=explicit",
    "status.submoduleSummary=false",
    "submodule.recurse=false",
)


def _alone(folders: Sequence[str]) -> dict[str, str]:
    """Return the variables of a git that knows no user."""
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


def _with_user(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a git that finds the user's own settings."""
    mine = {
        name: value
        for name, value in os.environ.items()
        if name in ("HOME", "XDG_CONFIG_HOME", "USERPROFILE")
        or name.startswith("GIT_CONFIG_")
    }
    kept = {k: v for k, v in variables.items() if not k.startswith("GIT_CONFIG_")}
    return kept | mine


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


def new_deadline() -> float:
    """Return when a capture that begins now must have ended."""
    return time.monotonic() + SECONDS


class Git:
    """Runs git in one folder, all runs together within the time allowed."""

    def __init__(self, folder: Path, deadline: float | None = None) -> None:
        # A relative entry of PATH would run the `git` that lies in the folder.
        entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
        folders = [entry for entry in entries if Path(entry).is_absolute()]
        self._program = shutil.which("git", path=os.pathsep.join(folders))
        self._variables = _alone(folders)
        self.folder = folder
        self.deadline = new_deadline() if deadline is None else deadline

    def run(
        self,
        *words: str,
        off: Sequence[str] = (),
        cap: int = CAP,
        feed: bytes | None = None,
        user: bool = False,
    ) -> bytes | None:
        """Return what git said, or None where it failed or hung.

        One run has half of the time that is left, so that one that hangs does not
        cost everything that comes after it.

        Args:
            words: The command; what is foreign in it cannot be taken for an option.
            off: Further settings.
            cap: Bytes; as many are returned where it said more.
            feed: What it reads from its standard input.
            user: Whether it sees the settings of the user and of the system. Only to
                read them: they name programs too.
        """
        left = (self.deadline - time.monotonic()) / 2
        if self._program is None or left <= 0:
            return None
        settings = [word for setting in (*_OFF, *off) for word in ("-c", setting)]
        process = subprocess.Popen(  # noqa: S603 - no word of it is foreign, or is quoted
            [self._program, "--no-pager", *settings, *words],
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=_with_user(self._variables) if user else self._variables,
            start_new_session=os.name != "nt",
        )
        if feed:
            Thread(target=_feed, args=(process.stdin, feed), daemon=True).start()
        return _listen(process, left, cap)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    try:
        with pipe:
            pipe.write(data)
    except OSError:
        return  # git has ended, or was ended


def _listen(
    process: "subprocess.Popen[bytes]", seconds: float, cap: int
) -> bytes | None:
    timer = Timer(seconds, _kill, [process])
    timer.daemon = True
    timer.start()
    try:
        with cast("IO[bytes]", process.stdout) as pipe:
            said = pipe.read(cap + 1)
        if len(said) > cap:
            return said[:cap]
        return said if process.wait() == 0 else None
    finally:
        timer.cancel()
        _kill(process)
        process.wait()

"""Runs the command of a version: bounded in time, with its whole family."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer
from typing import IO, Final, cast

from attrs import frozen

_PYTHONS: Final = frozenset({"python", "python3", "python.exe", "py"})
_MAX_LOG: Final = 64 * 2**20
_CHUNK: Final = 64 * 1024
_TAIL: Final = 8
_TAIL_BYTES: Final = 8192
# What would lead the interpreter away from the environment that was built.
_NOT_PASSED_ON: Final = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV")


@frozen(kw_only=True)
class RunResult:
    """How a command ended.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        seconds: How long it ran.
        timed_out: Whether it was ended because its time was up.
        tail: The last lines that it said.
    """

    code: int
    seconds: float
    timed_out: bool
    tail: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it ran to its end, and said that all is well."""
        return self.code == 0 and not self.timed_out


def words_of(command: Sequence[str], python: Path) -> list[str]:
    """Return *command* with its interpreter, or its program, from *python*'s folder.

    A name that is not found there is left to the PATH.
    """
    program, *rest = command
    name = Path(program).name
    if name in _PYTHONS or name.startswith("python3."):
        return [os.fspath(python), *rest]
    if os.sep not in program and "/" not in program:
        beside = shutil.which(program, path=os.fspath(python.parent))
        if beside is not None:
            return [beside, *rest]
    return [program, *rest]


def variables_of(python: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment variables, led to *python*, and *more*."""
    kept = {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON}
    path = kept.get("PATH", os.defpath)
    kept["PATH"] = os.pathsep.join([os.fspath(python.parent), path])
    return kept | dict(more)


def run_command(
    words: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    *,
    timeout: float | None,
    log: Path,
) -> RunResult:
    """Run *words* in *folder*, what they say going to the file *log* (64 MiB of it).

    When the time is up, or when this is interrupted, the command is ended with every
    process that it started and that stayed in its group.

    Raises:
        OSError: The program cannot be started.
    """
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - it is what the user asked for by run=True
        list(words),
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,  # what it says is in the log when it says it
        start_new_session=os.name != "nt",
    )
    late: list[bool] = []

    def end() -> None:
        late.append(True)
        _kill(process)

    timer = Timer(timeout, end) if timeout is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        with cast("IO[bytes]", process.stdout) as said, log.open("wb") as file:
            tail = _copy(said, file)
        code = process.wait()
    finally:
        if timer is not None:
            timer.cancel()
        _kill(process)
        process.wait()
    return RunResult(
        code=code,
        seconds=time.monotonic() - began,
        timed_out=bool(late),
        tail=tail,
    )


def _copy(said: IO[bytes], file: IO[bytes]) -> tuple[str, ...]:
    left = _MAX_LOG
    last = b""
    while chunk := said.read(_CHUNK):
        file.write(chunk[:left])
        left = max(0, left - len(chunk))
        last = (last + chunk)[-_TAIL_BYTES:]
    return tuple(deque(last.decode("utf-8", "replace").splitlines(), maxlen=_TAIL))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the command and its group; what has ended already is left alone."""
    if sys.platform == "win32":
        if process.poll() is None:
            process.kill()
        return
    try:
        # The group outlives its first process as long as a child of it runs.
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return

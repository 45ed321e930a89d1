"""A server of the tests: started on a free port of this machine, ended by its id."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

HOST: Final = "127.0.0.1"
_PATIENCE: Final = 60.0  # seconds, on a machine that does a hundred other things
_LAST_WORDS: Final = 2000


def free_ports(count: int) -> list[int]:
    """Return *count* ports that nobody listens on, different ones."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def program(name: str, install: str) -> str:
    """Return the path of a program of this environment, or of the system.

    Where there is none, the test is skipped, loudly.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"NOT TESTED: {name} is not installed; {install}")
    return found


def is_open(port: int) -> bool:
    """Whether somebody listens on *port*."""
    with socket.socket() as trial:
        trial.settimeout(1)
        return trial.connect_ex((HOST, port)) == 0


@contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    ready: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[int]:
    """Run a server until the block ends; its output goes to ``server.log``.

    Args:
        command: What to start.
        folder: Where it runs, and may write.
        ready: Asked until it says that the server answers.
        env: For it, beside the environment of the tests.
        stop: How to end it.

    Yields:
        Its process id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while not ready():
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-_LAST_WORDS:]
                pytest.fail(f"{Path(command[0]).name} does not answer:\n{said}")
            time.sleep(0.05)
        yield server.pid
    finally:
        server.send_signal(stop)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

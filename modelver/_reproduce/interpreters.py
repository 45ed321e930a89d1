"""Finds a Python of the recorded implementation and minor version on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from modelver._values.manifest import Environment
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError, NotFoundError

_SECONDS: Final = 30.0
_CAP: Final = 2**20
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.[0-9A-Za-z.+]{1,40})?")
_COMMANDS: Final = {"cpython": "python", "pypy": "pypy", "graalpy": "graalpy"}
# Without PYTHONPATH and the folder that it stands in: only what is installed counts.
_ALONE: Final = ("-E", "-P")
_TELL: Final = (
    "import json, platform, sys; "
    "print(json.dumps([sys.implementation.name, platform.python_version(), sys.path, "
    "sys.prefix]))"
)


@frozen
class Interpreter:
    """A Python that was asked what it is.

    Attributes:
        path: How to start it.
        implementation: ``cpython``, ``pypy``.
        version: In full.
        folders: Where it looks for packages.
        prefix: What it is installed in.
    """

    path: Path
    implementation: str
    version: str
    folders: tuple[str, ...]
    prefix: str


def ask(path: Path) -> Interpreter | None:
    """Return what the program *path* says that it is; None where it is no Python.

    Its start runs what its environment says: ``.pth`` files, ``sitecustomize``.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the caller's own, or found where Pythons are
            [os.fspath(path), *_ALONE, "-c", _TELL],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
        said = json.loads(done.stdout[:_CAP].splitlines()[-1])
        implementation, version, folders, prefix = said
        return Interpreter(
            path, str(implementation), str(version), tuple(map(str, folders)), prefix
        )
    except (OSError, ValueError, LookupError, TypeError, subprocess.SubprocessError):
        return None


def find(environment: Environment, given: str | os.PathLike[str] | None) -> Interpreter:
    """Return an interpreter for *environment*; of several, the recorded release.

    Args:
        environment: What was recorded.
        given: The one to take; None: look for one, at this very one, ``pythonX.Y`` on
            the PATH, and what pyenv and uv have installed.

    Raises:
        NotFoundError: There is none (kind ``INTERPRETER``).
        InvalidInputError: The one that is given is none, or another one.
    """
    wanted = _VERSION.fullmatch(environment.python)
    if wanted is None:
        raise InvalidInputError(
            f"the recorded Python is {quoted(environment.python)}, which is no version",
            kind=ErrorKind.BAD_VERSION,
        )
    minor = f"{wanted[1]}.{wanted[2]}"
    if given is not None:
        return _given(environment, Path(given), minor)
    best: Interpreter | None = None
    for path in _candidates(environment, minor):
        found = ask(path)
        if found is None or not _fits(environment, found, minor):
            continue
        if found.version == environment.python:
            return found
        best = best or found
    if best is None:
        raise NotFoundError(
            f"no {environment.implementation} {minor} is installed here",
            kind=ErrorKind.INTERPRETER,
            hint=f"Install Python {environment.python}, or name one by python=.",
        )
    return best


def _given(environment: Environment, path: Path, minor: str) -> Interpreter:
    program = shutil.which(path)
    found = None if program is None else ask(Path(program))
    if found is None:
        raise InvalidInputError(
            f"{quoted(os.fspath(path))} is no Python that can be started",
            kind=ErrorKind.BAD_PATH,
            hint="Give the path of an interpreter, of Python 3.11 or later.",
        )
    if not _fits(environment, found, minor):
        raise InvalidInputError(
            f"{quoted(os.fspath(path))} is {difference(environment, found)}",
            hint=f"Give a {environment.implementation} {minor}.",
        )
    return found


def _fits(environment: Environment, found: Interpreter, minor: str) -> bool:
    same = found.implementation == environment.implementation
    return same and found.version.startswith(f"{minor}.")


def difference(environment: Environment, found: Interpreter) -> str | None:
    """Return how *found* is another Python than the recorded one; None: it is not."""
    if _fits(environment, found, ".".join(environment.python.split(".")[:2])):
        return None
    return (
        f"{found.implementation} {found.version}, recorded is "
        f"{environment.implementation} {environment.python}"
    )


def program_on_path(name: str) -> str | None:
    """Return where a program is; a relative entry of PATH leads nowhere.

    It would run what happens to lie in the current folder.
    """
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    folders = [entry for entry in entries if Path(entry).is_absolute()]
    return shutil.which(name, path=os.pathsep.join(folders))


def _candidates(environment: Environment, minor: str) -> Iterator[Path]:
    """Yield programs that may be it, each once."""
    seen = set()
    for path in _everywhere(environment, minor):
        if path not in seen and path.is_file():
            seen.add(path)
            yield path


def _everywhere(environment: Environment, minor: str) -> Iterator[Path]:
    if sys.version_info[:2] == tuple(map(int, minor.split("."))):
        yield Path(sys.executable)
    command = _COMMANDS.get(environment.implementation, "python")
    program = program_on_path(f"{command}{minor}")
    if program is not None:
        yield Path(program)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for name in (environment.python, f"{minor}.*"):
        # The version is checked: digits, letters and dots.
        yield from sorted(pyenv.glob(f"{name}/bin/{command}{minor}"), reverse=True)
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or _data_home() / "uv" / "python")
    pattern = f"{environment.implementation}-{minor}.*/bin/{command}{minor}"
    if environment.implementation in _COMMANDS:
        yield from sorted(uv.glob(pattern), reverse=True)


def _data_home() -> Path:
    said = os.environ.get("XDG_DATA_HOME")
    return Path(said) if said else Path.home() / ".local" / "share"

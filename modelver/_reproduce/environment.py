"""Builds a virtual environment of exactly what was recorded, and compares it."""

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

from attrs import Factory, define, evolve

from modelver._reproduce.installed import compared, installed_in
from modelver._reproduce.interpreters import (
    Interpreter,
    ask,
    difference,
    find,
    program_on_path,
)
from modelver._reproduce.run import run_command
from modelver._reproduce.strays import files_in, strays_in
from modelver._values.environment_check import EnvironmentCheck
from modelver._values.manifest import Environment
from modelver._values.requirements import pins
from modelver._values.text import quoted
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    InvalidInputError,
    NotFoundError,
    StorageError,
)

TOOLS: Final = ("uv", "pip")
_MINUTES: Final = 60 * 60.0
_TAIL: Final = 20
# These say where to, or what else: the rest of a user's settings say where from.
_NOT_PASSED_ON: Final = frozenset(
    {
        "PIP_CONSTRAINT",
        "PIP_DRY_RUN",
        "PIP_EDITABLE",
        "PIP_IGNORE_INSTALLED",
        "PIP_PREFIX",
        "PIP_PYTHON",
        "PIP_REQUIREMENT",
        "PIP_ROOT",
        "PIP_TARGET",
        "PIP_USER",
        "PYTHONHOME",
        "PYTHONPATH",
        "UV_CONSTRAINT",
        "UV_OVERRIDE",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_TARGET",
        "VIRTUAL_ENV",
    }
)
# Where pip looks for packages, if one of these says so. uv knows none of them.
_PIP_SOURCES: Final = (
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
)
_UV_SOURCES: Final = (
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
)
_USERINFO = re.compile(r"(?<=://)[^/\s@]*@")
_BEHIND = re.compile(r"(?<=\S)[?#](?!sha(?:256|384|512)=)[^\s'\")]*")


class Told(Protocol):
    """Hears how many distributions there are, and when they are done."""

    def set_size(self, size: int) -> None:
        """Hear how many."""

    def relative_update(self, inc: int = 1) -> None:
        """Hear that so many are done."""


def create_environment(
    environment: Environment,
    dest: Path,
    *,
    python: str | os.PathLike[str] | None = None,
    tool: str | None = None,
    told: Told | None = None,
) -> EnvironmentCheck:
    """Build it in the new folder *dest*, and return how far it is the recorded one.

    The folder is there at the end, whatever the comparison shows, and is gone where
    building it failed.

    Args:
        environment: What was recorded.
        dest: A path where nothing is.
        python: The interpreter; see :func:`find`.
        tool: ``uv`` or ``pip``; None: uv where it is on the PATH, unless it is pip that
            was told where packages come from.
        told: Who hears of progress.

    Raises:
        AlreadyExistsError: Something is at *dest*.
        NotFoundError: There is no such interpreter, or no such tool.
        InvalidInputError: *python* is another one.
        StorageError: A distribution cannot be installed (kind ``NOT_REBUILT``).
    """
    began = time.monotonic()
    chosen = _tool(tool)
    interpreter = find(environment, python)
    _make(dest)
    words = list(pins(environment).values())
    if told is not None:
        told.set_size(len(words))
    try:
        with tempfile.TemporaryDirectory(prefix="modelver-env-") as scratch:
            builder = _Builder(dest, Path(scratch), environment)
            if chosen == "uv":
                builder.with_uv(interpreter, words)
            else:
                builder.with_pip(interpreter, words)
            log = builder.last_lines()
        # Its Python is not started: what was installed might run then.
        there = installed_in(map(str, sites_in(dest)))
        strays = strays_in(there, known=builder.known, compiled=builder.compiles)
        start = EnvironmentCheck(
            recorded=environment.python,
            python=interpreter.version,
            interpreter=os.fspath(python_in(dest)),
        )
        check = compared(environment, there, start, strays)
    except BaseException:
        shutil.rmtree(dest, ignore_errors=True)
        raise
    if told is not None:
        told.relative_update(len(words))
    return evolve(check, seconds=time.monotonic() - began, log=log)


def compare_environment(
    environment: Environment, python: str | os.PathLike[str]
) -> EnvironmentCheck:
    """Return how far an environment that is there is the recorded one.

    Nothing is installed. Every file is read that a RECORD names.

    Args:
        environment: What was recorded.
        python: The environment's interpreter, or its folder.

    Raises:
        InvalidInputError: It is no Python of 3.11 or later that can be started.
    """
    began = time.monotonic()
    path = Path(python)
    if path.is_dir():
        path = python_in(path)
    program = shutil.which(path)
    found = None if program is None else ask(Path(program))
    if found is None:
        raise InvalidInputError(
            f"{quoted(os.fspath(python))} is no Python that can be started",
            kind=ErrorKind.BAD_PATH,
            hint="Give the interpreter of an environment, of Python 3.11 or later.",
        )
    start = EnvironmentCheck(
        recorded=environment.python,
        python=found.version,
        interpreter=os.fspath(found.path),
        other_python=difference(environment, found),
    )
    there = installed_in(found.folders)
    check = compared(
        environment, there, start, strays_in(there, known={}, compiled=True)
    )
    return evolve(check, seconds=time.monotonic() - began)


def python_in(folder: Path) -> Path:
    """Return where a virtual environment has its interpreter."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def sites_in(folder: Path) -> list[Path]:
    """Return where a virtual environment has its packages."""
    patterns = ("Lib/site-packages", "lib/*/site-packages", "lib64/*/site-packages")
    found = (path for pattern in patterns for path in sorted(folder.glob(pattern)))
    return list({os.path.realpath(path): path for path in found}.values())


def _tool(tool: str | None) -> str:
    if tool is not None and tool not in TOOLS:
        raise InvalidInputError(
            f"{quoted(tool)} builds no environment",
            hint=f"Choose one of {', '.join(TOOLS)}, or leave tool= out.",
        )
    uv = program_on_path("uv")
    if tool == "uv" and uv is None:
        raise NotFoundError(
            "uv is not on the PATH",
            kind=ErrorKind.INTERPRETER,
            hint="Install uv, or leave tool= out to use pip.",
        )
    if tool is not None:
        return tool
    of_pip = any(os.environ.get(name) for name in _PIP_SOURCES) or _has_pip_file()
    of_uv = any(os.environ.get(name) for name in _UV_SOURCES)
    return "uv" if uv is not None and (of_uv or not of_pip) else "pip"


def _has_pip_file() -> bool:
    """Whether a file tells pip where packages come from (pip's own places)."""
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    etc = (Path("/etc"), Path("/etc/xdg/pip"))
    places = (config / "pip", home / ".pip", Path(sys.prefix), *etc)
    return any((place / "pip.conf").is_file() for place in places)


def _make(dest: Path) -> None:
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        dest.mkdir()
    except FileExistsError:
        raise AlreadyExistsError(
            f"{os.fspath(dest)!r} is there already",
            hint="Name a folder that does not exist: the environment is built in it.",
        ) from None
    except OSError as error:
        raise StorageError(
            f"cannot make {os.fspath(dest)!r}: {error.strerror or error}"
        ) from error


@define
class _Builder:
    """Runs the programs that build one environment.

    Attributes:
        known: What was there before a package was installed, by folder.
        compiles: Whether pip itself was installed, and compiled.
    """

    dest: Path
    scratch: Path
    environment: Environment
    known: dict[Path, dict[str, str | None]] = Factory(dict)
    compiles: bool = False

    def with_uv(self, base: Interpreter, words: Sequence[str]) -> None:
        uv = str(program_on_path("uv"))
        python = os.fspath(base.path)
        self._run([uv, "venv", "--no-project", "--python", python, str(self.dest)])
        self._look()
        if words:
            to = ["--python", str(python_in(self.dest))]
            how = ["--no-deps", "--no-compile-bytecode"]
            self._run([uv, "pip", "install", *to, *how, "-r", self._listed(words)])

    def with_pip(self, base: Interpreter, words: Sequence[str]) -> None:
        python = os.fspath(base.path)
        inside = str(python_in(self.dest))
        # This process's pip can install for another Python, so that the environment
        # needs none of its own: what was recorded without pip is made without it.
        ours = find_spec("pip") is not None
        bare = ["--without-pip"] if ours else []
        self._run([python, "-m", "venv", *bare, str(self.dest)])
        self._look()
        self.compiles = not ours
        pip = [sys.executable, "-m", "pip", "--python", inside]
        if not ours:
            pip = [inside, "-m", "pip"]
        if words:
            how = ["--no-deps", "--no-compile", "--no-input", "--no-user"]
            quiet = ["--disable-pip-version-check", "--progress-bar", "off"]
            self._run([*pip, "install", *how, *quiet, "-r", self._listed(words)])
        extra = {"pip", "setuptools"} - set(self.environment.packages)
        if not ours and extra:
            self._run([inside, "-m", "pip", "uninstall", "-y", *sorted(extra)])

    def _look(self) -> None:
        self.known = {folder: files_in(folder) for folder in sites_in(self.dest)}

    def last_lines(self) -> tuple[str, ...]:
        """Return the end of what the last program said, without secrets."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - 64 * 2**10))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ()
        return tuple(scrubbed(line) for line in text.splitlines()[-_TAIL:])

    @property
    def _log(self) -> Path:
        return self.scratch / "log"

    def _listed(self, words: Sequence[str]) -> str:
        path = self.scratch / "requirements.txt"
        path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
        return str(path)

    def _run(self, words: Sequence[str]) -> None:
        try:
            done = run_command(
                words, self.scratch, _variables(), timeout=_MINUTES, log=self._log
            )
        except OSError as error:
            raise self._failed(words, [error.strerror or str(error)]) from error
        if not done.ok:
            said = [line for line in self.last_lines() if line.strip()]
            raise self._failed(words, said)

    def _failed(self, words: Sequence[str], said: Sequence[str]) -> StorageError:
        error = StorageError(
            f"the environment cannot be built: {Path(words[0]).name} failed",
            kind=ErrorKind.NOT_REBUILT,
            log=tuple(said),
            hint=_hint(self.environment),
        )
        if said:
            error.add_note("Its last lines: " + "\n  ".join(["", *said]).lstrip(" "))
        return error


def _variables() -> Mapping[str, str]:
    kept = {k: v for k, v in os.environ.items() if k.upper() not in _NOT_PASSED_ON}
    # Compiled code that is there after all did not come from this.
    ours = {"PYTHONDONTWRITEBYTECODE": "1", "PIP_REQUIRE_VIRTUALENV": "0"}
    return kept | ours


def scrubbed(line: str) -> str:
    """Return a line of an installer without what could be secret in an address."""
    return _BEHIND.sub("", _USERINFO.sub("", line)) if "://" in line else line


def _hint(environment: Environment) -> str:
    """Return what to look at: packages that the usual index does not have."""
    labelled = [f"{n}=={v}" for n, v in environment.packages.items() if "+" in v]
    if labelled:
        named = ", ".join(sorted(labelled)[:5])
        return (
            f"{named} came from an index of its own: name it to pip by "
            "PIP_EXTRA_INDEX_URL, or to uv by UV_INDEX."
        )
    return (
        "pip's settings and PIP_* variables (UV_* for uv) decide where packages come "
        "from: see that they lead to where the recorded versions are."
    )

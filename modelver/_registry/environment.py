"""The environment of a version: what was recorded, built again, compared, exported."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelver._bundle import local_path
from modelver._capture import text_drift
from modelver._registry.core import Core
from modelver._registry.progress import progressing
from modelver._values.environment_check import EnvironmentCheck
from modelver._values.export import conda_text, dockerfile_text, requirements_text
from modelver._values.manifest import Environment
from modelver._values.state import VersionState
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError, NotFoundError

FORMATS: Final = ("requirements", "pylock", "dockerfile", "conda")
"""What :meth:`VersionEnvironment.export` can write."""

_LOCKS: Final = "environment/"


class VersionEnvironment:
    """The interpreter and the packages of a version; they can be had again.

    Two are equal if they say the same, wherever they were recorded.
    """

    def __init__(self, core: Core, state: VersionState, value: Environment) -> None:
        """Made by a version; not called by users."""
        self._core = core
        self._state = state
        self._value = value

    @property
    def implementation(self) -> str:
        """``cpython``, ``pypy``."""
        return self._value.implementation

    @property
    def python(self) -> str:
        """Full version: ``3.11.7``."""
        return self._value.python

    @property
    def packages(self) -> Mapping[str, str]:
        """Distribution name (normalised) to version."""
        return dict(self._value.packages)

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Distribution to the SHA-256 of what its RECORD says of its files.

        The same for the same wheel, wherever it is installed. One that has no such
        record, or is installed in place for editing, has none.
        """
        return dict(self._value.fingerprints)

    @property
    def sources(self) -> Mapping[str, str]:
        """Distribution to where it came from, where that was no index.

        An address with its commit or its hash, ``local``, ``editable`` or ``unknown``.
        """
        return dict(self._value.sources)

    @property
    def locks(self) -> tuple[str, ...]:
        """The lock files that were kept: ``environment/uv.lock`` in the bundle.

        Raises:
            IntegrityError: The manifest is damaged.
        """
        files = self._core.manifest(self._state).bundle.files
        return tuple(f.path for f in files if f.path.startswith(_LOCKS))

    def create(
        self,
        dest: str | os.PathLike[str],
        *,
        python: str | os.PathLike[str] | None = None,
        tool: str | None = None,
        progress: Any = None,
    ) -> EnvironmentCheck:
        """Build a virtual environment of exactly these distributions, and compare it.

        Each is installed by its exact version, or from its address and commit, without
        what it depends on: that was recorded too. This runs the installers of these
        packages: of a registry that you do not trust, build nothing. pip's settings and
        ``PIP_*`` variables (``UV_*`` for uv) decide where packages come from.

        Then the fingerprints are compared one by one, and every file with its RECORD.

        Args:
            dest: The folder that is made. It stays, whatever the comparison shows.
            python: The interpreter: a path or a command. None: one of the recorded
                implementation and minor version is looked for, the very same release
                first.
            tool: ``uv`` or ``pip``. None: uv where it is on the PATH, unless it is pip
                alone that was told where packages come from.
            progress: As for :meth:`Registry.register`.

        Returns:
            What is the same and what is not; true where all is.

        Raises:
            AlreadyExistsError: Something is at *dest*.
            NotFoundError: No such Python is installed (kind ``INTERPRETER``).
            InvalidInputError: *python* is another one, or *tool* unknown.
            StorageError: A distribution cannot be installed (kind ``NOT_REBUILT``); the
                folder is gone.
        """
        from modelver._reproduce.environment import (  # noqa: PLC0415 - for this alone
            create_environment,
        )

        target = local_path(dest, "the environment's folder").absolute()
        with progressing(progress, f"building {self._state.ref}", "packages") as told:
            return create_environment(
                self._value, target, python=_python(python), tool=tool, told=told
            )

    def compare(self, python: str | os.PathLike[str]) -> EnvironmentCheck:
        """Compare an environment that is there; nothing is installed.

        The environment's Python is started, to be asked where it has its packages.

        Args:
            python: The environment's interpreter, or its folder.

        Raises:
            InvalidInputError: It is no Python of 3.11 or later that can be started.
        """
        from modelver._reproduce.environment import (  # noqa: PLC0415 - for this alone
            compare_environment,
        )

        return compare_environment(self._value, _python(python) or python)

    def export(self, format: str = "requirements") -> str:  # noqa: A002 - as tools call it
        """Return the environment as a file for other tools.

        What came from one machine alone (a file, a folder that is edited) is named in a
        comment and left out.

        Args:
            format: ``requirements`` (for ``pip install --no-deps -r``), ``pylock`` (the
                lock of PEP 751, where one was kept with the version), ``dockerfile``,
                or ``conda`` (an ``environment.yml``).

        Raises:
            InvalidInputError: Any other format; or the lock that was kept pins
                something else than was installed.
            NotFoundError: A pylock was asked for, and none was kept (kind ``FILE``).
            IntegrityError: The lock's bytes are not those that were kept.
        """
        if format not in FORMATS:
            raise InvalidInputError(
                f"{quoted(format)} is no format of an environment",
                hint=f"Choose one of {', '.join(FORMATS)}.",
            )
        if format == "pylock":
            return self._pylock()
        if format == "conda":
            return conda_text(self._value)
        if format == "dockerfile":
            run = self._state.record.run
            return dockerfile_text(
                self._value,
                container=_mapping(run.get("container")),
                variables=_mapping(run.get("variables")),
            )
        return requirements_text(self._value)

    def _pylock(self) -> str:
        names = [path.removeprefix(_LOCKS) for path in self.locks]
        kept = [n for n in names if n.startswith("pylock.") and n.endswith(".toml")]
        if not kept:
            raise NotFoundError(
                f"no pylock.toml was kept with {self._state.ref}",
                kind=ErrorKind.FILE,
                ref=self._state.ref,
                hint="A lock holds the hashes of wheels, an installed environment no "
                "longer knows them: keep a pylock.toml beside the code, or export "
                "'requirements'.",
            )
        name = min(kept, key=lambda name: (name != "pylock.toml", name))
        data = self._core.reader(self._state).read(_LOCKS + name)
        text = data.decode("utf-8", "replace")
        drift = text_drift(name, text, self._value.packages)
        if drift:
            raise InvalidInputError(
                f"the lock that was kept with {self._state.ref} is not what was "
                f"installed: {drift[0]}",
                hint=f"Read it as it is by version.read({_LOCKS + name!r}), or export "
                "'requirements'.",
                drift=tuple(drift),
            )
        return text

    def __eq__(self, other: object) -> bool:
        if isinstance(other, VersionEnvironment):
            return self._value == other._value
        return (
            self._value == other if isinstance(other, Environment) else NotImplemented
        )

    def __hash__(self) -> int:
        return hash((self.implementation, self.python, tuple(self.packages.items())))

    def __repr__(self) -> str:
        count = len(self._value.packages)
        return f"<Environment {self.implementation} {self.python}, {count} packages>"


def _python(python: str | os.PathLike[str] | None) -> Path | None:
    return None if python is None else local_path(python, "the interpreter")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

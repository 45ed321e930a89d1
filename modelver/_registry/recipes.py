"""How a version was made: the command, and where its files lay when it ran."""

import math
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelver._capture.secrets import scrub_words
from modelver._registry.wanted import Wanted
from modelver._values.entry import Recipe, Tolerance
from modelver._values.names import check_text
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_MAX_WORDS: Final = 200
_MAX_WORD: Final = 2000
_MAX_PLACES: Final = 500
_TOP: Final = "."


def recipe_of(
    wanted: Wanted, given: Sequence[tuple[str, Any]], root: Path | None
) -> Recipe | None:
    """Return how to make the version again; None where nobody said.

    Args:
        wanted: What the caller said: ``command``, ``outputs``, ``tolerance``.
        given: Role and what was given for it.
        root: Top of the code's tree; None: the working folder.

    Raises:
        InvalidInputError: A word of it cannot be one.
    """
    command = command_of(wanted.command)
    tolerance = tolerance_of(wanted.tolerance)
    if not command and not tolerance:
        if wanted.outputs:
            raise InvalidInputError(
                "outputs are given without a command that writes them",
                hint="Give the command too: command='python train.py'.",
            )
        return None
    places = _Places(root, next((w for r, w in given if r == "code"), None))
    outputs, metrics = _outputs(wanted.outputs, given, places)
    return Recipe(
        command=tuple(command),
        folder=places.folder,
        outputs=outputs,
        sources=places.sources(given),
        metrics=metrics,
        tolerance=tolerance,
    )


def command_of(command: Any) -> list[str]:
    """Return a command as words; True stands for that of this process.

    Raises:
        InvalidInputError: It is neither text nor words.
    """
    if command is None or command is False:
        return []
    if command is True:
        return scrub_words(own_command())
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise InvalidInputError(
                f"the command cannot be taken apart: {error}",
                kind=ErrorKind.BAD_VALUE,
                hint="Give its words: ['python', 'train.py'].",
            ) from error
    elif isinstance(command, Sequence) and all(
        isinstance(word, str | os.PathLike) for word in command
    ):
        words = [os.fspath(word) for word in command]
    else:
        raise InvalidInputError(
            f"the command is given as {type(command).__name__}, expected text, its "
            "words, or True for the one that runs now",
            hint="For instance ['python', 'train.py'].",
        )
    if not words or len(words) > _MAX_WORDS:
        raise InvalidInputError(
            f"the command has {len(words)} words, expected 1 to {_MAX_WORDS}"
        )
    words = scrub_words(words)
    return [check_text(word, "a word of the command", _MAX_WORD) for word in words]


def own_command() -> list[str]:
    """Return what runs now, as it could be typed in the working folder.

    Empty where that cannot be told: a notebook, a prompt, an embedded interpreter.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    words = [str(word) for word in sys.argv]
    if spec is not None and spec.name:
        name = spec.name.removesuffix(".__main__")
        return ["python", "-m", name, *words[1:]]
    script = getattr(main, "__file__", None)
    if script is None or not words:
        return []
    place = _below(Path(script), Path.cwd())
    return ["python", place or Path(script).name, *words[1:]]


def tolerance_of(tolerance: Any) -> dict[str, Tolerance]:
    """Return how far each metric may be off.

    Args:
        tolerance: One number for all metrics, absolute; or by metric a number, or
            ``{"absolute": 0.01, "relative": 0.05}``.

    Raises:
        InvalidInputError: It is neither, or less than nothing.
    """
    if tolerance is None:
        return {}
    if not isinstance(tolerance, Mapping):
        return {"*": _tolerance("*", tolerance)}
    return {
        check_text(name, "the name of a metric", 200): _tolerance(name, value)
        for name, value in tolerance.items()
    }


def _tolerance(name: str, value: Any) -> Tolerance:
    if isinstance(value, Mapping):
        unknown = set(value) - {"absolute", "relative"}
        if not unknown and value:
            return Tolerance(**{k: _amount(name, v) for k, v in value.items()})
    elif not isinstance(value, str | bool):
        return Tolerance(absolute=_amount(name, value))
    raise InvalidInputError(
        f"the tolerance of {quoted(name)} is given as {quoted(value)}",
        kind=ErrorKind.BAD_VALUE,
        hint="Give a number, or {'relative': 0.01}, or {'absolute': 0.002}.",
    )


def _amount(name: str, value: Any) -> float:
    try:
        amount = float(value)
    except (TypeError, ValueError):
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 0):
        raise InvalidInputError(
            f"the tolerance of {quoted(name)} is {quoted(value)}, expected a finite "
            "number that is not negative",
            kind=ErrorKind.BAD_VALUE,
        )
    return amount


def _below(path: Path, root: Path) -> str | None:
    """Return *path* as it is called below *root*; None where it is not there."""
    real, top = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    return real.relative_to(top).as_posix() if real.is_relative_to(top) else None


class _Places:
    """Where things lie in the tree that the command runs in."""

    def __init__(self, root: Path | None, code: Any) -> None:
        here = Path.cwd()
        self._code: str | None = None
        self._file: Path | None = None
        self.top = root if root is not None else here
        inside = _below(here, self.top)
        if inside is None:
            # The code is a folder beside or below the one that the command runs in.
            self._code = _below(self.top, here)
            self.top, inside = here, _TOP
        elif root is None and isinstance(code, str | os.PathLike):
            path = Path(code).expanduser()
            if path.is_file():  # it stands in the bundle by its name
                self._file = path
            else:
                self._code = _below(path, here)
        self.folder = inside

    def of(self, path: Any) -> str | None:
        """Return where *path* lies below the top, or None."""
        if not isinstance(path, str | os.PathLike) or "://" in os.fspath(path):
            return None
        return _below(Path(path).expanduser(), self.top)

    def given(self, role: str, what: Any) -> dict[str, str]:
        """Return path in the bundle to path in the tree, of what is in the tree."""
        found = {}
        for name, path in _named(role, what):
            place = self.of(path)
            if place is not None:
                found[f"{role}/{name}" if name else role] = place
        return dict(list(found.items())[:_MAX_PLACES])

    def all_of(self, role: str, given: Sequence[tuple[str, Any]]) -> dict[str, str]:
        """Return the same of everything that was given for a role."""
        found: dict[str, str] = {}
        for one, what in given:
            if one == role:
                found |= self.given(role, what)
        return found

    def sources(self, given: Sequence[tuple[str, Any]]) -> dict[str, str]:
        """Return where the command finds what is in the bundle."""
        code = {} if self._code in (None, _TOP) else {"code": str(self._code)}
        if self._file is not None:
            code |= self.given("code", self._file)
        return code | self.all_of("data", given) | self.all_of("config", given)


def _named(role: str, what: Any) -> Iterable[tuple[str, Any]]:
    """Yield the name below the role, and the path, of each thing given."""
    if isinstance(what, Mapping):
        for name, source in what.items():
            yield str(name), getattr(source, "source", source)
        return
    source = getattr(what, "source", what)
    if isinstance(source, str | os.PathLike) and "://" not in os.fspath(source):
        path = Path(source).expanduser()
        # The files of a folder stand at the top of the role; data is called by name.
        whole = path.is_dir() and role != "input"
        yield ("" if whole else path.name), source


def _outputs(
    outputs: Any, given: Sequence[tuple[str, Any]], places: _Places
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return where the command leaves what is in the bundle, and its metrics."""
    if outputs is None:
        return places.all_of("model", given), ()
    if not isinstance(outputs, Mapping):
        outputs = {"model": outputs}
    metrics = outputs.get("metrics", ())
    if isinstance(metrics, str | os.PathLike):
        metrics = (metrics,)
    found = {
        _output(str(name), path): _place(path, places)
        for name, path in outputs.items()
        if name != "metrics"
    }
    wrong = [n for n in found if n.partition("/")[0] not in ("model", "data", "docs")]
    if wrong:
        raise InvalidInputError(
            f"outputs name {quoted(wrong[0])}, which is no output of a version",
            kind=ErrorKind.BAD_VALUE,
            hint="Name 'model', 'metrics', 'docs' or 'data', or a path below them.",
        )
    if not any(name.partition("/")[0] == "model" for name in found):
        found |= places.all_of("model", given)
    return found, tuple(_place(path, places) for path in metrics)


def _output(name: str, path: Any) -> str:
    """Return path in the bundle: that of a role with one file is the file's."""
    if "/" not in name and isinstance(path, str | os.PathLike):
        lies = Path(path).expanduser()
        return f"{name}/{lies.name}" if lies.is_file() else name
    return name


def _place(path: Any, places: _Places) -> str:
    found = places.of(path)
    if found is None:
        raise InvalidInputError(
            f"the output {quoted(path)} is not below {os.fspath(places.top)!r}",
            kind=ErrorKind.BAD_PATH,
            hint="Let the command write below the folder that it runs in.",
        )
    return found

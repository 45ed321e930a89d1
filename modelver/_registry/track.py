"""One line in a training script: what the run makes is registered when it ends well."""

import functools
import inspect
import os
import stat
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, ParamSpec, TypeVar

from modelver._registry.arguments import plain_json
from modelver._registry.draft import Draft
from modelver._registry.registry import Registry
from modelver._registry.version import ModelVersion
from modelver._values.text import quoted
from modelver.errors import (
    ErrorKind,
    InvalidInputError,
    ModelverError,
    ModelverWarning,
)

P = ParamSpec("P")
R = TypeVar("R")

_Stamps = dict[str, tuple[int, int]]

_FILES: Final = ("model", "data", "config", "docs", "code")
_SAID: Final = ("metrics", "slices", "params", "tags")
_PARTS: Final = frozenset({*_FILES, *_SAID})


def track(
    name: str,
    files: Any = None,
    *,
    registry: Registry | str | os.PathLike[str] | None = None,
    create: bool = False,
    **words: Any,
) -> "Track":
    """Register what a training run makes, when it ends well: a block, or a decorator.

    ::

        with modelver.track("fraud", "out/", data={"train": "train.csv"}) as run:
            model = fit("train.csv")
            model.save("out/")
            run.log_metrics({"auc": 0.94})
        run.version


        @modelver.track("fraud", data={"train": "train.csv"})
        def train(lr=0.1):
            ...
            return {"model": "out/", "metrics": {"auc": 0.94}}

    Data and configuration are taken in when the block begins, the model when it ends.
    Inputs and outputs are what is named here, or in the block; nothing else of what the
    run reads or writes is looked at. If the run raises, nothing is registered.

    A decorated function may return a path, a mapping of bundle paths to files or
    bytes, or a mapping with ``model`` and any of ``metrics slices params tags data
    config docs``. What it returns is passed on. Its arguments become params, where
    JSON has them. ``function.version`` is the last version that it made.

    Args:
        name: The model.
        files: What the run writes: a folder, a file, or a mapping as for
            :meth:`Registry.register`. It must not be what was there before the run.
        registry: A registry or its address; None: ``MODELVER_REGISTRY``.
        create: Create the registry where there is none.
        words: As for :meth:`Registry.draft`; ``command=True`` records the command line
            of this process, so that the run can be made again.
    """
    return Track(name, files, registry, create=create, words=words)


class Track:
    """A training run under way; made by :func:`track`."""

    def __init__(
        self,
        name: str,
        files: Any,
        registry: Registry | str | os.PathLike[str] | None,
        *,
        create: bool,
        words: Mapping[str, Any],
    ) -> None:
        """Made by :func:`track`; not called by users."""
        self._name = name
        self._files = files
        self._where = registry
        self._create = create
        self._words = dict(words)
        self._draft: Draft | None = None
        self._before: _Stamps = {}
        self._inputs: _Stamps = {}

    def _open(self) -> Registry:
        if isinstance(self._where, Registry):
            return self._where
        return Registry(self._where, create=self._create)

    def __enter__(self) -> Draft:
        if self._draft is not None:
            raise InvalidInputError(
                f"the run of {self._name!r} is under way",
                kind=ErrorKind.CLOSED,
                hint="Call modelver.track(...) for each run.",
            )
        draft = self._open().draft(self._name, **self._words)
        self._before = _stamps(self._files)
        self._inputs = _stamps(self._words.get("data"))
        self._draft = draft.__enter__()
        return self._draft

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        draft, self._draft = self._draft, None
        assert draft is not None  # noqa: S101 - __enter__ came before
        if error is not None:
            draft.__exit__(kind, error, trace)
            return
        try:
            self._take_in(draft)
        except ModelverError as refused:
            draft.__exit__(type(refused), refused, None)
            raise
        draft.__exit__(None, None, None)

    def _take_in(self, draft: Draft) -> None:
        if self._inputs != _stamps(self._words.get("data")):
            warnings.warn(
                f"data of {self._name!r} changed while the run went on; what it began "
                "with is registered",
                ModelverWarning,
                stacklevel=4,
            )
        if self._files is None:
            return
        after = _stamps(self._files)
        if after and after == self._before:
            raise InvalidInputError(
                f"the run wrote nothing to {quoted(_shown(self._files))}: it is what "
                "was there before",
                kind=ErrorKind.MISSING_FILE,
                hint="Write there inside of the block, or register it without track.",
            )
        draft.add(self._files)

    def __call__(self, function: Callable[P, R]) -> "Tracked[P, R]":
        """Return *function*, each call of which is a run."""
        if not callable(function):
            raise InvalidInputError(
                f"track decorates a function, not {type(function).__name__}",
                hint="Use it as @modelver.track(name), or as a block.",
            )
        made: Tracked[P, R] = Tracked(self, function)
        functools.update_wrapper(made, function)
        return made

    def again(self) -> "Track":
        """Return a run of the same words that has not begun."""
        return Track(
            self._name,
            self._files,
            self._where,
            create=self._create,
            words=self._words,
        )


class Tracked(Generic[P, R]):
    """A function each of whose calls is registered.

    Attributes:
        version: The version that the last call made; None before the first.
    """

    def __init__(self, track: Track, function: Callable[P, R]) -> None:
        """Made by :class:`Track`; not called by users."""
        self._track = track
        self._function = function
        self.version: ModelVersion | None = None

    def __call__(self, *args: P.args, **words: P.kwargs) -> R:
        """Call the function, and register what it made."""
        with self._track.again() as draft:
            draft.log_params(_arguments(self._function, args, words))
            result = self._function(*args, **words)
            _add(draft, result)
        self.version = draft.version
        return result


def _arguments(
    function: Callable[..., Any], args: tuple[Any, ...], words: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call, as far as JSON has them."""
    try:
        bound = inspect.signature(function).bind(*args, **words)
    except (TypeError, ValueError):
        return {}  # the call itself will say what is wrong
    bound.apply_defaults()
    found = {}
    for key, value in bound.arguments.items():
        try:
            found[key] = plain_json(value, "an argument")
        except ModelverError:
            continue  # a DataFrame, a model: no parameter
    return found


def _add(draft: Draft, result: Any) -> None:
    """Take in what a run returned."""
    if result is None:
        return
    if isinstance(result, Mapping) and set(map(str, result)) <= _PARTS:
        for role in _FILES:
            if result.get(role) is not None:
                draft.add(result[role], role=role)
        draft.log_metrics(result.get("metrics") or {})
        for name, metrics in (result.get("slices") or {}).items():
            draft.log_metrics(metrics, slice=name)
        draft.log_params(result.get("params") or {})
        draft.tag(**(result.get("tags") or {}))
    elif isinstance(result, str | os.PathLike | Mapping):
        draft.add(result)
    else:
        raise InvalidInputError(
            f"the run returned {type(result).__name__}, which cannot be registered",
            hint="Return a path, or {'model': path, 'metrics': {...}}.",
        )


def _shown(files: Any) -> str:
    return os.fspath(files) if isinstance(files, str | os.PathLike) else "its files"


def _stamps(what: Any) -> _Stamps:
    """Return (size, mtime) of the files that *what* names; no file is read."""
    if isinstance(what, Mapping):
        every: _Stamps = {}
        for source in what.values():
            every |= _stamps(source)
        return every
    source = getattr(what, "source", what)
    if not isinstance(source, str | os.PathLike):
        return {}
    found: _Stamps = {}
    try:
        top = Path(source).expanduser()
        for path in top.rglob("*") if top.is_dir() else [top]:
            info = path.stat()
            if stat.S_ISREG(info.st_mode):
                found[os.fspath(path)] = (info.st_size, info.st_mtime_ns)
    except (OSError, ValueError, RuntimeError):
        return {}  # what is wrong with it, registering says
    return found

"""The files of one registration: from what a caller hands over to a stored bundle."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from modelver._bundle import (
    BundleWriter,
    Item,
    check_unchanged,
    collect,
    collect_config,
    inputs_of,
    read_range,
    refuse_pointers,
    structure_digest,
)
from modelver._capture import capture_environment, capture_run
from modelver._capture.scrub import clean
from modelver._capture.settings import plain_settings
from modelver._registry.contents import known_contents
from modelver._registry.core import Core
from modelver._registry.inputs import InputsGiven
from modelver._registry.progress import progressing
from modelver._registry.remembered import RememberedRecords
from modelver._registry.screening import Screen
from modelver._values.manifest import (
    Bundle,
    Code,
    Environment,
    FileEntry,
    Layout,
    Slice,
)
from modelver._values.names import check_model_name
from modelver._values.paths import check_no_collisions
from modelver.errors import (
    ErrorKind,
    InvalidInputError,
)

# Lists in a record stay short: every reader folds them.
_MOST_TOLD: Final = 20


class Staging:
    """The files of one registration, stored as they come; nothing is visible yet."""

    def __init__(
        self, core: Core, name: str, progress: Any = None, *, rehash: bool = False
    ) -> None:
        self.core = core
        self._rehash = rehash
        self.name = check_model_name(name)
        self._algorithm = core.log.state.info.digest
        self._writer: BundleWriter | None = None
        self._progress = progressing(progress, f"registering {self.name}")
        self._placed: dict[str, tuple[Item, FileEntry, tuple[Slice, ...]]] = {}
        self.given: list[tuple[str, Any]] = []
        self._looks: list[tuple[list[Item], Callable[[], list[Item]]]] = []
        self._waiting: list[Item] = []
        self.inputs = InputsGiven()
        self.screen = Screen(None if rehash else core.memory)
        self.root: Path | None = None
        self.code: Code | None = None
        self.environment: Environment | None = None
        self.run: dict[str, Any] = dict(capture_run())

    def add(self, role: str, what: Any) -> None:
        """List the files of a role; they are stored by :meth:`store`.

        Raises:
            InvalidInputError: They cannot be in a bundle.
        """
        exclude = self.core.root
        self.given.append((role, what))
        if role == "data":
            self._add_data(what)
            return
        if role == "config":
            settings = plain_settings(what)
            what = what if settings is None else settings

        def look() -> list[Item]:
            if role == "config":
                return collect_config(what, exclude=exclude)
            return collect(role, what, exclude=exclude)

        items = look()
        if role == "model":
            refuse_pointers(items)
        self.take(items)
        self._looks.append((items, look))

    def _add_data(self, what: Any) -> None:
        """List what is copied of the data; all of it is looked at by :meth:`store`."""
        # Most registries are only read: whoever does need not load what describes data.
        from modelver._registry.data import plan_data  # noqa: PLC0415 - see above

        stamps = None if self._rehash else self.core.memory
        for plan in plan_data(self.core, what, stamps):
            self.inputs.add(plan)
            if plan.copied:
                self.take(plan.items)
            if plan.look is not None:
                self._looks.append((list(plan.items), plan.look))

    def take(self, items: Sequence[Item]) -> None:
        """Store *items* at the next call of :meth:`store`."""
        items, omitted = self.screen.divide(items)
        for item in omitted:
            self.tell_omitted(item.path, "omit= names it")
        taken = [*self._placed, *(item.path for item in self._waiting)]
        check_no_collisions([*taken, *(item.path for item in items)])
        self._waiting += items

    def given_paths(self) -> Iterator[tuple[str, Path]]:
        """Yield role and path of everything that was given as a path."""
        for role, what in self.given:
            several = what.values() if isinstance(what, Mapping) else what
            is_one = not isinstance(what, Mapping | list | tuple)
            for source in [what] if is_one else several:
                path = getattr(source, "source", source)
                if isinstance(path, str | os.PathLike) and "://" not in os.fspath(path):
                    yield role, Path(path).expanduser()

    def tell_omitted(self, path: str, why: str) -> None:
        """Note that a file was left out; of very many only so many are named."""
        told = self.run.setdefault("omitted", [])
        if len(told) < _MOST_TOLD:
            told.append({"path": clean(path), "why": clean(why)})
        self.run["omitted_files"] = self.run.get("omitted_files", 0) + 1

    def tell_warning(self, text: str) -> None:
        """Note what somebody should know who asks how this was made."""
        told = self.run.setdefault("warnings", [])
        if len(told) < _MOST_TOLD:
            told.append(clean(text))

    def add_environment(self) -> None:
        """Record the interpreter and the installed packages."""
        # What does not outlive the process has no folder to remember anything in.
        folder = None if self.core.memory is None else self.core.cache.folder
        self.environment = capture_environment(
            None if folder is None else RememberedRecords(folder)
        )

    def store(self) -> None:
        """Store what was listed since the last call.

        Raises:
            InvalidInputError: A file or folder changed meanwhile, or holds a secret.
            StorageError: The store refuses.
        """
        with self._progress if self.inputs.reads else nullcontext():
            fetched = self.inputs.carry_out(self._progress)
        self.take(fetched)
        if not self._waiting and not self._looks:
            return
        items, self._waiting = self._waiting, []
        self.screen.check_files(items)
        if self._writer is None:
            self._writer = BundleWriter(
                self.core.objects,
                known=known_contents(self.core, self.name),
                stamps=None if self._rehash else self.core.memory,
                progress=self._progress,
            )
        with self._progress:
            placed = self._writer.place(items)
        for item, (entry, cut) in zip(items, placed, strict=True):
            self._placed[item.path] = (item, entry, cut)
        for before, look in self._looks:
            check_unchanged(before, look())
        self._looks.clear()
        self.inputs.stored()

    def bundle(self) -> tuple[Bundle, Layout]:
        """Return the bundle of everything that was stored.

        Raises:
            InvalidInputError: There is no model file.
        """
        placed = [self._placed[path] for path in sorted(self._placed)]
        if not any(entry.role == "model" for _, entry, _ in placed):
            raise InvalidInputError(
                f"nothing was given for the model {self.name!r}",
                kind=ErrorKind.MISSING_FILE,
                hint="A version has at least one model file.",
            )
        data = [(item, entry) for item, entry, _ in placed if entry.role == "data"]
        bundle = Bundle(
            format=1,
            files=tuple(entry for _, entry, _ in placed),
            inputs=self.inputs.together(inputs_of(data, self._algorithm)),
            code=self.code,
            environment=self.environment,
        )
        return bundle, Layout(files={entry.path: cut for _, entry, cut in placed})

    def structure(self, bundle: Bundle) -> str:
        """Return the digest of the model's structure, read from the sources."""
        return structure_digest(bundle, self._read, self._algorithm)

    def _read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Return a stretch of a stored file: from the store, not from the source.

        The source may have changed since it was stored.
        """
        cut = self._placed[file.path][2]
        return read_range(self.core.objects, cut, start, end)

"""The files of one registration: from what a caller hands over to a stored bundle."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelver._bundle import (
    BundleWriter,
    Item,
    check_unchanged,
    collect,
    collect_config,
    inputs_of,
    read_range,
    structure_digest,
)
from modelver._capture import capture_commit, capture_environment, capture_run
from modelver._registry.contents import known_contents
from modelver._registry.core import Core
from modelver._registry.progress import progressing
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
        self._looks: list[tuple[list[Item], Callable[[], list[Item]]]] = []
        self._waiting: list[Item] = []
        self.code: Code | None = None
        self.environment: Environment | None = None
        self.run: dict[str, Any] = dict(capture_run())

    def add(self, role: str, what: Any) -> None:
        """List the files of a role; they are stored by :meth:`store`.

        Raises:
            InvalidInputError: They cannot be in a bundle.
        """
        exclude = self.core.root

        def look() -> list[Item]:
            if role == "config":
                return collect_config(what, exclude=exclude)
            return collect(role, what, exclude=exclude)

        items = look()
        taken = [*self._placed, *(item.path for item in self._waiting)]
        check_no_collisions([*taken, *(item.path for item in items)])
        self._waiting += items
        self._looks.append((items, look))

    def add_code(self, what: Any) -> None:
        """List code files, and note the commit that the first of them is at."""
        self.add("code", what)
        sources = what.values() if isinstance(what, Mapping) else [what]
        paths = (p for p in sources if isinstance(p, str | os.PathLike))
        states = (capture_commit(Path(path).expanduser()) for path in paths)
        found = next((state for state in states if state is not None), None)
        if found is not None:
            self.code = Code(commit=found.commit)
            for key in ("branch", "dirty", "remote"):
                value = getattr(found, key)
                if value is not None:
                    self.run[f"git_{key}"] = value

    def add_environment(self) -> None:
        """Record the interpreter and the installed packages."""
        self.environment = capture_environment()

    def store(self) -> None:
        """Store what was listed since the last call.

        Raises:
            InvalidInputError: A file or folder changed meanwhile.
            StorageError: The store refuses.
        """
        if not self._waiting:
            return
        items, self._waiting = self._waiting, []
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
            inputs=tuple(inputs_of(data, self._algorithm)),
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

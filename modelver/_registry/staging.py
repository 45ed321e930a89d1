"""Registration: from what a caller hands over to a stored bundle and a step."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from modelver._bundle import (
    BundleWriter,
    Change,
    Item,
    check_unchanged,
    classify,
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
from modelver._registry.resolve import newest
from modelver._registry.steps import Step, Target
from modelver._values.codec import bundle_digest
from modelver._values.entry import Record, Register, SetAlias
from modelver._values.fold import number_key
from modelver._values.manifest import (
    Bundle,
    Code,
    Environment,
    FileEntry,
    Layout,
    Slice,
)
from modelver._values.names import check_alias, check_model_name
from modelver._values.paths import check_no_collisions
from modelver._values.semver import INITIAL, Version
from modelver._values.state import ModelState, State, VersionState
from modelver._values.text import quoted
from modelver.errors import (
    ErrorKind,
    FormatError,
    IntegrityError,
    InvalidInputError,
    VersionExistsError,
)

BUMPS = ("auto", "major", "minor", "patch")


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


class Registration:
    """A stored bundle that waits for its number: the step of ``register``.

    Attributes:
        registered: The exact ref, once a step has run.
    """

    def __init__(
        self,
        staging: Staging,
        record: Record,
        *,
        version: str | None,
        bump: str,
        pre: str | None,
        aliases: Sequence[str],
        parents: Sequence[Target],
    ) -> None:
        self._core = staging.core
        self.name = staging.name
        self.bundle, self._layout = staging.bundle()
        algorithm = self._core.log.state.info.digest
        self.digest = bundle_digest(self.bundle, algorithm)
        self._record = evolve(
            record,
            inputs=self.bundle.inputs,
            code=self.bundle.code,
            files=len(self.bundle.files),
            size=self.bundle.size,
            structure=staging.structure(self.bundle),
            run=staging.run,
        )
        self._version = check_number(version, bump, pre)
        self._bump = bump
        self._pre = pre
        self._aliases = tuple(check_alias(alias) for alias in aliases)
        self._parents = parents
        self._manifest: str | None = None
        self.registered: str | None = None
        self.made = False

    def same(self, state: State) -> VersionState | None:
        """Return the version that this would be again, or None."""
        model = state.models.get(self.name)
        if model is None:
            return None
        if self._version is not None:
            found = model.versions.get(number_key(str(self._version)))
            if found is None:
                return None
            if found.bundle == self.digest and found.version == str(self._version):
                return found
            raise VersionExistsError(
                f"{found.ref} is registered already, with another bundle"
                if found.bundle != self.digest
                else f"{found.ref} is registered already: build metadata makes no "
                "other number",
                hint="Numbers are never reused: choose a higher one, or leave "
                "version= out and let modelver choose.",
                existing=found.ref,
                same_bundle=found.bundle == self.digest,
            )
        last = newest(model)
        return last if last is not None and last.bundle == self.digest else None

    def unsaid(self, state: State, existing: VersionState) -> list[str]:
        """Return what was said here and is not recorded of *existing*."""
        record, old = self._record, existing.record
        held = state.models[self.name].aliases_of(existing.version)
        checks = {
            # What was said at registration may have been overtaken since.
            "metrics": record.metrics == old.metrics
            or record.metrics.items() <= existing.metrics.items(),
            "slices": record.slices == old.slices
            or all(existing.slices.get(k) == v for k, v in record.slices.items()),
            "params": not record.params or record.params == old.params,
            "tags": record.tags == old.tags
            or record.tags.items() <= existing.tags.items(),
            "description": record.description in (None, old.description),
            "aliases": set(self._aliases) <= set(held),
        }
        return [what for what, recorded in checks.items() if not recorded]

    def store(self) -> None:
        """Store the manifest; the step needs it."""
        if self._manifest is None:
            written = self._core.manifests.write(self.bundle, self._layout)
            self._manifest = written.digest

    def step(self) -> Step:
        """Return the step that registers, or finds that nothing is new."""

        def run(state: State) -> tuple[Register | SetAlias, ...]:
            existing = self.same(state)
            if existing is not None:
                self.registered, self.made = existing.ref, False
                return ()
            number, bump, reason = self._number(state.models.get(self.name))
            self.registered, self.made = f"{self.name}@{number}", True
            parents = tuple(target(state).as_parent() for target in self._parents)
            record = evolve(
                self._record, parents=parents, bump=bump, bump_reason=reason
            )
            assert self._manifest is not None  # noqa: S101 - store() came before
            register = Register(
                name=self.name,
                version=str(number),
                bundle=self.digest,
                manifest=self._manifest,
                record=record,
            )
            moves = (
                SetAlias(name=self.name, alias=alias, version=str(number))
                for alias in self._aliases
            )
            return (register, *moves)

        return run

    def _number(self, model: ModelState | None) -> tuple[Version, str, str]:
        """Return the number, the level of the bump, and why."""
        if self._version is not None:
            return self._version, "explicit", "the number was given"
        if model is None or not model.versions:
            return _first(self._pre), "first", "the first version"
        highest = next(model.descending()).number
        if self._bump != "auto":
            return (
                highest.bump(self._bump, self._pre),  # type: ignore[arg-type]
                self._bump,
                f"{self._bump} was asked for",
            )
        base = newest(model) or list(model.versions.values())[-1]
        change = self._change(base)
        number = highest.bump(change.level, self._pre)  # type: ignore[arg-type]
        return number, change.level, f"{change.reason} (compared with {base.version})"

    def _change(self, base: VersionState) -> Change:
        """Return how large the step from *base* is; minor where that cannot be told."""
        try:
            old = self._core.manifest(base).bundle
        except (IntegrityError, FormatError) as error:
            return Change("minor", f"what changed cannot be told: {error.message}")
        structure = self._record.structure or ""
        return classify(old, self.bundle, base.record.structure, structure)


def _first(pre: str | None) -> Version:
    if pre is None:
        return INITIAL
    return Version.parse("0.0.0").bump("minor", pre)


def check_number(version: str | None, bump: str, pre: str | None) -> Version | None:
    """Return the explicit number, or None where it is chosen.

    Raises:
        InvalidInputError: The three do not go together.
    """
    if bump not in BUMPS:
        raise InvalidInputError(
            f"bump is given as {quoted(bump)}",
            hint=f"Choose one of {', '.join(BUMPS)}.",
        )
    if version is None:
        if pre is not None:
            INITIAL.bump("patch", pre)  # refuses a label that cannot be one
        return None
    if bump != "auto" or pre is not None:
        raise InvalidInputError(
            f"version={quoted(version)} is given together with bump or pre",
            hint="Give the number, or let modelver choose it.",
        )
    return Version.parse(version)

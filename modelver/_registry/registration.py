"""A stored bundle that waits for its number, and the step that registers it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from modelver._bundle import Change, classify
from modelver._registry.rehearsal import note, rehearsing
from modelver._registry.resolve import newest
from modelver._registry.staging import Staging
from modelver._registry.steps import Step, Target
from modelver._values.codec import bundle_digest
from modelver._values.entry import Record, Register, SetAlias
from modelver._values.fold import number_key
from modelver._values.names import check_alias
from modelver._values.semver import INITIAL, Version
from modelver._values.state import ModelState, State, VersionState
from modelver._values.text import quoted
from modelver.errors import (
    FormatError,
    IntegrityError,
    InvalidInputError,
    VersionExistsError,
)

if TYPE_CHECKING:
    from modelver._values.audit import Audit

BUMPS = ("auto", "major", "minor", "patch")


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

    def audit(self) -> "Audit":
        """Return the ingredients that the version would have."""
        from modelver._values.ingredients import audit_of  # noqa: PLC0415 - seldom

        return audit_of(self.bundle, self._record, ref=self.name)

    def store(self) -> None:
        """Store the manifest; the step needs it."""
        if self._manifest is None:
            written = self._core.manifests.write(self.bundle, self._layout)
            self._manifest = written.digest

    def rehearse(self) -> None:
        """Note what would be registered, where a run only rehearses."""
        if rehearsing() is None:
            return
        self.store()
        note(
            self._core.backend.url,
            name=self.name,
            bundle=self.digest,
            manifest=self._manifest,
            record=self._record,
        )

    def step(self) -> Step:
        """Return the step that registers, or finds that nothing is new."""

        def run(state: State) -> tuple[Register | SetAlias, ...]:
            existing = self.same(state)
            if existing is not None:
                self.registered, self.made = existing.ref, False
                return ()
            number, bump, reason = self._number(state.models.get(self.name))
            self.registered, self.made = f"{self.name}@{number}", True
            cited = (target(state).as_parent() for target in self._parents)
            parents = tuple(dict.fromkeys(cited))
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

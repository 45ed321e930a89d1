"""One version, as a value that can also fetch its files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelver._lineage import Lineage
from modelver._registry.arguments import parse_label
from modelver._registry.config_keys import config_of
from modelver._registry.core import Core
from modelver._registry.environment import VersionEnvironment
from modelver._registry.questions import Answer, code_patch, diff_of, lineage_of
from modelver._registry.resolve import resolve
from modelver._registry.show import version_dict, version_html, version_repr
from modelver._registry.steps import Target
from modelver._registry.version_files import VersionFiles
from modelver._registry.version_proof import VersionProof
from modelver._search.diff import Diff
from modelver._values.manifest import Code, FileEntry, Input
from modelver._values.query import Scalar
from modelver._values.ref import Exact, Ref
from modelver._values.semver import Version
from modelver._values.state import Evaluation, NoteSaid, State, VersionState
from modelver.errors import ErrorKind, InvalidInputError

if TYPE_CHECKING:
    from modelver._values.audit import Audit


class ModelVersion(VersionFiles, VersionProof, Answer):
    """One immutable version of a model.

    What is said of it (tags, status, aliases, later metrics) is as it was when the
    object was made; ask the registry again for what is true now. Two objects are
    equal if they are the same version of the same registry.
    """

    def __init__(self, core: Core, state: State, version: VersionState) -> None:
        """Made by the registry; not called by users."""
        self._core = core
        self._uuid = state.info.uuid
        self._model = state.models[version.name]
        self._state = version

    @property
    def name(self) -> str:
        """The model: ``fraud``."""
        return self._state.name

    @property
    def version(self) -> str:
        """The number, SemVer 2.0.0: ``1.4.0``."""
        return self._state.version

    @property
    def number(self) -> Version:
        """The number as a value that compares by precedence."""
        return self._state.number

    @property
    def ref(self) -> str:
        """The exact ref: ``fraud@1.4.0``."""
        return self._state.ref

    @property
    def digest(self) -> str:
        """The bundle's identity, ``b3:<64 hex digits>``: equal bundle, equal digest."""
        return self._state.bundle

    @property
    def seq(self) -> int:
        """The commit that registered it."""
        return self._state.said.seq

    @property
    def created_at(self) -> datetime:
        """When it was registered, by the writer's clock, in UTC."""
        return parse_label(self._state.said.time)

    @property
    def author(self) -> str:
        """Who registered it."""
        return self._state.said.actor

    @property
    def message(self) -> str | None:
        """The message of the commit that registered it."""
        return self._state.message

    @property
    def description(self) -> str | None:
        """What it is, for people."""
        return self._state.record.description

    @property
    def params(self) -> Mapping[str, Any]:
        """Hyper-parameters, as registered."""
        return dict(self._state.record.params)

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics by name; those of later evaluations of the same data win."""
        return dict(self._state.metrics)

    @property
    def slices(self) -> Mapping[str, Mapping[str, float]]:
        """Metrics by slice of the data."""
        return {name: dict(values) for name, values in self._state.slices.items()}

    @property
    def evaluations(self) -> Sequence[Evaluation]:
        """Every later evaluation, oldest first, those of other data sets too."""
        return self._state.evaluations

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags."""
        return dict(self._state.tags)

    @property
    def notes(self) -> Sequence[NoteSaid]:
        """Notes, oldest first, each with who and when."""
        return self._state.notes

    @property
    def status(self) -> str | None:
        """One of the registry's declared statuses, or None."""
        return self._state.status

    @property
    def aliases(self) -> Sequence[str]:
        """The aliases that name it, sorted."""
        return self._model.aliases_of(self.version)

    @property
    def withdrawn(self) -> str | None:
        """Why it was withdrawn, or None."""
        withdrawal = self._state.withdrawal
        return None if withdrawal is None else withdrawal.reason

    @property
    def parents(self) -> Sequence[str]:
        """The exact refs of the versions that it was made from."""
        return tuple(parent.ref for parent in self._state.record.parents)

    @property
    def inputs(self) -> Sequence[Input]:
        """The data that it was made from, each known by content; see :class:`Data`."""
        return self._state.record.inputs

    @property
    def code(self) -> Code | None:
        """The commit of its code, where it came from a Git repository."""
        return self._state.record.code

    @property
    def bump(self) -> str:
        """``major``, ``minor``, ``patch``, ``explicit`` or ``first``."""
        return self._state.record.bump

    @property
    def bump_reason(self) -> str | None:
        """Why it has this number and not another."""
        return self._state.record.bump_reason

    @property
    def run(self) -> Mapping[str, Any]:
        """Where it was registered: host, platform, user, CI; not part of identity."""
        return dict(self._state.record.run)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return self._state.record.size

    @property
    def files(self) -> Sequence[FileEntry]:
        """The files, sorted by path: ``path role size digest executable``.

        Raises:
            IntegrityError: The manifest is damaged.
        """
        return self._core.manifest(self._state).bundle.files

    @property
    def environment(self) -> VersionEnvironment | None:
        """Interpreter and packages, where they were recorded; they can be built again.

        Raises:
            IntegrityError: The manifest is damaged.
        """
        found = self._core.manifest(self._state).bundle.environment
        if found is None:
            return None
        return VersionEnvironment(self._core, self._state, found)

    @property
    def config(self) -> Mapping[str, Scalar | None]:
        """The keys of its config files, dotted.

        Of JSON to 1 MiB, of TOML and INI to 256 KiB, of YAML to 64 KiB, where PyYAML or
        ruamel.yaml is installed.
        """
        return config_of(self._core.reader(self._state))

    # In relation to others.

    def diff(self, other: "str | ModelVersion") -> Diff:
        """Return what changed from this version to *other*."""
        return diff_of(self._core, self, other)

    def patch(self, other: "str | ModelVersion") -> str:
        """Return what changed in the code from this version to *other*.

        A unified patch of the files of both bundles, as ``git diff`` writes it; binary
        files, and those with too many changes, are only named.

        Raises:
            NotFoundError: There is no such version.
            IntegrityError: A file is damaged.
        """
        return code_patch(self._core, self, other)

    def audit(self) -> "Audit":
        """Return what it has of what is needed to make it again, graded.

        See :meth:`Registry.audit`.

        Raises:
            IntegrityError: The manifest is damaged.
        """
        from modelver._registry.auditing import (  # noqa: PLC0415 - seldom asked for
            audit_version,
        )

        return audit_version(self._core, self._state)

    def lineage(self) -> Lineage:
        """Return what it was made from, and what was made from it."""
        return lineage_of(self._core, self)

    # Itself.

    def as_target(self, uuid: str) -> Target:
        """Return how to find this version in a state; see :class:`Answer`."""
        if uuid != self._uuid:
            raise InvalidInputError(
                f"{self.ref} is a version of another registry",
                kind=ErrorKind.BAD_REF,
                hint="Ask this registry for its own version of that ref.",
            )

        def find(state: State) -> VersionState:
            return resolve(state, Ref(self.name, Exact(self.number)), quiet=True)

        return find

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelVersion):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, str, str]:
        return self._uuid, self.ref, self.digest

    def __str__(self) -> str:
        return self.ref

    def __repr__(self) -> str:
        return version_repr(self._model, self._state)

    def _repr_html_(self) -> str:
        return version_html(self._model, self._state)

    def to_dict(self) -> dict[str, Any]:
        """Return what is said of it as JSON has it; files are left out."""
        return version_dict(self._model, self._state)

"""What a registry says at one position of its log.

States are shared between threads and never change; the fold makes new ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import Factory, field, frozen

from modelver._values.entry import Attest, Metrics, Parent, Record
from modelver._values.semver import Precedence, Version

DEFAULT_STATUSES: Final = (
    "in-review",
    "approved",
    "staging",
    "production",
    "rejected",
    "archived",
)


@frozen(kw_only=True)
class RegistryInfo:
    """``registry.json``: what is pinned when a registry is created.

    Attributes:
        format: 1.
        uuid: 32 hex digits.
        digest: ``b3`` or ``sha256``.
        read: Features that a reader must know.
        write: Features that a writer must know.
        statuses: The statuses that a version may have.
        protected_aliases: Aliases that need approvals (none in this release).
        created: Time label.
        tool: Which program made it.
    """

    format: int
    uuid: str
    digest: str
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    statuses: tuple[str, ...] = DEFAULT_STATUSES
    protected_aliases: tuple[str, ...] = ()
    created: str = ""
    tool: str = ""


@frozen(kw_only=True)
class Said:
    """Who said a thing, and at which commit."""

    seq: int
    time: str
    actor: str


@frozen(kw_only=True)
class NoteSaid:
    """A note with its commit."""

    text: str
    said: Said


@frozen(kw_only=True)
class Evaluation:
    """Metrics measured after registration, with their commit."""

    measured: Metrics
    said: Said


@frozen(kw_only=True)
class Withdrawal:
    """Why a version is out of use."""

    reason: str
    said: Said


@frozen(kw_only=True)
class Attested:
    """An attestation with its commit."""

    attest: Attest
    said: Said


@frozen(kw_only=True)
class VersionState:
    """One version, with everything said of it so far."""

    name: str
    number: Version
    bundle: str
    manifest: str
    record: Record
    said: Said
    message: str | None
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    slices: Mapping[str, Mapping[str, float]]
    status: str | None = None
    status_reason: str | None = None
    notes: tuple[NoteSaid, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    withdrawal: Withdrawal | None = None
    attestations: tuple[Attested, ...] = ()
    version: str = field(init=False)
    ref: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "version", str(self.number))
        object.__setattr__(self, "ref", f"{self.name}@{self.version}")

    def as_parent(self) -> Parent:
        """Return the citation of this version in a child's record."""
        return Parent(name=self.name, version=self.version, bundle=self.bundle)


@frozen(kw_only=True)
class AliasMove:
    """One move of an alias.

    Attributes:
        alias: The alias.
        version: Where it went; None: it was cleared.
        previous: Where it was; None: it was not set.
        kind: ``promote``, ``rollback`` or ``clear``.
        reason: Why.
        said: Who and when.
    """

    alias: str
    version: str | None
    previous: str | None
    kind: str
    reason: str | None
    said: Said

    @property
    def seq(self) -> int:
        """The commit."""
        return self.said.seq

    @property
    def time(self) -> str:
        """The commit's time label, ISO 8601 in UTC."""
        return self.said.time

    @property
    def author(self) -> str:
        """Who moved it."""
        return self.said.actor


@frozen(kw_only=True)
class ModelState:
    """One model.

    Attributes:
        name: The model.
        versions: Number without build metadata to version, in the order of
            registration.
        ranked: (precedence, key of ``versions``), lowest first.
        aliases: Alias to exact number.
        moves: Alias to its moves, oldest first.
    """

    name: str
    versions: Mapping[str, VersionState] = Factory(dict)
    ranked: Sequence[tuple[Precedence, str]] = ()
    aliases: Mapping[str, str] = Factory(dict)
    moves: Mapping[str, tuple[AliasMove, ...]] = Factory(dict)

    def descending(self) -> Iterator[VersionState]:
        """Yield the versions, the one of the highest precedence first."""
        return (self.versions[key] for _, key in reversed(self.ranked))

    def aliases_of(self, version: str) -> tuple[str, ...]:
        """Return the aliases that name *version*, sorted."""
        return tuple(sorted(a for a, v in self.aliases.items() if v == version))


@frozen(kw_only=True)
class Void:
    """An entry without effect, and why."""

    seq: int
    reason: str


@frozen(kw_only=True)
class State:
    """Everything that the log says up to *seq*.

    Attributes:
        info: The registry.
        seq: The last entry folded; 0 before the first.
        head: Digest of that entry's raw bytes (of ``registry.json`` for 0).
        models: By name.
        read: Features that a reader must know.
        write: Features that a writer must know.
        voids: Entries without effect.
    """

    info: RegistryInfo
    seq: int
    head: str
    models: Mapping[str, ModelState] = Factory(dict)
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    voids: tuple[Void, ...] = ()

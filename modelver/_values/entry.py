"""Log entries and their actions, as values.

An entry is one commit: all of its actions take effect, or none. What an action may
do is decided by the fold (``fold.py``), the same for every reader.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from attrs import Factory, frozen

from modelver._values.manifest import Code, Input

FORMAT: Final = 1
MAX_ENTRY: Final = 2**20
# Each may copy what a version holds already: many small ones would take a reader's
# time and memory out of proportion to their bytes.
MAX_ACTIONS: Final = 1000


@frozen(kw_only=True)
class Parent:
    """A version that another one was made from.

    Attributes:
        name: Model.
        version: Exact number.
        bundle: Its bundle's digest.
    """

    name: str
    version: str
    bundle: str

    @property
    def ref(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


@frozen(kw_only=True)
class Tolerance:
    """How far a metric may be off when a version is made again.

    Attributes:
        absolute: In the metric's own unit.
        relative: As a share of the registered value: 0.01 is one per cent.
    """

    absolute: float = 0.0
    relative: float = 0.0


@frozen(kw_only=True)
class Recipe:
    """How a version was made: what to run, and where its parts then lie.

    Paths are ``/``-separated, relative to the top of the tree that the command runs
    in, and do not lead out of it; ``.`` is the top.

    Attributes:
        command: The words; the first is the program: ``python``.
        folder: Where it runs.
        outputs: Path in the bundle (``model``, ``model/weights.bin``) to the path that
            the command writes.
        sources: Path in the bundle (``code``, ``data/train.csv``, ``config/a.toml``; of
            data that was not copied ``data/`` and the input's name) to the path that
            the command reads. The code lies at the top unless it is said here.
        metrics: JSON files with metrics that the command writes.
        tolerance: Metric to how far it may be off; ``*``: every other one.
    """

    command: tuple[str, ...] = ()
    folder: str = "."
    outputs: Mapping[str, str] = Factory(dict)
    sources: Mapping[str, str] = Factory(dict)
    metrics: tuple[str, ...] = ()
    tolerance: Mapping[str, Tolerance] = Factory(dict)


@frozen(kw_only=True)
class Record:
    """What is said of a version when it is registered.

    Attributes:
        params: Hyper-parameters, any JSON.
        metrics: Name to finite number.
        slices: Slice of the data to metrics.
        tags: Text to text.
        description: For people.
        parents: Versions it was made from, registered before.
        inputs: The bundle's inputs again, so that lineage needs the log alone.
        code: The bundle's code commit again.
        files: How many files the bundle has.
        size: Bytes of the bundle.
        structure: Digest of the model's structure, for the automatic bump.
        bump: The level of the bump: ``major``, ``minor``, ``patch``, ``explicit``
            or ``first``.
        bump_reason: Why, for people.
        run: Host, platform, user and the like: what may differ between two runs
            that made the same bundle.
        recipe: How it was made, where that is known.
    """

    params: Mapping[str, Any] = Factory(dict)
    metrics: Mapping[str, float] = Factory(dict)
    slices: Mapping[str, Mapping[str, float]] = Factory(dict)
    tags: Mapping[str, str] = Factory(dict)
    description: str | None = None
    parents: tuple[Parent, ...] = ()
    inputs: tuple[Input, ...] = ()
    code: Code | None = None
    files: int = 0
    size: int = 0
    structure: str | None = None
    bump: str = "explicit"
    bump_reason: str | None = None
    run: Mapping[str, Any] = Factory(dict)
    recipe: Recipe | None = None


@frozen(kw_only=True)
class Register:
    """Make a version: *bundle* is its identity, *manifest* where to find it."""

    type: ClassVar[str] = "register"
    name: str
    version: str
    bundle: str
    manifest: str
    record: Record


@frozen(kw_only=True)
class Expect:
    """What an alias must name for its move to take effect; None: nothing."""

    version: str | None


@frozen(kw_only=True)
class SetAlias:
    """Move *alias* to *version*, or clear it where *version* is None.

    Attributes:
        kind: ``promote``, ``rollback`` or ``clear``.
        expect: Where given, the move is void unless the alias stands there.
    """

    type: ClassVar[str] = "alias"
    name: str
    alias: str
    version: str | None
    kind: str = "promote"
    expect: Expect | None = None
    reason: str | None = None


@frozen(kw_only=True)
class SetStatus:
    """Give a version a declared status, or none."""

    type: ClassVar[str] = "status"
    name: str
    version: str
    status: str | None
    reason: str | None = None


@frozen(kw_only=True)
class Tag:
    """Set and remove tags of a version."""

    type: ClassVar[str] = "tag"
    name: str
    version: str
    set: Mapping[str, str] = Factory(dict)
    unset: tuple[str, ...] = ()


@frozen(kw_only=True)
class Note:
    """Say something about a version."""

    type: ClassVar[str] = "note"
    name: str
    version: str
    text: str


@frozen(kw_only=True)
class Metrics:
    """Metrics measured after registration.

    Attributes:
        dataset: What they were measured on, where it is not the usual data.
        when: A time label, where it is not the commit's.
    """

    type: ClassVar[str] = "metrics"
    name: str
    version: str
    metrics: Mapping[str, float] = Factory(dict)
    slices: Mapping[str, Mapping[str, float]] = Factory(dict)
    dataset: str | None = None
    when: str | None = None


@frozen(kw_only=True)
class Withdraw:
    """Take a version out of use; it stays readable by its exact number."""

    type: ClassVar[str] = "withdraw"
    name: str
    version: str
    reason: str


@frozen(kw_only=True)
class Restore:
    """Take a withdrawal back."""

    type: ClassVar[str] = "restore"
    name: str
    version: str
    reason: str | None = None


@frozen(kw_only=True)
class Attest:
    """Say what somebody found out about a version, and where it is told in full.

    Attributes:
        kind: ``reproduction``.
        digest: Of the attestation's raw bytes, which lie under
            ``attestations/<manifest>/<hex>.json``.
        results: What was tried to how it ended: ``passed``, ``failed``, or
            ``untried: <why>``.
    """

    type: ClassVar[str] = "attest"
    name: str
    version: str
    kind: str
    digest: str
    results: Mapping[str, str] = Factory(dict)


@frozen(kw_only=True)
class Feature:
    """Raise what a release must know to read or to write this registry."""

    type: ClassVar[str] = "feature"
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@frozen(kw_only=True)
class Unknown:
    """An action of a later release, in an entry that may be skipped."""

    type: ClassVar[str] = "?"
    name: str = ""


Action = (
    Register
    | SetAlias
    | SetStatus
    | Tag
    | Note
    | Metrics
    | Withdraw
    | Restore
    | Attest
    | Feature
    | Unknown
)
ACTIONS: Final = (
    Register,
    SetAlias,
    SetStatus,
    Tag,
    Note,
    Metrics,
    Withdraw,
    Restore,
    Attest,
    Feature,
)


@frozen(kw_only=True)
class Entry:
    """One commit.

    Attributes:
        format: 1.
        seq: Position in the log, from 1.
        prev: Digest of the predecessor's raw bytes; of ``registry.json`` for 1.
        txid: 32 hex digits, made up once for each commit.
        time: ISO 8601 in UTC, a label: nothing is decided by it.
        actor: Who says so.
        tool: Which program wrote it.
        message: For people.
        critical: Whether a release that does not know an action must stop.
        actions: In order, at most :data:`MAX_ACTIONS`.
    """

    format: int
    seq: int
    prev: str
    txid: str
    time: str
    actor: str
    tool: str
    actions: tuple[Action, ...]
    message: str | None = None
    critical: bool = True

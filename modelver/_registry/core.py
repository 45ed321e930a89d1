"""What the desk's classes share: one open registry, or one as it was."""

from collections.abc import Callable
from pathlib import Path

from attrs import define

from modelver._bundle import (
    BundleReader,
    FileCache,
    LocalMemory,
    cached_reader,
    not_cached,
)
from modelver._registry.screening import check_said
from modelver._registry.steps import Step
from modelver._store import Committer, Log, ManifestStore, ObjectStore
from modelver._values.entry import Action
from modelver._values.fold import Fold
from modelver._values.manifest import Manifest
from modelver._values.state import Said, State, VersionState
from modelver.errors import (
    ConflictError,
    ErrorKind,
    IntegrityError,
    OfflineError,
    ReadOnlyError,
    StorageError,
)
from modelver.plugin import Backend, Indexer


@define(eq=False)
class Core:
    """The rooms below, opened for one registry.

    Attributes:
        memory: What this machine remembers of files and manifests; None where the
            registry does not outlive the process.
        offline: No store stands behind it, but what was fetched from one before.
        frozen: The state of a registry as it was; None for the present one.
    """

    backend: Backend
    log: Log
    committer: Committer
    manifests: ManifestStore
    objects: ObjectStore
    cache: FileCache
    memory: LocalMemory | None
    indexer: Callable[[], Indexer]
    author: str
    clock: Callable[[], str]
    read_only: bool
    root: Path | None
    offline: bool = False
    frozen: State | None = None

    def state(self) -> State:
        """Return the newest state, or the one that this registry is held at."""
        return self.frozen if self.frozen is not None else self.log.refresh()

    def manifest(self, version: VersionState) -> Manifest:
        """Return a version's manifest.

        Raises:
            IntegrityError: It is damaged, or of another bundle than the log says.
            OfflineError: It was never fetched, and the store may not be asked.
        """
        try:
            manifest = self.manifests.read(version.manifest)
        except OfflineError as error:
            raise not_cached(version.ref) from error
        if manifest.bundle_digest != version.bundle:
            raise IntegrityError(
                f"the manifest of {version.ref} is of another bundle than the log says",
                kind=ErrorKind.MANIFEST_DAMAGED,
                expected=version.bundle,
                actual=manifest.bundle_digest,
                hint="Somebody forged this commit: run verify.",
            )
        return manifest

    def reader(self, version: VersionState) -> BundleReader:
        """Return a reader of a version's files."""
        manifest, ref = self.manifest(version), version.ref
        if self.offline:
            return cached_reader(self.cache, manifest, ref)
        return BundleReader(self.objects, manifest, ref)

    def require_writable(self) -> None:
        """Refuse to write where that was not asked for.

        Raises:
            ReadOnlyError: Opened for reading, or a registry of the past.
            StorageError: The store cannot be trusted with a commit.
        """
        if self.frozen is not None:
            raise ReadOnlyError(
                f"this is the registry as it was at commit {self.frozen.seq}",
                kind=ErrorKind.IN_THE_PAST,
                hint="Write to the present one: open it with Registry(url).",
            )
        if self.offline:
            raise ReadOnlyError(
                f"the registry in {self.backend.url!r} was opened offline",
                kind=ErrorKind.OPENED_READ_ONLY,
                hint="To write, open it without offline=True and without "
                "MODELVER_OFFLINE.",
            )
        if self.read_only:
            raise ReadOnlyError(
                f"the registry in {self.backend.url!r} was opened for reading",
                kind=ErrorKind.OPENED_READ_ONLY,
                hint="Open it without read_only=True.",
            )
        if not self.backend.capabilities.exclusive_create:
            raise StorageError(
                f"{self.backend.url!r} has no exclusive create, so commits could be "
                "lost: the registry can only be read",
                kind=ErrorKind.UNSUPPORTED,
                hint="Write to it through a store that has one. If nobody else "
                "writes, see the how-to 'other filesystems'.",
            )

    def commit(
        self,
        steps: list[Step],
        message: str | None,
        author: str,
        *,
        fresh: bool = False,
    ) -> State:
        """Write one commit of all *steps*, each seeing what those before it did.

        Args:
            steps: In order.
            message: For people.
            author: Who says so.
            fresh: The newest state has just been read: begin with it.
        """
        self.require_writable()

        def decide(state: State) -> tuple[Action, ...]:
            actions = act(state)
            check_said(actions, message, author)
            return actions

        def act(state: State) -> tuple[Action, ...]:
            if len(steps) == 1:
                return steps[0](state)
            fold = Fold(state)
            said = Said(seq=state.seq + 1, time="", actor=author)
            every: tuple[Action, ...] = ()
            for step in steps:
                actions = step(fold.state())
                broken = fold.attempt(actions, said, message)
                if broken is not None:
                    raise ConflictError(f"the transaction cannot be: {broken}")
                every += actions
            return every

        committed = self.committer.commit(
            decide, actor=author, message=message, fresh=fresh
        )
        return committed.state

"""registry.json: created once, read whenever a registry is opened."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import field, frozen

from modelver._store.far import Scout, is_far
from modelver._store.layout import DOCTOR, REGISTRY
from modelver._store.memory import HeadMemory
from modelver._values.about import TOOL
from modelver._values.codec import registry_from_bytes, registry_to_bytes
from modelver._values.digests import digest_of
from modelver._values.entry import FORMAT, MAX_ENTRY
from modelver._values.state import DEFAULT_STATUSES, RegistryInfo, State
from modelver._values.text import term_safe
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    FormatError,
    IntegrityError,
    InvalidInputError,
    RegistryNotFoundError,
    StorageError,
    UpgradeRequiredError,
)
from modelver.plugin import Backend

KNOWN_FEATURES: Final[frozenset[str]] = frozenset()


@frozen
class Identity:
    """An open registry: what it is, and the digest that its log starts from.

    Attributes:
        info: What ``registry.json`` says.
        digest: Of its raw bytes.
        scout: Has asked for the beginning of the log already, where it is far away.
    """

    info: RegistryInfo
    digest: str
    scout: Scout | None = field(default=None, eq=False, repr=False)

    def state(self) -> State:
        """Return the state before the first commit."""
        return State(
            info=self.info,
            seq=0,
            head=self.digest,
            read=self.info.read,
            write=self.info.write,
        )


def check_features(names: Iterable[str], what: str) -> None:
    """Refuse features that this release does not know.

    Raises:
        UpgradeRequiredError: There is one.
    """
    unknown = sorted(set(names) - KNOWN_FEATURES)
    if unknown:
        raise UpgradeRequiredError(
            f"{what} this registry needs {term_safe(', '.join(unknown)[:200])}, "
            "unknown to this release",
            hint="Upgrade modelver.",
            found=unknown,
        )


def open_registry(backend: Backend, *, ahead: bool = False) -> Identity:
    """Return the registry that *backend* holds.

    Args:
        backend: Where it is.
        ahead: Its log will be read next: of a store that is far away, the beginning is
            asked for in the same request.

    Raises:
        RegistryNotFoundError: There is none; the hint says how to create one.
        IntegrityError: ``registry.json`` is damaged.
        UpgradeRequiredError: It is of a later format, or needs an unknown feature.
    """
    found = _look(backend, ahead=ahead)
    if found is None:
        raise RegistryNotFoundError(
            f"there is no registry in {backend.url!r}",
            hint="Create one with Registry(url, create=True), or on the command line "
            "with: modelver --registry URL init",
            ref=backend.url,
        )
    return found


def _look(backend: Backend, *, ahead: bool = False) -> Identity | None:
    scout = Scout(backend) if ahead and is_far(backend) else None
    limit = MAX_ENTRY + 1
    raw = scout.begin(REGISTRY, limit) if scout else backend.read(REGISTRY, 0, limit)
    return None if raw is None else _identity(backend, raw, scout)


def _identity(backend: Backend, raw: bytes, scout: Scout | None) -> Identity:
    try:
        info = registry_from_bytes(raw)
    except FormatError as error:
        if isinstance(error, UpgradeRequiredError):
            raise
        raise IntegrityError(
            f"{REGISTRY} in {backend.url!r} cannot be read: {error.message}",
            kind=ErrorKind.REGISTRY_DAMAGED,
            key=REGISTRY,
            hint="Restore it from a copy of the registry.",
        ) from error
    # Who may move a protected alias is for a later release to judge.
    approvals = ["approvals"] if info.protected_aliases else []
    check_features([*info.read, *approvals], "to read")
    return Identity(info, digest_of(info.digest, raw), scout)


def create_registry(
    backend: Backend,
    *,
    digest: str,
    created: str,
    statuses: Sequence[str] = DEFAULT_STATUSES,
    memory: HeadMemory | None = None,
) -> Identity:
    """Create a registry, or return the one that is there already.

    What *memory* holds of the address is forgotten just before: whatever stood there is
    gone, on purpose. After it would be too late for a client that comes in between.

    Raises:
        InvalidInputError: The place holds something else.
        StorageError: The store cannot be trusted with a registry, or refused.
    """
    if not backend.capabilities.exclusive_create:
        raise StorageError(
            f"{backend.url!r} has no exclusive create, so commits could be lost",
            kind=ErrorKind.UNSUPPORTED,
            hint="Choose a store that has one; this kind can only be read. If nobody "
            "else writes, see the how-to 'other filesystems'.",
        )
    if (there := _look(backend, ahead=True)) is not None:
        return there
    keys = (info.key for info in backend.list(""))
    stranger = next((key for key in keys if not key.startswith(DOCTOR)), None)
    # Another creator may have come between the two looks.
    if (there := _look(backend)) is not None:
        return there
    if stranger is not None:
        raise InvalidInputError(
            f"{backend.url!r} is not empty and holds no registry, but {stranger!r}",
            kind=ErrorKind.NOT_EMPTY,
            hint="Choose an empty folder, for instance './registry'.",
        )
    info = RegistryInfo(
        format=FORMAT,
        uuid=uuid.uuid4().hex,
        digest=digest,
        statuses=tuple(statuses),
        created=created,
        tool=TOOL,
    )
    if memory is not None:
        memory.forget()
    try:
        backend.create(REGISTRY, registry_to_bytes(info))
    except AlreadyExistsError:
        pass
    except StorageError:
        # The answer may have been lost after the write.
        if backend.read(REGISTRY, 0, 1) is None:
            raise
    return open_registry(backend)

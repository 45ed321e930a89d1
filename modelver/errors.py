"""What can go wrong, grouped by what a handler does next.

::

    ModelverError
    ├─ InvalidInputError (ValueError)      fix the call; nothing was written
    ├─ NotFoundError (LookupError)         ask for something else
    │   ├─ RegistryNotFoundError           create it, or mend the address
    │   ├─ ModelNotFoundError
    │   └─ VersionNotFoundError
    ├─ AlreadyExistsError (FileExistsError)  bump, or accept what is there
    │   └─ VersionExistsError
    ├─ ConflictError                       read again, decide, try again
    ├─ AmbiguousRefError                   be more specific
    ├─ IntegrityError                      stop: bytes are not what was registered
    ├─ FormatError                         repair
    │   └─ UpgradeRequiredError            upgrade modelver
    ├─ StorageError (OSError)              the environment; retry if .retryable
    │   ├─ AccessDeniedError (PermissionError)
    │   ├─ OfflineError                    fetch it while online
    │   └─ OutcomeUnknownError             the commit may have landed: ask outcome()
    ├─ ReadOnlyError                       open the registry for writing
    ├─ PluginError                         fix the installation
    └─ InternalError                       our bug: please report

A class exists only where a handler would act differently; everything finer is
a :class:`ErrorKind`. The message is one sentence: what was asked and what was
found. What to do about it is a note (PEP 678), shown below the traceback.
Every error pickles and copies with its kind, facts and notes.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar, cast

__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "AmbiguousRefError",
    "ConflictError",
    "DamageWarning",
    "ErrorKind",
    "FormatError",
    "IntegrityError",
    "InternalError",
    "InvalidInputError",
    "ModelNotFoundError",
    "ModelverError",
    "ModelverWarning",
    "NotFoundError",
    "OfflineError",
    "OutcomeUnknownError",
    "PluginError",
    "ReadOnlyError",
    "RegistryNotFoundError",
    "SameBundleWarning",
    "StorageError",
    "UpgradeRequiredError",
    "VersionExistsError",
    "VersionNotFoundError",
    "WithdrawnWarning",
]


class ErrorKind(StrEnum):
    """A stable code for each cause; values are only ever added."""

    # InvalidInputError
    BAD_ARGUMENT = "bad-argument"
    BAD_NAME = "bad-name"
    BAD_VERSION = "bad-version"
    BAD_REF = "bad-ref"
    BAD_FILTER = "bad-filter"
    BAD_PATH = "bad-path"
    BAD_VALUE = "bad-value"
    BAD_URL = "bad-url"
    TOO_LARGE = "too-large"
    MISSING_FILE = "missing-file"
    UNSUPPORTED_FILE = "unsupported-file"
    CHANGED_DURING_READ = "changed-during-read"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    UNKNOWN_STATUS = "unknown-status"
    NOT_EMPTY = "not-empty"
    CLOSED = "closed"
    UNTRUSTED_REGISTRY = "untrusted-registry"
    REQUIREMENT = "requirement"
    # NotFoundError
    REGISTRY = "registry"
    MODEL = "model"
    VERSION = "version"
    ALIAS = "alias"
    DIGEST_PREFIX = "digest-prefix"
    FILE = "file"
    COMMIT = "commit"
    TAG = "tag"
    INTERPRETER = "interpreter"
    # AlreadyExistsError
    VERSION_TAKEN = "version-taken"
    TARGET_EXISTS = "target-exists"
    KEY_EXISTS = "key-exists"
    LOCAL_CHANGES = "local-changes"
    # ConflictError
    ALIAS_MOVED = "alias-moved"
    WITHDRAWN = "withdrawn"
    DEADLINE = "deadline"
    # AmbiguousRefError
    AMBIGUOUS = "ambiguous"
    # IntegrityError
    OBJECT_DAMAGED = "object-damaged"
    OBJECT_MISSING = "object-missing"
    INPUT_CHANGED = "input-changed"
    MANIFEST_DAMAGED = "manifest-damaged"
    MANIFEST_MISSING = "manifest-missing"
    ENTRY_DAMAGED = "entry-damaged"
    CHAIN_BROKEN = "chain-broken"
    REGISTRY_DAMAGED = "registry-damaged"
    REGISTRY_REPLACED = "registry-replaced"
    REGISTRY_ROLLED_BACK = "registry-rolled-back"
    REGISTRY_FORKED = "registry-forked"
    PIN_MISMATCH = "pin-mismatch"
    # FormatError
    MALFORMED = "malformed"
    UPGRADE_REQUIRED = "upgrade-required"
    # StorageError
    IO = "io"
    DISK_FULL = "disk-full"
    ACCESS_DENIED = "access-denied"
    OFFLINE = "offline"
    OUTCOME_UNKNOWN = "outcome-unknown"
    NOT_FLUSHED = "not-flushed"
    UNSUPPORTED = "unsupported"
    NOT_REBUILT = "not-rebuilt"
    # ReadOnlyError
    OPENED_READ_ONLY = "opened-read-only"
    IN_THE_PAST = "in-the-past"
    # PluginError
    UNKNOWN_PLUGIN = "unknown-plugin"
    DUPLICATE_PLUGIN = "duplicate-plugin"
    BROKEN_PLUGIN = "broken-plugin"
    # InternalError
    BUG = "bug"


def _rebuild(
    cls: "type[ModelverError]",
    message: str,
    kind: ErrorKind,
    facts: dict[str, Any],
    notes: list[str],
) -> "ModelverError":
    error = cls(message, kind=kind, **facts)
    for note in notes:
        error.add_note(note)
    return error


class ModelverError(Exception):
    """The root of everything that modelver raises on purpose.

    Attributes:
        message: One sentence: what was asked and what was found.
        kind: A stable code, finer than the class.
        facts: What the message was made of, by name.
    """

    default_kind: ClassVar[ErrorKind] = ErrorKind.BUG

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        hint: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind if kind is not None else self.default_kind
        self.facts: dict[str, Any] = facts
        if hint is not None:
            self.add_note(hint)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own __reduce__ calls cls(*args): it cannot pass keywords and
        # drops the notes; OSError's re-reads args as (errno, strerror).
        notes = list(getattr(self, "__notes__", ()))
        return _rebuild, (type(self), self.message, self.kind, self.facts, notes)

    @property
    def hints(self) -> tuple[str, ...]:
        """What to do next, one sentence each."""
        return tuple(getattr(self, "__notes__", ()))


class InvalidInputError(ModelverError, ValueError):
    """The call cannot be right as it stands; nothing was written."""

    default_kind = ErrorKind.BAD_ARGUMENT


class NotFoundError(ModelverError, LookupError):
    """What was asked for is not there.

    The facts hold ``ref``, what was asked for, and ``near``, up to five close
    names.
    """

    default_kind = ErrorKind.VERSION

    @property
    def ref(self) -> str | None:
        """What was asked for."""
        return cast("str | None", self.facts.get("ref"))

    @property
    def near(self) -> Sequence[str]:
        """Up to five names close to what was asked for."""
        return cast("Sequence[str]", self.facts.get("near", ()))


class RegistryNotFoundError(NotFoundError):
    """There is no registry at this address."""

    default_kind = ErrorKind.REGISTRY


class ModelNotFoundError(NotFoundError):
    """The registry holds no model of this name."""

    default_kind = ErrorKind.MODEL


class VersionNotFoundError(NotFoundError):
    """The model has no version that the ref could mean."""

    default_kind = ErrorKind.VERSION


class AlreadyExistsError(ModelverError, FileExistsError):
    """Something stands where this should go, and is never overwritten."""

    default_kind = ErrorKind.TARGET_EXISTS


class VersionExistsError(AlreadyExistsError):
    """The version number is taken; numbers are never reused."""

    default_kind = ErrorKind.VERSION_TAKEN

    @property
    def existing(self) -> str | None:
        """The exact ref that holds the number."""
        return cast("str | None", self.facts.get("existing"))


class ConflictError(ModelverError):
    """Somebody else was faster: read again, decide, try again."""

    default_kind = ErrorKind.ALIAS_MOVED

    @property
    def expected(self) -> Any:
        """What the caller expected."""
        return self.facts.get("expected")

    @property
    def actual(self) -> Any:
        """What was there."""
        return self.facts.get("actual")


class AmbiguousRefError(ModelverError):
    """The ref could mean several versions."""

    default_kind = ErrorKind.AMBIGUOUS

    @property
    def candidates(self) -> Sequence[str]:
        """The exact refs it could mean."""
        return cast("Sequence[str]", self.facts.get("candidates", ()))


class IntegrityError(ModelverError):
    """Bytes are not what was registered; they are not returned."""

    default_kind = ErrorKind.OBJECT_DAMAGED

    @property
    def key(self) -> str | None:
        """The key in the store that is damaged."""
        return cast("str | None", self.facts.get("key"))

    @property
    def expected(self) -> str | None:
        """The digest that was recorded."""
        return cast("str | None", self.facts.get("expected"))

    @property
    def actual(self) -> str | None:
        """The digest that was found."""
        return cast("str | None", self.facts.get("actual"))


class FormatError(ModelverError):
    """Stored text is not of the format that this release reads."""

    default_kind = ErrorKind.MALFORMED

    @property
    def path(self) -> str | None:
        """The place inside the document: ``$.files[3].size``."""
        return cast("str | None", self.facts.get("path"))


class UpgradeRequiredError(FormatError):
    """The registry uses a feature that this release does not know."""

    default_kind = ErrorKind.UPGRADE_REQUIRED


class StorageError(ModelverError, OSError):
    """The store did not do what it was asked to."""

    default_kind = ErrorKind.IO

    @property
    def key(self) -> str | None:
        """The key that was being read or written."""
        return cast("str | None", self.facts.get("key"))

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without a change."""
        return bool(self.facts.get("retryable", False))


class AccessDeniedError(StorageError, PermissionError):
    """The store refuses: credentials or permissions."""

    default_kind = ErrorKind.ACCESS_DENIED


class OfflineError(StorageError):
    """What was asked for is not in the cache, and the store may not be asked."""

    default_kind = ErrorKind.OFFLINE

    @property
    def ref(self) -> str | None:
        """The version that it is of."""
        return cast("str | None", self.facts.get("ref"))


class OutcomeUnknownError(StorageError):
    """The commit may or may not have landed; nothing was cleaned up."""

    default_kind = ErrorKind.OUTCOME_UNKNOWN

    @property
    def txid(self) -> str:
        """What to ask ``Registry.outcome`` about."""
        return cast("str", self.facts["txid"])


class ReadOnlyError(ModelverError):
    """A write was asked of something that was opened for reading."""

    default_kind = ErrorKind.OPENED_READ_ONLY


class PluginError(ModelverError):
    """An entry point is missing, broken, or claimed twice."""

    default_kind = ErrorKind.BROKEN_PLUGIN


class InternalError(ModelverError):
    """A rule of modelver's own was broken: please report it."""

    default_kind = ErrorKind.BUG


class ModelverWarning(UserWarning):
    """The root of modelver's warnings."""


class WithdrawnWarning(ModelverWarning):
    """A withdrawn version was asked for by its exact number."""


class SameBundleWarning(ModelverWarning):
    """The bundle is registered already; what else was said is not recorded."""


class DamageWarning(ModelverWarning):
    """The log holds bytes that mean nothing; ``verify`` says more."""

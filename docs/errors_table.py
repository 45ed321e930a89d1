"""Writes the tables of ``reference/errors.md`` from ``modelver.errors``.

Run it after an error or a kind was added: ``python docs/errors_table.py``. A test
fails while the page says something else than the code.
"""

import inspect
from pathlib import Path
from typing import Final

from modelver import errors
from modelver.errors import ErrorKind, ModelverError, ModelverWarning

PAGE: Final = Path(__file__).parent / "reference" / "errors.md"

# What a handler does next: the reason for the class to exist.
NEXT: Final = {
    "AccessDeniedError": "mend credentials or permissions",
    "AlreadyExistsError": "accept what is there, or choose another name",
    "AmbiguousRefError": "be more specific: see `candidates`",
    "ConflictError": "read again, decide, try again",
    "FormatError": "restore the file from a copy, or report who wrote it",
    "InternalError": "report it: a rule of modelver's own was broken",
    "IntegrityError": "stop, and find a good copy: see `key`",
    "InvalidInputError": "fix the call; nothing was registered",
    "ModelNotFoundError": "ask for another model: see `near`",
    "ModelverError": "the root: catch it where any failure is handled alike",
    "NotFoundError": "ask for something else: see `near`",
    "OfflineError": "fetch it while online: `modelver path REF`",
    "OutcomeUnknownError": "ask `registry.outcome(error.txid)`",
    "PluginError": "mend the installation",
    "ReadOnlyError": "open the registry for writing",
    "RegistryNotFoundError": "create the registry, or mend the address",
    "StorageError": "mend the environment; try again if `retryable`",
    "UpgradeRequiredError": "upgrade modelver",
    "VersionExistsError": "leave `version` out, or accept `existing`",
    "VersionNotFoundError": "ask for another version: see `near`",
}

# The classes that carry a kind, and what it means.
MEANING: Final[dict[ErrorKind, tuple[str, str]]] = {
    ErrorKind.BAD_ARGUMENT: (
        "InvalidInputError",
        "an argument is of the wrong type, or does not go with the others",
    ),
    ErrorKind.BAD_NAME: (
        "InvalidInputError",
        "a model, alias, status, tag, metric or slice cannot be called so",
    ),
    ErrorKind.BAD_VERSION: (
        "InvalidInputError",
        "a version or a range is not written as SemVer is",
    ),
    ErrorKind.BAD_REF: (
        "InvalidInputError",
        "the text is no ref, or the version is of another registry",
    ),
    ErrorKind.BAD_FILTER: (
        "InvalidInputError",
        "a filter or an order does not parse; the fact `position` says where",
    ),
    ErrorKind.BAD_PATH: (
        "InvalidInputError",
        "a path cannot be in a bundle, or two paths collide",
    ),
    ErrorKind.BAD_VALUE: (
        "InvalidInputError",
        "a value cannot be kept: NaN, a control character, no date",
    ),
    ErrorKind.BAD_URL: (
        "InvalidInputError",
        "the address cannot be one, chains filesystems, or holds credentials",
    ),
    ErrorKind.TOO_LARGE: ("InvalidInputError", "a limit of the format is exceeded"),
    ErrorKind.MISSING_FILE: (
        "InvalidInputError",
        "a file to register does not exist, or nothing was given for the model",
    ),
    ErrorKind.UNSUPPORTED_FILE: (
        "InvalidInputError",
        "a link out of its folder, a pipe, a socket or a device",
    ),
    ErrorKind.CHANGED_DURING_READ: (
        "InvalidInputError",
        "a file or folder changed while it was registered",
    ),
    ErrorKind.SECRET: (
        "InvalidInputError",
        "something looks like a secret; the fact `places` says where",
    ),
    ErrorKind.UNKNOWN_STATUS: (
        "InvalidInputError",
        "the registry does not declare this status",
    ),
    ErrorKind.NOT_EMPTY: (
        "InvalidInputError",
        "a registry was to be created where something else lies",
    ),
    ErrorKind.UNTRUSTED_REGISTRY: (
        "InvalidInputError",
        "a pointer file names a registry that was never used on this machine",
    ),
    ErrorKind.CLOSED: (
        "InvalidInputError",
        "a draft or transaction is used outside of its block",
    ),
    ErrorKind.REQUIREMENT: (
        "InvalidInputError",
        "it has not what `require` or `require_clean` demands; see `failing`",
    ),
    ErrorKind.REGISTRY: ("RegistryNotFoundError", "there is no registry here"),
    ErrorKind.MODEL: ("ModelNotFoundError", "there is no model of this name"),
    ErrorKind.VERSION: ("VersionNotFoundError", "no version is meant by the ref"),
    ErrorKind.ALIAS: (
        "VersionNotFoundError",
        "the alias is not set, or nothing held it before",
    ),
    ErrorKind.DIGEST_PREFIX: (
        "VersionNotFoundError",
        "no bundle's digest begins so",
    ),
    ErrorKind.WITHDRAWN: (
        "ConflictError",
        "the version is withdrawn and cannot be given an alias",
    ),
    ErrorKind.FILE: (
        "NotFoundError",
        "the version has no such file, or `used_by` knows no such thing",
    ),
    ErrorKind.COMMIT: ("NotFoundError", "there is no commit of this number"),
    ErrorKind.TAG: ("NotFoundError", "the version has no such tag"),
    ErrorKind.INTERPRETER: (
        "NotFoundError",
        "no Python of the recorded minor version is installed here",
    ),
    ErrorKind.VERSION_TAKEN: (
        "VersionExistsError",
        "the number belongs to another bundle",
    ),
    ErrorKind.LOCAL_CHANGES: (
        "AlreadyExistsError",
        "restored files were changed, and would be overwritten or hidden from Git",
    ),
    ErrorKind.TARGET_EXISTS: (
        "AlreadyExistsError",
        "a checkout would go where something is",
    ),
    ErrorKind.KEY_EXISTS: (
        "AlreadyExistsError",
        "a backend's answer to a lost race; users do not meet it",
    ),
    ErrorKind.ALIAS_MOVED: (
        "ConflictError",
        "the alias is not where `expect` says, or a version to withdraw has one",
    ),
    ErrorKind.DEADLINE: (
        "ConflictError",
        "other writers were faster until the time was over; nothing was committed",
    ),
    ErrorKind.AMBIGUOUS: ("AmbiguousRefError", "a digest prefix fits several"),
    ErrorKind.OBJECT_DAMAGED: (
        "IntegrityError",
        "a file's bytes are not those that were registered",
    ),
    ErrorKind.OBJECT_MISSING: ("IntegrityError", "an object is gone"),
    ErrorKind.INPUT_CHANGED: (
        "IntegrityError",
        "data that was pinned where it lies is not what it was",
    ),
    ErrorKind.MANIFEST_DAMAGED: (
        "IntegrityError",
        "a manifest's bytes are not those that its name says",
    ),
    ErrorKind.MANIFEST_MISSING: ("IntegrityError", "a manifest is gone"),
    ErrorKind.ENTRY_DAMAGED: (
        "IntegrityError",
        "a log entry does not match its own check",
    ),
    ErrorKind.CHAIN_BROKEN: (
        "IntegrityError",
        "a log entry does not follow its predecessor",
    ),
    ErrorKind.REGISTRY_DAMAGED: (
        "IntegrityError",
        "`registry.json` cannot be read, or does not match its own check",
    ),
    ErrorKind.REGISTRY_REPLACED: (
        "IntegrityError",
        "another registry stands where this machine has seen one",
    ),
    ErrorKind.REGISTRY_ROLLED_BACK: (
        "IntegrityError",
        "the log is shorter than this machine has seen it",
    ),
    ErrorKind.PIN_MISMATCH: (
        "IntegrityError",
        "a pointer file or a lock pins another digest than its version has",
    ),
    ErrorKind.REGISTRY_FORKED: (
        "IntegrityError",
        "the log holds other entries than this machine has seen",
    ),
    ErrorKind.MALFORMED: (
        "FormatError",
        "stored text is not of the format; the fact `path` says where",
    ),
    ErrorKind.UPGRADE_REQUIRED: (
        "UpgradeRequiredError",
        "the registry uses what only a later release knows",
    ),
    ErrorKind.IO: ("StorageError", "reading or writing failed"),
    ErrorKind.DISK_FULL: ("StorageError", "the disk or the quota is full"),
    ErrorKind.ACCESS_DENIED: ("AccessDeniedError", "the store refuses this user"),
    ErrorKind.OFFLINE: (
        "OfflineError",
        "it is not in the cache, and `offline=True` or `MODELVER_OFFLINE` is set",
    ),
    ErrorKind.OUTCOME_UNKNOWN: (
        "OutcomeUnknownError",
        "the store did not say whether the commit landed",
    ),
    ErrorKind.NOT_FLUSHED: (
        "StorageError",
        "bytes that were written did not reach the disk; nothing was committed",
    ),
    ErrorKind.UNSUPPORTED: (
        "StorageError",
        "the store has no exclusive create, so no registry can be written there",
    ),
    ErrorKind.NOT_REBUILT: (
        "StorageError",
        "an environment cannot be built; the fact `log` has the installer's last lines",
    ),
    ErrorKind.OPENED_READ_ONLY: (
        "ReadOnlyError",
        "the registry was opened with `read_only=True`, or offline",
    ),
    ErrorKind.IN_THE_PAST: (
        "ReadOnlyError",
        "`registry.at(...)` shows the past, which cannot be written",
    ),
    ErrorKind.UNKNOWN_PLUGIN: ("PluginError", "nothing is installed for this name"),
    ErrorKind.DUPLICATE_PLUGIN: (
        "PluginError",
        "two distributions claim one name",
    ),
    ErrorKind.BROKEN_PLUGIN: (
        "PluginError",
        "a plug-in, or an optional library, cannot be imported",
    ),
    ErrorKind.BUG: ("InternalError", "please report it"),
}


def public(root: type[BaseException]) -> list[type[BaseException]]:
    """Return the exported classes below *root*, itself first, as a tree is read."""
    found = [getattr(errors, name) for name in errors.__all__]
    below = [cls for cls in found if root in cls.__bases__]
    return [root, *(each for cls in below for each in public(cls))]


def _link(cls: type[BaseException]) -> str:
    return f"{{py:class}}`~modelver.{cls.__name__}`"


def _is_also(cls: type[BaseException]) -> str:
    ours = (ModelverError, Exception)
    names = [f"`{b.__name__}`" for b in cls.__bases__ if not issubclass(b, ours[0])]
    return ", ".join(n for n in names if n != "`Exception`")


def class_table() -> str:
    """Return the table of classes, children below their parents."""
    rows = ["| class | is also | what a handler does |", "| --- | --- | --- |"]
    for cls in public(ModelverError):
        depth = sum(issubclass(c, ModelverError) for c in cls.__mro__) - 1
        name = "— " * depth + _link(cls)
        rows.append(f"| {name} | {_is_also(cls)} | {NEXT[cls.__name__]} |")
    return "\n".join(rows)


def kind_table() -> str:
    """Return the table of kinds, in the order of the enumeration."""
    rows = ["| kind | raised as | means |", "| --- | --- | --- |"]
    for kind in ErrorKind:
        raised_as, meaning = MEANING.get(kind, ("", "reserved; nothing raises it yet"))
        link = _link(getattr(errors, raised_as)) if raised_as else ""
        rows.append(f"| `{kind.name}` = `{kind}` | {link} | {meaning} |")
    return "\n".join(rows)


def warning_table() -> str:
    """Return the table of warnings."""
    rows = ["| class | means |", "| --- | --- |"]
    found = public(ModelverWarning)
    rows += [f"| {_link(cls)} | {inspect.getdoc(cls)} |" for cls in found]
    return "\n".join(rows)


def page_with_tables(page: str) -> str:
    """Return *page* with each table between its marks made anew."""
    tables = {"classes": class_table, "kinds": kind_table, "warnings": warning_table}
    for name, make in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        page = f"{head}{begin}\n\n{make()}\n\n{end}{tail}"
    return page


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page_with_tables(text), encoding="utf-8")

"""Values to bytes and back."""

import re
from typing import Any

from modelver._values.converter import structure, unstructure
from modelver._values.digests import check_digest, digest_of
from modelver._values.entry import (
    FORMAT,
    MAX_ACTIONS,
    MAX_ENTRY,
    Entry,
    Record,
    Unknown,
)
from modelver._values.jsonstrict import dumps, loads
from modelver._values.manifest import (
    HOWS,
    MAX_MANIFEST,
    ROLES,
    Bundle,
    Layout,
    Manifest,
    check_layout,
)
from modelver._values.names import check_status
from modelver._values.paths import check_bundle_path, check_no_collisions
from modelver._values.seal import seal, unseal
from modelver._values.state import RegistryInfo
from modelver.errors import (
    ErrorKind,
    FormatError,
    InvalidInputError,
    UpgradeRequiredError,
)

_AROUND = 64 * 1024
# What others call the content of data that is not copied: md5:..., etag:..., id:...
_FOREIGN = re.compile(r"[a-z][a-z0-9]{0,15}:[!-~]{1,200}")
_UUID = re.compile(r"[0-9a-f]{32}")


def entry_to_bytes(entry: Entry, algorithm: str) -> bytes:
    """Return the raw bytes of *entry*: one line of JSON that ends in its check.

    Raises:
        InvalidInputError: More than 1 MiB, more than 1,000 actions, or a value that
            JSON cannot hold.
    """
    if len(entry.actions) > MAX_ACTIONS:
        raise InvalidInputError(
            f"the commit holds {len(entry.actions)} actions, a log entry holds "
            f"{MAX_ACTIONS}",
            kind=ErrorKind.TOO_LARGE,
            hint="Make several commits of it.",
        )
    raw = seal(unstructure(entry), algorithm)
    if len(raw) > MAX_ENTRY:
        raise InvalidInputError(
            f"the commit takes {len(raw)} bytes, a log entry holds {MAX_ENTRY}",
            kind=ErrorKind.TOO_LARGE,
            hint="Keep large params, tags or metrics in a file of the bundle.",
        )
    return raw


def check_record(record: Record) -> None:
    """Refuse a record that no entry could hold, before anything is stored.

    Raises:
        InvalidInputError: More than 1 MiB less what an entry has around it.
    """
    size = len(dumps(unstructure(record)))
    if size > MAX_ENTRY - _AROUND:
        raise InvalidInputError(
            f"what is said of the version takes {size} bytes, a log entry holds "
            f"{MAX_ENTRY - _AROUND}",
            kind=ErrorKind.TOO_LARGE,
            hint="Keep large params, tags or metrics in a file of the bundle.",
        )


def entry_from_bytes(raw: bytes, algorithm: str) -> Entry:
    """Return the entry that *raw* holds.

    Raises:
        IntegrityError: It was damaged after it was written.
        FormatError: It is no entry of this format: void.
        UpgradeRequiredError: It is one of a later format, or holds an action that
            this release does not know and must not skip.
    """
    if len(raw) > MAX_ENTRY:
        raise FormatError(f"a log entry is longer than {MAX_ENTRY} bytes")
    body = unseal(raw, algorithm, ErrorKind.ENTRY_DAMAGED, "a log entry")
    document = loads(body + b"}", limit=MAX_ENTRY)
    _check_format(document, "the log entry")
    entry = structure(document, Entry)
    if len(entry.actions) > MAX_ACTIONS:
        raise FormatError(f"a log entry holds more than {MAX_ACTIONS} actions")
    if entry.critical:
        for action in entry.actions:
            if isinstance(action, Unknown):
                raise UpgradeRequiredError(
                    f"commit {entry.seq} holds the action {action.name!r}, "
                    "unknown to this release",
                    hint="Upgrade modelver to read this registry.",
                )
    return entry


def _check_format(document: Any, what: str) -> None:
    found = document.get("format") if isinstance(document, dict) else None
    if type(found) is int and found > FORMAT:
        raise UpgradeRequiredError(
            f"{what} is of format {found}, this release reads {FORMAT}",
            hint="Upgrade modelver to read this registry.",
            found=found,
            supported=FORMAT,
        )
    if found != FORMAT:
        raise FormatError(f"{what} is of no known format", path="$.format")


def registry_to_bytes(info: RegistryInfo) -> bytes:
    """Return the raw bytes of ``registry.json``."""
    return seal(unstructure(info), info.digest)


def registry_from_bytes(raw: bytes) -> RegistryInfo:
    """Return what ``registry.json`` says.

    Raises:
        IntegrityError: It was damaged after it was written.
        FormatError: It is no registry of modelver's.
        UpgradeRequiredError: It is one of a later format.
    """
    body = unseal(raw, None, ErrorKind.REGISTRY_DAMAGED, "registry.json")
    document = loads(body + b"}", limit=MAX_ENTRY)
    _check_format(document, "the registry")
    info = structure(document, RegistryInfo)
    if b',"check":"' + info.digest.encode() + b":" not in raw:
        raise FormatError("registry.json is sealed by another digest than it pins")
    # It becomes a part of a path on this machine.
    if not _UUID.fullmatch(info.uuid):
        raise FormatError("the registry's uuid is not 32 hex digits", path="$.uuid")
    try:
        for status in info.statuses:
            check_status(status)
    except InvalidInputError as error:
        raise FormatError(
            f"the registry declares a status that cannot be one: {error.message}",
            path="$.statuses",
        ) from error
    return info


def manifest_to_bytes(bundle: Bundle, layout: Layout) -> bytes:
    """Return the raw bytes of a manifest: the bundle's line, then the layout's.

    Raises:
        InvalidInputError: More than 64 MiB.
    """
    lines = (unstructure(part) for part in (bundle, layout))
    raw = b"".join(dumps(line) + b"\n" for line in lines)
    if len(raw) > MAX_MANIFEST:
        raise InvalidInputError(
            f"the manifest takes {len(raw)} bytes, the limit is {MAX_MANIFEST}",
            kind=ErrorKind.TOO_LARGE,
            hint="Register fewer files, or pack them into an archive.",
        )
    return raw


def bundle_digest(bundle: Bundle, algorithm: str) -> str:
    """Return the identity of *bundle*: the digest of its line, without the LF."""
    return digest_of(algorithm, dumps(unstructure(bundle)))


def manifest_from_bytes(raw: bytes, algorithm: str) -> Manifest:
    """Return the manifest that *raw* holds, safe to write to a disk.

    Raises:
        FormatError: It is no manifest, or one that must not be obeyed: a path that
            leaves the bundle, files that collide, slices that do not add up.
        UpgradeRequiredError: It is one of a later format.
    """
    first, newline, rest = raw.partition(b"\n")
    if not newline or not rest.endswith(b"\n") or b"\n" in rest[:-1]:
        raise FormatError("a manifest has two lines")
    document = loads(first, limit=MAX_MANIFEST)
    _check_format(document, "the manifest")
    bundle = structure(document, Bundle)
    layout = structure(loads(rest[:-1], limit=MAX_MANIFEST), Layout)
    _check_files(bundle, algorithm)
    check_layout(bundle, layout, algorithm)
    return Manifest(
        bundle=bundle,
        layout=layout,
        bundle_digest=digest_of(algorithm, first),
        digest=digest_of(algorithm, raw),
    )


def _check_files(bundle: Bundle, algorithm: str) -> None:
    paths = [file.path for file in bundle.files]
    try:
        for path in paths:
            check_bundle_path(path)
        check_no_collisions(paths)
    except InvalidInputError as error:
        raise FormatError(
            f"the manifest cannot be obeyed: {error.message}", path="$.files"
        ) from error
    if paths != sorted(set(paths)):
        raise FormatError("the manifest's files are not sorted", path="$.files")
    for number, file in enumerate(bundle.files):
        where = f"$.files[{number}]"
        check_digest(file.digest, algorithm, path=f"{where}.digest")
        if file.role not in ROLES or not file.path.startswith(file.role + "/"):
            raise FormatError(f"{where} has no role", path=f"{where}.role")
        if file.size < 0:
            raise FormatError(f"{where} has a negative size", path=f"{where}.size")
    _check_inputs(bundle, algorithm)


def _check_inputs(bundle: Bundle, algorithm: str) -> None:
    for number, source in enumerate(bundle.inputs):
        where = f"$.inputs[{number}]"
        if source.how not in HOWS:
            raise FormatError(f"{where} is kept in no known way", path=f"{where}.how")
        if source.how == "copy":
            check_digest(source.digest, algorithm, path=f"{where}.digest")
        elif not _FOREIGN.fullmatch(source.digest):
            raise FormatError(f"{where} has no digest", path=f"{where}.digest")

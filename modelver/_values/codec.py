"""Values to bytes and back: the only module that knows cattrs.

What is read may come from a hostile registry, so types are checked and never
coerced: cattrs by itself turns 5 into "5" and "5" into 5. Unknown fields are passed
over; nothing that was written is ever written again, so they are kept.
"""

import re
from collections.abc import Mapping
from functools import cache, partial
from operator import eq
from typing import Any, TypeVar, get_args

from attrs import fields, has
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_unstructure_fn

from modelver._values.digests import check_digest, digest_of
from modelver._values.entry import (
    ACTIONS,
    FORMAT,
    MAX_ACTIONS,
    MAX_ENTRY,
    Action,
    Entry,
    Record,
    Unknown,
)
from modelver._values.jsonstrict import dumps, loads
from modelver._values.manifest import (
    MAX_MANIFEST,
    ROLES,
    Bundle,
    Layout,
    Manifest,
    Slice,
    check_layout,
)
from modelver._values.names import check_status
from modelver._values.paths import check_bundle_path, check_no_collisions
from modelver._values.seal import seal, unseal
from modelver._values.state import RegistryInfo
from modelver._values.text import term_safe
from modelver.errors import (
    ErrorKind,
    FormatError,
    InvalidInputError,
    UpgradeRequiredError,
)

T = TypeVar("T")

_AROUND = 64 * 1024

_BY_TYPE = {action.type: action for action in ACTIONS}
_UUID = re.compile(r"[0-9a-f]{32}")


def _exactly(kind: type) -> Any:
    def structure(value: Any, _: Any) -> Any:
        # bool is an int to Python and not to JSON: compare types, not instances.
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
        return value

    return structure


def _float(value: Any, _: Any) -> float:
    if type(value) not in (float, int):
        raise TypeError(f"expected a number, found {type(value).__name__}")
    return float(value)


def _text_or_none(value: Any, _: Any) -> str | None:
    if value is not None and type(value) is not str:
        raise TypeError(f"expected text or null, found {type(value).__name__}")
    return value


def _mapping_of_floats(value: Any, _: Any) -> dict[str, float]:
    # All at once: a call for each metric is most of the time of reading a log.
    made = _mapping_of_any(value, _)
    types = set(map(type, made.values()))
    if types <= {float}:
        return made
    if not types <= {float, int}:
        raise TypeError("expected numbers")
    return {key: float(number) for key, number in made.items()}


def _mapping_of_texts(value: Any, _: Any) -> dict[str, str]:
    made = _mapping_of_any(value, _)
    if not set(map(type, made.values())) <= {str}:
        raise TypeError("expected text")
    return made


def _mapping_of_any(value: Any, _: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise TypeError(f"expected an object, found {type(value).__name__}")
    return value


_HOOKS: dict[Any, Any] = {
    str | None: _text_or_none,
    Mapping[str, Any]: _mapping_of_any,
    Mapping[str, float]: _mapping_of_floats,
    Mapping[str, str]: _mapping_of_texts,
}


def _object_hook(converter: Converter, kind: Any) -> Any:
    structure = converter.gen_structure_attrs_fromdict(kind)

    def structure_object(value: Any, _: Any) -> Any:
        # A class whose fields all have defaults would be read from any list.
        if type(value) is not dict:
            raise TypeError(f"expected an object, found {type(value).__name__}")
        return structure(value, kind)

    return structure_object


def _tuple_hook(converter: Converter, kind: Any) -> Any:
    inner = get_args(kind)[0]
    # Looked up at the first item: an action may hold tuples of its own kind.
    find = cache(lambda: converter.get_structure_hook(inner))

    def structure_tuple(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise TypeError(f"expected an array, found {type(value).__name__}")
        if not value:
            return ()
        hook = find()
        return tuple([hook(item, inner) for item in value])

    return structure_tuple


def _make(*, detailed: bool) -> Converter:
    converter = Converter(detailed_validation=detailed)
    converter.register_structure_hook(str, _exactly(str))
    converter.register_structure_hook(int, _exactly(int))
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(bool, _exactly(bool))
    converter.register_structure_hook_factory(has, partial(_object_hook, converter))
    for kind, hook in _HOOKS.items():
        converter.register_structure_hook_func(partial(eq, kind), hook)

    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is tuple,
        partial(_tuple_hook, converter),
    )

    hooks: dict[type[Any], Any] = {}

    def structure_action(value: Any, _: Any) -> Action:
        if type(value) is not dict:
            raise TypeError(f"expected an object, found {type(value).__name__}")
        name = str(value.get("type"))
        known: type[Any] | None = _BY_TYPE.get(name)
        if known is None:
            return Unknown(name=name[:100])
        if known not in hooks:
            hooks[known] = converter.get_structure_hook(known)
        made: Action = hooks[known](value, known)
        return made

    converter.register_structure_hook_func(partial(eq, Action), structure_action)

    def unstructure_action(value: Any) -> dict[str, Any]:
        made = {"type": value.type}
        for attribute in fields(type(value)):
            made[attribute.name] = converter.unstructure(getattr(value, attribute.name))
        return made

    for kind in (*ACTIONS, Action):
        converter.register_unstructure_hook_func(partial(eq, kind), unstructure_action)
    # There may be tens of thousands in a manifest: their defaults go unsaid.
    brief = make_dict_unstructure_fn(Slice, converter, _cattrs_omit_if_default=True)
    converter.register_unstructure_hook(Slice, brief)
    return converter


@cache
def _converter() -> Converter:
    return _make(detailed=False)


@cache
def _explaining_converter() -> Converter:
    return _make(detailed=True)


def _structure(value: Any, kind: type[T]) -> T:
    try:
        return _converter().structure(value, kind)
    except (TypeError, ValueError, KeyError, AttributeError, BaseValidationError):
        pass
    # Once more and slower, to be able to say where it went wrong.
    try:
        return _explaining_converter().structure(value, kind)
    except BaseValidationError as errors:
        first = next(iter(transform_error(errors)), "unknown")
        what, _, path = first.partition(" @ ")
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        what, path = str(error), "$"
    raise FormatError(
        f"the document is no {kind.__name__.lower()}: "
        f"{term_safe(what[:200])} at {term_safe(path[:200])}",
        kind=ErrorKind.MALFORMED,
        path=path,
    )


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
    raw = seal(_converter().unstructure(entry), algorithm)
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
    size = len(dumps(_converter().unstructure(record)))
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
    entry = _structure(document, Entry)
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
    return seal(_converter().unstructure(info), info.digest)


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
    info = _structure(document, RegistryInfo)
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
    lines = (_converter().unstructure(part) for part in (bundle, layout))
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
    return digest_of(algorithm, dumps(_converter().unstructure(bundle)))


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
    bundle = _structure(document, Bundle)
    layout = _structure(loads(rest[:-1], limit=MAX_MANIFEST), Layout)
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
    for number, source in enumerate(bundle.inputs):
        check_digest(source.digest, algorithm, path=f"$.inputs[{number}].digest")

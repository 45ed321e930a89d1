"""What the foreign reader knows of JSON, names and fields: the tables of the page."""

import json
import re
from typing import Any, Final, NoReturn

N: Final = "(?:0|[1-9][0-9]*)"
WORD: Final = f"(?:{N}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRE: Final = rf"{WORD}(?:\.{WORD})*"
SEMVER: Final = re.compile(
    rf"{N}\.{N}\.{N}(?:-{PRE})?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
NUMBERLIKE: Final = re.compile(
    rf"v?(?:{N}\.{N}\.{N}(?:-{PRE})?|{N}\.{N}(?:\.x)?|{N}(?:\.x){{0,2}})"
)
PART: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?")
ALIAS: Final = re.compile(r"[a-z](?:[a-z0-9._-]*[a-z0-9])?")
DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?:\..*)?")


class DamagedError(Exception):
    """Bytes are not what was written: stop, and say so."""


class UpgradeError(Exception):
    """It was written by a later release, and must not be guessed at."""


class VoidError(Exception):
    """An entry that has no effect."""


# Names.


def good_model(name: str) -> bool:
    """Whether a model may be called so."""
    parts = name.split("/")
    return len(name) <= 200 and len(parts) <= 3 and all(map(_good_part, parts))


def _good_part(part: str) -> bool:
    return bool(
        PART.fullmatch(part)
        and ".." not in part
        and not DEVICE.fullmatch(part)
        and not NUMBERLIKE.fullmatch(part)
    )


def good_alias(alias: str) -> bool:
    """Whether an alias may be called so."""
    return bool(
        len(alias) <= 64
        and ALIAS.fullmatch(alias)
        and ".." not in alias
        and not DEVICE.fullmatch(alias)
        and alias not in ("latest", "newest")
        and not re.match(r"v[0-9]|x(?:\.x)*\Z", alias)
    )


# JSON.


def strict(raw: bytes) -> Any:
    """Parse JSON as the format has it."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise VoidError("a key twice")
        return found

    def refuse(text: str) -> NoReturn:
        raise VoidError(text)

    def finite(text: str) -> float:
        if abs(float(text)) == float("inf"):
            raise VoidError(text)
        return float(text)

    def whole(text: str) -> int:
        if len(text) > 17 or abs(int(text)) > 2**53:
            raise VoidError(text)
        return int(text)

    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=once,
            parse_constant=refuse,
            parse_float=finite,
            parse_int=whole,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise VoidError(str(error)) from error
    if _depth(value) > 32:
        raise VoidError("nested too deep")
    return value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def version_of(document: Any) -> None:
    """Check the number of the format."""
    found = document.get("format") if isinstance(document, dict) else None
    if type(found) is int and found > 1:
        raise UpgradeError(f"format {found}")
    if type(found) is not int or found != 1:
        raise VoidError("no format")


# What the fields are: name → (type, needed). Others are passed over.

TEXT: Final = "text"
MAYBE: Final = "text or null"
INT: Final = "integer"
BOOL: Final = "boolean"
ANY: Final = "object"
TEXTS: Final = "array of text"
NUMBERS: Final = "object of numbers"
LABELS: Final = "object of text"
SLICES: Final = "object of objects of numbers"
Fields = dict[str, tuple[Any, bool]]


def _fields(**types: Any) -> Fields:
    """Return a table; a name that ends in ``_`` may be left out."""
    return {
        name.rstrip("_"): (kind, not name.endswith("_")) for name, kind in types.items()
    }


REGISTRY: Final = _fields(
    format=INT, uuid=TEXT, digest=TEXT, read_=TEXTS, write_=TEXTS, statuses_=TEXTS,
    protected_aliases_=TEXTS, created_=TEXT, tool_=TEXT,
)  # fmt: skip
ENTRY: Final = _fields(
    format=INT, seq=INT, prev=TEXT, txid=TEXT, time=TEXT, actor=TEXT, tool=TEXT,
    message_=MAYBE, critical_=BOOL, actions=[None],
)  # fmt: skip
PARENT: Final = _fields(name=TEXT, version=TEXT, bundle=TEXT)
INPUT: Final = _fields(
    name=TEXT, digest=TEXT, size=INT, kind_=TEXT, how_=TEXT, uri_=MAYBE,
    version_=MAYBE, rows_=(INT,), columns_=(INT,), schema_=LABELS, split_=MAYBE,
    license_=MAYBE,
)  # fmt: skip
RECIPE: Final = _fields(
    command_=TEXTS, folder_=TEXT, outputs_=LABELS, sources_=LABELS, metrics_=TEXTS,
    tolerance_=SLICES,
)  # fmt: skip
CODE: Final = _fields(commit=TEXT, system_=TEXT)
RECORD: Final = _fields(
    params_=ANY, metrics_=NUMBERS, slices_=SLICES, tags_=LABELS, description_=MAYBE,
    parents_=[PARENT], inputs_=[INPUT], code_=(CODE,), files_=INT, size_=INT,
    structure_=MAYBE, bump_=TEXT, bump_reason_=MAYBE, run_=ANY,
    recipe_=(RECIPE,),
)  # fmt: skip
ACTIONS: Final = {
    "register": _fields(
        name=TEXT, version=TEXT, bundle=TEXT, manifest=TEXT, record=RECORD
    ),
    "alias": _fields(
        name=TEXT,
        alias=TEXT,
        version=MAYBE,
        kind_=TEXT,
        expect_=(_fields(version=MAYBE),),
        reason_=MAYBE,
    ),
    "status": _fields(name=TEXT, version=TEXT, status=MAYBE, reason_=MAYBE),
    "tag": _fields(name=TEXT, version=TEXT, set_=LABELS, unset_=TEXTS),
    "note": _fields(name=TEXT, version=TEXT, text=TEXT),
    "metrics": _fields(
        name=TEXT,
        version=TEXT,
        metrics_=NUMBERS,
        slices_=SLICES,
        dataset_=MAYBE,
        when_=MAYBE,
    ),
    "withdraw": _fields(name=TEXT, version=TEXT, reason=TEXT),
    "restore": _fields(name=TEXT, version=TEXT, reason_=MAYBE),
    "attest": _fields(name=TEXT, version=TEXT, kind=TEXT, digest=TEXT, results_=LABELS),
    "feature": _fields(read_=TEXTS, write_=TEXTS),
}


def check(value: Any, fields: Fields) -> None:
    """Check that an object has these fields, each of its type."""
    if not isinstance(value, dict):
        raise VoidError("no object")
    for name, (kind, needed) in fields.items():
        if name not in value:
            if needed:
                raise VoidError(f"{name} is missing")
        elif not _fits(value[name], kind):
            raise VoidError(f"{name} is no {kind}")


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, dict):
        check(value, kind)
        return True
    if isinstance(kind, tuple):  # null, or what is inside
        return value is None or _fits(value, kind[0])
    if isinstance(kind, list):
        each = kind[0] is not None
        return type(value) is list and all(_fits(v, kind[0]) for v in value if each)
    return _fits_name(value, kind)


def _fits_name(value: Any, kind: str) -> bool:
    if kind == TEXTS:
        return type(value) is list and all(type(v) is str for v in value)
    if kind in (NUMBERS, LABELS, SLICES, ANY):
        return type(value) is dict and all(
            _fits_inside(v, kind) for v in value.values()
        )
    allowed: dict[str, list[type]] = {
        TEXT: [str],
        MAYBE: [str, type(None)],
        INT: [int],
        BOOL: [bool],
    }
    return type(value) in allowed[kind]


def _fits_inside(value: Any, kind: str) -> bool:
    if kind == SLICES:
        return _fits(value, NUMBERS)
    wanted: dict[str, list[type]] = {NUMBERS: [int, float], LABELS: [str]}
    return kind == ANY or type(value) in wanted[kind]

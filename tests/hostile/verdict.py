"""What an entry is: a commit, void, damage, or of a later release; decided again.

A second opinion, written from the format's page without modelver: json and the digest
alone. It stops where the rules of the fold begin.
"""

import json
import re
from typing import Any, Final, NoReturn

from tests.hostile.forge import digest

MIB: Final = 2**20
SEAL: Final = {"b3": 80, "sha256": 84}


class DamagedError(Exception):
    """Bytes are not what was written."""


class UpgradeError(Exception):
    """It was written by a later release."""


class VoidError(Exception):
    """It has no effect."""


def verdict(raw: bytes, seq: int, prev: str, algorithm: str = "b3") -> str:
    """Return ``commit``, ``void``, ``damage`` or ``upgrade``."""
    try:
        _decide(raw, seq, prev, algorithm)
    except VoidError:
        return "void"
    except DamagedError:
        return "damage"
    except UpgradeError:
        return "upgrade"
    return "commit"


def _decide(raw: bytes, seq: int, prev: str, algorithm: str) -> None:
    if len(raw) > MIB:
        raise VoidError("too long")
    entry = strict(_unseal(raw, algorithm) + b"}")
    version_of(entry)
    check(entry, ENTRY)
    for action in entry["actions"]:
        if not isinstance(action, dict):
            raise VoidError("an action is no object")
        fields = ACTIONS.get(str(action.get("type")))
        if fields is not None:
            check(action, fields)
    if len(entry["actions"]) > 1000:
        raise VoidError("too many actions")
    if entry.get("critical", True):
        for action in entry["actions"]:
            if str(action.get("type")) not in ACTIONS:
                raise UpgradeError("an unknown action")
    if (entry["seq"], entry["prev"]) != (seq, prev):
        raise DamagedError("the chain is broken")


def _unseal(raw: bytes, algorithm: str) -> bytes:
    length = SEAL[algorithm]
    body, seal = raw[:-length], raw[-length:]
    if re.fullmatch(rf',"check":"{algorithm}:[0-9a-f]{{64}}"\}}\n'.encode(), seal):
        if seal != b',"check":"' + digest(algorithm, body).encode() + b'"}\n':
            raise DamagedError("the check does not hold")
        return body
    try:
        sound = isinstance(strict(body + b"}"), dict)
    except VoidError:
        sound = False
    if sound:
        raise DamagedError("the check is damaged")
    raise VoidError("not sealed")


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
NUMBER: Final = "number"
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


ENTRY: Final = _fields(
    format=INT,
    seq=INT,
    prev=TEXT,
    txid=TEXT,
    time=TEXT,
    actor=TEXT,
    tool=TEXT,
    message_=MAYBE,
    critical_=BOOL,
    actions=[None],
)
PARENT: Final = _fields(name=TEXT, version=TEXT, bundle=TEXT)
INPUT: Final = _fields(name=TEXT, digest=TEXT, size=INT, kind_=TEXT)
CODE: Final = _fields(commit=TEXT, system_=TEXT)
RECORD: Final = _fields(
    params_=ANY,
    metrics_=NUMBERS,
    slices_=SLICES,
    tags_=LABELS,
    description_=MAYBE,
    parents_=[PARENT],
    inputs_=[INPUT],
    code_=(CODE,),
    files_=INT,
    size_=INT,
    structure_=MAYBE,
    bump_=TEXT,
    bump_reason_=MAYBE,
    run_=ANY,
)
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
    if isinstance(kind, list):  # of what is inside; of None: of anything
        inside = value if type(value) is list and kind[0] is not None else []
        return type(value) is list and all(_fits(item, kind[0]) for item in inside)
    if kind in INNER:
        types = INNER[kind]
        items = value.values() if type(value) is dict else value
        outer = list if kind == TEXTS else dict
        return type(value) is outer and all(
            not types or _fits(item, types) for item in items
        )
    return type(value) in SIMPLE[kind]


SIMPLE: Final[dict[str, tuple[type, ...]]] = {
    TEXT: (str,),
    MAYBE: (str, type(None)),
    INT: (int,),
    BOOL: (bool,),
    NUMBER: (int, float),
}
INNER: Final = {TEXTS: TEXT, LABELS: TEXT, NUMBERS: NUMBER, SLICES: NUMBERS, ANY: ""}

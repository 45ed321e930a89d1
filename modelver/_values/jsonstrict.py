"""JSON as the store format has it: one reading for every byte string, or none.

Python's parser takes duplicate keys (the last wins), NaN, numbers of any size and
any depth. Two readers that differ on those would differ on what a registry says,
so the format forbids them.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from modelver.errors import ErrorKind, FormatError, InvalidInputError

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_INTEGER_TEXT: Final = 17


def _fail(what: str) -> NoReturn:
    raise FormatError(what, kind=ErrorKind.MALFORMED)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _fail("a JSON object names the same key twice")
    return found


def _integer(text: str) -> int:
    # Longer text would reach Python's own limit on digits, with its own error.
    if len(text) > _INTEGER_TEXT or abs(value := int(text)) > MAX_INTEGER:
        _fail("a JSON integer is beyond 2^53")
    return value


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        _fail(f"the JSON number {text[:40]} is beyond a 64-bit float")
    return value


def _constant(text: str) -> NoReturn:
    _fail(f"{text} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=_constant,
)


def _check_depth(raw: bytes) -> None:
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            _fail(f"JSON is nested deeper than {MAX_DEPTH}")


def loads(raw: bytes, *, limit: int) -> Any:
    """Parse one strict JSON document.

    Args:
        raw: UTF-8 without a byte order mark.
        limit: The longest document that is accepted, in bytes.

    Raises:
        FormatError: Too long, not UTF-8, not JSON, a key twice in one object, NaN
            or infinity, an integer beyond 2^53, a lone surrogate, or nested deeper
            than :data:`MAX_DEPTH`.
    """
    if len(raw) > limit:
        _fail(f"the document is longer than {limit} bytes")
    _check_depth(raw)
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            # "\ud800" parses to text that no UTF-8 can hold.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise FormatError(f"the document is not UTF-8: {error.reason}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"the document is not JSON: {error}") from error
    return value


def _check_integers(value: Any) -> None:
    """Refuse what another reader could not read back; walks without recursion."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif type(item) is int and abs(item) > MAX_INTEGER:
            raise InvalidInputError(
                f"the integer {item if abs(item) < 10**30 else '...'} is beyond 2^53",
                kind=ErrorKind.BAD_VALUE,
                hint="Give it as text or as a float.",
            )


_ENCODER: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


def dumps(value: Any) -> bytes:
    """Return *value* as compact UTF-8 JSON in the order that it has.

    Raises:
        InvalidInputError: It holds what strict JSON cannot: NaN, infinity, a lone
            surrogate, an integer beyond 2^53, a type that JSON does not have.
    """
    _check_integers(value)
    try:
        return _ENCODER(value).encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError(
            f"a value cannot be kept as JSON: {error}", kind=ErrorKind.BAD_VALUE
        ) from error

"""JSON as the store format has it: one reading for every byte string, or none.

Python's parser takes duplicate keys (the last wins), NaN, numbers of any size and
any depth. Two readers that differ on those would differ on what a registry says,
so the format forbids them.
"""

import json
import re
from collections.abc import Callable, Collection
from math import isfinite
from typing import Any, Final, NoReturn

from modelver.errors import ErrorKind, FormatError, InvalidInputError

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53
# A manifest of 64 MiB that says what a manifest says has fewer; empty arrays in its
# place would have ten times as many, and take 30 times its size.
MAX_VALUES: Final = 3_000_000

# One that is never closed reaches to the end: were it no match, the search would go on
# at each escaped quote inside, and take quadratic time.
_TEXT: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRING = re.compile(_TEXT, re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_SIGN = rb'(?:[^"\[{,]++|' + _TEXT + rb")*+[\[{,]"
# Matched where the last one ended, never searched for: a search that fails would be
# made again from the next byte.
_ONE_SIGN = re.compile(_SIGN, re.DOTALL)
_MANY_SIGNS = re.compile(rb"(?:" + _SIGN + rb"){1000}+", re.DOTALL)
# An integer beyond 2^53 has 16 digits or more; other text may have them too.
_MANY_DIGITS = re.compile(rb"[0-9]{16}")


def _fail(what: str) -> NoReturn:
    raise FormatError(what, kind=ErrorKind.MALFORMED)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # One call for each object: a hook for each number would be half the time of
    # reading a log.
    found = dict(pairs)
    if len(found) != len(pairs):
        _fail("a JSON object names the same key twice")
    if not _HARMLESS.issuperset(types := set(map(type, found.values()))):
        _check_numbers(found.values(), types)
    return found


_NUMERIC: Final = frozenset({int, float, list})
_HARMLESS: Final = frozenset({str, bool, type(None), dict})


def _check_numbers(values: Collection[Any], types: set[type]) -> None:
    """Check the numbers among *values*; a whole column of one type at once."""
    if types == {float} and isfinite(sum(values)):
        return
    if types == {int} and max(values) <= MAX_INTEGER and min(values) >= -MAX_INTEGER:
        return
    for value in values:
        if value.__class__ in _NUMERIC:
            _check_number(value)


def _check_number(value: Any) -> None:
    if value.__class__ is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            _fail("a JSON integer is beyond 2^53")
    elif value.__class__ is float:
        if not isfinite(value):
            _fail("a JSON number is beyond a 64-bit float")
    elif value.__class__ is list and value:
        _check_numbers(value, set(map(type, value)))


def _constant(text: str) -> NoReturn:
    _fail(f"{text} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _check_count(raw: bytes) -> None:
    """Refuse what would be a great many values, before any of them is made."""
    signs = raw.count(b",") + raw.count(b"[") + raw.count(b"{")
    if signs <= MAX_VALUES:
        return
    signs = at = 0  # most of them may be in text
    for sign, number in ((_MANY_SIGNS, 1000), (_ONE_SIGN, 1)):
        while signs <= MAX_VALUES and (found := sign.match(raw, at)):
            signs, at = signs + number, found.end()
    if signs > MAX_VALUES:
        _fail(f"the document has more than {MAX_VALUES:,} values")


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
            or infinity, an integer beyond 2^53, a lone surrogate, nested deeper
            than :data:`MAX_DEPTH`, or more than :data:`MAX_VALUES` values.
    """
    if len(raw) > limit:
        _fail(f"the document is longer than {limit} bytes")
    _check_count(raw)
    _check_depth(raw)
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
        _check_number(value)
        if b"\\u" in raw:
            # "\ud800" parses to text that no UTF-8 can hold.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise FormatError("the document is not UTF-8") from error
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
    try:
        raw = _ENCODER(value).encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError(
            f"a value cannot be kept as JSON: {error}", kind=ErrorKind.BAD_VALUE
        ) from error
    if _MANY_DIGITS.search(raw):
        _check_integers(value)
    return raw

"""One value of a table as bytes: what it is, and what it says."""

import datetime as dt
import decimal
import math
import uuid
from collections.abc import Callable
from typing import Any, Final

_DEEPEST: Final = 16


class NotPlainValueError(ValueError):
    """The value is of a kind that has no text of its own."""


def value_bytes(value: Any, depth: int = 0) -> bytes:
    """Return a letter for the kind of *value*, and its text in UTF-8.

    Nothing, NaN and ``NaT`` are all one: missing.

    Raises:
        NotPlainValueError: It is of another kind; the message names it.
    """
    if isinstance(value, str):
        return b"t" + value.encode("utf-8", "surrogatepass")
    if value is None or _is_missing(value):
        return b"-"
    made = _plain(value)
    if made is not None:
        return made
    item = getattr(value, "item", None)  # a scalar of NumPy's
    if callable(item) and getattr(value, "ndim", None) == 0:
        return value_bytes(item(), depth + 1) if depth < _DEEPEST else b"-"
    return _nested(value, depth)


def _is_missing(value: Any) -> bool:
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


_WRITTEN: Final[tuple[tuple[Any, bytes, Callable[[Any], str]], ...]] = (
    (bool, b"b", lambda value: str(int(value))),  # before the integers, which it is too
    (int, b"i", lambda value: str(int(value))),
    (float, b"f", lambda value: float(value).hex()),
    (decimal.Decimal, b"d", str),
    ((dt.date, dt.time), b"m", lambda value: str(value.isoformat())),
    (dt.timedelta, b"p", lambda value: str(value // dt.timedelta(microseconds=1))),
    (uuid.UUID, b"u", lambda value: str(value.hex)),
)


def _plain(value: Any) -> bytes | None:
    if isinstance(value, bytes | bytearray | memoryview):
        return b"y" + bytes(value)
    for kinds, letter, write in _WRITTEN:
        if isinstance(value, kinds):
            return letter + write(value).encode()
    return None


def _nested(value: Any, depth: int) -> bytes:
    if depth >= _DEEPEST:
        raise NotPlainValueError(f"values nested more than {_DEEPEST} deep")
    tolist = getattr(value, "tolist", None) or getattr(value, "to_list", None)
    if callable(tolist):
        value = tolist()
    if isinstance(value, dict):
        pairs = [
            (value_bytes(key, depth + 1), value_bytes(inner, depth + 1))
            for key, inner in value.items()
        ]
        parts = [part for pair in sorted(pairs) for part in pair]
        return b"o" + b"".join(map(_sized, parts))
    if isinstance(value, list | tuple):
        return b"l" + b"".join(_sized(value_bytes(each, depth + 1)) for each in value)
    raise NotPlainValueError(f"a value of type {type(value).__name__}")


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data

"""What stands on the right of an operator, checked against the field on the left.

Versions and times are brought into the form that a query carries: a full version,
an instant in UTC. Errors are plain; the grammar adds where they happened.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from modelver._values.query import (
    And,
    Comparison,
    Expr,
    Field,
    In,
    Like,
    Not,
    Operator,
    Or,
    Scalar,
)
from modelver._values.semver import Version
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["MAX_PATTERN", "any_equal", "compare", "like", "version"]

MAX_PATTERN: Final = 256
_MAX_SHOWN: Final = 60

_PARTIAL: Final = re.compile(r"v?(\d{1,40})(\.\d{1,40})?", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def compare(field: Field, op: Operator, value: Scalar) -> Expr:
    """Return ``field op value``, checked.

    A date or a time of ``created`` stands for all of the day, minute or second
    that it names, in UTC where it has no offset.

    Raises:
        InvalidInputError: The two never go together: text for a metric, ``<``
            for an alias.
    """
    _check(field, op, value)
    if field.kind == "version":
        return Comparison(field, op, version(str(value)))
    if field.kind != "created":
        return Comparison(field, op, value)
    start, end = _span(str(value))
    if start == end:
        return Comparison(field, op, start)
    within = And((Comparison(field, ">=", start), Comparison(field, "<", end)))
    spans: dict[Operator, Expr] = {
        "=": within,
        "!=": Not(within),
        "<": Comparison(field, "<", start),
        "<=": Comparison(field, "<", end),
        ">": Comparison(field, ">=", end),
        ">=": Comparison(field, ">=", start),
    }
    return spans[op]


def any_equal(field: Field, each: Sequence[Expr]) -> Expr:
    """Return ``field in (...)``, given what :func:`compare` made of each value."""
    plain = [item.value for item in each if isinstance(item, Comparison)]
    # A date is a span of time and no value to be equal to.
    return In(field, tuple(plain)) if len(plain) == len(each) else Or(tuple(each))


def like(field: Field, op: str, pattern: Scalar) -> Like:
    """Return ``field like pattern``, or ``ilike``.

    Raises:
        InvalidInputError: The field is a number, or the pattern is not text or
            longer than 256 characters.
    """
    if field.kind == "metrics":
        raise _bad(f"{_named(field)} is a number, and {op!r} looks at text")
    if not isinstance(pattern, str):
        found = _shown(pattern)
        raise _bad(f"{op!r} looks for text, not {found}", f"Quote it: '{found}'.")
    if len(pattern) > MAX_PATTERN:
        size = len(pattern)
        raise _bad(f"the pattern has {size} characters, more than {MAX_PATTERN}")
    return Like(field, pattern, ignore_case=op == "ilike")


def _check(field: Field, op: str, value: Scalar) -> None:
    is_text, is_boolean = isinstance(value, str), isinstance(value, bool)
    if field.kind == "metrics" and (is_text or is_boolean):
        raise _bad(
            f"{_named(field)} is a number and cannot be {_shown(value)}",
            f"Write a number without quotes: {_named(field)} {op} 0.9",
        )
    if field.kind not in {"metrics", "params"} and not is_text:
        raise _bad(
            f"{_named(field)} is text and cannot be {_shown(value)}",
            f"Put it in single quotes: {_named(field)} {op} '{_shown(value)}'",
        )
    if op not in {"=", "!="} and (field.kind == "alias" or is_boolean):
        what = "an alias" if field.kind == "alias" else "a boolean"
        raise _bad(f"{op!r} has no meaning for {what}", "Use =, != or in.")


def version(text: str) -> str:
    """Return a full version for *text*, which may stop after one or two numbers.

    Raises:
        InvalidInputError: It is neither.
    """
    if partial := _PARTIAL.fullmatch(text):
        text += ".0" if partial[2] else ".0.0"
    try:
        return str(Version.parse(text))
    except InvalidInputError as error:
        raise _bad(
            f"{_shown(text)} is not a version",
            "Write it as '1.2.0' or '1.2'; for a range, compare twice with >= and <.",
        ) from error


def _span(text: str) -> tuple[str, str]:
    """Return the first instant that *text* names and the first one after it."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise _bad(
            f"{_shown(text)} is not a date or a time",
            "Write it as '2026-03-01' or '2026-03-01T09:30:00Z'.",
        )
    day, minute, second, fraction, offset = match.groups()
    spelled = f"{day}T{minute or '00:00'}:{second or '00'}.{fraction or '0':0<6}"
    try:
        start = datetime.fromisoformat(spelled + (offset or "Z")).astimezone(UTC)
        end = start + (
            timedelta()
            if fraction
            else timedelta(seconds=1)
            if second
            else timedelta(minutes=1)
            if minute
            else timedelta(days=1)
        )
    except (ValueError, OverflowError) as error:
        raise _bad(f"{_shown(text)} is not in the calendar") from error
    return _instant(start), _instant(end)


def _instant(moment: datetime) -> str:
    return moment.isoformat().removesuffix("+00:00") + "Z"


def _named(field: Field) -> str:
    text = str(field)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _shown(value: Scalar) -> str:
    if isinstance(value, str):
        return quoted(value, _MAX_SHOWN)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _bad(message: str, hint: str | None = None) -> InvalidInputError:
    return InvalidInputError(message, kind=ErrorKind.BAD_FILTER, hint=hint)

"""What callers say, checked before anything is written and made plain JSON."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any, Final

from modelver._values.facts import flatten
from modelver._values.jsonstrict import MAX_DEPTH, dumps
from modelver._values.names import (
    check_metric_name,
    check_slice_name,
    check_tag_key,
    check_text,
)
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

MAX_TAG: Final = 8 * 1024
MAX_TEXT: Final = 64 * 1024
MAX_REASON: Final = 8 * 1024
MAX_PARAMS: Final = 256 * 1024
MAX_METRICS: Final = 10_000
MAX_TAGS: Final = 1000
MAX_SEVERAL: Final = 1000
MAX_PLAIN: Final = 10_000_000

Metrics = Mapping[str, float]
Slices = Mapping[str, Metrics]


def check_metrics(metrics: Metrics | None, what: str = "metrics") -> dict[str, float]:
    """Return metrics as finite floats by name.

    Raises:
        InvalidInputError: A name or value cannot be one.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise InvalidInputError(
            f"{what} are given as {type(metrics).__name__}, expected a mapping",
            hint="For instance metrics={'auc': 0.94}.",
        )
    if len(metrics) > MAX_METRICS:
        raise InvalidInputError(
            f"{len(metrics)} {what} are given, at most {MAX_METRICS} are kept",
            kind=ErrorKind.TOO_LARGE,
            hint="Keep curves and histories in a file of the bundle.",
        )
    return {check_metric_name(n): _finite(n, v, what) for n, v in metrics.items()}


def _finite(name: str, value: Any, what: str) -> float:
    if isinstance(value, bool | str | bytes) or value is None:
        found = None
    else:
        try:
            found = float(value)  # NumPy and torch scalars too
        except (TypeError, ValueError, OverflowError):
            found = None
    if found is None or not math.isfinite(found):
        shown = str(found) if found is not None else quoted(value)
        raise InvalidInputError(
            f"{what} give {quoted(name)} the value {shown}, which is no finite number",
            kind=ErrorKind.BAD_VALUE,
            hint="Leave a metric out that could not be measured.",
        )
    return found


def check_slices(slices: Slices | None) -> dict[str, dict[str, float]]:
    """Return metrics by slice of the data.

    Raises:
        InvalidInputError: A name or value cannot be one.
    """
    if slices is None:
        return {}
    if not isinstance(slices, Mapping):
        raise InvalidInputError(
            f"slices are given as {type(slices).__name__}, expected a mapping",
            hint="For instance slices={'country=DE': {'auc': 0.90}}.",
        )
    every: Iterable[Any] = slices.values()
    sizes = (len(each) if isinstance(each, Mapping) else 1 for each in every)
    if len(slices) > MAX_METRICS or sum(sizes) > MAX_METRICS:
        raise InvalidInputError(
            f"{len(slices)} slices are given, at most {MAX_METRICS} metrics of them "
            "are kept",
            kind=ErrorKind.TOO_LARGE,
            hint="Keep what is large in a file of the bundle.",
        )
    return {
        check_slice_name(name): check_metrics(metrics, f"metrics of slice {name!r}")
        for name, metrics in slices.items()
    }


def check_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Return tags as text by key; numbers and booleans are written as text.

    Raises:
        InvalidInputError: A key or value cannot be one.
    """
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise InvalidInputError(
            f"tags are given as {type(tags).__name__}, expected a mapping",
            hint="For instance tags={'task': 'fraud'}.",
        )
    if len(tags) > MAX_TAGS:
        raise InvalidInputError(
            f"{len(tags)} tags are given, at most {MAX_TAGS} are kept",
            kind=ErrorKind.TOO_LARGE,
        )
    return {check_tag_key(key): _tag_value(key, value) for key, value in tags.items()}


def _tag_value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = _digits(value, f"the tag {key!r}")
    elif not isinstance(value, str):
        raise InvalidInputError(
            f"the tag {key!r} is given as {type(value).__name__}, expected text",
            kind=ErrorKind.BAD_VALUE,
        )
    return check_text(value, f"the tag {key!r}", MAX_TAG)


def _digits(value: float, what: str) -> str:
    try:
        return str(value)
    except ValueError as error:  # an integer of more than 4,300 digits
        raise InvalidInputError(
            f"{what} is an integer that is too long to be text",
            kind=ErrorKind.TOO_LARGE,
        ) from error


def check_params(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return params as plain JSON: NumPy scalars as numbers, tuples as lists.

    Raises:
        InvalidInputError: A value has no JSON, or they take more than 256 KiB.
    """
    if params is None:
        return {}
    if not isinstance(params, Mapping):
        raise InvalidInputError(
            f"params are given as {type(params).__name__}, expected a mapping",
            hint="For instance params={'lr': 0.1}, or vars(args).",
        )
    made = plain_json(params, "params", MAX_PARAMS)
    flatten(made)  # what a search sees; refuses what is too large for it
    size = len(dumps(made))
    if size > MAX_PARAMS:
        raise InvalidInputError(
            f"the params take {size} bytes, at most {MAX_PARAMS} are kept",
            kind=ErrorKind.TOO_LARGE,
            hint="Pass large settings as config: they become a file of the bundle.",
        )
    return dict(made)


def plain_json(value: Any, what: str, limit: int = MAX_PLAIN) -> Any:
    """Return *value* as JSON types only.

    Args:
        value: Anything that JSON can say, NumPy scalars and paths too.
        what: What it is, for the error.
        limit: The most characters and values that are looked at.

    Raises:
        InvalidInputError: It holds what JSON cannot, is nested too deep, or is much
            larger than what is kept.
    """
    return _Plain(what, limit).convert(value, 0)


class _Plain:
    """Converts one value; counts as it goes, so that a huge one ends early."""

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = self._left = limit

    def convert(self, value: Any, depth: int) -> Any:
        """Return *value* as JSON types."""
        if depth > MAX_DEPTH - 8:  # room for the entry around it
            raise InvalidInputError(
                f"{self._what} are nested too deep", kind=ErrorKind.BAD_VALUE
            )
        self._spend(2 + len(value) if isinstance(value, str | list | tuple) else 2)
        if value is None or isinstance(value, str | bool | int):
            return value
        if isinstance(value, float):
            return self._finite(value)
        if isinstance(value, Mapping):
            return {
                self._key(key): self.convert(inner, depth + 1)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self.convert(inner, depth + 1) for inner in value]
        item = getattr(value, "item", None)
        if callable(item) and getattr(value, "ndim", 0) == 0:
            return self.convert(item(), depth + 1)
        if hasattr(value, "__fspath__"):
            return str(value)
        raise InvalidInputError(
            f"{self._what} hold a {type(value).__name__}, which has no JSON",
            kind=ErrorKind.BAD_VALUE,
            hint="Write it as text or as a number.",
        )

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise InvalidInputError(
                f"{self._what} hold more than {self._limit} characters and values",
                kind=ErrorKind.TOO_LARGE,
                hint="Keep what is large in a file of the bundle.",
            )

    def _finite(self, value: float) -> float:
        if math.isfinite(value):
            return float(value)
        raise InvalidInputError(
            f"{self._what} hold {value}, which JSON does not have",
            kind=ErrorKind.BAD_VALUE,
            hint="Write it as text, or leave it out.",
        )

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise InvalidInputError(
                f"{self._what} have the key {quoted(key)}, which is no text",
                kind=ErrorKind.BAD_VALUE,
            )
        self._spend(len(key))
        return key


def optional_text(text: str | None, what: str, limit: int = MAX_TEXT) -> str | None:
    """Return checked free text, or None."""
    return None if text is None else check_text(text, what, limit)


def as_sequence(value: Any, what: str) -> list[Any]:
    """Return one thing, or several, as a list; text is one thing."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    found = list(islice(value, MAX_SEVERAL + 1))
    if len(found) > MAX_SEVERAL:
        raise InvalidInputError(
            f"more than {MAX_SEVERAL} {what} are given", kind=ErrorKind.TOO_LARGE
        )
    return found


def to_label(moment: Any, what: str) -> str:
    """Return a moment as ISO 8601 in UTC.

    A time without a zone is UTC; a date is its last moment.

    Raises:
        InvalidInputError: It is none.
    """
    if isinstance(moment, str):
        try:
            short = len(moment) == len("2026-03-01")
            moment = (
                date.fromisoformat(moment) if short else datetime.fromisoformat(moment)
            )
        except ValueError:
            raise _no_moment(moment, what) from None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.max)
    if not isinstance(moment, datetime):
        raise _no_moment(moment, what)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return format_moment(moment)
    except OverflowError:  # in UTC it would be outside of the calendar
        raise _no_moment(moment, what) from None


def format_moment(moment: datetime) -> str:
    """``2026-03-01T09:30:00.000000Z``: text order is the order of time."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_label(label: str) -> datetime:
    """Return a stored time label; the epoch where it is none (it decides nothing)."""
    try:
        found = datetime.fromisoformat(label)
        zoned = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(0, UTC)


def _no_moment(moment: Any, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{what} is given as {quoted(moment)}, expected a date or a time",
        kind=ErrorKind.BAD_VALUE,
        hint="For instance '2026-03-01', '2026-03-01T09:30:00Z', or a datetime.",
    )

"""What callers say, checked before anything is written and made plain JSON."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from modelver._values.facts import flatten
from modelver._values.jsonstrict import MAX_DEPTH, dumps
from modelver._values.names import (
    check_metric_name,
    check_slice_name,
    check_tag_key,
    check_text,
)
from modelver.errors import ErrorKind, InvalidInputError

MAX_TAG: Final = 8 * 1024
MAX_TEXT: Final = 64 * 1024
MAX_REASON: Final = 8 * 1024
MAX_PARAMS: Final = 256 * 1024
MAX_METRICS: Final = 10_000

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
        raise InvalidInputError(
            f"{what} give {name!r} the value {str(value)[:80]!r}, which is no finite "
            "number",
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
    if len(slices) > MAX_METRICS:
        raise InvalidInputError(
            f"{len(slices)} slices are given, at most {MAX_METRICS} are kept",
            kind=ErrorKind.TOO_LARGE,
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
    return {check_tag_key(key): _tag_value(key, value) for key, value in tags.items()}


def _tag_value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = str(value)
    elif not isinstance(value, str):
        raise InvalidInputError(
            f"the tag {key!r} is given as {type(value).__name__}, expected text",
            kind=ErrorKind.BAD_VALUE,
        )
    return check_text(value, f"the tag {key!r}", MAX_TAG)


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
    made = plain_json(params, "params")
    flatten(made)  # what a search sees; refuses what is too large for it
    size = len(dumps(made))
    if size > MAX_PARAMS:
        raise InvalidInputError(
            f"the params take {size} bytes, at most {MAX_PARAMS} are kept",
            kind=ErrorKind.TOO_LARGE,
            hint="Pass large settings as config: they become a file of the bundle.",
        )
    return dict(made)


def plain_json(value: Any, what: str, depth: int = 0) -> Any:
    """Return *value* as JSON types only.

    Raises:
        InvalidInputError: It holds what JSON cannot, or is nested too deep.
    """
    if depth > MAX_DEPTH - 8:  # room for the entry around it
        raise InvalidInputError(f"{what} are nested too deep", kind=ErrorKind.BAD_VALUE)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        raise InvalidInputError(
            f"{what} hold {value}, which JSON does not have",
            kind=ErrorKind.BAD_VALUE,
            hint="Write it as text, or leave it out.",
        )
    if isinstance(value, Mapping):
        return {
            _key(key, what): plain_json(inner, what, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(inner, what, depth + 1) for inner in value]
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        return plain_json(item(), what, depth + 1)
    if hasattr(value, "__fspath__"):
        return str(value)
    raise InvalidInputError(
        f"{what} hold a {type(value).__name__}, which has no JSON",
        kind=ErrorKind.BAD_VALUE,
        hint="Write it as text or as a number.",
    )


def _key(key: Any, what: str) -> str:
    if not isinstance(key, str):
        raise InvalidInputError(
            f"{what} have the key {key!r}, which is no text", kind=ErrorKind.BAD_VALUE
        )
    return key


def optional_text(text: str | None, what: str, limit: int = MAX_TEXT) -> str | None:
    """Return checked free text, or None."""
    return None if text is None else check_text(text, what, limit)


def as_sequence(value: Any, what: str) -> list[Any]:
    """Return one thing, or several, as a list; text is one thing."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    found = list(value)
    if len(found) > 1000:  # noqa: PLR2004 - no honest call comes near
        raise InvalidInputError(f"{len(found)} {what} are given, at most 1000 fit")
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
    return format_moment(moment)


def format_moment(moment: datetime) -> str:
    """``2026-03-01T09:30:00.000000Z``: text order is the order of time."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_label(label: str) -> datetime:
    """Return a stored time label; the epoch where it is none (it decides nothing)."""
    try:
        found = datetime.fromisoformat(label)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _no_moment(moment: Any, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{what} is given as {str(moment)[:80]!r}, expected a date or a time",
        kind=ErrorKind.BAD_VALUE,
        hint="For instance '2026-03-01', '2026-03-01T09:30:00Z', or a datetime.",
    )

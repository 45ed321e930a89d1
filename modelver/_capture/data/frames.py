"""Tables in memory as bytes of which a digest can be taken: pandas, polars, pyarrow.

None of the three is imported: what a caller hands over was made by one that is loaded.

The content is one column behind the other. A column is a line of JSON (name, type,
rows, and whether it belongs to the index), then, if a value is missing, a byte for each
row (1: missing), then the values. Of numbers, truth values and times these are
little-endian bytes of one width, missing ones and NaN as zeros and as one NaN. Of text
and of everything else each value is a byte for its kind, four for its length, and its
UTF-8. The same numbers and texts, none of them missing, are the same bytes whichever of
the three holds them.
"""

import json
import math
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import Factory, frozen

from modelver._capture.data.values import NotPlainValueError, value_bytes
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_ROWS_AT_ONCE: Final = 50_000
_MOST_COLUMNS: Final = 100_000


@frozen(kw_only=True)
class Frame:
    """A table, whichever library made it.

    Attributes:
        kind: ``pandas``, ``polars`` or ``pyarrow``.
        rows: How many.
        columns: How many, without an index.
        schema: Column to type, as the library says.
        pieces: Returns the canonical content, anew at each call.
    """

    kind: str
    rows: int
    columns: int
    schema: Mapping[str, str] = Factory(dict)
    pieces: Callable[[], Iterator[bytes]]


def frame_of(value: Any) -> Frame | None:
    """Return what *value* is as a table; None where it is none that is known."""
    for kind, (module, names, make) in _KINDS.items():
        found = sys.modules.get(module)
        classes = tuple(
            each
            for name in names
            if isinstance(each := getattr(found, name, None), type)
        )
        if classes and isinstance(value, classes):
            return make(kind, value)
    return None


def array_of(value: Any) -> Any:
    """Return *value* where it is an array of NumPy's, else None."""
    numpy = sys.modules.get("numpy")
    kind = getattr(numpy, "ndarray", None)
    if isinstance(kind, type) and isinstance(value, kind):
        masked = getattr(getattr(numpy, "ma", None), "MaskedArray", None)
        if isinstance(masked, type) and isinstance(value, masked):
            raise InvalidInputError(
                "the data is a masked array, whose hidden values are part of its bytes",
                kind=ErrorKind.BAD_VALUE,
                hint="Fill it first: array.filled(value).",
            )
        return value
    return None


def _pandas(kind: str, value: Any) -> Frame:
    frame = value.to_frame() if hasattr(value, "to_frame") else value
    names = [_name(name) for name in frame.columns]
    _check(names)
    types = [str(frame.iloc[:, n].dtype) for n in range(len(names))]
    index = [] if _is_plain(frame.index) else list(_levels(frame.index))

    def pieces() -> Iterator[bytes]:
        for level, (name, series) in enumerate(index):
            yield from _pandas_column(name or f"index{level}", series, index=True)
        for number, name in enumerate(names):
            yield from _pandas_column(name, frame.iloc[:, number], index=False)

    return Frame(
        kind=kind,
        rows=len(frame),
        columns=len(names),
        schema=dict(zip(names, types, strict=True)),
        pieces=pieces,
    )


def _is_plain(index: Any) -> bool:
    """Whether the index only counts the rows."""
    if type(index).__name__ != "RangeIndex" or index.name is not None:
        return False
    return bool(index.start == 0 and index.step == 1)


def _levels(index: Any) -> Iterator[tuple[str, Any]]:
    for number in range(index.nlevels):
        values = index.get_level_values(number)
        name = values.name
        yield "" if name is None else _name(name), values.to_series()


def _pandas_column(name: str, series: Any, *, index: bool) -> Iterator[bytes]:
    missing = series.isna().to_numpy()
    dtype = series.dtype
    numpy_kind = getattr(dtype, "kind", "O")
    if str(dtype) == "category":
        series, numpy_kind = series.astype(dtype.categories.dtype), "O"
    if numpy_kind in "Mm" and hasattr(series.array, "asi8"):
        unit = getattr(dtype, "unit", None) or str(dtype).rpartition("[")[2].rstrip("]")
        zone = "UTC" if getattr(dtype, "tz", None) is not None else ""
        kind = f"{'time' if numpy_kind == 'M' else 'duration'}[{unit}]{zone}"
        values = series.array.asi8
        yield from _fixed(name, kind, values, missing, index=index)
    elif numpy_kind in "biuf":
        if type(dtype).__module__.startswith("numpy"):
            values = series.to_numpy()
        else:  # a type of pandas' own, with a mask of its own
            plain = dtype.numpy_dtype if hasattr(dtype, "numpy_dtype") else None
            nothing = math.nan if numpy_kind == "f" else 0
            values = series.to_numpy(dtype=plain, na_value=nothing)
        if numpy_kind == "f":
            missing = missing & False  # NaN is a value of a float
        yield from _fixed(name, _width(values.dtype), values, missing, index=index)
    else:
        yield from _anything(
            name,
            len(series),
            (
                series.iloc[start : start + _ROWS_AT_ONCE].tolist()
                for start in range(0, len(series), _ROWS_AT_ONCE)
            ),
            index=index,
        )


def _polars(kind: str, value: Any) -> Frame:
    frame = value.to_frame() if hasattr(value, "to_frame") else value
    names = [_name(name) for name in frame.columns]
    _check(names)
    types = [str(dtype) for dtype in frame.dtypes]

    def pieces() -> Iterator[bytes]:
        for name, series in zip(names, frame.get_columns(), strict=True):
            yield from _polars_column(name, series)

    return Frame(
        kind=kind,
        rows=frame.height,
        columns=len(names),
        schema=dict(zip(names, types, strict=True)),
        pieces=pieces,
    )


_POLARS_TIMES: Final = {"Datetime": "time", "Duration": "duration"}


def _polars_column(name: str, series: Any) -> Iterator[bytes]:
    dtype = series.dtype
    label = type(dtype).__name__ if not isinstance(dtype, type) else dtype.__name__
    plain = dtype.is_integer() or dtype.is_float() or label == "Boolean"
    if plain or label in _POLARS_TIMES:
        missing = series.is_null().to_numpy()
        filled = series.to_physical()
        filled = filled.fill_null(False) if label == "Boolean" else filled.fill_null(0)
        if dtype.is_float():
            filled = series.fill_null(math.nan)
            missing = missing & False
        values = filled.to_numpy()
        kind = _width(values.dtype)
        if label in _POLARS_TIMES:
            zone = "UTC" if getattr(dtype, "time_zone", None) else ""
            kind = f"{_POLARS_TIMES[label]}[{dtype.time_unit}]{zone}"
        yield from _fixed(name, kind, values, missing, index=False)
        return
    parts = (
        series.slice(start, _ROWS_AT_ONCE).to_list()
        for start in range(0, len(series), _ROWS_AT_ONCE)
    )
    yield from _anything(name, len(series), parts, index=False)


def _pyarrow(kind: str, value: Any) -> Frame:
    names = [_name(name) for name in value.schema.names]
    _check(names)
    types = [str(dtype) for dtype in value.schema.types]

    def pieces() -> Iterator[bytes]:
        for number, name in enumerate(names):
            yield from _pyarrow_column(name, value.column(number))

    return Frame(
        kind=kind,
        rows=value.num_rows,
        columns=len(names),
        schema=dict(zip(names, types, strict=True)),
        pieces=pieces,
    )


def _pyarrow_column(name: str, column: Any) -> Iterator[bytes]:
    text = str(column.type)
    plain = text in _ARROW_WIDTHS
    if plain or text.startswith(("timestamp[", "duration[")):
        missing = column.is_null().to_numpy(zero_copy_only=False)
        kind = _ARROW_WIDTHS.get(text, "")
        if not plain:
            what, _, rest = text.partition("[")
            unit, comma, _ = rest.rstrip("]").partition(",")
            zone = "UTC" if comma else ""
            label = "time" if what == "timestamp" else "duration"
            kind = f"{label}[{unit}]{zone}"
            column = column.cast("int64")
        if kind.startswith("f"):
            filled, missing = column.fill_null(math.nan), missing & False
        else:
            filled = column.fill_null(False) if text == "bool" else column.fill_null(0)
        values = filled.to_numpy(zero_copy_only=False)
        yield from _fixed(name, kind, values, missing, index=False)
        return
    parts = (
        column.slice(start, _ROWS_AT_ONCE).to_pylist()
        for start in range(0, len(column), _ROWS_AT_ONCE)
    )
    yield from _anything(name, len(column), parts, index=False)


_ARROW_WIDTHS: Final = {
    "bool": "b1",
    "float": "f4",
    "double": "f8",
    "halffloat": "f2",
    **{f"int{bits}": f"i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"u{bits // 8}" for bits in (8, 16, 32, 64)},
}


def _width(dtype: Any) -> str:
    return f"{dtype.kind}{dtype.itemsize}"


def _fixed(
    name: str, kind: str, values: Any, missing: Any, *, index: bool
) -> Iterator[bytes]:
    """Yield a column of values that all take as many bytes."""
    lacks = bool(missing.any())
    yield _line(name, kind, len(values), index=index, lacks=lacks)
    little = values.dtype.newbyteorder("<")
    for start in range(0, len(values), _ROWS_AT_ONCE):
        end = start + _ROWS_AT_ONCE
        part = values[start:end].astype(little, copy=True)
        if lacks:
            gone = missing[start:end]
            yield gone.astype("u1").tobytes()
            part[gone] = 0
        if values.dtype.kind == "f":
            # There are many NaN, and no two libraries have the same.
            part[part != part] = math.nan  # noqa: PLR0124 - it asks for NaN
        yield part.tobytes()


def _anything(
    name: str, rows: int, parts: Iterable[list[Any]], *, index: bool
) -> Iterator[bytes]:
    """Yield a column of texts, or of whatever Python has for its values."""
    yield _line(name, "text", rows, index=index, lacks=False)
    try:
        for part in parts:
            yield b"".join(_framed(value_bytes(value)) for value in part)
    except NotPlainValueError as error:
        raise InvalidInputError(
            f"the column {quoted(name)} holds {error}, which has no bytes of its own",
            kind=ErrorKind.BAD_VALUE,
            hint="Convert the column to text or numbers, or write the table to a file "
            "and give that.",
        ) from error


def _framed(data: bytes) -> bytes:
    return data[:1] + struct.pack("<I", len(data) - 1) + data[1:]


def _line(name: str, kind: str, rows: int, *, index: bool, lacks: bool) -> bytes:
    said = {"name": name, "type": kind, "rows": rows, "index": index, "missing": lacks}
    return json.dumps(said, ensure_ascii=True).encode() + b"\n"


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    parts = name if isinstance(name, tuple) else (name,)
    return ".".join(str(part) for part in parts)


def _check(names: list[str]) -> None:
    if len(names) > _MOST_COLUMNS:
        raise InvalidInputError(
            f"the table has {len(names):,} columns, more than {_MOST_COLUMNS:,}",
            kind=ErrorKind.TOO_LARGE,
            hint="Give it as an array, or as a file.",
        )
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInputError(
            f"the table has two columns called {quoted(twice)}",
            kind=ErrorKind.BAD_VALUE,
            hint="Rename one of them.",
        )


_KINDS: Final[
    Mapping[str, tuple[str, tuple[str, ...], Callable[[str, Any], Frame]]]
] = {
    "pandas": ("pandas", ("DataFrame", "Series"), _pandas),
    "polars": ("polars", ("DataFrame", "Series"), _polars),
    "pyarrow": ("pyarrow", ("Table", "RecordBatch"), _pyarrow),
}

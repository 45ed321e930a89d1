"""Rows, columns and types of data, from the files themselves, where that is cheap."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from modelver._bundle import Item, peek, pieces_of
from modelver._capture.data import (
    MAX_COUNTED,
    MAX_HEADER,
    TAIL,
    ArrayFacts,
    TableFacts,
    count_records,
    footer_length,
    read_footer,
    read_head,
)
from modelver._values.manifest import Input

# The log repeats what is said of inputs, and every reader folds all of it.
_MAX_SCHEMA: Final = 8 * 1024
_MAX_SCHEMAS: Final = 32 * 1024
_LONGEST: Final = 200
_DELIMITED: Final = (".csv", ".tsv")
_TABLE: Final = 2  # dimensions


def look_into(item: Item) -> dict[str, Any]:
    """Return what an input's own file says of it: ``rows``, ``columns``, ``schema``.

    The same bytes always say the same. Of CSV up to 64 MiB all is read, of Parquet and
    ``.npy`` a few kilobytes, of everything else nothing.
    """
    name = (item.inner if isinstance(item.origin, bytes) else item.origin.name).lower()
    if name.endswith(_DELIMITED) and item.size <= MAX_COUNTED:
        return told(count_records(pieces_of(item)))
    if name.endswith(".parquet") and item.size > TAIL:
        length = footer_length(peek(item, item.size - TAIL, item.size))
        if length is not None and length + TAIL <= item.size:
            start = item.size - TAIL - length
            return told(read_footer(peek(item, start, start + length)))
    if name.endswith(".npy"):
        return told_of_array(read_head(peek(item, 0, MAX_HEADER)))
    return {}


def told(facts: TableFacts | None) -> dict[str, Any]:
    """Return the fields of an input that *facts* fill."""
    if facts is None:
        return {}
    found: dict[str, Any] = {"rows": facts.rows, "columns": facts.columns}
    return {**found, "schema": checked_schema(facts.schema)}


def told_of_array(facts: ArrayFacts | None) -> dict[str, Any]:
    """Return the fields of an input that an array fills."""
    if facts is None:
        return {}
    shape = facts.shape
    schema = {"dtype": facts.dtype, "shape": "x".join(map(str, shape))}
    return {
        "rows": shape[0] if shape else None,
        "columns": shape[1] if len(shape) == _TABLE else None,
        "schema": checked_schema(schema),
    }


def checked_schema(schema: Mapping[str, str]) -> dict[str, str]:
    """Return *schema* if a log entry has room for it, and JSON can hold it; else {}."""
    try:
        size = len(json.dumps(dict(schema), ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return {}
    longest = max((len(text) for item in schema.items() for text in item), default=0)
    if size > _MAX_SCHEMA or longest > _LONGEST:
        return {}
    return dict(schema)


def bounded(inputs: Sequence[Input]) -> list[Input]:
    """Return *inputs* with as many of their schemas as all may take together."""
    found, left = [], _MAX_SCHEMAS
    for source in inputs:
        left -= len(json.dumps(dict(source.schema)))
        found.append(source if left >= 0 else evolve(source, schema={}))
    return found

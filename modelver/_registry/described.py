"""Rows, columns and types of data, from the files themselves, where that is cheap."""

from typing import Any, Final

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
from modelver._registry.plans import Spool
from modelver._registry.schemas import checked_schema

_DELIMITED: Final = (".csv", ".tsv")
_TABLE: Final = 2  # dimensions


def look_into(item: Item, spool: Spool) -> dict[str, Any]:
    """Return what an input's own file says of it: ``rows``, ``columns``, ``schema``.

    The same inputs always say the same, whatever was read before. Of CSV up to 64 MiB
    all is read, of Parquet and ``.npy`` a few kilobytes, of everything else nothing.

    Args:
        item: The file.
        spool: How much of the inputs together is read so.
    """
    name = (item.inner if isinstance(item.origin, bytes) else item.origin.name).lower()
    if name.endswith(_DELIMITED):
        if item.size > MAX_COUNTED or not spool.may_count(item.size):
            return {}
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

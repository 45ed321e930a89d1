"""Data that a caller holds in memory: arrays, tables, bytes."""

import importlib
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from modelver._bundle import collect
from modelver._capture.data import Frame, array_of, array_pieces, frame_of
from modelver._registry.described import look_into
from modelver._registry.plans import (
    Done,
    Plan,
    Spool,
    refuse_how,
    said_of,
    unknown_source,
)
from modelver._registry.remote import digest_pieces
from modelver._registry.schemas import checked_schema
from modelver._values.data import Data
from modelver._values.digests import digest_of
from modelver._values.manifest import Input
from modelver._values.paths import check_bundle_path
from modelver.errors import ErrorKind, InvalidInputError

_TABLE: Final = 2  # dimensions


def held_plan(name: str | None, data: Data, algorithm: str) -> Plan:
    """Return what to do with something that a caller holds in memory.

    Raises:
        InvalidInputError: It is nothing whose content is known.
    """
    if isinstance(data.source, bytes):
        return bytes_plan(name, data, algorithm)
    array = array_of(data.source)
    if array is not None:
        return array_plan(name, data, array, algorithm)
    frame = frame_of(data.source)
    if frame is not None:
        return frame_plan(name, data, frame, algorithm)
    raise unknown_source(data.source)


def bytes_plan(name: str | None, data: Data, algorithm: str) -> Plan:
    """Return what to do with bytes: copied by default, as files are."""
    refuse_how(data, "bytes", "copy", "digest")
    if data.how != "digest":
        what = data.source if name is None else {name: data.source}
        items = tuple(collect("data", what))  # without a name it is refused there
        return Plan(
            name=items[0].group[0],
            copied=True,
            items=items,
            run=lambda spool: Done(
                said={**look_into(items[0], spool), **said_of(data)}
            ),
        )
    named = _named(name, "data")

    def run(_: Spool) -> Done:
        digest = digest_of(algorithm, data.source)
        return Done(input=_input(named, digest, len(data.source), data, {}))

    return Plan(name=named, copied=False, run=run)


def array_plan(name: str | None, data: Data, array: Any, algorithm: str) -> Plan:
    """Return what to do with an array: its ``.npy`` bytes are digested, or kept."""
    refuse_how(data, "an array in memory", "digest", "copy")
    named, shape = _named(name, "array"), array.shape
    found: dict[str, Any] = {
        "kind": "array",
        "rows": int(shape[0]) if shape else None,
        "columns": int(shape[1]) if len(shape) == _TABLE else None,
        "schema": checked_schema(
            {"dtype": str(array.dtype), "shape": "x".join(map(str, shape))}
        ),
    }
    if array.dtype.hasobject:
        next(array_pieces(array))  # refuses it

    def run(spool: Spool) -> Done:
        if data.how == "copy":
            path = spool.place("array.npy")
            spool.write(path, array_pieces(array))
            return _kept(path, named, ".npy", {**found, **said_of(data)})
        digest, size = _digest(array_pieces(array), algorithm)
        return Done(input=_input(named, digest, size, data, found))

    return Plan(name=named, copied=data.how == "copy", run=run)


def frame_plan(name: str | None, data: Data, frame: Frame, algorithm: str) -> Plan:
    """Return what to do with a table: its content is digested, or kept as Parquet."""
    refuse_how(data, "a table in memory", "digest", "copy")
    named = _named(name, "table")
    found = {
        "kind": "table",
        "rows": frame.rows,
        "columns": frame.columns,
        "schema": checked_schema(frame.schema),
    }
    if data.how == "copy":
        _require_writer(frame)

    def run(spool: Spool) -> Done:
        if data.how == "copy":
            path = spool.place("table.parquet")
            _write_parquet(data.source, frame.kind, path)
            return _kept(path, named, ".parquet", {**found, **said_of(data)})
        digest, size = _digest(frame.pieces(), algorithm)
        return Done(input=_input(named, digest, size, data, found))

    return Plan(name=named, copied=data.how == "copy", run=run)


def digest_held(value: Any, algorithm: str) -> str | None:
    """Return the digest of an array or a table in memory; None of anything else."""
    array = array_of(value)
    if array is not None:
        return _digest(array_pieces(array), algorithm)[0]
    frame = frame_of(value)
    return None if frame is None else _digest(frame.pieces(), algorithm)[0]


def _named(name: str | None, otherwise: str) -> str:
    named = otherwise if name is None else name
    check_bundle_path(f"data/{named}")
    return named


def _digest(pieces: Iterable[bytes], algorithm: str) -> tuple[str, int]:
    found = digest_pieces(pieces, algorithm)
    return found.digest, found.size


def _input(
    name: str, digest: str, size: int, data: Data, found: dict[str, Any]
) -> Input:
    fields = {**found, **said_of(data)}
    return Input(name=name, digest=digest, size=size, how="digest", **fields)


def _kept(path: Path, name: str, suffix: str, said: dict[str, Any]) -> Done:
    """Return a file that was written for the version, as the input *name*."""
    inner = name if name.endswith(suffix) else f"{name}{suffix}"
    (item,) = collect("data", {inner: path})
    return Done(items=(evolve(item, group=(name, False)),), said=said)


def _require_writer(frame: Frame) -> None:
    """Refuse a table that nothing here can write as Parquet.

    Raises:
        InvalidInputError: pyarrow is missing; polars needs none.
    """
    if frame.kind == "polars" or "pyarrow" in sys.modules:
        return
    if find_spec("pyarrow") is None:
        raise InvalidInputError(
            "the table cannot be copied: it is kept as Parquet, and pyarrow, which "
            "writes that, is not installed",
            kind=ErrorKind.UNSUPPORTED_FILE,
            hint="Install it with: pip install pyarrow; or keep the digest alone, with "
            "how='digest'; or write the table to a file, and give that.",
        )


def _write_parquet(source: Any, kind: str, path: Path) -> None:
    table = source.to_frame() if hasattr(source, "to_frame") else source
    if kind == "polars":
        table.write_parquet(path)
    elif kind == "pandas":
        table.to_parquet(path, engine="pyarrow")
    else:
        arrow: Any = importlib.import_module("pyarrow")
        writer: Any = importlib.import_module("pyarrow.parquet")
        is_batch = isinstance(table, arrow.RecordBatch)
        writer.write_table(
            arrow.Table.from_batches([table]) if is_batch else table, path
        )

"""How versions, commits and times look in tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from json import dumps
from typing import Any

from modelver._cli.output import Cell, Table, metric, size, some
from modelver._registry.version import ModelVersion
from modelver._values.text import human_number

_METRICS = 4


def moment(when: datetime) -> Cell:
    """Return a time in UTC as a cell."""
    plain = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Cell(plain, when.strftime("%Y-%m-%d %H:%M"), "dim")


def label(time: str) -> Cell:
    """Return a stored time label, ISO 8601 in UTC, as a cell."""
    return Cell(time, time[:16].replace("T", " "), "dim")


def standing(version: ModelVersion) -> Cell:
    """Return the status, and whether it is withdrawn."""
    if version.withdrawn is None:
        return Cell(version.status or "")
    text = ", ".join(filter(None, [version.status, "withdrawn"]))
    return Cell(text, style="red")


def aliases(names: Sequence[str]) -> Cell:
    """Return aliases as a cell."""
    return Cell(" ".join(names), style="green")


def metrics(values: Mapping[str, float], asked: str = "") -> Cell:
    """Return metrics as a cell; those that *asked* names come first."""
    order = sorted(values, key=lambda name: f"metrics.{name}" not in asked)
    plain = " ".join(f"{name}={values[name]!r}" for name in order)
    shown = some((f"{name}={human_number(values[name])}" for name in order), _METRICS)
    return Cell(plain, shown)


def versions_table(found: Iterable[ModelVersion], empty: str, asked: str = "") -> Table:
    """Return a line for each version."""
    rows = [
        (
            Cell(v.ref, style="bold"),
            moment(v.created_at),
            v.author,
            standing(v),
            aliases(v.aliases),
            size(v.size),
            metrics(v.metrics, asked),
        )
        for v in found
    ]
    head = ("ref", "registered", "author", "status", "aliases", "size", "metrics")
    return Table(head, rows, right=(5,), empty=empty)


def version_table(version: ModelVersion) -> Table:
    """Return a line for each thing said of a version, named as a filter names it."""
    rows = [(Cell(key, style="dim"), cell) for key, cell in _said(version) if cell[0]]
    return Table(("", ""), rows, headed=(False, False))


def _said(v: ModelVersion) -> Iterator[tuple[str, Cell]]:
    said = v.to_dict()
    yield "ref", Cell(v.ref, style="bold")
    yield "digest", Cell(v.digest)
    yield "created", Cell(moment(v.created_at).plain)
    yield "author", Cell(v.author)
    yield "commit", Cell(str(v.seq))
    for key in ("message", "description", "bump", "bump_reason", "code"):
        yield key, Cell(said[key] or "")
    yield "status", Cell(v.status or "")
    yield "status_reason", Cell(said["status_reason"] or "")
    yield "aliases", aliases(v.aliases)
    yield "withdrawn", Cell(v.withdrawn or "", style="red")
    yield "size", size(v.size)
    yield from _origins(v)
    yield from _measured(v)
    yield from ((f"params.{key}", _json(value)) for key, value in v.params.items())
    yield from ((f"tags.{key}", Cell(value)) for key, value in v.tags.items())
    for note in v.notes:
        yield "note", Cell(f"{note.text} ({note.said.actor}, {note.said.time})")
    yield from ((f"run.{key}", _json(value)) for key, value in v.run.items())


def _origins(v: ModelVersion) -> Iterator[tuple[str, Cell]]:
    yield from (("parent", Cell(parent)) for parent in v.parents)
    for source in v.inputs:
        words = [source.name, source.digest]
        told = [source.digest[:15]]
        if source.how != "copy":
            told.append(source.how)
        if source.uri is not None:
            words.append(str(source.uri))
            told.append(source.uri)
        if source.version is not None:
            told.append(f"version {source.version}")
        if source.rows is not None:
            told.append(f"{source.rows:,} rows")
        yield "input", Cell(" ".join(words), f"{source.name} ({', '.join(told)})")


def _measured(v: ModelVersion) -> Iterator[tuple[str, Cell]]:
    yield from ((f"metrics.{name}", metric(value)) for name, value in v.metrics.items())
    for part, values in v.slices.items():
        for name, value in values.items():
            yield f"metrics.{name}@{part}", metric(value)
    for evaluation in v.evaluations:
        measured = evaluation.measured
        where = measured.dataset or "the same data"
        yield "evaluation", Cell(f"{where}: {metrics(measured.metrics).plain}")


def _json(value: Any) -> Cell:
    is_text = isinstance(value, str)
    return Cell(value if is_text else dumps(value, ensure_ascii=False))

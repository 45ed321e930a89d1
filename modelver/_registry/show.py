"""How a version shows itself: in a terminal, in a notebook, as JSON."""

from collections.abc import Mapping
from typing import Any, Final

from modelver._values.state import ModelState, VersionState
from modelver._values.text import html_safe, human_number, human_size, term_safe

_SHOWN: Final = 6
_DIGEST: Final = 15


def version_repr(model: ModelState, v: VersionState) -> str:
    """``<ModelVersion fraud@1.4.0 (production) b3:9f2c... 2.0 GiB auc=0.94>``."""
    parts = [v.ref]
    aliases = model.aliases_of(v.version)
    if aliases:
        parts.append(f"({', '.join(aliases)})")
    if v.withdrawal is not None:
        parts.append("(withdrawn)")
    parts += [v.bundle[:_DIGEST], human_size(v.record.size)]
    metrics = list(v.metrics.items())
    parts += [f"{name}={human_number(value)}" for name, value in metrics[:_SHOWN]]
    if len(metrics) > _SHOWN:
        parts.append("...")
    return term_safe(f"<ModelVersion {' '.join(parts)}>")


def version_html(model: ModelState, v: VersionState) -> str:
    """Return a table, every text of it escaped."""
    record = v.record
    inputs = (f"{i.name} ({i.uri or i.digest[:_DIGEST]})" for i in record.inputs)
    rows: list[tuple[str, object]] = [
        ("digest", v.bundle),
        ("registered", f"{v.said.time} by {v.said.actor}"),
        ("why this number", record.bump_reason),
        ("description", record.description),
        ("aliases", ", ".join(model.aliases_of(v.version))),
        ("status", v.status),
        ("withdrawn", v.withdrawal.reason if v.withdrawal is not None else None),
        ("size", human_size(record.size)),
        ("parents", ", ".join(parent.ref for parent in record.parents)),
        ("inputs", ", ".join(inputs)),
        ("metrics", _pairs(_numbers(v.metrics))),
        ("params", _pairs(record.params)),
        ("tags", _pairs(v.tags)),
    ]
    for name, values in v.slices.items():
        rows.append((f"slice {name}", _pairs(_numbers(values))))
    body = "".join(
        f"<tr><th style='text-align:left'>{html_safe(name)}</th>"
        f"<td style='text-align:left'>{html_safe(value)}</td></tr>"
        for name, value in rows
        if value
    )
    return f"<b>{html_safe(v.ref)}</b><table>{body}</table>"


def _numbers(metrics: Mapping[str, float]) -> dict[str, str]:
    return {name: human_number(value) for name, value in metrics.items()}


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in values.items())


def version_dict(model: ModelState, v: VersionState) -> dict[str, Any]:
    """Return everything but the files, as JSON has it."""
    record = v.record
    return {
        "ref": v.ref,
        "name": v.name,
        "version": v.version,
        "digest": v.bundle,
        "seq": v.said.seq,
        "created_at": v.said.time,
        "author": v.said.actor,
        "message": v.message,
        "description": record.description,
        "bump": record.bump,
        "bump_reason": record.bump_reason,
        "params": dict(record.params),
        "metrics": dict(v.metrics),
        "slices": {name: dict(values) for name, values in v.slices.items()},
        "tags": dict(v.tags),
        "status": v.status,
        "status_reason": v.status_reason,
        "aliases": list(model.aliases_of(v.version)),
        "withdrawn": v.withdrawal.reason if v.withdrawal is not None else None,
        "parents": [parent.ref for parent in record.parents],
        "inputs": [
            {
                "name": i.name,
                "digest": i.digest,
                "size": i.size,
                "kind": i.kind,
                "how": i.how,
                "uri": i.uri,
                "version": i.version,
                "rows": i.rows,
                "columns": i.columns,
                "schema": dict(i.schema),
                "split": i.split,
                "license": i.license,
            }
            for i in record.inputs
        ],
        "code": record.code.commit if record.code is not None else None,
        "size": record.size,
        "run": dict(record.run),
        "notes": [
            {"text": n.text, "author": n.said.actor, "time": n.said.time}
            for n in v.notes
        ],
        "evaluations": [
            {
                "metrics": dict(e.measured.metrics),
                "slices": {k: dict(x) for k, x in e.measured.slices.items()},
                "dataset": e.measured.dataset,
                "when": e.measured.when,
                "author": e.said.actor,
                "time": e.said.time,
            }
            for e in v.evaluations
        ],
    }

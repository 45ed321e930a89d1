"""What changed between two bundles, and how large a step that is in SemVer."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from attrs import frozen

from modelver._values.digests import digest_of
from modelver._values.jsonstrict import dumps
from modelver._values.manifest import Bundle, FileEntry

# The limit of the safetensors library itself.
_MAX_HEADER: Final = 100_000_000
_LENGTH: Final = 8
_SHOWN: Final = 3
_NO_HEADER: Final = (
    ArithmeticError,  # a shape beyond any number
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,  # no JSON, or what strict JSON cannot hold
)

ReadRange = Callable[[FileEntry, int, int], bytes]


@frozen
class Change:
    """How large a step a change is, and why.

    Attributes:
        level: ``major``, ``minor`` or ``patch``.
        reason: For people.
    """

    level: str
    reason: str


def structure_digest(bundle: Bundle, read: ReadRange, algorithm: str) -> str:
    """Return the digest of the model's structure.

    Of safetensors files: the names, types and shapes of all tensors together, so
    that cutting a model into other shards is no change. Of every other model file:
    its path.

    Args:
        bundle: The files.
        read: Returns a stretch of a file's bytes.
        algorithm: The registry's digest.
    """
    rows: list[list[Any]] = []
    for file in bundle.files:
        if file.role != "model":
            continue
        tensors = _tensors(file, read) if file.path.endswith(".safetensors") else None
        if tensors is None:
            rows.append(["file", file.path])
        else:
            rows += [["tensor", *tensor] for tensor in tensors]
    # Sorted as JSON has them: an order that another language can follow.
    return digest_of(algorithm, b"[" + b",".join(sorted(map(dumps, rows))) + b"]")


def _tensors(file: FileEntry, read: ReadRange) -> list[list[Any]] | None:
    """Return [name, dtype, shape] of each tensor; None where the header lies.

    The header of safetensors is a little-endian 64-bit length and that much JSON:
    https://github.com/huggingface/safetensors#format
    """
    if file.size < _LENGTH:
        return None
    length = int.from_bytes(read(file, 0, _LENGTH), "little")
    if not 0 < length <= min(_MAX_HEADER, file.size - _LENGTH):
        return None
    try:
        header = json.loads(read(file, _LENGTH, _LENGTH + length))
        rows = [
            [name, str(tensor["dtype"]), [int(n) for n in tensor["shape"]]]
            for name, tensor in header.items()
            if name != "__metadata__"
        ]
        dumps(rows)  # refuses what no digest can be taken of
    except _NO_HEADER:
        return None
    return rows


def _names(paths: Iterable[str]) -> str:
    found = sorted(paths)
    rest = len(found) - _SHOWN
    return ", ".join(found[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _digests(bundle: Bundle, role: str) -> dict[str, tuple[str, bool]]:
    return {f.path: (f.digest, f.executable) for f in bundle.files if f.role == role}


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def classify(
    old: Bundle, new: Bundle, old_structure: str | None, new_structure: str
) -> Change:
    """Tell how large the step from *old* to *new* is.

    The model's structure changed: ``major``. Its weights or the data: ``minor``.
    Only code, configuration, environment or documents: ``patch``.
    """
    files = {role: (_digests(old, role), _digests(new, role)) for role in _ORDER}
    changed = {role: _differing(*pair) for role, pair in files.items()}
    was, now = files["model"]
    if old_structure != new_structure:
        added, removed = now.keys() - was.keys(), was.keys() - now.keys()
        parts = []
        if added:
            parts.append(f"added {_names(added)}")
        if removed:
            parts.append(f"removed {_names(removed)}")
        if not parts:
            tensors = {p for p in changed["model"] if p.endswith(".safetensors")}
            parts.append(f"other tensors in {_names(tensors)}")
        return Change("major", f"the model's structure changed: {'; '.join(parts)}")
    if changed["model"]:
        return Change("minor", f"the weights changed: {_names(changed['model'])}")
    if changed["data"] or old.inputs != new.inputs:
        was_from = {i.name: i for i in old.inputs}
        inputs = _differing(was_from, {i.name: i for i in new.inputs})
        return Change("minor", f"the data changed: {_names(changed['data'] or inputs)}")
    parts = [
        f"{role} changed: {_names(changed[role])}"
        for role in ("code", "config", "environment", "docs")
        if changed[role]
    ]
    if old.code != new.code:
        commit = new.code.commit[:10] if new.code is not None else "none"
        parts.append(f"code is at commit {commit}")
    if old.environment != new.environment:
        parts.append(_environment(old, new))
    return Change("patch", "; ".join(parts) or "nothing changed")


def _environment(old: Bundle, new: Bundle) -> str:
    if old.environment is None or new.environment is None:
        return "the environment is recorded in only one of the two"
    packages = _differing(old.environment.packages, new.environment.packages)
    if packages:
        return f"packages changed: {_names(packages)}"
    return f"Python {old.environment.python} to {new.environment.python}"


_ORDER: Final = ("model", "data", "code", "config", "environment", "docs")

"""Entries that another program writes, after what modelver has written."""

from pathlib import Path
from typing import Any, Final

from tests.format.foreign import Foreign
from tests.hostile.forge import digest, dumps, sealed

TIME: Final = "2026-03-01T09:30:00.000000Z"


def entry(root: Path, *actions: Any, **fields: Any) -> bytes:
    """Return the next entry of the registry in *root*; *fields* replace its own."""
    before = Foreign(root)
    document = {
        "format": 1,
        "seq": before.seq + 1,
        "prev": before.head,
        "txid": f"{before.seq + 1:032x}",
        "time": TIME,
        "actor": "another program",
        "tool": "by hand",
        "message": None,
        "critical": True,
        "actions": list(actions),
        **fields,
    }
    return sealed(document, before.algorithm)


def append(root: Path, *actions: Any, **fields: Any) -> int:
    """Commit *actions*, whatever they are; return the position."""
    return append_raw(root, entry(root, *actions, **fields))


def append_raw(root: Path, data: bytes) -> int:
    """Write *data* as the next entry, whatever it is; return the position."""
    seq = Foreign(root).seq + 1
    (root / "log").mkdir(exist_ok=True)
    (root / f"log/{seq:020d}.json").write_bytes(data)
    return seq


def change_registry(root: Path, **fields: Any) -> None:
    """Write another ``registry.json``, with *fields*; the log must be empty."""
    before = Foreign(root)
    document = {**before.info, **fields}
    (root / "registry.json").write_bytes(sealed(document, before.algorithm))


def bundle(root: Path, line1: dict[str, Any], line2: dict[str, Any]) -> dict[str, Any]:
    """Write a manifest; return the fields by which a register action cites it."""
    algorithm = Foreign(root).algorithm
    lines = dumps(line1), dumps(line2)
    raw = b"".join(line + b"\n" for line in lines)
    cited = digest(algorithm, raw)
    path = root / f"manifests/{cited.partition(':')[2]}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    return {"bundle": digest(algorithm, lines[0]), "manifest": cited}

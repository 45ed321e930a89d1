"""All that a registry says, as JSON: modelver's answers, and the foreign reader's."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelver import DamageWarning, ModelVersion, Registry
from modelver._values.entry import SetAlias
from tests.format.foreign import Foreign


@contextmanager
def expecting_junk() -> Iterator[None]:
    """Let junk in the log pass without a warning: the test put it there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        yield


def _version(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "bundle": version.digest,
        "seq": version.seq,
        "time": version.created_at.isoformat(),
        "author": version.author,
        "message": version.message,
        "description": version.description,
        "params": version.params,
        "metrics": version.metrics,
        "slices": version.slices,
        "tags": version.tags,
        "parents": list(version.parents),
        "status": version.status,
        "notes": [note.text for note in version.notes],
        "evaluations": len(version.evaluations),
        "withdrawn": version.withdrawn,
        "files": {
            f.path: version.read(f.path).decode("latin-1") for f in version.files
        },
    }


def answers(folder: Path, **options: Any) -> dict[str, Any]:
    """Return all that modelver says of the registry in *folder*, as JSON has it."""
    with expecting_junk(), Registry(folder, **options) as registry:
        models = {}
        for name in registry.models():
            versions = registry.versions(name, withdrawn=True)
            moves = [
                [move.seq, alias, move.previous, move.version, move.kind]
                for alias in _aliases(registry, name)
                for move in reversed(registry.alias_history(name, alias))
            ]
            models[name] = {
                "versions": {v.version: _version(v) for v in versions},
                "aliases": registry.aliases(name),
                "moves": sorted(moves, key=lambda move: (move[0], move[1])),
            }
        said = {
            "uuid": registry.uuid,
            "seq": registry.seq,
            "voids": [c.seq for c in reversed(registry.log()) if c.void],
            "models": models,
        }
    plain: dict[str, Any] = json.loads(json.dumps(said))
    return plain


def _aliases(registry: Registry, name: str) -> list[str]:
    actions = [action for commit in registry.log(name) for action in commit.actions]
    return sorted({a.alias for a in actions if isinstance(a, SetAlias)})


def told(foreign: Foreign) -> dict[str, Any]:
    """Return all that a foreign reader has found."""
    models = {}
    for name, model in foreign.models.items():
        moves = [
            [seq, alias, previous, version, kind]
            for alias in sorted(model["moves"])
            for seq, kind, previous, version in model["moves"][alias]
        ]
        models[name] = {
            "versions": {
                v["version"]: _foreign_version(foreign, name, v)
                for v in model["versions"].values()
            },
            "aliases": model["aliases"],
            "moves": sorted(moves, key=lambda move: (move[0], move[1])),
        }
    return {
        "uuid": foreign.info["uuid"],
        "seq": foreign.seq,
        "voids": sorted(foreign.voids),
        "models": models,
    }


def _foreign_version(
    foreign: Foreign, name: str, version: dict[str, Any]
) -> dict[str, Any]:
    entry, record = foreign.commits[version["seq"]], version["record"]
    files = foreign.files(name, version["version"])
    same = "version bundle seq metrics slices tags status notes evaluations withdrawn"
    return {
        **{key: version[key] for key in same.split()},
        "time": entry["time"].replace("Z", "+00:00").replace(".000000", ""),
        "author": entry["actor"],
        "message": entry.get("message"),
        "description": record.get("description"),
        "params": record.get("params", {}),
        "parents": [f"{p['name']}@{p['version']}" for p in record.get("parents", [])],
        "files": {path: data.decode("latin-1") for path, data in files.items()},
    }

"""modelver's own answers, in the shape in which ``foreign.py`` gives them."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelver import DamageWarning, ModelVersion, Registry
from modelver._values.entry import SetAlias


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
        "time": version.created_at.isoformat(timespec="microseconds").replace(
            "+00:00", "Z"
        ),
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

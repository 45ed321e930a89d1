"""Write the golden registries of a format: once, by the release that defines it.

``python -m tests.format.write_golden FOLDER`` writes them into an empty folder, with
nothing of this machine in them. Those that are checked in are never written again.
"""

import json
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from modelver import Registry
from modelver._bundle import batches, write as write_module
from modelver._registry import registry as desk, staging
from tests.format.asking import expecting_junk, told
from tests.format.byhand import append, append_raw
from tests.format.foreign import Foreign

COMMITS = 66


def _clock() -> Iterator[str]:
    for second in count():
        yield f"2026-03-01T09:{second // 60:02d}:{second % 60:02d}.000000Z"


def _history(registry: Registry, folder: Path) -> None:
    """Make every kind of action, rule-breaking entries and junk, over 64 commits."""
    first = registry.register(
        "fraud",
        {"weights.bin": b"first weights", "empty.bin": b""},
        data={"train": b"a,b\n1,2\n"},
        config={"depth": 3, "rate": 0.1},
        docs={"card.md": b"# Fraud\n"},
        environment=False,
        params={"depth": 3, "layers": [8, 4], "name": "größe", "none": None},
        metrics={"auc": 0.91, "loss": 2.0},
        slices={"country=DE": {"auc": 0.9}},
        tags={"team": "risk"},
        description="The first.",
        message="begin",
        aliases="production",
    )
    second = registry.register(
        "fraud",
        {"weights.bin": b"other weights", "empty.bin": b""},
        environment=False,
        parents=first,
        metrics={"auc": 0.94},
    )
    registry.register(
        "fraud", {"m.bin": b"built"}, version="1.0.0-rc.1+cu128", environment=False
    )
    registry.register("nlp/intent", {"a/b.bin": b"first weights"}, environment=False)
    registry.promote(second, "production", reason="better", expect=first)
    registry.rollback("fraud", "production", reason="worse")
    registry.promote("nlp/intent@0.1.0", "challenger")
    registry.clear_alias("nlp/intent", "challenger", reason="done")
    registry.set_status(second, "approved", reason="reviewed")
    registry.tag(second, team="risk", stage="two")
    registry.untag(second, "stage")
    registry.note(second, "Looks good.\nReally: ünïcödé, \U0001f642.")
    registry.evaluate(second, {"auc": 0.95}, slices={"country=DE": {"auc": 0.93}})
    registry.evaluate(second, {"auc": 0.7}, dataset="live", when="2026-03-02T00:00:00Z")
    registry.withdraw("fraud@1.0.0-rc.1", "built with the wrong compiler")
    registry.withdraw(second, "by mistake")
    registry.restore(second, "it was fine")
    with registry.transaction("release") as tx:
        new = tx.register("fraud", {"weights.bin": b"third weights"}, environment=False)
        tx.promote(new, "staging")
        tx.set_status(new, "staging")
    # A writer that lost its mind: the first action must leave no trace.
    tag = {"type": "tag", "name": "fraud", "version": first.version, "set": {"x": "y"}}
    lost = {"type": "withdraw", "name": "fraud", "version": "9.9.9", "reason": "-"}
    append(folder, tag, lost)
    # One of a later release.
    append(folder, {"type": "poem", "lines": 4}, critical=False, mood="fair")
    append(folder, {"type": "feature", "read": [], "write": []})
    for number in range(registry.seq + 1, 65):
        registry.note(first, f"Note {number}.")
    append_raw(folder, b'{"format":1,"seq":65')
    registry.note(first, "After the junk.")


class _Short:
    """Cuts into parts of five bytes."""

    def want(self) -> int:
        return 8

    def cut(self, window: memoryview, *, last: bool) -> list[int]:
        lengths = [5] * (len(window) // 5)
        rest = len(window) % 5
        return [*lengths, rest] if last and rest else lengths


@contextmanager
def _short_parts() -> Iterator[None]:
    """Make parts and packs of what is too small for them otherwise."""
    with (
        patch.object(write_module, "WINDOW", 8),
        patch.object(write_module, "cutter_for", lambda *_: _Short()),
        patch.object(batches, "OWN_OBJECT", 5),
    ):
        yield


def write(folder: Path, algorithm: str) -> None:
    """Write a registry into *folder*, which must not exist."""
    clock, ids = _clock(), count(1)

    def next_id() -> uuid.UUID:
        return uuid.UUID(int=next(ids))

    def nothing() -> dict[str, Any]:
        return {}

    with (
        patch.object(desk, "_now", lambda: next(clock)),
        patch.object(staging, "capture_run", nothing),
        patch("uuid.uuid4", next_id),
        expecting_junk(),
        Registry(folder, create=True, digest=algorithm, author="golden") as registry,
    ):
        _history(registry, folder)
        assert registry.seq == COMMITS


def main(target: Path) -> None:
    """Write the registries, and beside each what it says."""
    for algorithm in ("b3", "sha256"):
        write(target / algorithm, algorithm)
        _say(target / algorithm)
    with _short_parts():
        write(target / "b3-parts", "b3")
    _say(target / "b3-parts")


def _say(folder: Path) -> None:
    said = json.dumps(told(Foreign(folder)), indent=1, ensure_ascii=False)
    folder.with_suffix(".json").write_text(said + "\n", encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as client:
        os.environ["MODELVER_STATE_DIR"] = os.environ["MODELVER_CACHE_DIR"] = client
        main(Path(sys.argv[1]))

"""Processes that are killed on the way, and what they said before."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import pytest

_WORKER: Final = Path(__file__).with_name("worker.py")


class Victims:
    """Starts one victim after the other, from a process that has imported all."""

    def __init__(self) -> None:
        if not hasattr(os, "fork"):
            pytest.skip("victims are forked, and this system cannot fork")
        # What this process can import, its children can.
        path = [*filter(None, sys.path), str(_WORKER.parents[2])]
        self._worker = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )
        assert self._hear() == {"ready": True}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.kill()
        self._worker.communicate()

    def _hear(self) -> Mapping[str, Any]:
        assert self._worker.stdout is not None
        line: Mapping[str, Any] = json.loads(self._worker.stdout.readline())
        return line

    def start(self, job: str, **words: Any) -> Iterator[Mapping[str, Any]]:
        """Start *job* of the worker's; yield its lines, the last says how it ended."""
        env = {k: v for k, v in os.environ.items() if k.startswith("MODELVER_")}
        assert self._worker.stdin is not None
        self._worker.stdin.write(
            json.dumps({"job": job, "words": words, "env": env}) + "\n"
        )
        self._worker.stdin.flush()
        line: Mapping[str, Any] = {}
        while "ended" not in line:
            line = self._hear()
            yield line

    def run(self, job: str, **words: Any) -> tuple[bool, int]:
        """Run *job*; return whether it came to its end, and how the process ended."""
        lines = list(self.start(job, **words))
        return {"done": True} in lines, lines[-1]["ended"]

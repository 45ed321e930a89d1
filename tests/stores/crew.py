"""Processes that race for keys, on any store: told a key, they tell what came of it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PROCESSES: Final = 16
# Each waits for the word of each round, so that all of them start together.
RACER: Final = """
import json, sys
from modelver._registry.opening import open_backend
from modelver.errors import AlreadyExistsError
url, options, me = json.loads(sys.argv[1])
backend = open_backend(url, options)
backend.read("nothing")
print("ready", flush=True)
for line in sys.stdin:
    key, mine = line.strip(), f"{me}-".encode() * 500
    won = True
    try:
        backend.create(key, mine)
    except AlreadyExistsError:
        won = False
    seen = backend.read(key)
    print(json.dumps([won, seen == mine, seen.decode()]), flush=True)
"""
READER: Final = """
import json, sys
from modelver._registry.opening import open_backend
url, options = json.loads(sys.argv[1])
backend = open_backend(url, options)
backend.read("nothing")
print("ready", flush=True)
for line in sys.stdin:
    key, seen = line.strip(), None
    while seen is None:
        seen = backend.read(key)
    found = {seen.decode()}
    for _ in range(5):
        found.add((backend.read(key) or b"").decode())
    print(json.dumps(sorted(found)), flush=True)
"""


class _Crew:
    """Processes that are told a key, and tell what came of it."""

    def __init__(self, scripts: list[tuple[str, list[Any]]]) -> None:
        path = [*filter(None, sys.path), str(Path(__file__).parents[2])]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        self._all = [
            subprocess.Popen(
                [sys.executable, "-c", script, json.dumps(job)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=env,
            )
            for script, job in scripts
        ]
        assert {self._line(each) for each in self._all} == {"ready"}

    @staticmethod
    def _line(process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def ask(self, word: str) -> list[Any]:
        """Say *word* to everybody at once; return the answers."""
        for each in self._all:
            assert each.stdin is not None
            each.stdin.write(word + "\n")
            each.stdin.flush()
        return [json.loads(self._line(each)) for each in self._all]

    def end(self) -> None:
        """Let them go home."""
        for each in self._all:
            each.communicate(timeout=60)


def race(url: str, options: Mapping[str, Any], rounds: int) -> int:
    """One winner each round, all others know it, and readers see that value alone.

    Returns:
        How many rounds had one winner.
    """
    judged = 0
    racers = [(RACER, [url, dict(options), me]) for me in range(PROCESSES)]
    crew = _Crew([*racers, (READER, [url, dict(options)])])
    try:
        for n in range(rounds):
            *told, read = crew.ask(f"log/{n:020d}.json")
            winners = [me for me, (won, _, _) in enumerate(told) if won]
            assert len(winners) == 1, f"round {n}: {winners} believe that they won"
            (winner,) = winners
            value = f"{winner}-" * 500
            assert [mine for _, mine, _ in told] == [
                me == winner for me in range(PROCESSES)
            ]
            assert {seen for _, _, seen in told} == {value}
            assert read == [value], f"round {n}: a reader saw something else"
            judged += 1
    finally:
        crew.end()
    return judged

"""Sixteen processes create the same key, again and again, on each server of S3."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.stores.servers.s3_server import S3Server

PROCESSES: Final = 16
# Each waits for the word of each round, so that all of them start together.
RACER: Final = """
import json, sys
from modelver.backends.s3 import S3Backend
from modelver.errors import AlreadyExistsError
url, options, me = json.loads(sys.argv[1])
backend = S3Backend(url, storage_options=options)
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
from modelver.backends.s3 import S3Backend
url, options = json.loads(sys.argv[1])
backend = S3Backend(url, storage_options=options)
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
    def _line(process: subprocess.Popen[str]) -> str:
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


def _race(server: S3Server, rounds: int) -> None:
    """One winner each round, all others know it, and readers see that value alone."""
    url = server.url()
    racers = [(RACER, [url, server.options, me]) for me in range(PROCESSES)]
    crew = _Crew([*racers, (READER, [url, server.options])])
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
    finally:
        crew.end()


@pytest.mark.race
def test_one_winner(seaweed: S3Server) -> None:
    """A few rounds, for every run of the tests."""
    _race(seaweed, 2)


@pytest.mark.slow
def test_one_winner_each_of_20_rounds(seaweed: S3Server) -> None:
    """SeaweedFS lets losers wait for seconds, so there are not more."""
    _race(seaweed, 20)

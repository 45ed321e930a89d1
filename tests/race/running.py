"""Races between processes and between threads, and what they left behind."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from attrs import Factory, define

from tests.race.history import Call, Look
from tests.race.worker import JOBS, Racer, read

_WORKER: Final = Path(__file__).with_name("worker.py")


@define
class Story:
    """Everything that the racers wrote down."""

    calls: list[Call] = Factory(list)
    looks: list[Look] = Factory(list)
    lines: list[Mapping[str, Any]] = Factory(list)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take one line in."""
        if "call" in line:
            self.calls.append(Call.from_dict(line["call"]))
        elif "look" in line:
            self.looks.append(Look(**line["look"]))
        else:
            self.lines.append(line)

    def having(self, key: str) -> list[Mapping[str, Any]]:
        """Return the lines with *key*."""
        return [line for line in self.lines if key in line]


class Crew:
    """Processes that race as often as they are told; a context manager.

    They are started once: to start ten takes longer than most races.
    """

    def __init__(self, size: int) -> None:
        # What this process can import, its children can.
        path = [*filter(None, sys.path), str(_WORKER.parents[2])]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        self._crew = [
            subprocess.Popen(
                [sys.executable, str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=env,
            )
            for _ in range(size)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._crew:
            worker.kill()
            worker.communicate()

    def race(
        self,
        url: Path | str,
        job: str,
        *,
        threads: Sequence[int] = (1,) * 8,
        count: int = 1,
        tick: float = 0.0,
        readers: int = 0,
        options: Mapping[str, Any] | None = None,
        faults: float = 0.0,
        seed: int = 0,
        timeout: float = 60.0,
        folder: Path | None = None,
    ) -> Story:
        """Let one process for each of *threads* do *job*, from the same moment on.

        Args:
            url: Of the registry.
            job: See :data:`worker.JOBS`.
            threads: How many threads each process has.
            count: Rounds.
            tick: Seconds between two rounds.
            readers: How many more processes look on.
            options: Of the store.
            faults: What share of the requests is to fail, once the registry is open.
            seed: Of the draws for that.
            timeout: Of the registries.
            folder: Where a file may be made; None: beside the registry's folder.
        """
        stop = (folder or Path(url).parent) / "stop"
        stop.unlink(missing_ok=True)
        common = {
            "url": str(url),
            "options": options,
            "faults": faults,
            "seed": seed,
            "timeout": timeout,
            "count": count,
            "tick": tick,
            "stop": str(stop),
            "env": {k: v for k, v in os.environ.items() if k.startswith("MODELVER_")},
        }
        orders = [
            {"name": str(n), "job": job, "threads": t} for n, t in enumerate(threads)
        ]
        orders += [
            {"name": f"r{n}", "job": "read", "threads": 1} for n in range(readers)
        ]
        crew = self._crew[: len(orders)]
        assert len(crew) == len(orders)
        for worker, order in zip(crew, orders, strict=True):
            _tell(worker, json.dumps({**order, **common}))
        for worker in crew:
            assert _hear(worker) == {"ready": True}
        start = time.monotonic_ns() + 20_000_000
        for worker in crew:
            _tell(worker, str(start))
        # A pipe holds 64 KiB: each is emptied while all of them write.
        story = Story()
        ears = [
            threading.Thread(target=_listen, args=(worker, story)) for worker in crew
        ]
        for ear in ears:
            ear.start()
        for ear in ears[: len(threads)]:
            ear.join()
        stop.touch()
        for ear in ears:
            ear.join()
        failed = [line["failed"] for line in story.having("failed")]
        assert not failed, "\n".join(failed)
        assert len(story.having("finished")) == len(crew)
        return story


def _tell(worker: "subprocess.Popen[str]", line: str) -> None:
    assert worker.stdin is not None
    worker.stdin.write(line + "\n")
    worker.stdin.flush()


def _hear(worker: "subprocess.Popen[str]") -> Mapping[str, Any]:
    assert worker.stdout is not None
    line: Mapping[str, Any] = json.loads(worker.stdout.readline())
    return line


def _listen(worker: "subprocess.Popen[str]", story: Story) -> None:
    line: Mapping[str, Any] = {}
    while "finished" not in line and "failed" not in line:
        line = _hear(worker)
        story.add(line)


def threads(
    job: str,
    opened: Callable[..., Any],
    *,
    threads: int = 16,
    count: int = 1,
    tick: float = 0.0,
    reader: bool = False,
) -> Story:
    """Let threads of this process do *job*, all from the same moment on.

    Args:
        job: See :data:`worker.JOBS`.
        opened: Gives each thread its registry.
        threads: How many.
        count: Rounds.
        tick: Seconds between two rounds.
        reader: Whether one more thread looks on.
    """
    story = Story()
    failed: list[BaseException] = []
    start = time.monotonic_ns() + 20_000_000
    racers = [
        Racer(
            name=f"{n}.t",
            open=opened,
            emit=story.add,
            start=start,
            tick=tick,
            count=count,
        )
        for n in range(threads + reader)
    ]
    done = threading.Event()

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    writers = [
        threading.Thread(target=run, args=(lambda racer=racer: JOBS[job](racer),))
        for racer in racers[:threads]
    ]
    readers = [
        threading.Thread(
            target=run, args=(lambda racer=racer: read(racer, done.is_set),)
        )
        for racer in racers[threads:]
    ]
    for thread in [*readers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    if failed:
        raise failed[0]
    return story

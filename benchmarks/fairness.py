"""Whether many writers of one log all get their turn, where each request takes long.

Run it with ``nox -s bench -- fairness``, or ``python benchmarks/fairness.py --help``.
Every writer has its own client and commits again and again, as fast as it can; each
request waits for the latency that is asked for. What counts is how the commits of all
of them compare to those of one writer alone, and how the slowest fared.
"""

import argparse
import json
import os
import platform
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Final

from attrs import asdict, evolve, frozen

from modelver import Registry
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Capabilities
from modelver.testing import LatencyBackend

RATE: Final = 0.5  # of one writer's, at least
SHARE: Final = 0.2  # of a fair share, at least

Job = Callable[[Registry, int, int], object]


class Far(LatencyBackend):
    """A bucket on another continent."""

    @property
    def capabilities(self) -> Capabilities:
        """Those of the inner one, from afar."""
        return evolve(self.inner.capabilities, read_window=8)


@frozen
class Run:
    """What came of one run.

    Attributes:
        job: What was committed.
        writers: How many at once.
        seconds: How long.
        rate: Commits a second, of all writers.
        slowest: Commits of the slowest writer, as a part of a fair share.
        fastest: Of the fastest.
        longest: Seconds of the longest commit.
    """

    job: str
    writers: int
    seconds: float
    rate: float
    slowest: float
    fastest: float
    longest: float


def tag(registry: Registry, writer: int, number: int) -> None:
    """Commit with two requests."""
    registry.tag("m@0.1.0", **{f"w{writer}": number})


def register(registry: Registry, writer: int, number: int) -> None:
    """Commit with four requests."""
    content = f"{writer} {number}".encode()
    registry.register(f"m{writer}", {"a.bin": content}, environment=False)


JOBS: Final[dict[str, Job]] = {"tag": tag, "register": register}


def run(name: str, writers: int, seconds: float, latency: float) -> Run:
    """Let *writers* commit for *seconds*."""
    store = MemoryBackend(f"memory://fairness-{uuid.uuid4().hex}")
    Registry(backend=store, create=True).register("m", {"a.bin": b"first"})
    clients = [Registry(backend=Far(store, latency)) for _ in range(writers)]
    for client in clients:
        assert client.seq == 1
    ready = threading.Barrier(writers)
    took: list[list[float]] = [[] for _ in range(writers)]

    def write(writer: int) -> None:
        ready.wait()
        end = time.monotonic() + seconds
        while (begin := time.monotonic()) < end:
            JOBS[name](clients[writer], writer, len(took[writer]))
            took[writer].append(time.monotonic() - begin)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [len(each) for each in took]
    assert Registry(backend=store).seq == 1 + sum(counts)
    fair = mean(counts)
    return Run(
        name,
        writers,
        seconds,
        round(sum(counts) / seconds, 2),
        round(min(counts) / fair, 2),
        round(max(counts) / fair, 2),
        round(max(max(each) for each in took), 2),
    )


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 2, 4, 16])
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MODELVER_STATE_DIR"] = os.environ["MODELVER_CACHE_DIR"] = folder
        for job in options.jobs:
            for writers in options.writers:
                found = run(job, writers, options.seconds, options.latency)
                runs.append(found)
                alone = runs[-1 - options.writers.index(writers)]
                good = found.rate >= RATE * alone.rate and found.slowest >= SHARE
                print(  # noqa: T201
                    f"{job:8} {writers:3} writers: {found.rate:6.2f} commits/s, "
                    f"slowest {found.slowest:.2f} and fastest {found.fastest:.2f} of a "
                    f"fair share, longest commit {found.longest:.1f} s: "
                    f"{'reached' if good else 'NOT REACHED'}",
                    flush=True,
                )
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")  # noqa: T201
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(found) for found in runs], indent=2))


if __name__ == "__main__":
    main()

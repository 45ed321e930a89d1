"""How fast the first registry is: each figure beside its limit, in one run.

Run it with ``nox -s bench -- speed``, or ``python benchmarks/speed.py --help``. Every
work is interleaved with the limit that it is compared to; a row gives the medians, the
spread (lowest to highest), and the median of the ratios pair by pair. Read the ratios:
the seconds are those of one machine on one day. How fast large files go in and out is
measured in ``bytes/``.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from attrs import asdict, evolve, frozen

Timed = Callable[[], float]

METRICS = {f"metric_{n}": n / 7 for n in range(20)}


@frozen
class Row:
    """One figure.

    Attributes:
        work: What was done.
        limit: What it is compared to.
        goal: The most that is allowed, in words.
        work_ms: Lowest, median and highest time of the work.
        limit_ms: The same of the limit.
        ratio: Median of the ratios, pair by pair.
        reached: Whether the goal was reached.
    """

    work: str
    limit: str
    goal: str
    work_ms: tuple[float, float, float]
    limit_ms: tuple[float, float, float]
    ratio: float
    reached: bool


def spread(seconds: list[float]) -> tuple[float, float, float]:
    """Return lowest, median and highest, in milliseconds."""
    low, middle, high = (
        round(1000 * s, 3) for s in (min(seconds), median(seconds), max(seconds))
    )
    return low, middle, high


def pairs(work: Timed, limit: Timed, rounds: int) -> tuple[list[float], list[float]]:
    """Run the two in turn."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(work())
        theirs.append(limit())
    return ours, theirs


def compare(
    name: str, limit: str, most: float, times: tuple[list[float], list[float]]
) -> Row:
    """Return the row of a work that may take *most* times its limit."""
    ratio = median(a / b for a, b in zip(*times, strict=True))
    return Row(
        name,
        limit,
        f"at most {most:g} times",
        spread(times[0]),
        spread(times[1]),
        round(ratio, 2),
        ratio <= most,
    )


@contextmanager
def folder(where: Path) -> Iterator[Path]:
    """Make a folder on the disk that is measured, with modelver's own files in it."""
    made = Path(tempfile.mkdtemp(prefix="modelver-bench-", dir=where))
    os.environ["MODELVER_STATE_DIR"] = str(made / "state")
    os.environ["MODELVER_CACHE_DIR"] = str(made / "cache")
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def started(code: str) -> float:
    """Return the seconds of a fresh interpreter that runs *code*."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def import_rows(rounds: int) -> list[Row]:
    """Importing, over a bare interpreter: modelver against attrs."""
    bare = median(started("pass") for _ in range(rounds))
    rows = []
    for name, code in (
        ("import modelver", "import modelver"),
        ("from modelver import Registry", "from modelver import Registry"),
    ):
        ours, theirs = pairs(
            lambda code=code: max(started(code) - bare, 1e-6),  # type: ignore[misc]
            lambda: max(started("import attrs") - bare, 1e-6),
            rounds,
        )
        rows.append(compare(name, "import attrs", 3, (ours, theirs)))
    return rows


def by_hand(place: Path, contents: list[bytes], *, folders: bool) -> float:
    """Write and flush files, one folder for each kind as modelver has it."""
    begin = time.perf_counter()
    for number, data in enumerate(contents):
        path = place / str(number % 3)
        path = path.with_suffix(f".{time.monotonic_ns()}")
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
        os.write(descriptor, data)
        os.fsync(descriptor)
        os.close(descriptor)
        if folders:
            descriptor = os.open(place, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
    return time.perf_counter() - begin


def register_rows(place: Path, rounds: int) -> list[Row]:
    """Registering one 10 KB file with 20 metrics, against the same files by hand."""
    from modelver import Registry  # noqa: PLC0415 - after the environment was set

    registry = Registry(place / "registry", create=True)
    registry.register("warm", {"model.bin": b"warm"})
    batch = 20

    def ours() -> float:
        contents = [os.urandom(10 * 1024) for _ in range(batch)]
        begin = time.perf_counter()
        for data in contents:
            registry.register(
                "model", {"model.bin": data}, metrics=METRICS, environment=False
            )
        return (time.perf_counter() - begin) / batch

    hand = place / "hand"
    hand.mkdir()

    def theirs(*, folders: bool) -> float:
        # An object, a manifest and a log entry, of the sizes that modelver writes.
        contents = [os.urandom(n) for n in (10 * 1024, 480, 1800) for _ in range(batch)]
        return by_hand(hand, contents, folders=folders) / batch

    rows = []
    for limit, folders in (
        ("write and fsync 3 files", False),
        ("the same, fsync their folders too", True),
    ):
        times = pairs(ours, lambda f=folders: theirs(folders=f), rounds)  # type: ignore[misc]
        rows.append(compare("register 10 KB, 20 metrics", limit, 3, times))
    return rows


def resolve_rows(place: Path, rounds: int) -> list[Row]:
    """Resolving a ref and opening a file, in a process that has the registry open."""
    from modelver import Registry  # noqa: PLC0415

    registry = Registry(place / "registry")
    registry.promote("model@newest", "production")
    stored = next((place / "registry" / "objects").glob("*/*"))

    def ours() -> float:
        begin = time.perf_counter()
        with registry.get("model@production").open("model.bin") as file:
            file.read()
        return time.perf_counter() - begin

    def theirs() -> float:
        begin = time.perf_counter()
        with stored.open("rb") as file:
            file.read()
        return time.perf_counter() - begin

    ours()
    times = pairs(ours, theirs, rounds * 20)
    row = compare("resolve a ref and open a file", "open and read a file", 0, times)
    return [evolve(row, goal="under 1 ms", reached=row.work_ms[1] < 1)]


def fold_rows(place: Path, rounds: int, versions: int) -> list[Row]:
    """Folding a long log from cold, against parsing its JSON and nothing else."""
    from modelver import Registry  # noqa: PLC0415

    place /= "long"
    registry = Registry(place, create=True)
    for number in range(versions):
        registry.register(
            "model",
            {"model.bin": number.to_bytes(8)},
            metrics=METRICS,
            environment=False,
        )
    raw = [path.read_bytes() for path in (place / "log").iterdir()]

    def ours() -> float:
        fresh = Registry(place)
        begin = time.perf_counter()
        assert fresh.seq == versions
        return time.perf_counter() - begin

    def theirs() -> float:
        begin = time.perf_counter()
        for entry in raw:
            json.loads(entry)
        return time.perf_counter() - begin

    times = pairs(ours, theirs, rounds)
    row = compare(f"fold {versions} versions from cold", "json.loads of them", 0, times)
    goal = f"under {versions / 10_000:g} s"
    return [evolve(row, goal=goal, reached=row.work_ms[1] < versions / 10)]


def table(rows: list[Row]) -> str:
    """Return the rows for people."""
    lines = [
        f"{'work':32} {'limit':34} {'work ms':>24} {'limit ms':>24} {'ratio':>7}  goal"
    ]
    for row in rows:
        ours, theirs = (
            f"{middle:.2f} ({low:.2f}-{high:.2f})"
            for low, middle, high in (row.work_ms, row.limit_ms)
        )
        mark = "reached" if row.reached else "NOT REACHED"
        lines.append(
            f"{row.work:32} {row.limit:34} {ours:>24} {theirs:>24} {row.ratio:7.2f}"
            f"  {row.goal}: {mark}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and keep it as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="pairs of each figure")
    parser.add_argument("--versions", type=int, default=10_000, help="in the long log")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on which disk")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    rows = import_rows(options.rounds)
    with folder(options.folder) as place:
        rows += register_rows(place, options.rounds)
        rows += resolve_rows(place, options.rounds)
        rows += fold_rows(place, options.rounds, options.versions)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {machine}")  # noqa: T201
    print(table(rows))  # noqa: T201
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()

"""Probes that write nothing."""

import time
from collections.abc import Callable
from statistics import median

from modelver._store.layout import DOCTOR, REGISTRY
from modelver._store.probe.bench import FEW, Bench
from modelver._store.probe.said import judged, skipped
from modelver._values.diagnosis import Finding
from modelver.errors import ModelverError


def reach(bench: Bench) -> Finding:
    """Ask for a key that nobody wrote."""
    try:
        nothing = bench.first.read(bench.key("nothing"))
        found = bench.first.read(REGISTRY, 0, 1)
    except ModelverError as error:
        return Finding(
            probe="reach",
            outcome="failed",
            seen=f"it cannot be read: {error.message}",
            means=" ".join(["Nothing can be told of it.", *error.hints]),
        )
    there = "there is one" if found is not None else "there is none yet"
    return judged(
        "reach",
        good=nothing is None,
        seen=(
            f"it answers, and a missing key is missing; of registries, {there}",
            "a key that nobody wrote was found",
        ),
        means=(
            "The address and the credentials are right.",
            "It answers whatever is asked: this is no store of keys.",
        ),
    )


def ranges(bench: Bench, key: str) -> Finding:
    """Read parts of *key*, some of them of nothing."""
    whole = bench.first.read(key)
    if not whole:
        return skipped("ranges", "there is nothing to read")
    size = len(whole)
    asked: list[tuple[int, int | None]] = [
        (0, 1),
        (size // 3, size // 2),
        (size - 1, None),
        (size // 2, size + 100),
        (size, size + 100),
        (size + 100, None),
        (1, 1),
    ]
    wrong = [
        f"{start}:{'' if end is None else end}"
        for start, end in asked
        if bench.first.read(key, start, end) != whole[start:end]
    ]
    return judged(
        "ranges",
        good=not wrong,
        seen=(
            "ranges in the middle, past the end and of nothing are what slices give",
            f"the ranges {', '.join(wrong)} of {size} bytes came otherwise",
        ),
        means=(
            "Large files can be read in parts.",
            (
                "Reading files would fail: their digests would not match. Nothing "
                "wrong is ever returned."
            ),
        ),
    )


def listing(bench: Bench) -> Finding:
    """List what doctors left."""
    count = sum(1 for _ in bench.first.list(DOCTOR))
    return Finding(
        probe="listing",
        outcome="ok",
        seen=f"it lists keys ({count} below {DOCTOR})",
        means="Verify can see what lies in the store.",
    )


def latency(bench: Bench, *, writes: bool) -> Finding:
    """Time small requests."""
    acts: dict[str, Callable[[int], object]] = {
        "read": lambda _: bench.first.read(REGISTRY, 0, 1024)
    }
    if writes:
        acts["create"] = lambda n: bench.create(bench.first, f"time-{n}")
        keys = [bench.key(f"time-{n}") for n in range(FEW)]
        acts["read_many"] = lambda _: bench.first.read_many(keys, 4096)
    for name, ask in acts.items():
        took = []
        for number in range(FEW):
            begin = time.perf_counter()
            ask(number)
            took.append(1000 * (time.perf_counter() - begin))
        bench.milliseconds[name] = round(median(took), 3)
    said = ", ".join(f"{k} {v:g} ms" for k, v in bench.milliseconds.items())
    read, create = (bench.milliseconds.get(k, 0) for k in ("read", "create"))
    return Finding(
        probe="latency",
        outcome="noted",
        seen=f"medians of {FEW}: {said}",
        means=f"Moving an alias takes about {read + create:.3g} ms, and registering a "
        f"small version about {read + 3 * create:.3g} ms."
        if writes
        else f"Opening a registry takes about {3 * read:.3g} ms, however long its log "
        "is.",
    )

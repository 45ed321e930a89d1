"""Probes of a live store: does it do what commits rely on?

Everything is written below ``doctor/``, under names that nobody else has, and deleted
again. A registry beside it is not touched: readers ask for keys that they know.
"""

from collections.abc import Callable, Iterator

from modelver._store.layout import REGISTRY
from modelver._store.probe import reading, writing
from modelver._store.probe.bench import Bench
from modelver._store.probe.said import skipped
from modelver._values.diagnosis import Finding

__all__ = ["Bench", "probe"]


def probe(bench: Bench, *, write: bool, rounds: int) -> Iterator[Finding]:
    """Yield what each probe sees; stops where there is no use in going on.

    Args:
        bench: Two clients of the store.
        write: Whether keys may be written.
        rounds: Of the race.
    """
    reached = reading.reach(bench)
    yield reached
    if reached.outcome == "failed":
        return
    written = writing.write(bench) if write else skipped("write", "nobody asked for it")
    yield written
    tried = bench.tried
    if written.outcome != "ok":
        yield tried("ranges", lambda: reading.ranges(bench, REGISTRY))
        yield tried("listing", lambda: reading.listing(bench))
        yield tried("latency", lambda: reading.latency(bench, writes=False))
        return
    acts: dict[str, Callable[[], Finding]] = {
        "read-after-write": lambda: writing.read_after_write(bench),
        "create-twice": lambda: writing.create_twice(bench),
        "race": lambda: writing.races(bench, rounds),
        "upload": lambda: writing.upload(bench),
        "listing": lambda: writing.listing(bench),
        "listing-cache": lambda: writing.listing_cache(bench),
        "ranges": lambda: reading.ranges(bench, bench.key("first")),
        "latency": lambda: reading.latency(bench, writes=True),
        "clock": lambda: writing.clocks(bench),
    }
    try:
        for name, act in acts.items():
            yield tried(name, act)
    finally:
        deleted = bench.clean_up()
    yield deleted

"""Probes that write keys of their own."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from modelver._store.layout import DOCTOR
from modelver._store.probe.bench import DATA, FEW, Bench
from modelver._store.probe.race import race
from modelver._store.probe.said import judged, skipped
from modelver._values.diagnosis import Finding
from modelver.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ErrorKind,
    ModelverError,
    StorageError,
)
from modelver.plugin import Clocked

_LARGE: Final = bytes(2**20)
# Many stores tell whole seconds only.
_GRAIN: Final = 1.0
# More than this makes labels of time misleading.
_SKEWED: Final = 5.0


def write(bench: Bench) -> Finding:
    """Create a key."""
    if not bench.first.capabilities.exclusive_create:
        return skipped("write", "the backend says that it has no exclusive create")
    try:
        bench.create(bench.first, "first")
    except AccessDeniedError as error:
        why = f"it may not be written to: {error.message}"
    except ModelverError as error:
        if error.kind is not ErrorKind.UNSUPPORTED:
            return Finding(
                probe="write",
                outcome="failed",
                seen=f"a key could not be created: {error.message}",
                means=" ".join(["Nothing can be registered.", *error.hints]),
                vital=True,
            )
        why = f"it cannot create keys exclusively: {error.message}"
    else:
        return Finding(
            probe="write",
            outcome="ok",
            seen="a key could be created",
            means="These credentials may write.",
        )
    return Finding(
        probe="write",
        outcome="noted",
        seen=why,
        means="A registry here can be read, and not be written to. The other probes of "
        "writing were left out.",
    )


def read_after_write(bench: Bench) -> Finding:
    """Read through two clients what one of them has just written."""
    late = 0
    for number in range(FEW):
        name = f"fresh-{number}"
        # Asked for before it is there: a cache would remember that it was not.
        for client in (bench.first, bench.second):
            client.read(bench.key(name))
        key = bench.create(bench.second, name)
        for client in (bench.first, bench.second):
            late += client.read(key) != DATA
            late += client.read_many([key], 2 * len(DATA)) != [DATA]
    return judged(
        "read-after-write",
        good=not late,
        seen=(
            "what was written is read at once, by another client too",
            f"{late} of {4 * FEW} reads did not find what had been written",
        ),
        means=(
            "Readers see every commit, and writers see each other's.",
            (
                "Writers would not see commits, and readers old states. Look for a "
                "cache between here and the store, or for a setting of its "
                "consistency."
            ),
        ),
        vital=True,
    )


def create_twice(bench: Bench) -> Finding:
    """Create a key that is there, with its own bytes and with others."""
    key, created = bench.key("first"), 0
    for client in (bench.first, bench.second):
        for data in (b"other", DATA):
            try:
                client.create(key, data)
            except AlreadyExistsError:
                continue
            created += 1
    kept = bench.first.read(key) == DATA
    lost = "" if kept else ", and lost its bytes"
    return judged(
        "create-twice",
        good=kept and not created,
        seen=(
            "a key that is there is refused, and keeps its bytes",
            f"a key that was there was created again{lost}",
        ),
        means=(
            "Commits cannot overwrite each other.",
            (
                "Commits would overwrite each other, and be lost. The store takes no "
                "notice of conditions: use a later release of it, or another one."
            ),
        ),
        vital=True,
    )


def races(bench: Bench, rounds: int) -> Finding:
    """Let many writers create one key, again and again."""
    clients = [bench.first, bench.second]
    found = [race(clients, bench.claim(f"race-{n}")) for n in range(rounds)]
    wrong = [each for each in found if not each.good]
    racers, told = found[0].racers, ", ".join(str(each.winners) for each in wrong)
    return judged(
        "race",
        good=not wrong,
        seen=(
            f"of {racers} writers at once exactly one won, {rounds} times",
            (
                f"in {len(wrong)} of {rounds} rounds there was not exactly one winner "
                f"({told} of {racers})"
            ),
        ),
        means=(
            (
                "Commits of many writers are not lost. (No number of rounds proves "
                "it; few disprove it.)"
            ),
            (
                "Commits would be lost where several people or jobs write: the store "
                "looks first, and writes then. Let one writer at a time write, or "
                "choose another store."
            ),
        ),
        vital=True,
    )


def upload(bench: Bench) -> Finding:
    """Store an object, and another one in its place."""
    key = bench.claim("upload")
    for data in (_LARGE, b"other"):
        with bench.first.upload() as begun:
            begun.write(data)
            begun.commit(key)
    return judged(
        "upload",
        good=bench.second.read(key) == _LARGE,
        seen=(
            "an object of 1 MiB came back whole, and was not overwritten",
            "an object of 1 MiB came back otherwise, or was overwritten",
        ),
        means=(
            "Files can be stored.",
            (
                "Files would not be what was registered. They are verified whenever "
                "they are read, so nothing wrong is returned."
            ),
        ),
    )


def listing(bench: Bench) -> Finding:
    """List what was written a moment ago."""
    expected = {bench.key(f"fresh-{n}"): len(DATA) for n in range(FEW)}
    found = {info.key: info.size for info in bench.first.list(DOCTOR)}
    wrong = sum(found.get(key) != size for key, size in expected.items())
    return judged(
        "listing",
        good=not wrong,
        seen=(
            "what was written a moment ago is listed, with its size",
            f"{wrong} of {len(expected)} keys were not listed rightly",
        ),
        means=(
            "Verify sees everything. (Commits and reads never rely on listings.)",
            (
                "Verify may call objects missing that are there. Commits and reads do "
                "not rely on listings."
            ),
        ),
    )


def listing_cache(bench: Bench) -> Finding:
    """Write through one client what another one has listed already."""
    list(bench.first.list(DOCTOR))
    key = bench.create(bench.second, "listed")
    seen = key in {info.key for info in bench.first.list(DOCTOR)}
    read = bench.first.read(key) == DATA
    did = "list" if read else "read"
    return judged(
        "listing-cache",
        good=seen and read,
        seen=(
            "a client that has listed keys sees what another one writes then",
            f"a client that had listed keys did not {did} what another one wrote then",
        ),
        means=(
            "No cache of listings is in the way.",
            (
                "A cache of listings is in the way: it hides what others write. Look "
                "at the settings below, and for a proxy."
            ),
        ),
        vital=not read,
    )


def clocks(bench: Bench, clock: Callable[[], float] = time.time) -> Finding:
    """Compare the store's clock with this machine's, where it tells."""
    before = clock()
    key = bench.create(bench.first, "clock")
    after, at = clock(), None
    if isinstance(bench.first, Clocked):
        with suppress(StorageError):
            at = bench.first.written(key)
    if at is None:
        return skipped("clock", "the store does not say when a key was written")
    behind, ahead = before - _GRAIN - at, at - after
    off = -behind if behind > 0 else max(ahead, 0.0)
    bench.skew = round(off, 3)
    which = "ahead of" if off > 0 else "behind"
    return Finding(
        probe="clock",
        outcome="noted",
        seen="its clock agrees with this machine's"
        if abs(off) <= _SKEWED
        else f"its clock is {abs(off):.0f} s {which} this machine's",
        means="modelver decides nothing by clocks. Times of commits are labels of "
        "their writers' clocks; some stores refuse what is signed at a very wrong "
        "time.",
    )

"""What was to be reached, and whether it was."""

from collections.abc import Collection, Iterator

from attrs import frozen

from benchmarks.bytes.figures import (
    OURS,
    Results,
    Spread,
    Value,
    added,
    again,
    alone,
    alone_over_hand,
    call,
    of_change,
    over_hand,
    pairs,
    process,
    ratio,
    share,
    sync_ratio,
)
from benchmarks.bytes.works import HAND_FILES, HAND_FOLDERS


@frozen
class Goal:
    """One line of what was to be reached.

    Attributes:
        what: The figure.
        goal: What it is to be.
        measured: What it is.
        reached: Whether that is so.
    """

    what: str
    goal: str
    measured: str
    reached: bool


@frozen
class Aim:
    """One figure of ours that has an upper bound.

    Attributes:
        what: The figure.
        most: The bound, for the median.
        unit: Its unit.
        work: Of which work it is.
        value: How it is read from a sample.
        digits: How many are shown.
    """

    what: str
    most: float
    unit: str
    work: str
    value: Value
    digits: int = 2


COPY = "times `cp -r`"
AIMS = (
    Aim("register into an empty registry", 1.1, f"{COPY} + fsync", "first", ratio),
    Aim("the same, one sync", 1.1, f"{COPY} + sync", "first", sync_ratio),
    Aim("register after 5 % changed", 0.4, f"{COPY} + fsync", "changed", ratio),
    Aim(
        "the same, one sync",
        0.4,
        f"{COPY} + sync",
        "changed",
        sync_ratio,
    ),
    Aim("bytes added by it", 1.1, "times the bytes changed", "changed", of_change),
    Aim("register again, nothing changed: the call", 100, "ms", "again", call, 0),
    Aim("the same, with start-up", 100, "ms", "again", process, 0),
    Aim("checkout into an empty folder, verified", 1.0, COPY, "checkout", ratio),
    Aim("path to the weights, second time, in a fresh process", 5, "ms", "path", alone),
    Aim("the same, with opening the registry", 5, "ms", "path", call),
    Aim("the same, in the same process", 5, "ms", "path", again),
    Aim("one tensor of 10 MB, cold", 3, "times by hand", "tensor", alone_over_hand),
    Aim("the same, with opening the registry", 3, "times by hand", "tensor", over_hand),
    Aim("the store after 20 changes of 5 %", 2.2, "times one bundle", "twenty", share),
    Aim("bytes added by 10,000 rows in the middle of the CSV", 5, "MB", "rows", added),
)


def _at_most(aim: Aim, found: Spread | None) -> Iterator[Goal]:
    if found is not None:
        goal, reached = f"at most {aim.most:g} {aim.unit}", found.middle <= aim.most
        yield Goal(aim.what, goal, f"{found.text(aim.digits)} {aim.unit}", reached)


def _fastest(
    results: Results, work: str, what: str, peers: Collection[str]
) -> Iterator[Goal]:
    """Compare with the fastest of some peers."""
    mine = results.spread(work, OURS, ratio)
    found = {
        name: spread.middle
        for name in peers
        if (spread := results.spread(work, name, ratio)) is not None
    }
    if mine is not None and found:
        best = min(found, key=lambda name: found[name])
        measured = f"{mine.middle:.2f} times; {best}, the best: {found[best]:.2f}"
        yield Goal(what, "faster than each", measured, mine.middle < found[best])


def goals(results: Results) -> Iterator[Goal]:
    """Yield what was to be reached, of that which was measured."""
    for aim in AIMS:
        yield from _at_most(aim, results.spread(aim.work, OURS, aim.value))
    peers = [name for name in results.tools if name != OURS]
    yield from _fastest(results, "first", "register, beside every peer", peers)
    peers = [name for name in peers if name in results.verifying]
    yield from _fastest(
        results, "checkout", "checkout, beside peers that verify", peers
    )
    rate = pairs(results, "small", "MLflow", OURS)
    if rate is not None:
        goal, measured = "at least 8 times MLflow's rate", f"{rate.text(1)} times"
        yield Goal("small versions, one by one", goal, measured, rate.middle >= 8)
    for name in (HAND_FOLDERS, HAND_FILES):
        aim = Aim("their time", 2, f"times {name}", "small", call)
        yield from _at_most(aim, pairs(results, "small", OURS, name))
    peak = results.peak(OURS)
    aim = Aim("peak memory, all of these", 128, "MB", "", call, 0)
    yield from _at_most(aim, Spread(peak, peak, peak))

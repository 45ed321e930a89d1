"""Each write meets each fault at each of its storage operations, one after the other.

SQLite tests its journal so: fail at the n-th operation, for n = 1, 2, ... until no
fault fires any more, and look at what is left each time.
"""

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from modelver import DamageWarning, Registry
from modelver.backends.local import LocalBackend
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend
from modelver.testing import Fault, FaultyBackend, Plan
from tests.crash.judging import Judge, tell
from tests.crash.scenarios import SCENARIOS, Scenario, prepare, put, run
from tests.figures import tell as tell_figure

pytestmark = [
    pytest.mark.crash,
    # A part of the sweep interrupts what a parent may still be asked about.
    pytest.mark.filterwarnings("ignore::modelver.SameBundleWarning"),
]

_COUNT = itertools.count()
ONCE: Final = (
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.TIMEOUT,
    Fault.DISK_FULL,
    Fault.PARTIAL,
    Fault.DUPLICATE,
    Fault.SLOW,
    Fault.STALE_LIST,
)
# The store stays broken: nothing can be asked until it is mended.
LASTING: Final = (Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.DISK_FULL)
# These fire at every operation, so their number is that of the operations.
EVERYWHERE: Final = {
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.TIMEOUT,
    Fault.SLOW,
}

Copy = Callable[[], Backend]


def _copies(kind: str, scenario: Scenario, folder: Path) -> tuple[Copy, Copy]:
    """Return how to make an empty store, and one as *scenario* finds it."""
    if kind == "memory":

        def empty() -> MemoryBackend:
            return MemoryBackend(f"memory://sweep-{next(_COUNT)}")

        seed = empty()
        prepare(scenario, seed)
        keys: Mapping[str, bytes] = {
            info.key: seed.read(info.key) or b"" for info in seed.list("")
        }

        def copy() -> MemoryBackend:
            made = empty()
            made._fs.store.clear()  # to list one store is to look at all of them
            for key, data in keys.items():
                made.create(key, data)
            return made

        return empty, copy

    def new() -> LocalBackend:
        return LocalBackend(str(folder / str(next(_COUNT))))

    first = new()
    prepare(scenario, first)

    def copied() -> LocalBackend:
        made = new()
        if Path(first.url).exists():
            shutil.copytree(first.url, made.url)
        return made

    return new, copied


def _sweep(judge: Judge, copy: Copy, fault: Fault, times: int | None) -> int:
    """Inject *fault* at each operation; return how many fired."""
    fired, k, operations = 0, 0, 0
    while operations >= k:
        k += 1
        store = copy()
        faulty = FaultyBackend(store, Plan(fault, at=k, times=times))
        # One that comes once is outlasted; one that stays is not waited for.
        timeout = 30.0 if times is not None else 0.02
        told = tell(lambda: run(judge.scenario, faulty, timeout))  # noqa: B023
        operations = len(faulty.operations)
        faulty.plan = None
        if told.outcome != "dead":
            faulty.read("registry.json")  # what was on its way arrives
        try:
            judge.judge(told, store)
        except BaseException as error:
            error.add_note(f"{fault} at {k} (times={times}): {faulty.operations}")
            raise
        fired += bool(faulty.fired)
    return fired


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: what survives a power cut is another test's matter."""
    monkeypatch.setattr("os.fsync", lambda _: None)


# In a folder each injection takes ten times as long, and the same code decides.
IN_A_FOLDER: Final = {
    "create",
    "register the next",
    "promote",
    "transaction",
}
FEWER: Final = (Fault.CRASH_AFTER, Fault.ERROR_AFTER, Fault.DISK_FULL)


def _check(
    kind: str, scenario: str, folder: Path, once: Sequence[Fault]
) -> Counter[Fault]:
    """Sweep over one scenario; return how many faults fired of each kind."""
    chosen = SCENARIOS[scenario]
    empty, copy = _copies(kind, chosen, folder)
    judge = Judge.of(chosen, empty)
    counted = FaultyBackend(copy())
    run(chosen, counted)
    operations = len(counted.operations)
    assert operations >= chosen.least, "fewer operations to interrupt than before"
    counts: Counter[Fault] = Counter()
    for fault in once:
        fired = _sweep(judge, copy, fault, 1)
        if fault in EVERYWHERE:
            assert fired >= operations, fault
        counts[fault] += fired
    # All kinds of ends were met, or the sweep has shown nothing.
    outcomes = {outcome for outcome, _ in judge.seen}
    assert outcomes >= {"acked", "failed", "dead"}
    if judge.commits:
        assert ("dead", True) in judge.seen
        assert ("dead", False) in judge.seen
    if once is ONCE:
        for fault in LASTING:
            counts[fault] += _sweep(judge, copy, fault, None)
        assert counts.total() >= 7 * operations
        assert not judge.commits or "unknown" in {outcome for outcome, _ in judge.seen}
    shutil.rmtree(folder)
    return counts


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_all_or_nothing(scenario: str, tmp_path: Path) -> None:
    """A fresh client sees all of the commit or none of it, as the caller was told.

    What is left verifies, and the next write succeeds without repair.
    """
    # Sixty entries are read for each injection there.
    faults = FEWER if scenario == "roll up" else ONCE
    fired = _check("memory", scenario, tmp_path, faults)
    assert fired.total() >= 28


@pytest.mark.parametrize("scenario", sorted(IN_A_FOLDER))
def test_all_or_nothing_in_a_folder(scenario: str, tmp_path: Path) -> None:
    """So it is in a folder."""
    assert _check("folder", scenario, tmp_path, FEWER).total() >= 11


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_all_or_nothing_everywhere(kind: str, scenario: str, tmp_path: Path) -> None:
    """Every fault, at every operation, of every scenario, in every store."""
    fired = _check(kind, scenario, tmp_path, ONCE)
    tell_figure(
        "injections",
        store=kind,
        scenario=scenario,
        injections=fired.total(),
        **{str(fault): count for fault, count in fired.items() if count},
    )


def test_twice(tmp_path: Path) -> None:
    """Whoever goes on after a crash may crash too, at any operation."""
    scenario = SCENARIOS["register the next"]
    empty, copy = _copies("memory", scenario, tmp_path)
    judge = Judge.of(scenario, empty)
    crashes = 0
    for k in itertools.count(1, 2):
        dead = copy()
        faulty = FaultyBackend(dead, Plan(Fault.CRASH_AFTER, at=k))
        if tell(lambda: run(scenario, faulty)).outcome != "dead":  # noqa: B023
            break
        keys = {info.key: dead.read(info.key) or b"" for info in dead.list("")}
        for j in itertools.count(1):
            again = MemoryBackend(f"memory://twice-{next(_COUNT)}")
            again._fs.store.clear()
            for key, data in keys.items():
                again.create(key, data)
            second_fault = FaultyBackend(again, Plan(Fault.CRASH_BEFORE, at=j))
            told = tell(lambda: run(scenario, second_fault))  # noqa: B023
            second_fault.plan = None
            judge.judge(told, again)
            if told.outcome == "acked":
                break
            crashes += 1
    assert crashes >= 7 * 8


def test_a_torn_entry_is_passed_over(tmp_path: Path) -> None:
    """Half an entry, as no trusted store shows one, has no effect and stops nobody."""
    scenario = SCENARIOS["register the next"]
    empty, copy = _copies("memory", scenario, tmp_path)
    judge = Judge.of(scenario, empty)
    counted = FaultyBackend(copy())
    run(scenario, counted)
    store = copy()
    at = 1 + counted.operations.index(("create", f"log/{4:020d}.json"))
    faulty = FaultyBackend(store, Plan(Fault.TORN, at=at))
    with pytest.warns(match="means nothing"):
        registry = run(scenario, faulty)
    assert faulty.fired == 1
    fresh = Registry(backend=store)
    with pytest.warns(match="means nothing"):
        assert fresh.seq == 5
    assert [commit.seq for commit in fresh.log() if commit.void] == [4]
    assert registry.get("fraud@production").version == "0.3.0"
    assert judge.after.count("VersionState(") == 4
    report = fresh.verify()
    assert [problem.key for problem in report.problems] == [f"log/{4:020d}.json"]
    assert report.damaged == ()


def test_a_warning_may_be_an_error(tmp_path: Path) -> None:
    """Whoever turns warnings into errors is told once of damage, and reads on."""
    scenario = SCENARIOS["register the next"]
    _, copy = _copies("memory", scenario, tmp_path)
    store = copy()
    store.create(f"log/{4:020d}.json", b"torn")
    fresh = Registry(backend=store)
    with pytest.raises(DamageWarning):
        assert fresh.seq == 4
    assert fresh.seq == 4
    assert [commit.seq for commit in fresh.log() if commit.void] == [4]
    assert fresh._core.state().voids == fresh.at(4)._core.state().voids


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_created_anew(tmp_path: Path, fault: Fault) -> None:
    """Where a registry was deleted, a crash while it is created anew is no obstacle.

    This client remembers the head of the old one.
    """
    k, dead = 0, True
    while dead:
        k += 1
        store = LocalBackend(str(tmp_path / str(k)))
        put(Registry(backend=store, create=True), "old")
        shutil.rmtree(store.url)
        store = LocalBackend(store.url)
        faulty = FaultyBackend(store, Plan(fault, at=k))
        told = tell(lambda: Registry(backend=faulty, create=True))  # noqa: B023
        dead = told.outcome == "dead"
        assert put(Registry(backend=store, create=True), "new").version == "0.1.0"
    assert k > 5

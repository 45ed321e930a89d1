"""Verification meets each fault at each of its storage operations.

No write lists anything but the creation, so that a listing that is late, or that ends
in the middle, can only hurt whoever looks at everything. It has to say that it cannot
tell, or that all is well; never that something is damaged.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from modelver import Registry, StorageError
from modelver.backends.local import LocalBackend
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend
from modelver.testing import Fault, FaultyBackend, Plan
from tests.crash.scenarios import MODEL, put
from tests.figures import tell as tell_figure

pytestmark = pytest.mark.crash

_COUNT = itertools.count()
FAULTS: Final = (
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.TIMEOUT,
    Fault.PARTIAL,
    Fault.SLOW,
    Fault.STALE_LIST,
)
# Of the folders log/, rollups/ and objects/.
LISTINGS: Final = 3


def _written(store: Backend) -> FaultyBackend:
    """Write a registry; what is stale will show nothing of it."""
    faulty = FaultyBackend(store, Plan(Fault.STALE_LIST, at=2**31))
    registry = Registry(backend=faulty, create=True)
    put(registry, "one", metrics={"auc": 0.9})
    put(registry, "two", aliases="production")
    registry.tag(f"{MODEL}@0.1.0", team="risk")
    return faulty


def _verified(store: FaultyBackend, *, deep: bool) -> str:
    """Return what a fresh client finds out."""
    store.operations.clear()
    try:
        report = Registry(backend=store).verify(deep=deep)
    except StorageError:
        return "cannot tell"
    assert report, str(report)
    return "sound"


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "kind", ["memory", pytest.param("folder", marks=pytest.mark.slow)]
)
def test_nothing_is_called_damaged(kind: str, *, deep: bool, tmp_path: Path) -> None:
    """Whatever a store does meanwhile, a sound registry is never called damaged."""

    def in_memory() -> Backend:
        store = MemoryBackend(f"memory://verify-{next(_COUNT)}")
        store._fs.store.clear()
        return store

    def in_a_folder() -> Backend:
        return LocalBackend(str(tmp_path / str(next(_COUNT))))

    make: Callable[[], Backend] = in_memory if kind == "memory" else in_a_folder
    counts: Counter[Fault] = Counter()
    said: set[str] = set()
    for fault in FAULTS:
        store = _written(make())
        for k in itertools.count(1):
            store.fired, store.plan = 0, Plan(fault, at=k)
            said.add(_verified(store, deep=deep))
            counts[fault] += store.fired
            if k > len(store.operations):
                break
    assert said == {"sound", "cannot tell"}
    assert counts[Fault.STALE_LIST] == counts[Fault.PARTIAL] == LISTINGS
    assert counts[Fault.SLOW] == counts[Fault.TIMEOUT] >= 2 * LISTINGS
    by_kind = {str(fault): count for fault, count in counts.items()}
    tell_figure(
        "verify", store=kind, deep=str(deep), injections=counts.total(), **by_kind
    )


@pytest.mark.parametrize("deep", [False, True])
def test_all_listings_are_late(*, deep: bool) -> None:
    """Where no listing shows what was written, it is found all the same."""
    store = _written(MemoryBackend(f"memory://verify-{next(_COUNT)}"))
    store.plan = Plan(Fault.STALE_LIST, times=None)
    assert _verified(store, deep=deep) == "sound"
    assert store.fired == LISTINGS


def test_an_object_that_is_missing_is_named_all_the_same() -> None:
    """A listing is not believed, but the store itself is."""
    store = _written(MemoryBackend(f"memory://verify-{next(_COUNT)}"))
    store.plan = None
    gone = next(info.key for info in store.list("objects/"))
    store.delete(gone)
    report = Registry(backend=store).verify()
    assert [problem.key for problem in report.problems] == [gone]

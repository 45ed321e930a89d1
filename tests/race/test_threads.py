"""Sixteen threads of one process write at once, through one registry or many."""

import gc
import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelver import Registry
from modelver.backends.memory import MemoryBackend
from tests.race.history import Call, check_calls, check_looks
from tests.race.running import threads
from tests.race.worker import ALIAS, MODELS, put

pytestmark = pytest.mark.race

Open = Callable[..., Registry]
PREPARE = "prepare"
_COUNT = itertools.count()


@pytest.fixture(autouse=True)
def _restless() -> Iterator[None]:
    """Let the interpreter change threads a thousand times more often than it does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(params=["folder", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a registry may be created."""
    if request.param == "memory":
        return f"memory://race-{next(_COUNT)}"
    return str(tmp_path / "registry")


@pytest.fixture(params=["one", "many"])
def opened(request: pytest.FixtureRequest, address: str) -> Open:
    """Return how each thread comes by the registry: one for all, or one for each."""
    one = Registry(address, create=True)
    if request.param == "one":
        return lambda **_: one
    return lambda **words: Registry(address, **words)


def test_everybody_registers_and_promotes(opened: Open) -> None:
    """Every acknowledged commit is there once; a reader sees whole states in order."""
    story = threads("mixed", opened, count=4, reader=True)
    assert [call.outcome for call in story.calls] == ["ok"] * (16 * 4 * 2)
    registry = opened()
    check_calls(story.calls, registry.log())
    check_looks(story.looks, story.calls, registry)
    assert len(story.looks) >= 5
    for line in story.having("read"):
        assert line["data"] == line["message"]
    for model in MODELS:
        every = [version.version for version in registry.versions(model)]
        assert every == [f"0.{n}.0" for n in range(1, 33)]
    assert registry.verify()


def test_one_number_has_one_winner(opened: Open) -> None:
    """Of sixteen that ask for the same number one gets it; the others are told."""
    story = threads("explicit", opened, count=8, tick=0.05)
    registry = opened()
    check_calls(story.calls, registry.log())
    won = Counter(call.ref for call in story.calls if call.outcome == "ok")
    assert won == Counter(f"{MODELS[0]}@1.{n}.0" for n in range(8))
    assert {c.kind for c in story.calls if c.outcome != "ok"} == {"version-taken"}


def test_an_expectation_has_one_winner(opened: Open) -> None:
    """Each place of an alias is left by one of those who expected it there."""
    registry = opened()
    with registry.transaction(PREPARE) as batch:
        batch.register(MODELS[0], {"w.bin": b"first"}, environment=False)
        for racer, number in itertools.product(range(16), range(8)):
            batch.register(
                MODELS[0],
                {"w.bin": f"{racer} {number}".encode()},
                version=f"1.{racer}.{number}",
                environment=False,
            )
        batch.promote(f"{MODELS[0]}@0.1.0", ALIAS)
    story = threads("swap", opened, count=8, tick=0.02)
    prepared = Call(token=PREPARE, begin=0, end=1, outcome="ok")
    check_calls([prepared, *story.calls], registry.log())
    won = Counter(call.expect for call in story.calls if call.outcome == "ok")
    assert set(won.values()) == {1}
    assert set(won) == {call.expect for call in story.calls}
    moves = registry.alias_history(MODELS[0], ALIAS)
    assert [m.previous for m in moves] == [m.version for m in moves[1:]] + [None]


def test_one_bundle_is_one_version(opened: Open) -> None:
    """Sixteen that register the same bundle get the same version, written once."""
    story = threads("same", opened, count=8, tick=0.02)
    registry = opened()
    assert registry.seq == 8
    answers = Counter(line["same"] for line in story.having("same"))
    assert answers == {f"m{n}@0.1.0": 16 for n in range(8)}
    report = registry.verify()
    assert report, str(report)
    assert (report.versions, report.unreferenced) == (8, 0)


def test_transactions_are_one_step(opened: Open) -> None:
    """Nobody ever sees one half of a commit over two models without the other."""
    story = threads("pairs", opened, count=3, reader=True)
    registry = opened()
    check_calls(story.calls, registry.log())
    check_looks(story.looks, story.calls, registry)
    for line in story.having("heads"):
        assert len(set(line["heads"].values())) <= 1, line


def test_one_registry_is_created(address: str) -> None:
    """Sixteen that create a registry at once get the same one, and may write."""
    for number in range(8):
        where = f"{address}/{number}"
        gate = threading.Barrier(16)
        found: list[tuple[str, str]] = []

        def run(me: int, where: str = where, gate: threading.Barrier = gate) -> None:
            gate.wait()
            registry = Registry(where, create=True)
            version = put(registry, MODELS[0], str(me))
            found.append((registry.uuid, version.ref))  # noqa: B023 - joined below

        crew = [threading.Thread(target=run, args=(me,)) for me in range(16)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        registry = Registry(where)
        assert [uuid for uuid, _ in found] == [registry.uuid] * 16
        assert len({ref for _, ref in found}) == 16
        assert registry.seq == 16


def test_a_listing_is_not_torn_by_a_writer() -> None:
    """A key that comes in the middle of a listing does not break it.

    The collector may run in the middle, and with it any other thread.
    """
    backend = MemoryBackend("memory://listed")
    for number in range(2000):
        backend.create(f"log/{number}", b"x")
    came = itertools.count()

    def come_in(*_: object) -> None:
        if listing.locked():
            backend._fs.store[f"/other/{next(came)}"] = None

    listing = threading.Lock()
    gc.callbacks.append(come_in)
    usual = gc.get_threshold()
    gc.set_threshold(10)
    try:
        with listing:
            found = list(backend.list("log/"))
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(come_in)
        backend._fs.store.clear()
    assert len(found) == 2000

"""A rollup is a cache: whatever becomes of it, a cold reader reads the same state."""

import itertools
import random
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from modelver import Registry
from modelver._store.rollups import pack, unpack
from modelver.backends.memory import MemoryBackend
from modelver.testing import Crash, Fault, FaultyBackend, Plan, RecordingBackend
from tests.crash.scenarios import MODEL, put, said

pytestmark = pytest.mark.crash

COMMITS: Final = 4096 + 64 + 7
BIG: Final = "rollups/1-4096.json.gz"
LAST: Final = "rollups/4097-4160.json.gz"
_COUNT = itertools.count()

Keys = dict[str, bytes]


def _write(registry: Registry, commits: int) -> None:
    """Write a long log: tags and notes, and some versions."""
    for number in range(commits):
        if number % 100 == 0:
            put(registry, str(number))
        elif number % 7 == 0:
            registry.note(f"{MODEL}@0.1.0", f"note {number}")
        else:
            registry.tag(f"{MODEL}@newest", **{f"t{number % 5}": number})


def _store(keys: Mapping[str, bytes]) -> MemoryBackend:
    backend = MemoryBackend(f"memory://rolled-{next(_COUNT)}")
    backend._fs.store.clear()
    for key, data in keys.items():
        backend.create(key, data)
    return backend


def _keys(backend: MemoryBackend) -> Keys:
    return {info.key: backend.read(info.key) or b"" for info in backend.list("")}


@pytest.fixture(scope="module")
def long() -> Keys:
    """Return the keys of a registry whose log is longer than the largest rollup."""
    backend = _store({})
    _write(Registry(backend=backend, create=True), COMMITS)
    return _keys(backend)


@pytest.fixture(scope="module")
def truth(long: Keys) -> str:
    """Return what is said, read entry by entry."""
    bare = {key: data for key, data in long.items() if not key.startswith("rollups/")}
    backend = FaultyBackend(_store(bare))
    registry = Registry(backend=backend)
    assert registry.seq == COMMITS
    return said(registry)


def _small(long: Keys) -> list[str]:
    names = [key for key in long if key.startswith("rollups/") and key != BIG]
    return sorted(names, key=lambda key: int(key[8:].partition("-")[0]))


def _alien(first: int, last: int) -> bytes:
    """Return a sound rollup of another registry."""
    backend = _store({})
    registry = Registry(backend=backend, create=True)
    _write(registry, last)
    entries = [
        backend.read(f"log/{seq:020d}.json") or b"" for seq in range(first, last + 1)
    ]
    return pack(first, entries, "b3") or b""


def _forged(raw: bytes, first: int, last: int) -> bytes:
    """Return a rollup that is chained well, but for its last entry, which is older."""
    entries = list(unpack(raw, first, last, "b3"))
    return pack(first, [*entries[:-1], entries[-2]], "b3") or b""


def _rewritten(keys: Keys, first: int, last: int) -> bytes:
    """Return a sound rollup whose last commit says something that the log does not."""
    shorter = {
        key: data
        for key, data in keys.items()
        if not key.startswith(("log/", "rollups/"))
        or (key.startswith("log/") and int(key[4:24]) < last)
    }
    backend = _store(shorter)
    Registry(backend=backend).note(f"{MODEL}@0.1.0", "never said")
    entries = [
        backend.read(f"log/{seq:020d}.json") or b"" for seq in range(first, last + 1)
    ]
    return pack(first, entries, "b3") or b""


def _flip(data: bytes, seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _damages(long: Keys) -> dict[str, Callable[[], Keys]]:
    """Return each damage as the keys that replace others; b"" deletes one."""
    small = _small(long)
    sixth = small[5]
    return {
        "nothing": dict,
        "the large one gone": lambda: {BIG: b""},
        "every other one gone": lambda: dict.fromkeys([BIG, *small[::2]], b""),
        "all small ones gone": lambda: dict.fromkeys(small, b""),
        "the large one flipped": lambda: {BIG: _flip(long[BIG], 1)},
        "small ones flipped": lambda: {
            BIG: b"",
            **{key: _flip(long[key], n) for n, key in enumerate(small[::3])},
        },
        "cut short": lambda: {BIG: long[BIG][: len(long[BIG]) // 2]},
        "swapped": lambda: {
            BIG: b"",
            small[3]: long[small[4]],
            small[4]: long[small[3]],
        },
        "the small in the place of the large": lambda: {BIG: long[small[0]]},
        "the large in the place of the small": lambda: {BIG: b"", small[0]: long[BIG]},
        "junk": lambda: {BIG: b"junk", sixth: bytes(1000)},
        "of another registry": lambda: {BIG: b"", small[0]: _alien(1, 64)},
        "an entry twice": lambda: {
            BIG: b"",
            sixth: _forged(long[sixth], 5 * 64 + 1, 6 * 64),
        },
        "never said": lambda: {LAST: _rewritten(long, 4097, 4160)},
        "never said at the end": lambda: {
            **{
                key: b"" for key in long if key.startswith("log/") and _after(key, 4160)
            },
            LAST: _rewritten(long, 4097, 4160),
        },
    }


def _after(key: str, seq: int) -> bool:
    return int(key[4:24]) > seq


NAMES: Final = list(
    _damages({f"rollups/{n}-0": b"xx" for n in range(10)} | {BIG: b"x"})
)


VERIFIED: Final = {"the large one flipped", "swapped", "junk", "never said"}


def test_rollups_are_written(long: Keys) -> None:
    """A writer leaves a rollup for each 64 entries, and one for the first 4,096."""
    assert BIG in long
    assert LAST in long
    assert len(_small(long)) == 65
    assert sum(len(long[key]) for key in _small(long)) < sum(
        len(data) for key, data in long.items() if key.startswith("log/")
    )


def test_a_cold_reader_asks_less(long: Keys, truth: str) -> None:
    """Two rollups and what comes after them, instead of four thousand entries."""
    backend = RecordingBackend(_store(long))
    assert said(Registry(backend=backend)) == truth
    assert {BIG, LAST} <= set(backend.keys)
    assert len(backend.calls) < 30


@pytest.mark.parametrize("damage", NAMES)
def test_the_same_is_read(long: Keys, truth: str, damage: str) -> None:
    """A rollup that is missing, damaged, misplaced or a lie changes nothing."""
    changed = _damages(long)[damage]()
    keys = {key: data for key, data in (long | changed).items() if data}
    backend = _store(keys)
    registry = Registry(backend=backend)
    if damage == "never said at the end":
        bare = {k: d for k, d in keys.items() if not k.startswith("rollups/")}
        read = said(registry)
        truth = said(Registry(backend=_store(bare)))
        assert read == truth
        return
    assert said(registry) == truth
    assert registry.seq == COMMITS
    # Whoever has read past it writes on.
    assert put(registry, "next").version == f"0.{-(-COMMITS // 100) + 1}.0"
    if damage not in VERIFIED:
        return
    report = Registry(backend=backend).verify(deep=False)
    bad = {key for key, data in changed.items() if data}
    assert {problem.key for problem in report.problems} == bad
    assert {problem.kind for problem in report.problems} <= {"rollup-damaged"}
    assert report.damaged == ()


def test_any_byte_of_a_small_one() -> None:
    """Any byte of a rollup, flipped, changes nothing that is read."""
    backend = _store({})
    _write(Registry(backend=backend, create=True), 70)
    keys = _keys(backend)
    name = "rollups/1-64.json.gz"
    right = said(Registry(backend=backend))
    for at in range(0, len(keys[name]), 61):
        data = bytearray(keys[name])
        data[at] ^= 1 << at % 8
        assert said(Registry(backend=_store({**keys, name: bytes(data)}))) == right


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.ERROR_AFTER])
def test_a_rollup_that_cannot_be_read(long: Keys, truth: str, fault: Fault) -> None:
    """A store that cannot give a rollup gives the entries."""
    backend = FaultyBackend(_store(long), Plan(fault, at=2, times=1))
    assert said(Registry(backend=backend)) == truth
    assert backend.fired == 1
    assert backend.operations[1] == ("read", BIG)


@pytest.mark.parametrize(
    "fault", [Fault.CRASH_AFTER, Fault.ERROR_BEFORE, Fault.DISK_FULL]
)
def test_the_large_one_cannot_be_written(long: Keys, fault: Fault) -> None:
    """A commit that has landed is not undone by the rollup that follows it."""
    shorter = {
        key: data
        for key, data in long.items()
        if not (key.startswith("log/") and _after(key, 4095))
        and key not in {BIG, LAST, "rollups/4033-4096.json.gz"}
    }
    clean = FaultyBackend(_store(shorter))
    registry = Registry(backend=clean)
    assert registry.seq == 4095
    start = len(clean.operations)
    registry.note(f"{MODEL}@0.1.0", "the last of many")
    after = clean.operations[start:]
    landed = after.index(("create", f"log/{4096:020d}.json"))
    assert [key for _, key in after[landed + 1 :]][-1] == BIG
    for k in range(landed + 2, len(after) + 1):
        store = _store(shorter)
        faulty = FaultyBackend(store)
        client = Registry(backend=faulty)
        assert client.seq == 4095
        faulty.plan = Plan(fault, at=len(faulty.operations) + k)
        if fault is Fault.CRASH_AFTER:
            with pytest.raises(Crash):
                client.note(f"{MODEL}@0.1.0", "the last of many")
        else:
            client.note(f"{MODEL}@0.1.0", "the last of many")
        faulty.plan = None
        fresh = Registry(backend=store)
        assert fresh.seq == 4096
        assert fresh.get(f"{MODEL}@0.1.0").notes[-1].text == "the last of many"
        assert put(fresh, "next").seq == 4097

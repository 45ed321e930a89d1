"""Cut, lengthened, swapped, mistaken, deleted: found, and never a wrong answer.

What a registry says after damage is what it once said, or an error; and ``verify`` is
content exactly where every byte that matters is the one that was written.
"""

import itertools
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from modelver import DamageWarning, ErrorKind, IntegrityError, Registry
from tests.damage.stores import Judge, Snapshot, flipped, make_small

LAST: Final = f"log/{3:020d}.json"


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Return the judge of a registry of two versions and an alias."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("client")
        patch.setenv("MODELVER_STATE_DIR", str(home))
        folder = make_small(tmp_path_factory.mktemp("small") / "r")
    return Judge(Snapshot.of(folder))


def test_untouched(judge: Judge) -> None:
    """The judge finds nothing wrong with a whole registry."""
    assert judge.check(judge.whole) == "as of 3"


def test_cut_anywhere(judge: Judge) -> None:
    """A key cut anywhere is found (every third length, and the longest and shortest).

    The last entry has no successor to say what it was: cut, it has no effect, which
    is warned of; every other key is refused.
    """
    _check_cuts(judge, 3)


@pytest.mark.slow
def test_cut_at_every_length(judge: Judge) -> None:
    """As above, at every length."""
    _check_cuts(judge, 1)


def _check_cuts(judge: Judge, step: int) -> None:
    outcomes: dict[str, Counter[str]] = {}
    for key, data in judge.whole.items():
        counted = outcomes.setdefault(key, Counter())
        lengths = {*range(0, len(data), step), *range(len(data) - 100, len(data)), 1, 2}
        for length in lengths & {*range(len(data))}:
            counted[judge.check({**judge.whole, key: data[:length]})] += 1
    assert sum(c.total() for c in outcomes.values()) > 3500 / step
    assert outcomes.pop(LAST)["warned"] > 400 / step
    kinds = {
        "registry.json": {"registry-damaged"},
        "log": {"chain-broken", "entry-damaged"},
        "manifests": {"manifest-damaged"},
        "objects": {"object-damaged"},
    }
    for key, counted in outcomes.items():
        assert counted.keys() <= kinds[key.partition("/")[0]], key


@pytest.mark.parametrize("more", [b"x", b"\n", b"\0", b"}", b" " * 2000])
def test_lengthened(judge: Judge, more: bytes) -> None:
    """Anything behind the last byte of a key is found, and anything before the first.

    Of an object with something behind it the registered bytes are still right.
    """
    for key, data in judge.whole.items():
        behind = judge.check({**judge.whole, key: data + more})
        assert (behind == "as of 3") == key.startswith("objects/")
        before = judge.check({**judge.whole, key: more + data})
        assert before != "as of 3"


def test_twice_in_a_row(judge: Judge) -> None:
    """A key that holds its own bytes twice is found."""
    for key, data in judge.whole.items():
        judge.check({**judge.whole, key: data * 2})


def test_any_two_swapped(judge: Judge) -> None:
    """Two keys that change places are found, of one kind or of two."""
    pairs = list(itertools.combinations(judge.whole, 2))
    assert len(pairs) == 28
    for one, other in pairs:
        swapped = {one: judge.whole[other], other: judge.whole[one]}
        assert judge.check({**judge.whole, **swapped}) != "as of 3"


def test_any_taken_for_another(judge: Judge) -> None:
    """The bytes of one key under another are found: no kind passes for another."""
    pairs = list(itertools.permutations(judge.whole, 2))
    assert len(pairs) == 56
    for source, target in pairs:
        judge.check({**judge.whole, target: judge.whole[source]})


def test_any_set_of_keys_deleted(judge: Judge) -> None:
    """Whatever is missing, the rest gives true answers or says what is missing."""
    outcomes: Counter[str] = Counter()
    for count in range(1, len(judge.whole) + 1):
        for gone in itertools.combinations(judge.whole, count):
            left = {k: v for k, v in judge.whole.items() if k not in gone}
            outcomes[judge.check(left)] += 1
    assert outcomes.total() == 2 ** len(judge.whole) - 1
    assert {"registry", "manifest-missing", "object-missing"} <= outcomes.keys()


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage(judge: Judge, data: st.DataObject) -> None:
    """Several kinds of damage at once are found as one alone is."""
    keys = dict(judge.whole)
    names = st.sampled_from(sorted(keys))
    for _ in range(data.draw(st.integers(1, 4))):
        key = data.draw(names)
        raw = keys.get(key, b"")
        kind = data.draw(st.sampled_from(["flip", "cut", "more", "copy", "delete"]))
        if kind == "flip" and raw:
            keys[key] = flipped(raw, data.draw(st.integers(0, 8 * len(raw) - 1)))
        elif kind == "cut":
            keys[key] = raw[: data.draw(st.integers(0, len(raw)))]
        elif kind == "more":
            keys[key] = raw + data.draw(st.binary(min_size=1, max_size=20))
        elif kind == "copy":
            keys[key] = judge.whole[data.draw(names)]
        else:
            keys.pop(key, None)
    judge.check(keys)


def test_a_gap(judge: Judge) -> None:
    """A log with a hole ends before it, and verify says that more lies behind."""
    gone = f"log/{2:020d}.json"
    store = Snapshot({k: v for k, v in judge.whole.items() if k != gone})
    registry = Registry(backend=store)
    assert registry.seq == 1
    (problem,) = registry.verify().problems
    assert (problem.kind, problem.key) == ("gap", gone)
    assert "up to 3" in problem.message


def test_a_torn_last_entry(judge: Judge) -> None:
    """A torn last entry has no effect; the reader is warned and verify names it."""
    store = Snapshot({**judge.whole, LAST: judge.whole[LAST][:100]})
    registry = Registry(backend=store)
    with pytest.warns(DamageWarning, match="commit 3 .* run verify"):
        assert registry.aliases("fraud") == {}
    assert registry.seq == 3
    assert registry.log()[0].void
    (problem,) = registry.verify().problems
    assert (problem.kind, problem.key) == (ErrorKind.MALFORMED, LAST)


def test_writing_goes_on_behind_a_torn_entry(tmp_path: Path) -> None:
    """A torn entry stays where it is for ever, and the log goes on over its bytes."""
    folder = make_small(tmp_path / "r")
    (folder / f"log/{4:020d}.json").write_bytes(b'{"format":1,"seq":4,')
    registry = Registry(folder)
    with pytest.warns(DamageWarning, match="commit 4"):
        registry.promote("fraud@1.0.0", "production")
    assert registry.seq == 5
    with pytest.warns(DamageWarning, match="commit 4"):
        assert Registry(folder).resolve("fraud@production") == "fraud@1.0.0"
    kinds = [(p.kind, p.key) for p in registry.verify().problems]
    assert kinds == [(ErrorKind.MALFORMED, f"log/{4:020d}.json")]


def test_damage_that_comes_later(tmp_path: Path) -> None:
    """A registry that has been open for long returns no wrong bytes either."""
    folder = make_small(tmp_path / "r")
    version = Registry(folder).get("fraud@0.1.0")
    assert version.read("w.bin") == b"first weights"
    for path in (folder / "objects").glob("*/*"):
        if path.read_bytes() == b"first weights":
            path.write_bytes(b"evil! weights")
    with pytest.raises(IntegrityError) as caught:
        version.read("w.bin")
    assert caught.value.facts["versions"] == ["fraud@0.1.0"]

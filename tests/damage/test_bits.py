"""Every bit of every metadata file, flipped in turn: found by reading and by verify.

Every bit is flipped under the one who decodes it; at every seventh (all of them in the
nightly run) everything that can be asked of a registry is asked.
"""

from pathlib import Path
from typing import Final

import pytest

from modelver import ErrorKind, FormatError, IntegrityError, Registry
from modelver._store import ManifestStore
from modelver._store.rollups import unpack
from modelver._values.codec import entry_from_bytes
from tests.damage.stores import FILES, REFS, Snapshot, contents, flipped, make_small

FIRST, SECOND = REFS
LOG: Final = [f"log/{seq:020d}.json" for seq in (1, 2, 3)]


@pytest.fixture(scope="module", params=["b3", "sha256"])
def small(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Snapshot:
    """Return the keys of a small registry."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("client")
        patch.setenv("MODELVER_STATE_DIR", str(home))
        patch.setenv("MODELVER_CACHE_DIR", str(home))
        folder = make_small(tmp_path_factory.mktemp("small") / "r", request.param)
    return Snapshot.of(folder)


def _bits(store: Snapshot, key: str) -> range:
    """Return which bits to flip: of each byte one, and not always the same one."""
    return range(0, 8 * len(store.keys[key]), 7 if _is_b3(store) else 29)


def _every_bit(store: Snapshot, key: str) -> range:
    return range(8 * len(store.keys[key]))


def _is_b3(store: Snapshot) -> bool:
    return b'"digest":"b3"' in store.keys["registry.json"]


def _others(store: Snapshot, manifest: str) -> list[str]:
    """Return the versions that do not need the manifest of this key."""
    registry = Registry(backend=store)
    cited = {v.ref: v._state.manifest for v in registry.versions("fraud")}
    return [ref for ref, digest in cited.items() if digest[-64:] not in manifest]


def test_registry_json(small: Snapshot) -> None:
    """No bit of registry.json can change without the registry being refused."""
    opened = Registry(backend=small)
    store = Snapshot(small.keys)
    raw = small.keys["registry.json"]
    choose = _every_bit if _is_b3(small) else _bits
    for bit in choose(small, "registry.json"):
        store.keys["registry.json"] = flipped(raw, bit)
        with pytest.raises(IntegrityError) as caught:
            Registry(backend=store)
        assert caught.value.kind is ErrorKind.REGISTRY_DAMAGED, bit
        small.keys["registry.json"] = store.keys["registry.json"]
        report = opened.verify()
        small.keys["registry.json"] = raw
        assert [p.key for p in report.problems] == ["registry.json"], bit
        assert report.damaged == ()


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_log_entry(small: Snapshot, seq: int) -> None:
    """No bit of an entry can change without the log being refused from there on.

    Everything up to the entry before it can still be asked for.
    """
    _check_log_entry(small, seq, _bits(small, LOG[seq - 1]))


@pytest.mark.slow
@pytest.mark.parametrize("seq", [1, 2, 3])
def test_log_entry_at_every_bit(small: Snapshot, seq: int) -> None:
    """As above, for every bit."""
    _check_log_entry(small, seq, _every_bit(small, LOG[seq - 1]))


def _check_log_entry(small: Snapshot, seq: int, bits: range) -> None:
    key = LOG[seq - 1]
    store = Snapshot(small.keys)
    for bit in bits:
        store.keys[key] = flipped(small.keys[key], bit)
        registry = Registry(backend=store)
        with pytest.raises(IntegrityError) as caught:
            registry.get(FIRST)
        assert caught.value.kind is ErrorKind.ENTRY_DAMAGED, bit
        assert caught.value.key == key
        assert caught.value.hints
        before = registry.at(seq - 1)
        assert (
            [v.ref for v in before.versions("fraud")] == [*REFS[: seq - 1]]
            if (seq > 1)
            else before.models() == []
        )
        report = registry.verify()
        assert [(p.kind, p.key) for p in report.problems] == [
            (ErrorKind.ENTRY_DAMAGED, key)
        ], bit


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_no_bit_of_an_entry_passes(small: Snapshot, seq: int) -> None:
    """An entry of which any bit was flipped is told from one that never was one."""
    key, algorithm = LOG[seq - 1], "b3" if _is_b3(small) else "sha256"
    assert entry_from_bytes(small.keys[key], algorithm).seq == seq
    for bit in _every_bit(small, key):
        with pytest.raises(IntegrityError) as caught:
            entry_from_bytes(flipped(small.keys[key], bit), algorithm)
        assert caught.value.kind is ErrorKind.ENTRY_DAMAGED, bit


@pytest.mark.parametrize("number", [0, 1])
def test_manifest(small: Snapshot, number: int) -> None:
    """No bit of a manifest can change without its version being refused, alone."""
    key = _manifests(small)[number]
    _check_manifest(small, key, _bits(small, key))


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_manifest_at_every_bit(small: Snapshot, number: int) -> None:
    """As above, for every bit."""
    key = _manifests(small)[number]
    _check_manifest(small, key, _every_bit(small, key))


def _manifests(small: Snapshot) -> list[str]:
    return [k for k in small.keys if k.startswith("manifests/")]


def _check_manifest(small: Snapshot, key: str, bits: range) -> None:
    (whole,) = _others(small, key)
    (hurt,) = set(REFS) - {whole}
    store = Snapshot(small.keys)
    for bit in bits:
        store.keys[key] = flipped(small.keys[key], bit)
        registry = Registry(backend=store)
        with pytest.raises(IntegrityError) as caught:
            registry.get(hurt).read("w.bin")
        assert caught.value.kind is ErrorKind.MANIFEST_DAMAGED, bit
        assert caught.value.key == key
        assert contents(registry.get(whole)) == FILES[whole]
        report = registry.verify()
        assert [(p.kind, p.key) for p in report.problems] == [
            (ErrorKind.MANIFEST_DAMAGED, key)
        ], bit
        assert report.damaged == (hurt,)
        assert (report.intact, report.versions) == (1, 2)


@pytest.mark.parametrize("number", [0, 1])
def test_no_bit_of_a_manifest_passes(small: Snapshot, number: int) -> None:
    """A manifest of which any bit was flipped is not read."""
    key = _manifests(small)[number]
    algorithm = "b3" if _is_b3(small) else "sha256"
    digest = f"{algorithm}:{key.removeprefix('manifests/').removesuffix('.jsonl')}"
    store = Snapshot(small.keys)
    assert ManifestStore(store, algorithm).read(digest).digest == digest
    manifests = ManifestStore(store, algorithm)
    for bit in _every_bit(small, key):
        store.keys[key] = flipped(small.keys[key], bit)
        with pytest.raises(IntegrityError) as caught:
            manifests.read(digest)
        assert caught.value.kind is ErrorKind.MANIFEST_DAMAGED, bit


def test_every_metadata_file_is_covered(small: Snapshot) -> None:
    """The tests above flip 29,000 bits and leave out no key but objects."""
    metadata = {key for key in small.keys if not key.startswith("objects/")}
    assert metadata == {"registry.json", *LOG, *_manifests(small)}
    assert len(_manifests(small)) == 2
    assert sum(len(_every_bit(small, key)) for key in metadata) > 28_000


def _rolled(folder: Path) -> Snapshot:
    """Return a registry of 64 commits, the last 60 of which are notes."""
    make_small(folder)
    registry = Registry(folder, author="a")
    for number in range(61):
        registry.note(FIRST, str(number))
    return Snapshot.of(folder)


def _answers(registry: Registry) -> object:
    return (
        registry.seq,
        registry.aliases("fraud"),
        [
            (v.ref, v.digest, [n.text for n in v.notes])
            for v in registry.versions("fraud")
        ],
        [(c.seq, c.txid) for c in registry.log()],
    )


ROLLUP: Final = "rollups/1-64.json.gz"


def _check_rollup(whole: Snapshot, bits: range) -> None:
    right = _answers(Registry(backend=whole))
    store = Snapshot(whole.keys)
    for bit in bits:
        store.keys[ROLLUP] = flipped(whole.keys[ROLLUP], bit)
        registry = Registry(backend=store)
        assert _answers(registry) == right
        report = registry.verify()
        assert [(p.kind, p.key) for p in report.problems] == [
            ("rollup-damaged", ROLLUP)
        ], bit
        assert report.damaged == ()


def test_rollup_is_gone_round(tmp_path: Path) -> None:
    """Whatever changes in a rollup, verify names it and reading gives what is right.

    Every 101st bit; the next test shows that all of them end in the same place.
    """
    whole = _rolled(tmp_path / "r")
    bits = range(0, 8 * len(whole.keys[ROLLUP]), 101)
    assert len(bits) > 300
    _check_rollup(whole, bits)


def test_rollup_is_refused(tmp_path: Path) -> None:
    """No bit of a rollup can change without its own check seeing it."""
    raw = _rolled(tmp_path / "r").keys[ROLLUP]
    assert len(list(unpack(raw, 1, 64, "b3"))) == 64
    for bit in range(8 * len(raw)):
        with pytest.raises(FormatError):
            next(unpack(flipped(raw, bit), 1, 64, "b3"))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(5))
def test_rollup_is_gone_round_at_every_bit(tmp_path: Path, start: int) -> None:
    """As above, for every bit, a fifth of them at a time."""
    whole = _rolled(tmp_path / "r")
    _check_rollup(whole, range(start, 8 * len(whole.keys[ROLLUP]), 5))

"""Random bits of objects, flipped: verify names whom it hurts, reading refuses."""

import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from modelver import ErrorKind, IntegrityError, Registry
from tests.damage.stores import Snapshot, contents, flipped

SHARED: Final = b"shared between versions" * 40
LARGE: Final = random.Random(7).randbytes(1_300_000)  # noqa: S311 - more than one piece
BUNDLES: Final[Mapping[str, Mapping[str, bytes]]] = {
    "fraud@0.1.0": {"w.bin": SHARED, "a.txt": b"a"},
    "fraud@1.0.0": {"w.bin": SHARED, "b.bin": LARGE, "empty": b""},
    "fraud@1.1.0": {"w.bin": b"w" * 5000, "b.bin": LARGE, "empty": b""},
    "intent@0.1.0": {"w.bin": SHARED},
    "intent@0.2.0": {"w.bin": b"alone"},
}


User = tuple[int, int, str, str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Return the keys of a registry whose versions share objects."""
    folder = tmp_path_factory.mktemp("objects") / "r"
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("client")
        patch.setenv("MODELVER_STATE_DIR", str(home))
        registry = Registry(folder, create=True, author="a")
        for ref, files in BUNDLES.items():
            name = ref.partition("@")[0]
            version = registry.register(name, files, environment=False)
            assert version.ref == ref
    return Snapshot.of(folder)


def _users(registry: Registry) -> dict[str, list[User]]:
    """Return object key → (start, end, ref, path) of what lies in it, by manifests."""
    users: dict[str, list[User]] = {}
    for ref in BUNDLES:
        manifest = registry._core.reader(registry.get(ref)._state).manifest
        for path, cut in manifest.layout.files.items():
            for piece in cut:
                key = f"objects/{piece.object[:2]}/{piece.object}"
                end = piece.offset + piece.length
                users.setdefault(key, []).append((piece.offset, end, ref, path))
    return users


def _hurt(users: list[User], start: int, end: int) -> dict[str, set[str]]:
    """Return ref → paths of what lies between two bytes of an object."""
    hurt: dict[str, set[str]] = {}
    for low, high, ref, path in users:
        if low < end and start < high:
            hurt.setdefault(ref, set()).add(path)
    return hurt


def _expected(ref: str) -> dict[str, bytes]:
    return {f"model/{path}": data for path, data in BUNDLES[ref].items()}


def _check_damage(
    registry: Registry, key: str, hurt: Mapping[str, set[str]], out: Path
) -> None:
    """Check everything that can be asked while the object *key* is damaged."""
    report = registry.verify()
    assert [(p.kind, p.key) for p in report.problems] == [
        (ErrorKind.OBJECT_DAMAGED, key)
    ]
    assert set(report.damaged) == hurt.keys()
    assert report.intact == len(BUNDLES) - len(hurt)
    for ref in BUNDLES:
        version = registry.get(ref)
        if ref not in hurt:
            assert contents(version) == _expected(ref)
            continue
        assert not version.verify()
        for file in version.files:
            if file.path not in hurt[ref]:
                assert version.read(file.path) == _expected(ref)[file.path]
                continue
            for read in (version.read, version.open, version.path):
                with pytest.raises(IntegrityError) as caught:
                    read(file.path)
                assert caught.value.kind is ErrorKind.OBJECT_DAMAGED
                assert caught.value.key == key
                assert caught.value.hints
        with pytest.raises(IntegrityError):
            version.checkout(out)
        assert os.listdir(out.parent) == []  # noqa: PTH208 - no iterator to unpack


def _flip(
    whole: Snapshot, count: int, tmp_path: Path, seed: int = 20260301
) -> dict[str, int]:
    rng = random.Random(seed)  # noqa: S311 - repeatable
    users = _users(Registry(backend=whole))
    assert users.keys() == {k for k in whole.keys if k.startswith("objects/")}
    store = Snapshot(whole.keys)
    # Opened before the damage: what was parsed already must not hide it.
    registry = Registry(backend=store, cache=tmp_path / "cache")
    flips = dict.fromkeys(sorted(users), 0)
    (tmp_path / "out").mkdir()
    for _ in range(count):
        key = rng.choice(sorted(users))
        flips[key] += 1
        bit = rng.randrange(8 * len(whole.keys[key]))
        store.keys[key] = flipped(whole.keys[key], bit)
        hurt = _hurt(users[key], bit // 8, bit // 8 + 1)
        _check_damage(registry, key, hurt, tmp_path / "out" / "x")
        store.keys[key] = whole.keys[key]
    left = [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert left == []
    assert registry.verify()
    return flips


def test_random_bits(whole: Snapshot, tmp_path: Path) -> None:
    """500 random bits: verify names exactly the versions hurt, no way returns them.

    Not read, not open, not path, not checkout; and none leaves anything behind. Of a
    pack, only the files are hurt in which the bit lies.
    """
    flips = _flip(whole, 500, tmp_path)
    assert sum(flips.values()) == 500
    assert min(flips.values()) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_many_random_bits(whole: Snapshot, tmp_path: Path, seed: int) -> None:
    """10,000 others, 2,000 at a time."""
    assert sum(_flip(whole, 2000, tmp_path, seed).values()) == 2000


@pytest.mark.parametrize("change", ["missing", "short", "empty", "long", "zeros"])
def test_other_damage(whole: Snapshot, change: str, tmp_path: Path) -> None:
    """Cut, longer, overwritten or gone: named by verify, and never returned.

    Of an object that is only longer the registered bytes are still there: they are
    returned, and verify names the object, but nobody is hurt.
    """
    users = _users(Registry(backend=whole))
    for key, inside in users.items():
        store = Snapshot(whole.keys)
        data = store.keys[key]
        start = len(data) - 1 if change == "short" else 0
        hurt = _hurt(inside, start, len(data))
        changed = {
            "short": data[:-1],
            "empty": b"",
            "long": data + b"x",
            "zeros": bytes(len(data)),
        }
        if change == "missing":
            del store.keys[key]
        else:
            store.keys[key] = changed[change]
        registry = Registry(backend=store, cache=tmp_path / "cache")
        report = registry.verify()
        assert set(report.damaged) == (set() if change == "long" else hurt.keys())
        assert {p.key for p in report.problems} == {key}
        quick = registry.verify(deep=False)
        if change in ("missing", "short", "empty"):
            assert set(quick.damaged) == hurt.keys()
        for ref in BUNDLES:
            version = registry.get(ref)
            for path in hurt.get(ref, set()):
                if change == "long":
                    assert version.read(path) == _expected(ref)[path]
                    continue
                with pytest.raises(IntegrityError) as caught:
                    version.read(path)
                assert caught.value.key == key
                assert caught.value.kind is (
                    ErrorKind.OBJECT_MISSING
                    if change == "missing"
                    else ErrorKind.OBJECT_DAMAGED
                )


def test_two_objects_of_one_size_swapped(tmp_path: Path) -> None:
    """Objects that change places are refused, though each is sound by itself."""
    registry = Registry(tmp_path / "r", create=True)
    files = {"a": b"1111", "b": b"2222", "c": b"3333"}
    with registry.draft("m", environment=False) as draft:
        for path, data in files.items():
            draft.add({path: data})  # an object for each: packs hold what comes at once
    store = Snapshot.of(tmp_path / "r")
    keys = sorted(k for k in store.keys if k.startswith("objects/"))
    store.keys[keys[0]], store.keys[keys[1]] = store.keys[keys[1]], store.keys[keys[0]]
    version = Registry(backend=store).get("m")
    refused = 0
    for path, data in files.items():
        try:
            assert version.read(path) == data
        except IntegrityError:
            refused += 1
    assert refused == 2
    assert Registry(backend=store).verify().damaged == ("m@0.1.0",)

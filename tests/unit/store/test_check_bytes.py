"""Files cut in any way, shared in any way: read once, and whoever is hurt is named."""

import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from attrs import Factory, define, evolve
from hypothesis import given, strategies as st

from modelver._store import check_bytes
from modelver._store.check_bytes import BytesChecker, Found, Wanted
from modelver._store.check_steps import Cut, Whole, steps
from modelver._values.digests import Hasher, digest_of, hex_of, new_hasher
from modelver._values.manifest import FileEntry, Slice
from modelver.errors import ErrorKind
from tests.damage.stores import Snapshot, flipped

A = "sha256"


class Counting(Snapshot):
    """Counts the bytes of each key that are read."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        super().__init__(keys)
        self.bytes_read: Counter[str] = Counter()

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        data = super().read(key, start, end)
        self.bytes_read[key] += len(data or b"")
        return data


@define
class Store:
    """Objects and the files that are made of them, by hand."""

    keys: dict[str, bytes] = Factory(dict)
    files: list[tuple[str, FileEntry, tuple[Slice, ...]]] = Factory(list)

    def put(self, data: bytes) -> str:
        """Store an object; return its name."""
        name = f"{hex_of(digest_of(A, data))}.0"
        self.keys[key_of(name)] = data
        return name

    def add(self, path: str, *pieces: tuple[str, int, int], model: str = "m") -> None:
        """Add a file of a version, of (object, offset, length)."""
        parts = [self.keys[key_of(o)][at : at + size] for o, at, size in pieces]
        data = b"".join(parts)
        file = FileEntry(
            path=path, role="model", size=len(data), digest=digest_of(A, data)
        )
        cut = tuple(
            Slice(object=o, offset=at, length=size, digest=digest_of(A, part))
            for (o, at, size), part in zip(pieces, parts, strict=True)
        )
        self.files.append((model, file, cut))

    def check(
        self, keys: Mapping[str, bytes] | None = None, progress: Any = None
    ) -> tuple[Found, Counting]:
        """Read everything, of these *keys* if not of its own."""
        backend = Counting(self.keys if keys is None else keys)
        wanted = Wanted()
        for model, file, cut in self.files:
            wanted.add(model, file, cut)
        return BytesChecker(backend, A, progress).read(wanted), backend


def key_of(name: str) -> str:
    """Return the key of an object."""
    return f"objects/{name[:2]}/{name}"


@st.composite
def stores(draw: st.DrawFn) -> Store:
    """Return a few objects, and files cut from them at random."""
    store = Store()
    datas = draw(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
    names = [store.put(data) for data in datas]

    def piece() -> tuple[str, int, int]:
        name = draw(st.sampled_from(names))
        size = len(store.keys[key_of(name)])
        at = draw(st.integers(0, size - 1))
        return name, at, draw(st.integers(1, size - at))

    cuts = draw(st.integers(1, 6))
    for _ in range(cuts):
        path = draw(st.sampled_from(["model/a", "model/b"]))
        old: list[tuple[str, int, int]] = []
        again = draw(st.integers(-len(store.files), 0))
        if again:  # most of a file is as it was before
            cut = store.files[again][2]
            old = [(part.object, part.offset, part.length) for part in cut]
        new = [piece() for _ in range(draw(st.integers(0 if old else 1, 4)))]
        store.add(path, *old, *new)
    return store


@pytest.fixture(autouse=True, params=[None, 40, 8], ids=["one", "threads", "streamed"])
def largest(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run each test with few bytes, with many, and with objects that are too large."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param is not None:
            patch.setattr(check_bytes, "_LARGEST", request.param)
            patch.setattr(check_bytes, "_PIECE", 5)
        yield


def needed(store: Store) -> set[str]:
    """Return the objects that files are made of."""
    return {piece.object for _, _, cut in store.files for piece in cut}


@given(stores())
def test_nothing_is_wrong(store: Store) -> None:
    """What is as it was registered is found so, and counted."""
    found, _ = store.check()
    assert not found
    assert found.objects == len(needed(store))
    assert found.size == sum(len(store.keys[key_of(n)]) for n in needed(store))


@given(stores(), st.data())
def test_a_flipped_bit_hurts_whoever_has_it(store: Store, data: st.DataObject) -> None:
    """The object is named, and exactly the files that have that byte are hurt."""
    name = data.draw(st.sampled_from(sorted(needed(store))))
    key = key_of(name)
    bit = data.draw(st.integers(0, 8 * len(store.keys[key]) - 1))
    found, _ = store.check({**store.keys, key: flipped(store.keys[key], bit)})
    assert {n: bad.kind for n, bad in found.bad.items()} == {
        name: ErrorKind.OBJECT_DAMAGED
    }
    for _, file, cut in store.files:
        hurt = any(
            piece.object == name
            and piece.offset <= bit // 8 < piece.offset + piece.length
            for piece in cut
        )
        assert found.hurt_by(file, cut) == ({name} if hurt else set())
        assert hurt or not found.is_wrong(file, cut)


@given(stores(), st.data())
def test_missing_and_cut_short(store: Store, data: st.DataObject) -> None:
    """An object that ends early hurts those who need more of it."""
    name = data.draw(st.sampled_from(sorted(needed(store))))
    key = key_of(name)
    end = data.draw(st.integers(-1, len(store.keys[key]) - 1))
    keys = dict(store.keys)
    if end < 0:
        del keys[key]
    else:
        keys[key] = keys[key][:end]
    found, _ = store.check(keys)
    missing = ErrorKind.OBJECT_MISSING
    kind = missing if end < 0 else ErrorKind.OBJECT_DAMAGED
    assert {n: bad.kind for n, bad in found.bad.items()} == {name: kind}
    for _, file, cut in store.files:
        hurt = any(p.object == name and p.offset + p.length > end for p in cut)
        assert found.hurt_by(file, cut) == ({name} if hurt else set())


@given(stores(), st.data())
def test_a_manifest_that_lies(store: Store, data: st.DataObject) -> None:
    """A file of sound objects, with another digest, of itself or of one slice."""
    number = data.draw(st.integers(0, len(store.files) - 1))
    model, file, cut = store.files[number]
    lie = digest_of(A, b"another")
    which = data.draw(st.integers(0, len(cut)))
    if which == len(cut) or len(cut) == 1:
        changed = (model, evolve(file, digest=lie), cut)
    else:
        slices = list(cut)
        slices[which] = evolve(cut[which], digest=lie)
        changed = (model, file, tuple(slices))
    honest = [item for item in store.files if item != store.files[number]]
    store.files = [*honest, changed]
    found, _ = store.check()
    assert not found.bad
    assert found.is_wrong(*changed[1:])
    assert not any(found.is_wrong(file, cut) for _, file, cut in honest)


def test_slices_in_another_order() -> None:
    """Sound slices that do not make the file: only the file's own digest tells."""
    store = Store()
    one, two = store.put(b"first part"), store.put(b"other part")
    store.add("model/a", (one, 0, 10), (two, 0, 10))
    _, file, cut = store.files.pop()
    swapped = cut[::-1]
    store.files = [("m", file, swapped)]
    found, _ = store.check()
    assert not found.bad
    assert not found.lies
    assert found.is_wrong(file, swapped)


def test_a_slice_may_claim_petabytes() -> None:
    """A slice that is longer than its object is not looked for."""
    store = Store()
    one = store.put(b"first part")
    store.add("model/a", (one, 0, 5), (one, 5, 5))
    model, file, cut = store.files.pop()
    endless = (cut[0], evolve(cut[1], length=2**50))
    store.files = [(model, file, endless)]
    found, backend = store.check()
    assert found.is_wrong(file, endless)
    assert backend.bytes_read.total() < 100


def _versions(count: int) -> Store:
    """Return versions of one file of 40 parts, each with two of them changed."""
    store = Store()
    parts = [store.put(bytes([n]) * 8) for n in range(40)]
    for version in range(count):
        changed = list(parts)
        for n in (10 + version, 30):
            changed[n] = store.put(bytes([n, version]) * 4)
        store.add("model/a", *((name, 0, 8) for name in changed))
    return store


def test_versions_share_what_is_read_and_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every object is read once, and what versions begin with alike is hashed once."""
    hashed = 0

    class Hashing:
        def __init__(self, inner: Hasher) -> None:
            self._inner = inner

        def update(self, data: bytes | memoryview) -> None:
            nonlocal hashed
            hashed += len(data)
            self._inner.update(data)

        def hexdigest(self) -> str:
            return self._inner.hexdigest()

        def copy(self) -> "Hashing":
            return Hashing(self._inner.copy())

    monkeypatch.setattr(check_bytes, "new_hasher", lambda a: Hashing(new_hasher(a)))
    store = _versions(8)
    found, backend = store.check()
    assert not found
    size = {key_of(n): len(store.keys[key_of(n)]) for n in needed(store)}
    assert backend.bytes_read == size
    begin = 10 * 8  # of all eight alike; then each goes on for itself
    assert hashed <= sum(size.values()) + begin + 8 * (40 * 8 - begin)


def test_steps_are_side_by_side() -> None:
    """Of files that are shifted against each other, no one runs ahead."""
    parts = [Cut(f"{n}", 0, 100) for n in range(50)]
    shifted = Whole("1", (Cut("x", 0, 7), *parts))
    order = [step.cut.object for step in steps([Whole("0", tuple(parts)), shifted])]
    first = {name: order.index(name) for name in order}
    assert len(order) == 101
    assert all(
        order[at : at + 3].count(name) == 2 for name, at in first.items() if name != "x"
    )


@pytest.mark.parametrize("largest", [None], indirect=True)
def test_little_is_held_at_once() -> None:
    """Forty objects of 1 MiB, in two files: a few of them are in memory at a time."""
    size = 2**20
    store = Store()
    parts = [store.put(bytes([n]) * size) for n in range(40)]
    store.add("model/a", *((name, 0, size) for name in parts))
    store.add("model/b", *((name, 0, size) for name in reversed(parts)))
    del parts
    tracemalloc.start()
    try:
        found, _ = store.check()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not found
    assert peak < 8 * size


def test_progress_is_told() -> None:
    """All that is needed, in steps that add up to it."""

    class Told:
        size = 0
        done = 0

        def set_size(self, size: int) -> None:
            self.size = size

        def relative_update(self, inc: int = 1) -> None:
            self.done += inc

    told = Told()
    _versions(3).check(progress=told)
    assert told.done == told.size == (39 + 2 * 3) * 8

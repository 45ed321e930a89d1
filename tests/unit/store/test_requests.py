"""How many requests, one after the other, a store that is far away is asked."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from modelver import Registry
from modelver._store import far as far_reading
from modelver._store.layout import ROLLUP_SIZES, entry_key, rollup_key
from modelver._store.rollups import pack
from modelver.backends.memory import MemoryBackend
from modelver.errors import AlreadyExistsError, IntegrityError, StorageError
from modelver.plugin import Backend, Capabilities
from modelver.testing import Fault, FaultyBackend, Plan, RecordingBackend
from tests.unit.store.long_log import FarStore, LongLog

LARGE, SMALL = ROLLUP_SIZES
VERSIONS = 12_400


class Far(RecordingBackend):
    """Counts, and says that every request costs a round trip."""

    @property
    def capabilities(self) -> Capabilities:
        """Those of the inner one, from afar."""
        return evolve(self.inner.capabilities, read_window=8)


@pytest.fixture(scope="module")
def long() -> LongLog:
    """Return a log of more than three large rollups."""
    return LongLog(VERSIONS)


@pytest.fixture
def far() -> Far:
    """Return an empty store that is far away."""
    return Far(MemoryBackend(f"memory://requests-{uuid.uuid4().hex}"))


def _read(keys: dict[str, bytes]) -> RecordingBackend:
    backend = RecordingBackend(FarStore(keys))
    assert Registry(backend=backend).seq == sum(k.startswith("log/") for k in keys)
    return backend


def test_a_cold_get_of_10000_versions() -> None:
    """Three requests in turn, and no listing."""
    backend = RecordingBackend(FarStore(LongLog(10_000).keys()))
    assert Registry(backend=backend).get("m@production").version == "0.9999.0"
    assert backend.rounds == len(backend.requests) == 3
    assert backend.counts["list"] == 0
    assert max(len(call.keys) for call in backend.requests) < 100


@pytest.mark.parametrize(
    ("length", "most"),
    [
        (0, 2),
        (1, 2),
        (8, 2),
        (9, 2),
        (63, 2),
        (64, 2),
        (65, 2),
        (300, 3),
        (LARGE - 1, 5),
        (LARGE, 2),
        (LARGE + 1, 2),
        (2 * LARGE, 2),
        (2 * LARGE + 300, 3),
        (10_000, 3),
        (3 * LARGE - 1, 4),
        (3 * LARGE, 2),
    ],
)
def test_a_cold_reader(long: LongLog, length: int, most: int) -> None:
    """However long the log is: a handful of requests in turn, if rollups are there."""
    backend = _read(long.keys(length))
    assert backend.rounds == len(backend.requests) <= most


def test_without_rollups(long: LongLog) -> None:
    """Where nobody wrote any, the windows grow."""
    backend = _read(long.keys(5000, rollups=False))
    assert backend.rounds < 30


def test_rollups_with_gaps(long: LongLog) -> None:
    """One that is missing costs its entries, and those behind it are still used."""
    keys = long.keys(1000)
    del keys[rollup_key(1, SMALL)], keys[rollup_key(5 * SMALL + 1, 6 * SMALL)]
    backend = _read(keys)
    assert backend.rounds <= 8
    assert len(backend.keys) < 500


def _refused(keys: dict[str, bytes]) -> FarStore:
    store = FarStore(keys)
    store.refused = "rollups/"
    return store


def _lying(keys: dict[str, bytes]) -> FarStore:
    """Return a store whose second rollup ends with an entry that was never written."""
    other = LongLog(2 * SMALL - 1)
    name = rollup_key(SMALL + 1, 2 * SMALL)
    keys[name] = pack(SMALL + 1, other.entries[SMALL : 2 * SMALL], "b3") or b""
    return FarStore(keys)


def _junk(keys: dict[str, bytes]) -> FarStore:
    for key in keys:
        if key.startswith("rollups/"):
            keys[key] = b"junk" if len(key) % 2 else keys[key][:-9]
    return FarStore(keys)


def _huge(keys: dict[str, bytes]) -> FarStore:
    return FarStore(keys | {rollup_key(1, SMALL): bytes(3 * 2**20)})


@pytest.mark.parametrize("length", [10, 700, LARGE + 200])
@pytest.mark.parametrize(
    "store",
    [lambda k: FarStore(k, stops=True), _refused, _lying, _junk, _huge],
    ids=["stops", "refused", "lying", "junk", "huge"],
)
def test_the_same_is_read(
    long: LongLog, length: int, store: Callable[[dict[str, bytes]], FarStore]
) -> None:
    """What the store answers behind a missing key, and bad rollups, change nothing."""
    registry = Registry(backend=store(long.keys(length)))
    versions = [v.version for v in registry.versions("m")]
    assert versions == [f"0.{n}.0" for n in range(length)]


def test_a_rollup_that_is_longer_than_hoped(
    long: LongLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read again, whole, and used: its entries are not read one by one."""
    monkeypatch.setattr(far_reading, "_LARGE_LIMIT", 10_000)
    backend = _read(long.keys(LARGE + 10))
    assert backend.counts["read"] == 1
    assert backend.rounds <= 4
    assert len([key for key in backend.keys if key.startswith("log/")]) < 100


def test_what_only_a_rollup_holds_is_not_committed(long: LongLog) -> None:
    """A log that was cut short stays short, whatever was rolled up of it."""
    keys = long.keys(700)
    for seq in range(500, 701):
        del keys[entry_key(seq)]
    assert Registry(backend=FarStore(keys)).seq == 499


def test_a_damaged_entry_is_refused(long: LongLog) -> None:
    """Read ahead or not, an entry that was changed is named."""
    for seq in (3, 40, 320):
        keys = long.keys(320)
        keys[entry_key(seq)] = keys[entry_key(seq)].replace(b"metric_1", b"metric_9")
        for name in [key for key in keys if key.startswith("rollups/")]:
            del keys[name]
        with pytest.raises(IntegrityError) as caught:
            assert Registry(backend=FarStore(keys)).seq
        assert caught.value.key == entry_key(seq)


def test_what_was_read_ahead_may_be_old(far: Far) -> None:
    """What is committed between opening and asking is seen."""
    writer = Registry(backend=far, create=True)
    for number in range(3):
        writer.register("m", {"a": bytes([number])}, environment=False)
    reader = Registry(backend=far)
    for number in range(3, 12):
        writer.register("m", {"a": bytes([number])}, environment=False)
    assert len(reader.versions("m")) == 12


def test_registering_a_small_file(far: Far) -> None:
    """Four requests in turn: the head, the object, the manifest, the entry."""
    registry = Registry(backend=far, create=True)
    registry.register("m", {"a.bin": b"first"})
    for number in range(3):
        far.reset()
        registry.register("m", {"a.bin": bytes([number])}, metrics={"auc": 0.9})
        kinds = [(c.name, c.keys[0].partition("/")[0]) for c in far.requests]
        assert kinds == [
            ("read_many", "log"),
            ("create", "objects"),
            ("create", "manifests"),
            ("create", "log"),
        ]
        assert far.rounds == 4


def test_moving_an_alias(far: Far) -> None:
    """Two requests in turn: the head, the entry."""
    registry = Registry(backend=far, create=True)
    registry.register("m", {"a.bin": b"first"})
    far.reset()
    registry.promote("m@newest", "production")
    assert far.rounds == len(far.requests) == 2


def test_somebody_was_faster(far: Far) -> None:
    """The head that a registration began with is old: the create is lost, and tells."""
    registry = Registry(backend=far, create=True)
    registry.register("m", {"a.bin": b"first"})

    class Meanwhile(Far):
        """Lets another client commit before the manifest is written."""

        def create(self, key: str, data: bytes) -> None:
            """See :meth:`modelver.plugin.Backend.create`."""
            if key.startswith("manifests/"):
                other = Registry(backend=far)
                other.tag("m@newest", a="b")
            super().create(key, data)

    slow = Registry(backend=Meanwhile(far.inner))
    assert slow.register("m", {"a.bin": b"second"}).seq == 3
    assert [v.version for v in slow.versions("m")] == ["0.1.0", "0.2.0"]


def _objects(backend: Backend) -> dict[str, bytes]:
    keys = [info.key for info in backend.list("objects/")]
    return {key: backend.read(key) or b"" for key in keys}


def test_an_object_that_is_there_already(far: Far) -> None:
    """It is looked at, and used: nothing is stored twice."""
    registry = Registry(backend=far, create=True)
    registry.register("m", {"a.bin": b"same"}, environment=False)
    before = _objects(far)
    registry.register("n", {"a.bin": b"same"}, environment=False)
    assert _objects(far) == before


def test_a_damaged_object_stays_and_good_bytes_go_beside_it(far: Far) -> None:
    """Nothing is overwritten, and what is registered can be read."""
    registry = Registry(backend=far, create=True)
    registry.register("m", {"a.bin": b"same"}, environment=False)
    (key,) = _objects(far)
    far.inner.delete(key)
    far.inner.create(key, b"torn")
    again = Registry(backend=far)
    version = again.register("n", {"a.bin": b"same"}, environment=False)
    assert version.read("a.bin") == b"same"
    assert _objects(far) == {key: b"torn", key[:-1] + "1": b"same"}


@pytest.mark.parametrize("what", ["objects/", "manifests/"])
def test_a_lost_answer_is_looked_up(far: Far, what: str) -> None:
    """What has landed counts, though the store's answer did not come."""
    Registry(backend=far, create=True)
    found = FaultyBackend(far)
    Registry(backend=found).register("m", {"a.bin": b"1"}, environment=False)
    at = next(
        n for n, (_, key) in enumerate(found.operations, 1) if key.startswith(what)
    )
    lossy = FaultyBackend(far, Plan(Fault.ERROR_AFTER, at=at))
    registry = Registry(backend=lossy)
    registry.register("n", {"a.bin": b"2"}, environment=False)
    assert lossy.fired == 1
    assert Registry(backend=far).get("n").read("a.bin") == b"2"


def test_an_object_that_comes_and_goes(far: Far) -> None:
    """A store that says that it is there, and cannot show it, is an error of it."""

    class Gone(Far):
        """Refuses every object as taken."""

        def create(self, key: str, data: bytes) -> None:
            """See :meth:`modelver.plugin.Backend.create`."""
            if key.startswith("objects/"):
                raise AlreadyExistsError("it is taken")
            super().create(key, data)

    registry = Registry(backend=Gone(far.inner), create=True)
    with pytest.raises(StorageError, match="comes and goes"):
        registry.register("m", {"a.bin": b"1"})
    assert registry.seq == 0


def test_the_default_store_is_near(tmp_path: Path) -> None:
    """A folder is asked key by key: nothing is asked for that may not be needed."""
    registry = Registry(tmp_path / "r", create=True)
    backend = RecordingBackend(registry._core.backend)
    Registry(backend=backend)
    assert backend.keys == ["registry.json"]

"""Another client commits between any two storage operations of a call.

The races with processes find what happens often; this walks through every place at
which somebody else may come in between, one after the other.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import pytest
from attrs import evolve

from modelver import ModelverError, Registry
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend, Capabilities
from modelver.testing import Operation, WrapperBackend
from tests.race.history import Call, check_calls, token_of, view

pytestmark = [
    pytest.mark.race,
    pytest.mark.filterwarnings("ignore::modelver.WithdrawnWarning"),
]

T = TypeVar("T")
Act = Callable[[Registry], Any]
MINE, OTHERS = "mine", "others"
BASE: Final = 6
_COUNT = itertools.count()


class Meanwhile(WrapperBackend):
    """Lets somebody else act after the k-th operation, before its answer is seen.

    It says that it is persistent, so that clients remember the head of the log.
    """

    def __init__(self, inner: Backend, at: int, act: Callable[[], object]) -> None:
        super().__init__(inner)
        self.operations = 0
        self._at = at
        self._act = act

    @property
    def capabilities(self) -> Capabilities:
        """Those of the inner backend, and persistent."""
        return evolve(self.inner.capabilities, persistent=True)

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Do it; after it somebody else may do something."""
        del operation
        self.operations += 1
        here = self.operations == self._at
        try:
            return act()
        finally:
            if here:
                self._act()


def _put(registry: Registry, token: str, **words: Any) -> Any:
    files = {"w.bin": words.pop("data", token).encode()}
    return registry.register("m", files, message=token, environment=False, **words)


def _prepare(registry: Registry) -> None:
    for number in range(4):
        _put(registry, f"v{number}")
    registry.promote("m@0.1.0", "production", reason="p1")
    registry.promote("m@0.2.0", "production", reason="p2")


def _both(registry: Registry, token: str) -> None:
    with registry.transaction(token) as both:
        new = both.register("m", {"w.bin": token.encode()}, environment=False)
        both.register("n", {"w.bin": token.encode()}, environment=False, parents=new)
        both.promote(new, "staging")


def _drafted(registry: Registry, token: str) -> None:
    with registry.draft("m", message=token, environment=False) as draft:
        draft.add({"w.bin": token.encode()})
        draft.log_metrics({"auc": 0.5})


WRITES: Final[Mapping[str, Act]] = {
    "register": lambda r: _put(r, MINE),
    "register the same": lambda r: _put(r, MINE, data="same"),
    "register a number": lambda r: _put(r, MINE, version="2.0.0"),
    "promote": lambda r: r.promote("m@0.3.0", "production", reason=MINE),
    "promote as expected": lambda r: r.promote(
        "m@0.3.0", "production", expect="0.2.0", reason=MINE
    ),
    "roll back": lambda r: r.rollback("m", "production", reason=MINE),
    "transaction": lambda r: _both(r, MINE),
    "draft": lambda r: _drafted(r, MINE),
    "withdraw": lambda r: r.withdraw("m@0.3.0", MINE),
}
OTHER: Final[Mapping[str, Act]] = {
    "register": lambda r: _put(r, OTHERS),
    "register the same": lambda r: _put(r, OTHERS, data="same"),
    "register a number": lambda r: _put(r, OTHERS, version="2.0.0"),
    "promote": lambda r: r.promote("m@0.4.0", "production", reason=OTHERS),
    "withdraw": lambda r: r.withdraw("m@0.3.0", OTHERS),
}
READS: Final[Mapping[str, Act]] = {
    "open": lambda r: r.seq,
    "verify": lambda r: r.verify(),
    "verify the sizes": lambda r: r.verify(deep=False),
    "verify one": lambda r: r.verify("m@0.1.0"),
    "read": lambda r: r.get("m@production").read("w.bin"),
    "local copy": lambda r: r.get("m@production").path("w.bin").read_bytes(),
    "list": lambda r: [v.ref for v in r.versions("m")],
    "search": lambda r: r.search("name = 'm'"),
    "compare": lambda r: r.diff("m@0.1.0", "m@newest"),
    "lineage": lambda r: r.lineage("m@0.1.0"),
    "the past": lambda r: view(r.at(3)),
}
REFUSALS: Final = {"alias-moved", "version-taken", "withdrawn"}


@pytest.fixture(scope="module")
def seed() -> Mapping[str, bytes]:
    """Return the keys of a registry with three versions and an alias."""
    backend = MemoryBackend(f"memory://seed-{next(_COUNT)}")
    _prepare(Registry(backend=backend, create=True))
    keys = [info.key for info in backend.list("")]
    return {key: backend.read(key) or b"" for key in keys}


def _copy(seed: Mapping[str, bytes]) -> MemoryBackend:
    backend = MemoryBackend(f"memory://copy-{next(_COUNT)}")
    backend._fs.store.clear()  # to list one registry is to look at all of them
    for key, data in seed.items():
        backend.create(key, data)
    return backend


def _tell(token: str, act: Callable[[], object]) -> Call:
    try:
        act()
    except ModelverError as error:
        if str(error.kind) not in REFUSALS:
            raise
        return Call(token=token, begin=5, end=9, outcome="failed")
    return Call(token=token, begin=5, end=9, outcome="ok")


@pytest.mark.parametrize("other", OTHER)
@pytest.mark.parametrize("mine", WRITES)
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
def test_writers(seed: Mapping[str, bytes], mine: str, other: str, cold: bool) -> None:  # noqa: FBT001
    """Whatever comes between, both are told the truth, and the log is in order."""
    for k in itertools.count(1):
        store = _copy(seed)
        calls: list[Call] = []
        client = Registry(backend=store)

        def come_in(calls: list[Call] = calls, client: Registry = client) -> None:
            calls.append(_tell(OTHERS, lambda: OTHER[other](client)))

        meanwhile = Meanwhile(store, 0, come_in)
        registry = Registry(backend=meanwhile)
        if not cold:
            assert registry.seq == BASE
        meanwhile.operations, meanwhile._at = 0, k
        calls.append(_tell(MINE, lambda: WRITES[mine](registry)))  # noqa: B023
        meanwhile._at = 0
        fresh = Registry(backend=store)
        old = [c for c in fresh.log() if c.seq <= BASE]
        prepared = [
            Call(token=str(token_of(c)), begin=0, end=4, outcome="ok") for c in old
        ]
        log = fresh.log()
        if "same" in mine and "same" in other:
            # Whoever came second was given the first one's version.
            assert len(log) == len(old) + 1
            assert {call.outcome for call in calls} == {"ok"}
        elif mine == other == "withdraw":
            assert len(log) == len(old) + 1
        else:
            check_calls([*prepared, *calls], log)
        assert view(fresh) == view(registry)
        assert fresh.verify()
        if len(calls) == 1:
            assert k > 1
            break


@pytest.mark.parametrize("other", OTHER)
@pytest.mark.parametrize("mine", READS)
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
def test_readers(seed: Mapping[str, bytes], mine: str, other: str, cold: bool) -> None:  # noqa: FBT001
    """A reader never fails because somebody writes, and remembers no false alarm.

    The other client shares this client's memory of the head of the log.
    """
    places = 0
    for k in itertools.count(1):
        store = _copy(seed)
        came: list[Any] = []
        client = Registry(backend=Meanwhile(store, 0, list))

        def come_in(came: list[Any] = came, client: Registry = client) -> None:
            came.append(OTHER[other](client))

        meanwhile = Meanwhile(store, 0, come_in)
        registry = Registry(backend=meanwhile)
        if not cold:
            assert registry.seq == BASE
        meanwhile.operations, meanwhile._at = 0, k
        answer = READS[mine](registry)
        meanwhile._at = 0
        assert answer
        assert registry.seq == BASE + len(came)
        if not came:
            break
        places += 1
    assert places >= 1


def test_somebody_else_creates_it() -> None:
    """Whoever creates a registry may be overtaken at any moment, and gets that one."""
    for k in itertools.count(1):
        store = MemoryBackend(f"memory://created-{next(_COUNT)}")
        made: list[Registry] = []

        def come_in(made: list[Registry] = made, store: Backend = store) -> None:
            made.append(Registry(backend=store, create=True))
            _put(made[0], OTHERS)

        meanwhile = Meanwhile(store, k, come_in)
        registry = Registry(backend=meanwhile, create=True)
        _put(registry, MINE)
        if not made:
            assert k > 4
            break
        assert registry.uuid == made[0].uuid
        assert [token_of(c) for c in registry.log()] in ([MINE, OTHERS], [OTHERS, MINE])
        assert registry.verify()


def test_somebody_else_creates_it_anew() -> None:
    """Where a registry was deleted, two create it anew; neither is shown the old one.

    This client remembers the head of the old one, and both share that memory.
    """
    for k in itertools.count(1):
        store = MemoryBackend(f"memory://anew-{next(_COUNT)}")
        _prepare(Registry(backend=Meanwhile(store, 0, list), create=True))
        store._fs.store.clear()
        made: list[Registry] = []

        def come_in(made: list[Registry] = made, store: Backend = store) -> None:
            made.append(Registry(backend=Meanwhile(store, 0, list), create=True))
            assert made[0].seq in (0, 1)  # before or after what this one writes

        meanwhile = Meanwhile(store, k, come_in)
        registry = Registry(backend=meanwhile, create=True)
        _put(registry, MINE)
        if not made:
            assert k > 4
            break
        assert registry.uuid == made[0].uuid
        assert made[0].seq == 1

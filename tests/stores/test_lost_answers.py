"""Answers that never come: the store has done it, and whoever asked is not told.

A proxy before the real server resets the connection, or says 503, after the server
has answered. Clients repeat such a request by themselves and are then told that the
key is there: by nobody but themselves.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from attrs import evolve

from modelver import OutcomeUnknownError, Registry
from modelver.plugin import Backend
from modelver.testing.wrapper import Operation, WrapperBackend
from tests.crash.judging import Judge, Told, tell
from tests.crash.scenarios import SCENARIOS, Scenario, prepare, put, run
from tests.figures import tell as tell_figure
from tests.stores.places import OVER_HTTP, Place, chosen, place_in
from tests.stores.proxy import Loss, Plan, Proxy, proxy_before

pytestmark = [
    pytest.mark.crash,
    pytest.mark.filterwarnings("ignore::modelver.SameBundleWarning"),
]

T = TypeVar("T")


class Behind:
    """A store behind a proxy, and how to make places in it."""

    def __init__(self, make: Callable[[], Place]) -> None:
        self._make = make
        self._port = int(_port_of(make()))
        self.context = proxy_before(self._port)

    def fresh(self) -> Place:
        """Return an empty place."""
        return self._make()

    def through(self, place: Place, proxy: Proxy) -> Place:
        """Return *place*, reached through *proxy*."""
        options = {
            name: _moved(value, self._port, proxy.port)
            for name, value in place.options.items()
        }
        return evolve(place, options=options)


def _port_of(place: Place) -> str:
    """Return the port of the server, from whichever option names it."""
    text = next(v for v in place.options.values() if "127.0.0.1:" in str(v))
    after = str(text).partition("127.0.0.1:")[2]
    return "".join(itertools.takewhile(str.isdigit, after))


def _moved(value: object, port: int, to: int) -> object:
    if isinstance(value, str):
        return value.replace(f"127.0.0.1:{port}", f"127.0.0.1:{to}")
    return value


@pytest.fixture(params=chosen(*OVER_HTTP))
def behind(request: pytest.FixtureRequest) -> Behind:
    """Return each of the stores that speak HTTP."""
    make = place_in(request)
    return Behind(lambda: make(request.param))


@pytest.fixture
def proxy(behind: Behind) -> Iterator[Proxy]:
    """Return a proxy before it."""
    with behind.context as made:
        yield made


def _prepared(behind: Behind, scenario: Scenario) -> Callable[[], Place]:
    """Return how to make places as *scenario* finds them."""
    seed = behind.fresh().backend()
    prepare(scenario, seed)
    keys = {info.key: seed.read(info.key) or b"" for info in seed.list("")}

    def copy() -> Place:
        place = behind.fresh()
        store = place.backend()
        for key, data in keys.items():
            store.create(key, data)
        return place

    return copy


def _sweep(behind: Behind, proxy: Proxy, name: str, loss: Loss) -> tuple[int, Judge]:
    """Lose each request of a scenario in turn; return how many were lost."""
    scenario = SCENARIOS[name]
    judge = Judge.of(scenario, lambda: behind.fresh().backend())
    copy = _prepared(behind, scenario)
    fired, k, requests = 0, 0, 0
    while requests >= k:
        k += 1
        place = copy()
        store = behind.through(place, proxy).backend()
        proxy.begin(Plan(loss, at=k))
        told = tell(lambda: run(scenario, store))  # noqa: B023
        requests = len(proxy.requests)
        fired += proxy.fired
        asked = [f"{method} {path[-60:]}" for method, path in proxy.requests]
        proxy.begin(None)
        try:
            judge.judge(told, place.backend())
        except BaseException as error:
            error.add_note(f"{loss} at {k}: {asked}")
            raise
    assert fired >= scenario.least / 2
    return fired, judge


def test_a_lost_answer_is_found_out(behind: Behind, proxy: Proxy) -> None:
    """Whichever write of a register loses its answer, it succeeds, once.

    The store can be asked again at once, so nothing is unknown, and nothing fails.
    """
    place = behind.fresh()
    direct = place.backend()
    store = behind.through(place, proxy).backend()
    Registry(backend=direct, create=True)
    for k in itertools.count(1):
        proxy.begin(Plan(Loss.ANSWER, at=k, writing=True))
        made = put(Registry(backend=store), f"content {k}", aliases="production")
        fired = proxy.fired
        proxy.begin(None)
        fresh = Registry(backend=direct)
        assert (made.version, fresh.seq) == (f"0.{k}.0", k)
        assert fresh.resolve("fraud@production") == made.ref
        if not fired:
            break
    assert k > 3  # an object, the manifest, the entry
    report = Registry(backend=direct).verify()
    assert report, str(report)
    assert report.voids == 0


@pytest.mark.slow
@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_whatever_is_lost(
    behind: Behind, proxy: Proxy, scenario: str, loss: Loss
) -> None:
    """At every request of every scenario, in every way: nothing is unknown."""
    fired, judge = _sweep(behind, proxy, scenario, loss)
    tell_figure("lost", store=behind.fresh().store, loss=loss, injections=fired)
    assert "unknown" not in {outcome for outcome, _ in judge.seen}


def test_unknown_only_where_nobody_can_be_asked(behind: Behind, proxy: Proxy) -> None:
    """From the commit on all answers are lost: the caller is told that it is unknown.

    When the store can be asked again, the commit is found by its number.
    """
    scenario = SCENARIOS["promote"]
    copy = _prepared(behind, scenario)
    place = copy()
    store = behind.through(place, proxy).backend()
    proxy.begin(None)
    registry = Registry(backend=store, timeout=0.5)
    registry.get("fraud@newest")
    last = Last(store, proxy)
    told = _promote(Registry(backend=last, timeout=0.5))
    assert told.outcome == "unknown"
    proxy.begin(None)
    fresh = Registry(backend=place.backend())
    assert fresh.outcome(told.txid) is not None
    assert fresh.resolve("fraud@production") == "fraud@0.2.0"


class Last(WrapperBackend):
    """The store, which loses every answer from the first commit on."""

    def __init__(self, inner: Backend, proxy: Proxy) -> None:
        super().__init__(inner)
        self._proxy = proxy

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Begin to lose."""
        if operation.name == "create" and operation.key.startswith("log/"):
            self._proxy.begin(Plan(Loss.ANSWER, times=None))
        return act()


def _promote(registry: Registry) -> Told:
    try:
        registry.promote("fraud@0.2.0", "production")
    except OutcomeUnknownError as error:
        return Told(outcome="unknown", txid=error.txid)
    return Told(outcome="acked")

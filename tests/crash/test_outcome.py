"""Requests that arrive late: what a caller was told stays true when they do."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from modelver import (
    AccessDeniedError,
    ErrorKind,
    ModelverError,
    OutcomeUnknownError,
    Registry,
    StorageError,
)
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend
from modelver.testing import Operation, WrapperBackend
from tests.crash.judging import refused
from tests.crash.scenarios import MODEL, put

pytestmark = pytest.mark.crash

T = TypeVar("T")


class SlowNetwork(WrapperBackend):
    """Holds requests to create a log entry back, and says that they timed out.

    Attributes:
        answers: What the next such requests meet: None is held back, an error is
            raised. When there are no more, they pass.
        asked: How many there were.
        again: Called before such a request passes.
    """

    def __init__(self, inner: Backend, *answers: ModelverError | None) -> None:
        super().__init__(inner)
        self.answers = list(answers)
        self.asked = 0
        self.again: Callable[[], object] = list
        self._held: list[Callable[[], object]] = []

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Do it now or later."""
        if operation.name != "create" or not operation.key.startswith("log/"):
            return act()
        self.asked += 1
        if not self.answers:
            self.again()
            return act()
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer
        self._held.append(act)
        raise StorageError("timed out", retryable=True)

    def arrive(self) -> None:
        """Let what is on its way arrive; nobody hears the answer."""
        for act in self._held:
            refused(act)
        self._held.clear()


def _opened(*answers: ModelverError | None) -> tuple[Registry, SlowNetwork, Registry]:
    """Return a slow client, its network, and another client."""
    store = MemoryBackend("memory://slow")
    store._fs.store.clear()
    other = Registry(backend=store, create=True)
    put(other, "one")
    network = SlowNetwork(store, *answers)
    return Registry(backend=network, timeout=0.05), network, other


FULL = StorageError("no room", kind=ErrorKind.DISK_FULL)
DENIED = AccessDeniedError("the credentials have expired")
UNFLUSHED = StorageError("a bad disk", kind=ErrorKind.NOT_FLUSHED)


@pytest.mark.parametrize("last", [FULL, DENIED], ids=["full", "denied"])
def test_a_refusal_after_a_doubt_is_no_certainty(last: ModelverError) -> None:
    """A request may be under way still when a later one is refused for certain."""
    client, network, other = _opened(None, last)
    with pytest.raises(OutcomeUnknownError) as caught:
        put(client, "two")
    assert other.outcome(caught.value.txid) is None
    network.arrive()
    landed = other.outcome(caught.value.txid)
    assert landed is not None
    assert landed.seq == 2
    assert put(other, "three").version == "0.3.0"
    assert other.verify()


@pytest.mark.parametrize(
    "last", [FULL, DENIED, UNFLUSHED], ids=["full", "denied", "unflushed"]
)
def test_a_refusal_at_once_is_certain(last: ModelverError) -> None:
    """Where nothing is under way, a refusal is one: nothing was committed."""
    client, network, other = _opened(last)
    with pytest.raises(type(last)) as caught:
        put(client, "two")
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert network.asked == 1
    network.arrive()
    assert other.seq == 1
    assert put(client, "two").version == "0.2.0"


def test_a_late_request_is_the_one_that_is_waited_for() -> None:
    """A request that arrives before it is sent again has won, once."""
    client, network, other = _opened(None)
    network.again = network.arrive
    assert put(client, "two").version == "0.2.0"
    assert network.asked == 2
    assert other.seq == 2
    assert [c.seq for c in other.log()] == [2, 1]


def test_nobody_overwrites_what_arrives_late() -> None:
    """A request that arrives after somebody else has won its place does nothing."""
    client, network, other = _opened(*[None] * 1000)
    with pytest.raises(OutcomeUnknownError) as caught:
        put(client, "two")
    assert put(other, "three").version == "0.2.0"
    network.answers.clear()
    network.arrive()
    assert other.outcome(caught.value.txid) is None
    assert put(client, "two").version == "0.3.0"
    assert other.verify()
    assert other.get(f"{MODEL}@0.2.0").read("w.bin") == b"three"


def test_an_unknown_outcome_can_be_asked_for() -> None:
    """After an unknown outcome the same client can ask, go on, and repeat the call."""
    client, network, other = _opened(*[None] * 1000)
    with pytest.raises(OutcomeUnknownError) as caught:
        put(client, "two")
    assert caught.value.txid in str(caught.value)
    network.arrive()
    network.answers.clear()
    landed = client.outcome(caught.value.txid)
    assert landed is not None
    again = put(client, "two")
    assert (again.version, again.seq) == ("0.2.0", landed.seq)
    assert other.seq == 2


class _Interrupted(WrapperBackend):
    """Ctrl-C is pressed when an entry was created, or while its fate is asked for."""

    def __init__(self, inner: Backend, when: str) -> None:
        super().__init__(inner)
        self._when = when
        self._created = False

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Do it, and be interrupted."""
        if operation.name == "read" and self._created:
            raise KeyboardInterrupt
        done = act()
        if operation.name == "create":
            if self._when == "at once":
                raise KeyboardInterrupt
            self._created = True
            raise StorageError("timed out", retryable=True)
        return done


@pytest.mark.parametrize("when", ["at once", "while waiting"])
def test_an_interrupt_says_how_to_ask(when: str) -> None:
    """Ctrl-C in the middle of a commit names the commit, and what is left is sound."""
    store = MemoryBackend("memory://interrupted")
    store._fs.store.clear()
    other = Registry(backend=store, create=True)
    client = Registry(backend=_Interrupted(store, when))
    with pytest.raises(KeyboardInterrupt) as caught:
        put(client, "one")
    landed = other.log()[0]
    assert landed.txid in caught.value.__notes__[0]
    assert other.outcome(landed.txid) == landed
    assert other.verify()
    assert put(Registry(backend=store), "two").version == "0.2.0"

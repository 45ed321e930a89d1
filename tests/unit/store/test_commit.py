"""Committing beside others: when a writer lets them go first, and what it costs."""

import itertools
import uuid

from attrs import define, field

from modelver._store import Committer, Log, create_registry
from modelver._store.commit import Courtesy
from modelver._values.entry import Action, Feature
from modelver._values.state import State
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend
from modelver.testing import RecordingBackend

TIME = "2026-03-01T09:30:00.000000Z"


@define
class Clock:
    """Time that passes only when somebody sleeps.

    Attributes:
        at: What it shows.
        pauses: How long each sleep was.
    """

    at: float = 100.0
    pauses: list[float] = field(factory=list)

    def now(self) -> float:
        """Return the time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(round(seconds, 6))
        self.at += seconds


def _courtesy(clock: Clock, *, chance: float = 0.5) -> Courtesy:
    return Courtesy(clock.now, clock.sleep, lambda: chance)


def test_who_is_alone_never_waits() -> None:
    """However many commits: what is read is what was written."""
    clock = Clock()
    courtesy = _courtesy(clock)
    for seq in range(1, 100):
        assert not courtesy.give_way(seq - 1)
        courtesy.saw(seq - 1)
        courtesy.won(seq, 0.2)
    assert clock.pauses == []


def test_nobody_waits_before_a_first_win() -> None:
    """A log that others wrote, and races that were lost, are no reason to wait."""
    clock = Clock()
    courtesy = _courtesy(clock)
    for seq in range(5, 50, 5):
        courtesy.saw(seq)
        assert not courtesy.give_way(seq)
    assert clock.pauses == []


def test_after_a_win_beside_others() -> None:
    """A part of the time that the write took, chosen by chance."""
    clock = Clock()
    courtesy = _courtesy(clock, chance=0.25)
    courtesy.won(1, 0.2)
    assert courtesy.give_way(3)
    assert clock.pauses == [0.05]


def test_the_pause_begins_with_the_win() -> None:
    """Whoever comes back later has waited already."""
    clock = Clock()
    courtesy = _courtesy(clock)
    courtesy.won(1, 0.2)
    clock.at += 0.04
    assert courtesy.give_way(3)
    assert clock.pauses == [0.06]
    courtesy.won(4, 0.2)
    clock.at += 0.11
    assert not courtesy.give_way(5)


def test_others_are_forgotten() -> None:
    """After sixteen commits that nobody came between, a writer is alone again."""
    clock = Clock()
    courtesy = _courtesy(clock)
    courtesy.won(1, 0.2)
    courtesy.saw(2)
    waited = []
    for seq in range(3, 40):
        waited.append(courtesy.give_way(seq - 1))
        courtesy.won(seq, 0.2)
    assert waited == [True] * 16 + [False] * 21


def _writer(backend: Backend, clock: Clock) -> tuple[Committer, Log]:
    log = Log(backend, create_registry(backend, digest="b3", created=TIME))
    made = Committer(
        backend, log, lambda: TIME, timeout=5, courtesy=_courtesy(clock, chance=1)
    )
    return made, log


def _say(_: State) -> tuple[Action, ...]:
    return (Feature(read=(), write=()),)


def test_a_committer_waits_before_it_reads() -> None:
    """The pause is for others: what they commit meanwhile is read after it."""
    backend = MemoryBackend(f"memory://commit-{uuid.uuid4().hex}")
    counted = RecordingBackend(backend)
    clock = Clock()
    writer, log = _writer(counted, clock)
    other, _ = _writer(backend, Clock())
    writer.commit(_say, actor="a")
    other.commit(_say, actor="b")
    assert clock.pauses == []
    log.refresh()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        other.commit(_say, actor="b")

    writer._courtesy = Courtesy(clock.now, sleep, lambda: 1.0)
    writer._courtesy.won(1, 0.2)
    counted.reset()
    done = writer.commit(_say, actor="a", fresh=True)
    assert clock.pauses == [0.2]
    assert done.state.seq == 4
    assert counted.counts["create"] == 1


def test_a_lost_race_is_remembered() -> None:
    """Whoever lost, and then won, lets others go first the next time."""
    backend = MemoryBackend(f"memory://commit-{uuid.uuid4().hex}")
    clock = Clock()
    writer, _ = _writer(backend, clock)
    other, _ = _writer(backend, Clock())
    writer.commit(_say, actor="a")
    calls = itertools.count()

    def decide(state: State) -> tuple[Action, ...]:
        if next(calls) == 0:
            other.commit(_say, actor="b")
        return _say(state)

    assert writer.commit(decide, actor="a").state.seq == 3
    writer._courtesy.won(3, 0.3)
    writer.commit(_say, actor="a")
    assert clock.pauses == [0.3]

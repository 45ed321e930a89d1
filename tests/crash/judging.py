"""What must hold after a write was interrupted, however and wherever."""

from collections.abc import Callable
from typing import Any

from attrs import Factory, define, frozen

from modelver import (
    ModelverError,
    OutcomeUnknownError,
    Registry,
    RegistryNotFoundError,
    StorageError,
)
from modelver.plugin import Backend
from modelver.testing import Crash
from tests.crash.scenarios import MODEL, Scenario, prepare, put, run, said


@frozen(kw_only=True)
class Told:
    """What a caller was told.

    Attributes:
        outcome: ``acked``, ``failed``, ``unknown`` or ``dead``.
        registry: Where it may go on.
        txid: To ask about, where the outcome is unknown.
    """

    outcome: str
    registry: Registry | None = None
    txid: str = ""


def tell(act: Callable[[], Registry]) -> Told:
    """Act, and return what the caller was told.

    Raises:
        BaseException: Anything but a crash or what a store may do.
    """
    try:
        return Told(outcome="acked", registry=act())
    except Crash:
        return Told(outcome="dead")
    except OutcomeUnknownError as error:
        return Told(outcome="unknown", txid=error.txid)
    except StorageError:
        return Told(outcome="failed")


@define
class Judge:
    """Knows what a scenario may leave behind, from having run it undisturbed.

    Attributes:
        before: What is said before it.
        after: What is said after it.
        seen: How often each (outcome, visible) was met.
    """

    scenario: Scenario
    before: str
    after: str
    commits: int
    seen: dict[tuple[str, bool], int] = Factory(dict)

    @classmethod
    def of(cls, scenario: Scenario, fresh: Callable[[], Backend]) -> "Judge":
        """Run *scenario* once on two stores of *fresh*."""
        first, second = fresh(), fresh()
        prepare(scenario, first)
        prepare(scenario, second)
        run(scenario, second)
        before = "{}"
        seq = 0
        if scenario.before is not None:
            registry = Registry(backend=first)
            before, seq = said(registry), registry.seq
        after = Registry(backend=second)
        return cls(scenario, before, said(after), after.seq - seq)

    def judge(self, told: Told, store: Backend) -> None:
        """Look with a fresh client at what is left, and go on working there.

        Raises:
            AssertionError: It is neither all nor nothing, not what was told, not
                sound, or the next write fails.
        """
        try:
            fresh = Registry(backend=store)
        except RegistryNotFoundError:
            # No registry is what stood there before, and may still stand there.
            assert self.scenario.before is None
            assert told.outcome != "acked"
            fresh = Registry(backend=store, create=True)
        now = said(fresh)
        visible = now == self.after
        if self.commits:
            assert now in {self.before, self.after}, "neither all nor nothing"
        else:
            assert now == self.before == self.after
        self._compare(told, fresh, visible=visible)
        _check_sound(fresh)
        self._go_on(told, fresh, store, visible=visible)
        key = told.outcome, visible
        self.seen[key] = self.seen.get(key, 0) + 1

    def _compare(self, told: Told, fresh: Registry, *, visible: bool) -> None:
        if told.outcome == "acked":
            assert visible, "acknowledged and lost"
        if not self.commits:
            return
        if told.outcome == "failed":
            assert not visible, "said to have failed, and visible"
        if told.outcome == "unknown":
            assert (fresh.outcome(told.txid) is not None) == visible

    def _go_on(
        self, told: Told, fresh: Registry, store: Backend, *, visible: bool
    ) -> None:
        """Write again, by whoever is alive, without any repair."""
        if self.scenario.again and self.scenario.before is not None:
            seq = fresh.seq
            self.scenario.act(Registry(backend=store))
            assert said(fresh) == self.after
            assert fresh.seq == seq + (0 if visible else self.commits)
            visible = True
        number = self.scenario.next[visible]
        if told.registry is not None:
            made = put(told.registry, "next by the same client")
            assert made.version == number
            number = str(made.number.bump("minor"))
        made = put(fresh, "next by another client")
        assert made.version == number
        assert fresh.get(f"{MODEL}@newest") == made
        _check_sound(Registry(backend=store), deep=False)


def _check_sound(registry: Registry, *, deep: bool = True) -> None:
    report = registry.verify(deep=deep)
    assert report, str(report)
    assert report.voids == 0


def refused(act: Callable[[], Any]) -> ModelverError | None:
    """Return the error that *act* raises, or None."""
    try:
        act()
    except ModelverError as error:
        return error
    return None

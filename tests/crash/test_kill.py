"""Processes are really killed: at each operation, each system call, any moment."""

import itertools
import os
import random
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelver import Registry
from modelver.backends.local import LocalBackend
from tests.crash.judging import Judge, Told
from tests.crash.scenarios import MODEL, SCENARIOS, prepare, put
from tests.crash.victims import Victims
from tests.race.history import token_of

pytestmark = pytest.mark.crash


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk when we look; the victims do."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    """Return what starts victims."""
    with Victims() as made:
        yield made


class Stage:
    """Copies of a folder that a scenario begins with."""

    def __init__(self, scenario: str, folder: Path) -> None:
        self.scenario = SCENARIOS[scenario]
        self._folder = folder
        self._numbers = itertools.count()
        self.judge = Judge.of(self.scenario, lambda: LocalBackend(str(self._next())))
        self._seed = self._next()
        prepare(self.scenario, LocalBackend(str(self._seed)))

    def _next(self) -> Path:
        return self._folder / str(next(self._numbers))

    def copy(self) -> Path:
        """Return a fresh copy."""
        made = self._next()
        if self._seed.exists():
            shutil.copytree(self._seed, made)
        return made


def _end(told: bool, ended: int) -> Told:  # noqa: FBT001
    assert ended == (0 if told else -signal.SIGKILL)
    return Told(outcome="acked" if told else "dead")


OPERATIONS = ["create", "register the first", "register the next", "promote"]
OPERATIONS += ["transaction", "roll back"]


@pytest.mark.parametrize("scenario", OPERATIONS)
def test_at_every_operation(victims: Victims, scenario: str, tmp_path: Path) -> None:
    """Killed before and after each storage operation: all of the commit or none."""
    stage = Stage(scenario, tmp_path)
    kills = 0
    for k in itertools.count(1):
        ends = set()
        for after in (False, True):
            url = stage.copy()
            told, ended = victims.run(
                "operation", url=str(url), scenario=scenario, at=k, after=after
            )
            stage.judge.judge(_end(told, ended), LocalBackend(str(url)))
            kills += not told
            ends.add(told)
        if ends == {True}:
            break
    assert kills >= 2 * stage.scenario.least
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("scenario", ["create", "register the next", "promote"])
def test_at_every_system_call(victims: Victims, scenario: str, tmp_path: Path) -> None:
    """Killed instead of each system call that changes something: all or nothing."""
    stage = Stage(scenario, tmp_path)
    for k in itertools.count(1):
        url = stage.copy()
        told, ended = victims.run("call", url=str(url), scenario=scenario, at=k)
        stage.judge.judge(_end(told, ended), LocalBackend(str(url)))
        if told:
            break
    assert k > {"create": 5, "register the next": 25, "promote": 7}[scenario]
    assert stage.judge.seen.get(("dead", True), 0) >= 1
    shutil.rmtree(tmp_path)


class Written:
    """What a process said that it wrote, until it was killed."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.acked: list[str] = []

    def listen(
        self, victims: Victims, url: Path, name: str, moments: random.Random
    ) -> None:
        """Let a process write in a loop, and kill it at a random moment."""
        # Somewhere in the first, second, ... or fifth write from here.
        wait, delay = moments.randint(1, 5), moments.uniform(0, 0.03)
        child, timer = 0, None
        line: Mapping[str, Any] = {}
        for line in victims.start("loop", url=str(url), name=name):
            child = line.get("child", child)
            if "begun" in line:
                self.begun.append(line["begun"])
                wait -= 1
            if "acked" in line:
                self.acked.append(line["acked"])
            if wait <= 0 and child and timer is None:
                timer = threading.Timer(delay, os.kill, (child, signal.SIGKILL))
                timer.start()
        assert line == {"ended": -signal.SIGKILL}


def _check_written(url: Path, written: Written) -> None:
    """Check that all that was acknowledged is there, once, and that all goes on."""
    registry = Registry(url)
    counted = Counter(token_of(commit) for commit in registry.log())
    assert set(counted.values()) <= {1}
    assert counted.keys() >= set(written.acked)
    assert counted.keys() <= set(written.begun)
    for model in registry.models():
        numbers = [version.version for version in registry.versions(model)]
        assert numbers == [f"0.{n}.0" for n in range(1, len(numbers) + 1)]
    # Both halves of a transaction, or neither.
    for commit in registry.log():
        assert len(commit.actions) in {1, 4}
    report = registry.verify()
    assert report, str(report)
    token = f"next {len(written.begun)}"
    before = len(registry.versions(MODEL)) if MODEL in list(registry) else 0
    assert put(registry, token, message=token).version == f"0.{before + 1}.0"
    written.begun.append(token)
    written.acked.append(token)


def _kill_at_random(both: Sequence[Victims], url: Path, kills: int, seed: int) -> int:
    Registry(url, create=True)
    written = Written()
    for number in range(kills // len(both)):
        threads = [
            threading.Thread(
                target=written.listen,
                args=(victims, url, f"{number}.{n}", random.Random(seed + number + n)),  # noqa: S311
            )
            for n, victims in enumerate(both)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _check_written(url, written)
    return len(written.acked)


def test_at_random(victims: Victims, tmp_path: Path) -> None:
    """Whatever was acknowledged before a ``kill -9`` is there, and all goes on."""
    assert _kill_at_random([victims], tmp_path / "registry", 20, 1) >= 30


def test_two_at_random(victims: Victims, tmp_path: Path) -> None:
    """So it is where two write, and each is killed at its own moment."""
    with Victims() as more:
        acked = _kill_at_random([victims, more], tmp_path / "registry", 20, 2)
    assert acked >= 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_at_random(victims: Victims, tmp_path: Path, seed: int) -> None:
    """A thousand kills, in ten registries."""
    with Victims() as more:
        _kill_at_random([victims, more], tmp_path / "registry", 100, 1000 * seed)

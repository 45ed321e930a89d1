"""Eight processes and sixteen threads write to one registry in a folder at once."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelver import Registry, Report
from modelver._values.entry import SetAlias
from tests.race.history import Call, check_calls, check_looks, token_of
from tests.race.running import Crew, Story
from tests.race.worker import ALIAS, MODELS

PREPARE = "prepare"

pytestmark = pytest.mark.race


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Return ten processes."""
    with Crew(10) as made:
        yield made


@pytest.fixture
def url(tmp_path: Path) -> Path:
    """Return the folder of an empty registry."""
    Registry(tmp_path / "registry", create=True)
    return tmp_path / "registry"


def _check(url: Path, story: Story) -> Registry:
    """Check the whole history, and that the registry is sound and goes on."""
    registry = Registry(url)
    check_calls(story.calls, registry.log())
    check_looks(story.looks, story.calls, registry)
    report = registry.verify()
    assert report, str(report)
    assert report.voids == 0
    return registry


def _check_reads(story: Story) -> int:
    """Check that a reader got of each version what its writer had put in."""
    lines = story.having("read")
    for line in lines:
        assert line["data"] == line["message"]
    return len(lines)


def _numbers(registry: Registry, model: str) -> list[str]:
    return [version.version for version in registry.versions(model)]


def _refused(calls: list[Call], kind: str) -> list[Call]:
    """Return the calls that failed, all of them for this reason."""
    failed = [call for call in calls if call.outcome != "ok"]
    assert {call.kind for call in failed} <= {kind}
    return failed


def _race_of_all(crew: Crew, url: Path, count: int) -> None:
    # Eight processes, and one more with sixteen threads: eight of them have a
    # registry in common, the others one each.
    story = crew.race(url, "mixed", threads=(1,) * 8 + (16,), count=count, readers=1)
    assert len(story.calls) == (8 + 16) * count * 2
    assert {call.outcome for call in story.calls} == {"ok"}
    registry = _check(url, story)
    assert registry.seq == len(story.calls)
    made = sum(len(_numbers(registry, model)) for model in MODELS)
    assert made == (8 + 16) * count
    for model in registry.models():
        every = _numbers(registry, model)
        assert every == [f"0.{n}.0" for n in range(1, len(every) + 1)]
    assert len(story.looks) >= 10
    assert _check_reads(story) >= made / 2


def test_everybody_registers_and_promotes(crew: Crew, url: Path) -> None:
    """Every acknowledged number is there once, no two alike, none torn, none lost.

    A reader that polls all the while sees whole states only, in order, and can read
    every version that it sees.
    """
    _race_of_all(crew, url, 4)


@pytest.mark.slow
def test_everybody_registers_and_promotes_for_long(crew: Crew, url: Path) -> None:
    """The same with many more rounds: the log grows past its rollups."""
    _race_of_all(crew, url, 40)


def test_one_number_has_one_winner(crew: Crew, url: Path) -> None:
    """Of eight that ask for the same number one gets it; the others are told."""
    rounds = 10
    story = crew.race(url, "explicit", count=rounds, tick=0.1, readers=1)
    registry = _check(url, story)
    assert len(_refused(story.calls, "version-taken")) == 7 * rounds
    won = Counter(call.ref for call in story.calls if call.outcome == "ok")
    assert won == Counter(f"{MODELS[0]}@1.{n}.0" for n in range(rounds))
    assert len(_numbers(registry, MODELS[0])) == rounds
    _check_reads(story)


def _prepare_swap(registry: Registry, racers: int, rounds: int) -> None:
    with registry.transaction(PREPARE) as batch:
        batch.register(MODELS[0], {"w.bin": b"first"}, environment=False)
        for racer in range(racers):
            for number in range(rounds):
                batch.register(
                    MODELS[0],
                    {"w.bin": f"{racer} {number}".encode()},
                    version=f"1.{racer}.{number}",
                    environment=False,
                )
        batch.promote(f"{MODELS[0]}@0.1.0", ALIAS)


def check_swaps(registry: Registry, calls: list[Call]) -> int:
    """Check that each place was left once by whoever expected it; count the losers."""
    lost = _refused(calls, "alias-moved")
    won = Counter(call.expect for call in calls if call.outcome == "ok")
    assert set(won.values()) == {1}
    assert set(won) == {call.expect for call in calls}
    history = list(reversed(registry.alias_history(MODELS[0], ALIAS)))
    assert len(history) == len(won) + 1
    places = [None, *(move.version for move in history)]
    assert [move.previous for move in history] == places[:-1]
    return len(lost)


def test_an_expectation_has_one_winner(crew: Crew, url: Path) -> None:
    """One of those who move an alias from where it stands does so; no move is lost."""
    rounds = 12
    registry = Registry(url)
    _prepare_swap(registry, 8, rounds)
    story = crew.race(url, "swap", count=rounds, tick=0.1)
    assert len(story.calls) == 8 * rounds
    lost = check_swaps(registry, story.calls)
    assert lost >= 4 * rounds, "the racers did not meet"
    prepared = Call(token=PREPARE, begin=0, end=1, outcome="ok")
    check_calls([prepared, *story.calls], registry.log())
    assert registry.verify()


def test_one_registry_is_created(crew: Crew, tmp_path: Path) -> None:
    """Whoever creates the same registry at once gets the same one, and may write."""
    rounds = 8
    story = crew.race(tmp_path / "registries", "create", count=rounds, tick=0.25)
    for number in range(rounds):
        registry = Registry(tmp_path / "registries" / str(number))
        uuids = [x["uuid"] for x in story.having("uuid") if x["round"] == number]
        assert uuids == [registry.uuid] * 8
        calls = [c for c in story.calls if c.token.endswith(f"-{number}")]
        assert [call.outcome for call in calls] == ["ok"] * 8
        check_calls(calls, registry.log())
        assert registry.verify()


def test_one_bundle_is_one_version(crew: Crew, url: Path) -> None:
    """Eight that register the same bundle get the same version, written once."""
    rounds = 10
    story = crew.race(url, "same", count=rounds, tick=0.1)
    registry = Registry(url)
    for number in range(rounds):
        answers = [x for x in story.having("same") if x["round"] == number]
        assert [x["same"] for x in answers] == [f"m{number}@0.1.0"] * 8
        assert {x["digest"] for x in answers} == {registry.get(f"m{number}").digest}
    assert registry.seq == rounds
    report = registry.verify()
    assert report, str(report)
    assert (report.versions, report.objects, report.unreferenced) == (rounds, rounds, 0)


def test_transactions_are_one_step(crew: Crew, url: Path) -> None:
    """Nobody ever sees one half of a commit over two models without the other."""
    rounds = 5
    story = crew.race(url, "pairs", count=rounds, readers=1)
    registry = _check(url, story)
    assert registry.seq == 8 * rounds
    for line in story.having("heads"):
        assert len(set(line["heads"].values())) <= 1, line
        assert len(line["heads"]) in {0, 2}
    for commit in registry.log():
        moves = [a for a in commit.actions if isinstance(a, SetAlias)]
        assert sorted(move.name for move in moves) == sorted(MODELS)
        assert token_of(commit)


def test_verify_holds_while_others_write(crew: Crew, url: Path) -> None:
    """A check of a registry that grows meanwhile finds nothing wrong with it."""
    registry = Registry(url)
    stop = threading.Event()
    reports: list[Report] = []

    def look() -> None:
        while not stop.is_set():
            reports.append(registry.verify())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        story = crew.race(url, "mixed", threads=(1,) * 4, count=10)
    finally:
        stop.set()
        thread.join()
    assert len(reports) >= 5
    for report in reports:
        assert report, str(report)
    _check(url, story)

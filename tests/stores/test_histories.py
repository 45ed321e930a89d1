"""Eight processes write to one registry in a bucket, and the store fails meanwhile."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from modelver import Registry
from tests.figures import tell
from tests.race.history import check_calls, check_looks
from tests.race.running import Crew, Story
from tests.stores.places import EXCLUSIVE, Place, chosen, place_in

pytestmark = pytest.mark.race

# How many histories of the long run each store takes; SeaweedFS lets losers wait for
# seconds. Together with those in a folder they are more than a thousand.
LONG: Final = {
    "seaweed": 12,
    "fake_gcs": 60,
    "azurite": 60,
    "sshd": 60,
}
IN_A_FOLDER: Final = 950
# Histories of one test, which may take five minutes, whatever else the machine does.
BATCH: Final = 10
FAULTS: Final = 0.05


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Return nine processes."""
    with Crew(9) as made:
        yield made


def _race(crew: Crew, place: Place, folder: Path, seed: int, count: int = 2) -> Story:
    """Let eight processes register and promote, and one look on; check the history."""
    registry = Registry(place.url, storage_options=place.options, create=True)
    story = crew.race(
        place.url,
        "mixed",
        count=count,
        readers=1,
        options=place.options,
        faults=FAULTS,
        seed=seed,
        folder=folder,
    )
    assert {call.outcome for call in story.calls} <= {"ok", "failed", "unknown"}
    check_calls(story.calls, registry.log())
    check_looks(story.looks, story.calls, registry)
    report = registry.verify()
    assert report, str(report)
    assert report.voids == 0
    for line in story.having("read"):
        assert line["data"] == line["message"]
    return story


def _fired(story: Story) -> int:
    return sum(line["fired"] for line in story.having("fired"))


@pytest.mark.parametrize(
    "store",
    [
        *chosen("fake_gcs", "azurite", "sshd"),
        # Whoever loses a race waits there for seconds.
        pytest.param("seaweed", marks=pytest.mark.servers),
    ],
)
def test_acknowledged_commits_are_there_once(
    crew: Crew, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What was acknowledged is there once, what failed never, and all in an order.

    One request in twenty fails, before or after the store has done it.
    """
    make = place_in(request)
    rounds = 1 if store == "seaweed" else 3
    story = _race(crew, make(store), tmp_path, 0, rounds)
    assert _fired(story) >= 3
    assert len(story.calls) >= 8 * rounds


def _batches(count: int) -> list[range]:
    """Return the seeds of *count* histories, those of one test together."""
    return [range(n, min(n + BATCH, count)) for n in range(0, count, BATCH)]


def _many(crew: Crew, make: Callable[[int], Place], seeds: range, folder: Path) -> None:
    """Check a history for each seed, and tell how many there were."""
    began, fired, store = time.monotonic(), 0, ""
    for seed in seeds:
        place = make(seed)
        store = place.store
        fired += _fired(_race(crew, place, folder, seed))
    tell(
        "histories",
        store=store,
        histories=len(seeds),
        faults=fired,
        first_seed=seeds.start,
        seconds=round(time.monotonic() - began, 1),
    )
    assert fired >= 3 * len(seeds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "seeds"),
    [
        pytest.param(*each.values, seeds, marks=each.marks, id=f"{each.values[0]}-{n}")
        for each in chosen(*EXCLUSIVE)
        for n, seeds in enumerate(_batches(LONG[str(each.values[0])]))
    ],
)
def test_many_histories(
    crew: Crew,
    store: str,
    seeds: range,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """So it is in every one of many histories, each with faults of its own."""
    make = place_in(request)
    _many(crew, lambda _: make(store), seeds, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", _batches(IN_A_FOLDER), ids=lambda seeds: seeds.start)
def test_many_histories_in_a_folder(crew: Crew, seeds: range, tmp_path: Path) -> None:
    """In a folder of this machine, too."""
    _many(
        crew,
        lambda seed: Place("folder", str(tmp_path / str(seed)), {}),
        seeds,
        tmp_path,
    )


def test_a_thousand() -> None:
    """The long run has more than a thousand histories."""
    assert IN_A_FOLDER + sum(LONG.values()) > 1000
    assert set(LONG) == set(EXCLUSIVE)

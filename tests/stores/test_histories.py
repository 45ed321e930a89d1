"""Eight processes write to one registry in a bucket, and the store fails meanwhile."""

from collections.abc import Iterator
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
    "fake_gcs": 150,
    "azurite": 130,
    "sshd": 130,
}
IN_A_FOLDER: Final = 600
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


@pytest.mark.slow
@pytest.mark.parametrize("store", chosen(*EXCLUSIVE))
def test_many_histories(
    crew: Crew, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """So it is in every one of many histories, each with faults of its own."""
    make = place_in(request)
    fired = 0
    for seed in range(LONG[store]):
        fired += _fired(_race(crew, make(store), tmp_path, 1000 + seed))
    tell("histories", store=store, histories=LONG[store], faults=fired)
    assert fired >= 5 * LONG[store]


@pytest.mark.slow
def test_many_histories_in_a_folder(crew: Crew, tmp_path: Path) -> None:
    """In a folder of this machine, too."""
    fired = 0
    for seed in range(IN_A_FOLDER):
        place = Place("folder", str(tmp_path / str(seed)), {})
        fired += _fired(_race(crew, place, tmp_path, seed))
    tell("histories", store="folder", histories=IN_A_FOLDER, faults=fired)
    assert fired >= 5 * IN_A_FOLDER


def test_a_thousand() -> None:
    """The long run has more than a thousand histories."""
    assert IN_A_FOLDER + sum(LONG.values()) > 1000
    assert set(LONG) == set(EXCLUSIVE)

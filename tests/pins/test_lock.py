"""What an application runs with, and moving pins."""

import json
from pathlib import Path

import pytest

import modelver
from modelver.errors import (
    ErrorKind,
    FormatError,
    IntegrityError,
    NotFoundError,
    UpgradeRequiredError,
)
from tests.pins.conftest import World


def lock(world: World, ref: str = "fraud@^1.0", name: str | None = None) -> Path:
    """Pin a version in the lock."""
    modelver.pin(ref, registry=world.registry, lock=True, name=name)
    return world.repo / "modelver.lock"


def test_an_application_gets_what_is_locked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From anywhere in the repository, whatever was registered since."""
    path = lock(world)
    world.register({"w.bin": b"newer"}, "1.2.0")
    (world.repo / "app").mkdir()
    monkeypatch.chdir(world.repo / "app")
    version = modelver.locked("fraud")
    assert version.ref == "fraud@1.1.0"
    assert (version.path() / "w.bin").read_bytes() == b"two"
    monkeypatch.chdir("/")
    assert modelver.locked("fraud", lock=path) == version
    with pytest.raises(NotFoundError, match=r"modelver\.lock"):
        modelver.locked("fraud")


def test_a_lock_is_read_by_people_and_merged_by_git(world: World) -> None:
    """It is sorted JSON, a field a line; two branches with two models merge."""
    world.registry.register("intent", {"i": b"i"}, environment=False)
    world.registry.register("zebra", {"z": b"z"}, environment=False)
    for ref in ("zebra", "intent", "fraud@1.0.0"):
        lock(world, ref)
    text = (world.repo / "modelver.lock").read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    assert list(json.loads(text)["models"]) == ["fraud", "intent", "zebra"]
    world.commit("locked")
    world.git("checkout", "-b", "other")
    world.registry.register("zebra", {"z": b"zz"}, version="5.0.0", environment=False)
    modelver.update("zebra", registry=world.registry)
    world.commit("zebra")
    world.git("checkout", "main")
    lock(world, "fraud@1.1.0")
    world.commit("fraud")
    world.git("merge", "--no-edit", "other")
    assert modelver.locked("fraud").version == "1.1.0"
    assert modelver.locked("zebra").version == "5.0.0"


def test_names_of_the_lock(world: World) -> None:
    """Two versions of one model stand under two names."""
    lock(world)
    lock(world, "fraud@1.0.0", name="baseline")
    assert modelver.locked("baseline").ref == "fraud@1.0.0"
    assert modelver.locked("fraud").ref == "fraud@1.1.0"
    with pytest.raises(NotFoundError) as caught:
        modelver.locked("baselin")
    assert caught.value.near == ["baseline"] or "baseline" in caught.value.near


def test_updating_moves_pins_to_what_refs_mean(world: World) -> None:
    """Pointers and lock move together; exact pins and other majors stay."""
    modelver.pin("fraud@^1.0", "models", registry=world.registry)
    modelver.pin("fraud@1.0.0", "old", registry=world.registry)
    lock(world)
    assert [m.moved for m in modelver.update()] == [False] * 3
    world.register({"w.bin": b"patched"}, "1.1.1")
    world.register({"w.bin": b"next"}, "2.0.0")
    dry = modelver.update(dry_run=True)
    assert [(m.path, m.old, m.new) for m in dry if m.moved] == [
        ("models/fraud.mv.json", "fraud@1.1.0", "fraud@1.1.1"),
        ("modelver.lock", "fraud@1.1.0", "fraud@1.1.1"),
    ]
    assert world.files()["fraud/w.bin"] == b"two"
    assert modelver.update() == dry
    assert world.files() == {"fraud/w.bin": b"patched"}
    assert modelver.locked("fraud").version == "1.1.1"
    assert not any(m.moved for m in modelver.update())


def test_updating_some(world: World) -> None:
    """By model, by pointer or by what it restores; an unknown name is told."""
    world.registry.register("intent", {"i": b"i"}, environment=False)
    modelver.pin("fraud@^1.0", "models", registry=world.registry)
    modelver.pin("intent@^0.1", "models", registry=world.registry)
    world.register({"w.bin": b"patched"}, "1.1.1")
    for name in ("fraud", "models/fraud.mv.json", "models/fraud", "models/fraud/"):
        (move,) = modelver.update(name, dry_run=True)
        assert move.new == "fraud@1.1.1"
    with pytest.raises(NotFoundError, match="frod") as caught:
        modelver.update("frod", "fraud")
    assert caught.value.kind == ErrorKind.MODEL
    assert world.files()["fraud/w.bin"] == b"patched"


def test_fields_of_later_releases_are_kept(world: World) -> None:
    """An update of an older modelver loses nothing that a newer one has noted."""
    modelver.pin("fraud@^1.0", "models", registry=world.registry)
    path = world.repo / "models/fraud.mv.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "x-note": "kept"}))
    world.register({"w.bin": b"patched"}, "1.1.1")
    modelver.update()
    assert json.loads(path.read_text())["x-note"] == "kept"


def test_a_digest_that_is_another(world: World) -> None:
    """A lock that was edited or replaced is no lock."""
    path = lock(world)
    said = json.loads(path.read_text())
    said["models"]["fraud"]["digest"] = "b3:" + "0" * 64
    path.write_text(json.dumps(said))
    with pytest.raises(IntegrityError) as caught:
        modelver.locked("fraud")
    assert caught.value.kind == ErrorKind.PIN_MISMATCH
    with pytest.raises(IntegrityError):
        modelver.update()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1, "models": []}', '{"format": 1, "models": {"a": 1}}',
     '{"format": 1, "models": {"../x": {}}}', "<<<<<<< HEAD\n{}", "\x00"],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_lock(world: World, text: str) -> None:
    """It is refused by its name, and never overwritten."""
    path = world.repo / "modelver.lock"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"modelver\.lock"):
        modelver.locked("fraud")
    with pytest.raises(FormatError):
        lock(world)
    assert path.read_text() == text


def test_a_later_lock_asks_for_an_upgrade(world: World) -> None:
    """It is not guessed at."""
    path = lock(world)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UpgradeRequiredError):
        modelver.locked("fraud")

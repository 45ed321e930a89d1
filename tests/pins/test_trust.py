"""A repository comes from somebody: what its pointers may not do."""

import os
import shutil
from pathlib import Path

import pytest

import modelver
from modelver._pins import find, pull as pulling
from modelver._pins.source import local_copies
from modelver._registry.registry import Registry
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    FormatError,
    IntegrityError,
    InvalidInputError,
)
from tests.pins.conftest import World


@pytest.fixture
def far(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder that is not beside the repository."""
    return str(tmp_path_factory.mktemp("far") / "away")


@pytest.fixture
def stranger(world: World, far: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose pointer names a registry by a whole path, seen nowhere."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    shutil.copytree(world.folder / "registry", far)
    name(world, far)
    shutil.rmtree(world.repo / "models/fraud")
    shutil.rmtree(world.repo / ".git/modelver")
    monkeypatch.setenv("MODELVER_STATE_DIR", str(world.folder / "fresh"))
    return world


def name(world: World, registry: str, old: str = "../../registry") -> None:
    """Let the pointer name another registry."""
    path = world.repo / "models/fraud.mv.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(f'"{old}"', f'"{registry}"'))


def test_an_unknown_registry_is_not_opened(stranger: World, far: str) -> None:
    """It is named, with what to do; trusted once, it is known from then on."""
    with pytest.raises(InvalidInputError, match="never used") as caught:
        modelver.pull()
    assert caught.value.kind == ErrorKind.UNTRUSTED_REGISTRY
    assert caught.value.facts["registry"] == far
    assert f"--trust {far}" in caught.value.hints[0]
    assert stranger.files() == {}
    modelver.pull(trust=far)
    assert stranger.files()["fraud/w.bin"] == b"one"
    shutil.rmtree(stranger.repo / "models/fraud")
    modelver.pull()
    assert stranger.files()["fraud/w.bin"] == b"one"


@pytest.mark.parametrize("how", ["variable", "argument", "whole", "below"])
def test_ways_to_trust(
    stranger: World, far: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable, an opened registry, and the user's own settings of git."""
    if how == "variable":
        monkeypatch.setenv("MODELVER_REGISTRY", far)
        modelver.pull()
    elif how == "argument":
        modelver.pull(registry=stranger.registry)
    else:
        value = far if how == "whole" else f"{Path(far).parent}/"
        stranger.git("config", "--global", "--add", "modelver.trust", value)
        modelver.pull()
    assert stranger.files()["fraud/w.bin"] == b"one"


def test_a_repository_cannot_vouch_for_itself(stranger: World, far: str) -> None:
    """Settings of the repository are not the user's."""
    stranger.git("config", "--local", "modelver.trust", far)
    with pytest.raises(InvalidInputError, match="never used"):
        modelver.pull()
    stranger.git("config", "--global", "--add", "modelver.trust", f"{far[:-1]}/")
    with pytest.raises(InvalidInputError, match="never used"):
        modelver.pull()


@pytest.mark.parametrize(
    "registry",
    [
        "http://169.254.169.254/registry",
        "s3://bucket/registry",
        "//host/share",
        "\\\\\\\\host\\\\share",
        "file:///registry",
        "../../../../../../../etc",
        "C:/registry",
    ],
)
def test_no_address_is_contacted(world: World, registry: str) -> None:
    """Neither hosts nor shares nor folders far away are asked on a pointer's word."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    name(world, registry)
    shutil.rmtree(world.repo / "models/fraud")
    shutil.rmtree(world.repo / ".git/modelver")
    with pytest.raises(InvalidInputError, match="never used"):
        modelver.pull()


def test_a_link_does_not_lead_to_a_registry(stranger: World, far: str) -> None:
    """A folder is where it is, not where a link in the repository pretends."""
    name(stranger, "../near", old=far)
    (stranger.repo / "near").symlink_to(far)
    with pytest.raises(InvalidInputError, match="never used"):
        modelver.pull()


def test_a_hint_can_be_pasted(world: World) -> None:
    """An address cannot make a shell run more than the command that is proposed."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    name(world, "/far; touch executed #")
    shutil.rmtree(world.repo / ".git/modelver")
    with pytest.raises(InvalidInputError) as caught:
        modelver.pull()
    assert "--trust '/far; touch executed #' " in caught.value.hints[0]


@pytest.mark.parametrize("what", ["target", "inside", "file", "pointer"])
def test_nothing_is_restored_through_a_link(world: World, what: str) -> None:
    """A link in a repository could lead to Git's own hooks."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    shutil.rmtree(world.repo / "models/fraud")
    hooks = world.repo / ".git/hooks"
    before = sorted(hooks.iterdir())
    target = world.repo / "models/fraud"
    if what == "target":
        target.symlink_to("../.git/hooks")
    elif what == "pointer":
        (world.repo / "models/other.mv.json").symlink_to("/etc/passwd")
    else:
        target.mkdir()
        if what == "inside":
            (target / "sub").symlink_to("../../.git/hooks")
        else:
            (target / "w.bin").symlink_to("../../.git/hooks/post-checkout")
    for force in (False, True):
        with pytest.raises((AlreadyExistsError, FormatError), match="is a link"):
            modelver.pull(force=force)
    assert sorted(hooks.iterdir()) == before


def test_a_folder_behind_a_link(world: World) -> None:
    """Where a file system takes two names for one, a link can stand in for a folder."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    world.commit("one")
    away = world.folder / "away"
    (world.repo / "models").rename(away)
    shutil.rmtree(away / "fraud")
    (world.repo / "models").symlink_to(away)
    with pytest.raises(AlreadyExistsError, match="reached through"):
        modelver.pull()
    with pytest.raises(InvalidInputError, match="outside"):
        modelver.pull("models/fraud.mv.json")
    assert not (away / "fraud").exists()


def test_odd_files_are_no_pointers(world: World) -> None:
    """A FIFO, a folder, a file without end: an error at once, and no waiting."""
    models = world.repo / "models"
    models.mkdir()
    os.mkfifo(models / "fifo.mv.json")
    (models / "folder.mv.json").mkdir()
    with (models / "sparse.mv.json").open("wb") as file:
        file.truncate(2**40)
    for name_ in ("fifo", "folder", "sparse"):
        with pytest.raises(FormatError, match=name_):
            modelver.pull(models / f"{name_}.mv.json")


def test_another_registry_in_its_place(world: World) -> None:
    """It is named, though the version has the same number; nothing is restored."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    shutil.rmtree(world.folder / "registry")
    shutil.rmtree(world.repo / "models/fraud")
    modelver.forget(world.folder / "registry")
    other = Registry(world.folder / "registry", create=True)
    other.register("fraud", {"w.bin": b"evil"}, version="1.0.0", environment=False)
    with pytest.raises(IntegrityError, match="another one") as caught:
        modelver.pull()
    assert caught.value.kind == ErrorKind.REGISTRY_REPLACED
    assert world.files() == {}


def test_a_pin_that_was_edited(world: World) -> None:
    """A number with the digest of another version is no pin."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    path = world.repo / "models/fraud.mv.json"
    path.write_text(
        path.read_text().replace('"version": "1.0.0"', '"version": "1.1.0"')
    )
    (world.repo / "models/fraud/w.bin").unlink()
    with pytest.raises(IntegrityError) as caught:
        modelver.pull()
    assert caught.value.kind == ErrorKind.PIN_MISMATCH
    assert "fraud@1.1.0" in str(caught.value)


def test_damage_is_not_restored(world: World) -> None:
    """Bytes that are not those of the digest never arrive."""
    modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    shutil.rmtree(world.repo / "models/fraud")
    shutil.rmtree(Path(os.environ["MODELVER_CACHE_DIR"]))
    for path in (world.folder / "registry/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(IntegrityError):
        modelver.pull()
    assert world.files() == {}


def test_outside_of_the_repository(world: World) -> None:
    """A path above it is not pulled."""
    with pytest.raises(InvalidInputError, match="outside"):
        modelver.pull("..")
    with pytest.raises(InvalidInputError, match="Git's own"):
        modelver.pull(".git/x.mv.json")
    with pytest.raises(InvalidInputError, match="Git's own folder"):
        modelver.pin("fraud", ".git/models", registry=world.registry)
    assert not (world.repo / ".git/models").exists()


def test_one_bad_pointer_keeps_no_other_back(world: World) -> None:
    """Each is tried; the first error is raised, and the others are told of in it."""
    for at in ("a", "b", "c"):
        modelver.pin("fraud@1.0.0", at, registry=world.registry)
        shutil.rmtree(world.repo / at / "fraud")
    (world.repo / "a/fraud.mv.json").write_text("{}")
    (world.repo / "b/fraud.mv.json").write_text("nonsense")
    with pytest.raises(FormatError, match="a/fraud") as caught:
        modelver.pull()
    assert any("b/fraud.mv.json" in hint for hint in caught.value.hints)
    assert world.files(world.repo / "c")["fraud/w.bin"] == b"one"


def test_thousands_of_pointers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are all pulled, with one opened registry; too many are refused."""
    modelver.pin("fraud@1.1.0", "models", registry=world.registry, file="w.bin")
    text = (world.repo / "models/w.bin.mv.json").read_bytes()
    for n in range(1_000):
        (world.repo / "models" / f"{n}.mv.json").write_bytes(text)
    opened = []
    real = Registry.__init__

    def count(self: Registry, *args: object, **more: object) -> None:
        opened.append(args)
        real(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Registry, "__init__", count)
    assert len(modelver.pull()) == 1_001
    assert len(opened) == 1
    assert len(world.files()) == 1_001
    assert {pin.state for pin in modelver.pull()} == {"unchanged"}
    assert len(opened) == 1, "a registry was opened though there was nothing to do"
    monkeypatch.setattr(find, "MOST", 900)
    with pytest.raises(InvalidInputError, match="more than 900"):
        modelver.pull()


def test_a_copy_is_verified_where_it_lands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes between the cache and the work tree does not arrive either."""

    def tampered(*args: object) -> dict[str, Path]:
        found = local_copies(*args)  # type: ignore[arg-type]
        other = world.folder / "other"
        other.write_bytes(b"eno")
        return {**found, "w.bin": other}

    monkeypatch.setattr(pulling, "local_copies", tampered)
    with pytest.raises(IntegrityError, match=r"model/w\.bin"):
        modelver.pin("fraud@1.0.0", "models", registry=world.registry)
    assert "fraud/w.bin" not in world.files()
    assert list(world.repo.rglob("*.mvtmp")) == []

"""Pinning a version, and having back what is pinned."""

import os
import shutil
from pathlib import Path

import pytest

import modelver
from modelver._pins.pointer import SUFFIX, parse
from modelver.errors import (
    AlreadyExistsError,
    ErrorKind,
    FormatError,
    InvalidInputError,
    NotFoundError,
)
from tests.pins.conftest import World

ONE = {"fraud/w.bin": b"one", "fraud/sub/old.txt": b"old"}
TWO = {"fraud/w.bin": b"two", "fraud/new.txt": b"new"}


def pinned(world: World, ref: str = "fraud@1.0.0") -> Path:
    """Pin a version in ``models``; return its pointer."""
    modelver.pin(ref, "models", registry=world.registry)
    return world.repo / "models" / "fraud.mv.json"


def test_a_pin_is_a_pointer_and_its_bytes(world: World) -> None:
    """The pointer says what was asked and what it is; Git does not see the bytes."""
    done = modelver.pin("fraud@^1.0", "models", registry=world.registry)
    assert (done.version, done.state) == ("fraud@1.1.0", "restored")
    assert world.files() == TWO
    raw = (world.repo / "models" / "fraud.mv.json").read_bytes()
    found = parse(raw, "x")
    assert (found.ref, found.version) == ("fraud@^1.0", "1.1.0")
    assert found.digest == world.registry.get("fraud@1.1.0").digest
    assert found.registry == "../../registry"
    assert found.dump() == raw
    assert raw.endswith(b"}\n")
    assert world.git("status", "--short", "--untracked-files=all").split() == [
        "??",
        "models/.gitignore",
        "??",
        "models/fraud.mv.json",
    ]


def test_pulling_restores_what_is_missing(world: World) -> None:
    """A file that is gone comes back, one that is right is not touched."""
    pinned(world)
    kept = world.repo / "models/fraud/w.bin"
    before = kept.stat()
    (world.repo / "models/fraud/sub/old.txt").unlink()
    assert [pin.state for pin in modelver.pull(check=True)] == ["missing"]
    assert not (world.repo / "models/fraud/sub/old.txt").exists()
    assert [pin.state for pin in modelver.pull()] == ["restored"]
    assert world.files() == ONE
    assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == (
        before.st_mtime_ns,
        before.st_ino,
    )
    assert [pin.state for pin in modelver.pull()] == ["unchanged"]


def test_a_pointer_that_moved_takes_its_files_along(world: World) -> None:
    """What the former pointer restored and the new one does not have is deleted."""
    pinned(world)
    (world.repo / "models/fraud/mine.txt").write_text("a user's own")
    pinned(world, "fraud@1.1.0")
    assert world.files() == {**TWO, "fraud/mine.txt": b"a user's own"}
    assert not (world.repo / "models/fraud/sub").exists()


@pytest.mark.parametrize("place", ["w.bin", "sub/old.txt", "new.txt"])
def test_local_changes_are_not_overwritten(world: World, place: str) -> None:
    """Changed, to be deleted or in the way: it stays, unless it is forced."""
    pointer = pinned(world)
    before = pointer.read_bytes()
    path = world.repo / "models/fraud" / place
    path.write_bytes(b"retrained")
    with pytest.raises(AlreadyExistsError, match=place) as caught:
        modelver.pin("fraud@1.1.0", "models", registry=world.registry)
    assert caught.value.kind == ErrorKind.LOCAL_CHANGES
    assert pointer.read_bytes() == before, "the pointer moved without its bytes"
    assert path.read_bytes() == b"retrained"
    modelver.pin("fraud@1.1.0", "models", registry=world.registry, force=True)
    assert world.files() == TWO


def test_a_changed_file_is_seen_and_kept(world: World) -> None:
    """A pull and a check tell of it; only a forced pull takes it."""
    pinned(world)
    path = world.repo / "models/fraud/w.bin"
    path.write_bytes(b"ONE")
    assert [pin.state for pin in modelver.pull(check=True)] == ["changed"]
    with pytest.raises(AlreadyExistsError, match=r"models/fraud/w\.bin"):
        modelver.pull()
    assert path.read_bytes() == b"ONE"
    modelver.pull("models/fraud", force=True)
    assert world.files() == ONE


def test_a_record_is_only_a_help(world: World) -> None:
    """Without it, files are read; what is as pinned is known for that."""
    pinned(world)
    shutil.rmtree(world.repo / ".git/modelver")
    assert [pin.state for pin in modelver.pull()] == ["unchanged"]
    for record in (world.repo / ".git/modelver/restored").iterdir():
        record.write_bytes(b'{"pointer": "../../x"}')
    assert [pin.state for pin in modelver.pull()] == ["unchanged"]


def test_an_interrupted_pull_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of both versions are known as restored ones, not as a user's."""
    pinned(world)
    world.registry.get("fraud@1.1.0").path()
    left = world.repo / "models/fraud/.w.bin.0123456789ab.mvtmp"
    left.write_bytes(b"of a killed one")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", _refuse(Path.replace, "w.bin"))
        with pytest.raises(modelver.StorageError):
            pinned(world, "fraud@1.1.0")
    assert (
        parse((world.repo / "models/fraud.mv.json").read_bytes(), "x").version
        == "1.1.0"
    )
    assert [pin.state for pin in modelver.pull()] == ["restored"]
    assert world.files() == TWO
    assert list(world.repo.rglob("*.mvtmp")) == []


def _refuse(real: object, name: str) -> object:
    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise OSError(28, "no space left on device")
        return real(self, target)  # type: ignore[operator, no-any-return]

    return replace


def test_a_pointer_that_is_gone_takes_its_files_along(world: World) -> None:
    """Deleted with its pointer; what was changed since stays, and is told of."""
    pointer = pinned(world)
    pointer.unlink()
    (world.repo / "models/fraud/w.bin").write_bytes(b"changed")
    assert [pin.state for pin in modelver.pull(check=True)] == ["missing"]
    assert [pin.state for pin in modelver.pull()] == ["left"]
    assert world.files() == {"fraud/w.bin": b"changed"}


def test_roles_and_single_files(world: World) -> None:
    """Several roles stand below their names; one file stands by itself."""
    world.register({"m.bin": b"m"}, "2.0.0", config={"lr": b"0.1"}, docs={"a.md": b"#"})
    modelver.pin("fraud@2.0.0", "a", registry=world.registry, roles=["model", "config"])
    modelver.pin("fraud@2.0.0", "b", registry=world.registry, file="m.bin")
    modelver.pin(
        "fraud@2.0.0", "b", registry=world.registry, file="docs/a.md", name="card.md"
    )
    assert world.files(world.repo / "a") == {
        "fraud/model/m.bin": b"m",
        "fraud/config/lr": b"0.1",
    }
    assert world.files(world.repo / "b") == {"m.bin": b"m", "card.md": b"#"}
    assert "a/fraud/" not in world.git("status", "--short", "-uall")
    modelver.pin("fraud@2.0.0", "a", registry=world.registry, roles="docs")
    assert world.files(world.repo / "a") == {"fraud/a.md": b"#"}
    with pytest.raises(NotFoundError, match="code"):
        modelver.pin("fraud@2.0.0", "a", registry=world.registry, roles="code")


def test_two_pointers_in_one_folder(world: World) -> None:
    """Each has its own place, and a name that is taken is not taken twice."""
    world.registry.register("nlp/intent", {"i.bin": b"i"}, environment=False)
    pinned(world)
    modelver.pin("nlp/intent", "models", registry=world.registry)
    modelver.pin("fraud@1.1.0", "models", registry=world.registry, name="candidate")
    assert set(world.files()) == {
        *ONE,
        "nlp-intent/i.bin",
        "candidate/w.bin",
        "candidate/new.txt",
    }
    with pytest.raises(AlreadyExistsError, match="fraud"):
        modelver.pin("nlp/intent", "models", registry=world.registry, name="fraud")
    assert len(modelver.pull("models")) == 3
    assert len(modelver.pull("models/candidate", "models/fraud.mv.json")) == 2
    with pytest.raises(InvalidInputError, match="nothing"):
        modelver.pull("models/nothing")


def test_from_file_to_folder_and_back(world: World) -> None:
    """A pin may become a file where it was a folder, and the other way round."""
    modelver.pin("fraud@1.0.0", "m", registry=world.registry)
    modelver.pin(
        "fraud@1.0.0", "m", registry=world.registry, file="w.bin", name="fraud"
    )
    assert world.files(world.repo / "m") == {"fraud": b"one"}
    modelver.pin("fraud@1.1.0", "m", registry=world.registry)
    assert set(world.files(world.repo / "m")) == {"fraud/w.bin", "fraud/new.txt"}
    (world.repo / "m/fraud/mine").write_bytes(b"mine")
    with pytest.raises(AlreadyExistsError):
        modelver.pin(
            "fraud@1.0.0", "m", registry=world.registry, file="w.bin", name="fraud"
        )
    assert (world.repo / "m/fraud/mine").read_bytes() == b"mine"


def test_without_git(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of a repository, in a container for instance, can be pulled too."""
    pinned(world)
    plain = world.folder / "plain"
    (plain / "deep/models").mkdir(parents=True)
    shutil.copy(world.repo / "models/fraud.mv.json", plain / "deep/models")
    text = (plain / "deep/models/fraud.mv.json").read_text()
    (plain / "deep/models/fraud.mv.json").write_text(
        text.replace("../../registry", "../../../registry")
    )
    monkeypatch.chdir(plain)
    assert [pin.state for pin in modelver.pull()] == ["restored"]
    assert world.files(plain) == {f"deep/models/{k}": v for k, v in ONE.items()}
    assert [pin.state for pin in modelver.pull()] == ["unchanged"]


def test_a_folder_that_is_no_text(world: World) -> None:
    """Git knows names that are no UTF-8; pointers below such folders are pulled."""
    pinned(world)
    odd = os.fsdecode(b"od\xffd")
    shutil.copytree("models", odd)
    shutil.rmtree(Path(odd) / "fraud")
    shutil.copy("models/fraud.mv.json", os.fsdecode(b"\xfe") + SUFFIX)
    world.commit("odd")
    with pytest.raises(InvalidInputError, match="restored as"):
        modelver.pull()
    assert (Path(odd) / "fraud/w.bin").read_bytes() == b"one"


@pytest.mark.parametrize(
    "name", ["con", "a:b", "x.", " x", ".git", "a\\b", "..", "e\u0301"], ids=ascii
)
def test_names_that_other_systems_refuse(world: World, name: str) -> None:
    """A target is a name that every system can have; a pointer cannot choose it."""
    with pytest.raises(InvalidInputError):
        modelver.pin("fraud", "models", registry=world.registry, name=name)
    pinned(world)
    if name == "..":
        return
    (world.repo / "models" / f"{name}{SUFFIX}").write_bytes(
        (world.repo / "models/fraud.mv.json").read_bytes()
    )
    with pytest.raises(InvalidInputError, match="restored as"):
        modelver.pull()
    assert world.files() == ONE


def test_a_merge_conflict_in_a_pointer_is_named(world: World) -> None:
    """It is no pin; pinning again resolves it."""
    pointer = pinned(world)
    pointer.write_bytes(b"<<<<<<< ours\n" + pointer.read_bytes() + b">>>>>>> theirs\n")
    with pytest.raises(FormatError, match="merge conflict"):
        modelver.pull()
    pinned(world, "fraud@1.1.0")
    assert world.files() == TWO


def test_a_pointer_that_git_ignores_is_told_of(world: World) -> None:
    """A repository that ignores JSON would lose the pin with the next clone."""
    (world.repo / ".gitignore").write_text("*.json\n")
    with pytest.warns(modelver.ModelverWarning, match="ignored by Git"):
        pinned(world)
    assert [pin.state for pin in modelver.pull("models/fraud.mv.json")] == ["unchanged"]


def test_a_withdrawn_version_is_pulled_with_a_word(world: World) -> None:
    """A pin is exact: it is honoured, and its user is told."""
    pinned(world)
    shutil.rmtree("models/fraud")
    world.registry.withdraw("fraud@1.0.0", reason="wrong labels")
    with pytest.warns(modelver.WithdrawnWarning, match="wrong labels"):
        modelver.pull()
    assert world.files() == ONE


def test_executable_and_empty_files(world: World) -> None:
    """The mode that a bundle keeps is restored, and so is a file of no bytes."""
    source = world.folder / "tool"
    source.write_text("#!/bin/sh\n")
    source.chmod(0o755)
    world.registry.register("tool", {"run": source, "empty": b""}, environment=False)
    modelver.pin("tool", "t", registry=world.registry)
    assert os.access("t/tool/run", os.X_OK)
    assert not os.access("t/tool/empty", os.X_OK)
    assert Path("t/tool/empty").read_bytes() == b""


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("last", ["", None], ids=["open", "ended"])
def test_lines_of_a_user_stay(world: World, end: str, last: str | None) -> None:
    """What is in ``.gitignore`` already is kept as it is, byte for byte."""
    (world.repo / "models").mkdir()
    path = world.repo / "models/.gitignore"
    old = f"*.log{end}\x0bodd\u2028line{end}last" + (end if last is None else last)
    path.write_bytes(old.encode() + b"\xff")
    pinned(world)
    found = path.read_bytes()
    assert found.startswith(old.encode() + b"\xff")
    assert f"/fraud/{end}".encode() in found
    modelver.pin("fraud", "models", registry=world.registry, name="other")
    again = path.read_bytes()
    assert again.count(b"Restored by modelver") == 1
    assert b"/other/" in again
    pinned(world)
    assert path.read_bytes() == again


def test_what_is_kept_of_a_ref(world: World) -> None:
    """The ref as it was asked for; where it names no model, the exact one."""
    version = world.registry.get("fraud@1.0.0")
    expected: list[tuple[str | modelver.ModelVersion, str]] = [
        ("fraud", "fraud"),
        ("fraud@latest", "fraud@latest"),
        (version, "fraud@1.0.0"),
        (version.digest, "fraud@1.0.0"),
    ]
    for ref, kept in expected:
        done = modelver.pin(ref, "models", registry=world.registry)
        assert done.ref == kept

"""The verbs of pins: their answers, and their exit codes."""

import json
import shutil
from pathlib import Path

import pytest

from modelver._cli import main
from tests.pins.conftest import World


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what went to standard output since."""
    return capsys.readouterr().out


def test_pin_and_pull(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each pin; a check ends with 1, a change in the way with 4."""
    world.run("pin", "fraud@^1.0", "models/")
    assert said(capsys) == "models/fraud.mv.json\tfraud@1.1.0\trestored\tfraud@^1.0\n"
    assert main(["pull", "--check"]) == 0
    (world.repo / "models/fraud/w.bin").unlink()
    assert main(["pull", "--check"]) == 1
    assert main(["pull", "models"]) == 0
    (world.repo / "models/fraud/w.bin").write_bytes(b"changed")
    capsys.readouterr()
    assert main(["pull", "--json"]) == 4
    error = json.loads(capsys.readouterr().err)
    assert error["kind"] == "local-changes"
    assert main(["pull", "--force", "--json"]) == 0
    (pin,) = json.loads(said(capsys))
    assert (pin["state"], pin["version"], pin["target"]) == (
        "restored",
        "fraud@1.1.0",
        "models/fraud",
    )
    assert main(["pull", "nowhere"]) == 2


def test_update(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """From, to and why; looking alone ends with 1 where something would move."""
    world.run("pin", "fraud@^1.0", "models/", "--lock")
    assert main(["update", "--dry-run"]) == 0
    world.register({"w.bin": b"patched"}, "1.1.1")
    capsys.readouterr()
    assert main(["update", "--dry-run"]) == 1
    assert said(capsys).splitlines() == [
        "models/fraud.mv.json\tfraud@1.1.0\tfraud@1.1.1\tfraud@^1.0",
        "modelver.lock\tfraud@1.1.0\tfraud@1.1.1\tfraud@^1.0",
    ]
    assert main(["update", "--json"]) == 0
    assert [move["new"] for move in json.loads(said(capsys))] == ["fraud@1.1.1"] * 2
    assert main(["update", "nothing"]) == 3
    assert world.files() == {"fraud/w.bin": b"patched"}


def test_pin_options(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """One file, another name, several roles; and what does not go together."""
    world.register({"w.bin": b"w"}, "2.0.0", docs={"card.md": b"#"})
    world.run("pin", "fraud@2.0.0", "a", "--file", "w.bin", "--as", "weights")
    world.run("pin", "fraud@2.0.0", "b", "--role", "model", "--role", "docs")
    world.run("pin", "fraud@2.0.0", "--lock")
    assert world.files(world.repo / "a") == {"weights": b"w"}
    assert set(world.files(world.repo / "b")) == {
        "fraud/model/w.bin",
        "fraud/docs/card.md",
    }
    world.run("pin", "fraud@2.0.0", code=2)
    world.run("pin", "fraud@9", "a", code=3)
    world.run("pin", "fraud@2.0.0", "a", "--file", "nope", code=3)
    world.run("pin", "fraud@2.0.0", "a", "--role", "weights", code=2)
    assert "Give some of model, code" in capsys.readouterr().err


def test_trust_and_registry(
    world: World,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unknown registry wants a word; one that is named stands for all."""
    world.run("pin", "fraud@1.0.0", "models")
    far = tmp_path_factory.mktemp("far") / "away"
    shutil.move(world.folder / "registry", far)
    path = Path("models/fraud.mv.json")
    path.write_text(path.read_text().replace("../../registry", str(far)))
    shutil.rmtree("models/fraud")
    shutil.rmtree(".git/modelver")
    monkeypatch.setenv("MODELVER_STATE_DIR", str(far.parent / "state"))
    assert main(["pull"]) == 2
    assert main(["pull", "--registry", str(far)]) == 0
    shutil.rmtree("models/fraud")
    monkeypatch.setenv("MODELVER_STATE_DIR", str(far.parent / "other"))
    assert main(["pull"]) == 2
    assert main(["pull", "--trust", str(far)]) == 0
    assert main(["pull"]) == 0


def test_git(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Installed, told and taken out; no other word is known."""
    for action, count in (("install", 3), ("status", 3), ("uninstall", 0)):
        assert main(["git", action, "--json"]) == 0
        found = json.loads(said(capsys))
        assert len(found["present"]) == count
        assert found["top"] == str(world.repo)
    assert main(["git", "status"]) == 0
    assert "hooks\tnone" in said(capsys)
    assert main(["git", "stash"]) == 2
    assert main(["git", "install", "now"]) == 2
    assert main(["git", "smudge"]) == 2


def test_nothing_to_pull(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A repository without pins is no error."""
    assert main(["pull", "--json"]) == 0
    assert json.loads(said(capsys)) == []
    assert main(["update", "--dry-run"]) == 0
    assert world.files(world.repo) == {}

"""What a reproduction leaves in the registry: a commit that cites a file."""

import json
import sys
from pathlib import Path

import pytest

from modelver import Data, ModelVersion, Registry
from modelver.errors import IntegrityError, ReadOnlyError


@pytest.fixture
def version(tmp_path: Path) -> ModelVersion:
    """Return a version that has been made again once, as far as its bytes."""
    registry = Registry(tmp_path / "registry", create=True, author="ada")
    made = registry.register("m", {"model.bin": b"1"}, environment=False)
    assert made.reproduce(attest=True)["L0"].passed
    return registry.get("m")


def the_file(tmp_path: Path) -> Path:
    """Return the only attestation."""
    (found,) = (tmp_path / "registry" / "attestations").rglob("*.json")
    return found


def test_it_is_told_who_and_when(version: ModelVersion, tmp_path: Path) -> None:
    """The attestation is read back with its commit; the version is unchanged."""
    registry = Registry(tmp_path / "registry")
    assert registry.get("m").digest == version.digest
    (said,) = registry.get("m").reproductions()
    assert (said["author"], said["seq"], said["level"]) == ("ada", 2, "L0")
    assert said == {**said, **json.loads(the_file(tmp_path).read_bytes())}
    (action,) = registry.log("m")[0].actions
    assert action.type == "attest"


def test_reading_the_log_needs_no_attestation(
    version: ModelVersion, tmp_path: Path
) -> None:
    """An entry of nothing else is one that an older release may pass over."""
    assert version.ref == "m@0.1.0"
    entry = tmp_path / "registry" / "log" / f"{2:020d}.json"
    assert json.loads(entry.read_bytes())["critical"] is False


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_damage_is_found(version: ModelVersion, tmp_path: Path, damage: str) -> None:
    """An attestation that is gone or changed is named, and never believed."""
    file = the_file(tmp_path)
    if damage == "lost":
        file.unlink()
    else:
        file.chmod(0o644)
        file.write_bytes(file.read_bytes().replace(b'"L0"', b'"L4"'))
    with pytest.raises(IntegrityError):
        version.reproductions()
    report = Registry(tmp_path / "registry").verify()
    (problem,) = report.problems
    assert problem.key.startswith("attestations/")


def test_who_may_only_read_attests_nothing(
    version: ModelVersion, tmp_path: Path
) -> None:
    """Refused before the work begins, not after it."""
    assert version.ref == "m@0.1.0"
    registry = Registry(tmp_path / "registry", read_only=True)
    with pytest.raises(ReadOnlyError):
        registry.get("m").reproduce(tmp_path / "again", attest=True)
    assert not (tmp_path / "again").exists()
    assert registry.get("m").reproduce()["L0"].passed


def test_no_path_of_this_machine_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What differs is named to the caller with its place, and to others without."""
    monkeypatch.chdir(tmp_path)
    Path("train.csv").write_text("1\n")
    registry = Registry(tmp_path / "registry", create=True)
    version = registry.register(
        "m",
        {"model.bin": b"1"},
        data={"train": Data("train.csv", how="digest")},
        command="python train.py",
        environment=False,
    )
    Path("train.csv").write_text("2\n")
    made = version.reproduce(python=sys.executable, attest=True)
    assert str(tmp_path) in made["L0"].details[0]
    told = the_file(tmp_path).read_text()
    assert str(tmp_path) not in told
    assert sys.executable not in told
    assert "input train" in told

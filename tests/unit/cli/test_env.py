"""The environment of a version on the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver._registry import staging
from modelver._registry.registry import Registry
from modelver._values.distributions import fingerprint
from modelver._values.manifest import Environment
from tests.wheelhouse import Wheelhouse

Run = Callable[..., Any]
PYTHON = ".".join(map(str, sys.version_info[:3]))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheelhouse:
    """Return a wheelhouse of one distribution, the only one to be found."""
    found = Wheelhouse(tmp_path / "house")
    found.make("one", "1.0", {"one.py": "x = 1\n"})
    found.use(monkeypatch)
    return found


@pytest.fixture
def made(empty: Registry, house: Wheelhouse, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an environment, and register a version with it."""
    there = house.venv(house.path.parent / "there", "one").parents[1]
    (record,) = there.glob("lib/*/site-packages/one-1.0.dist-info/RECORD")
    mark = fingerprint(record.read_bytes())
    assert mark is not None
    value = Environment(
        implementation=sys.implementation.name,
        python=PYTHON,
        packages={"one": "1.0"},
        fingerprints={"one": mark},
    )
    monkeypatch.setattr(staging, "capture_environment", lambda *_: value)
    empty.register("m", {"w.bin": b"w"})
    return there


@pytest.mark.usefixtures("made")
def test_a_list(cli: Run) -> None:
    """A line for each package; as JSON everything that is recorded."""
    (row,) = cli("env", "m").rows
    assert row[:3] == ["one", "1.0", ""]
    found = cli("env", "m", "--json").json
    assert found["packages"] == {"one": "1.0"}
    assert found["fingerprints"] == {"one": row[3]}
    assert (found["python"], found["ref"]) == (PYTHON, "m@0.1.0")


@pytest.mark.usefixtures("made")
def test_a_file(cli: Run) -> None:
    """Each format goes to standard output as it is."""
    assert cli("env", "m", "--format", "requirements").out == "one==1.0\n"
    assert f"FROM python:{PYTHON}-slim" in cli("env", "m", "--format", "dockerfile").out
    assert '"one==1.0"' in cli("env", "m", "--format", "conda").out
    said = cli("env", "m", "--format", "requirements", "--json").json
    assert said == {"ref": "m@0.1.0", "format": "requirements", "text": "one==1.0\n"}
    assert cli("env", "m", "--format", "pylock").code == 3


def test_build_and_compare(cli: Run, made: Path, tmp_path: Path) -> None:
    """Exits with 0 if it is the same, and with 1 and the difference if not."""
    built = cli(
        "env", "m", "--create", str(tmp_path / "env"), "--python", sys.executable
    )
    assert (built.code, built.err) == (0, "")
    assert built.out.startswith("the same: 1 ")
    assert cli("env", "m", "--create", str(tmp_path / "env")).code == 4
    (module,) = made.glob("lib/*/site-packages/one.py")
    module.write_text("x = 2\n")
    compared = cli("env", "m", "--python", str(made), "--json")
    assert compared.code == 1
    assert compared.json["same"] is False
    assert json.dumps(compared.json["other_files"]).count("one.py") == 1


@pytest.mark.usefixtures("made")
def test_what_cannot_be_meant(cli: Run, empty: Registry) -> None:
    """Two things at once, a tool for nothing, and a version without an environment."""
    assert cli("env", "m", "--format", "conda", "--create", "x").code == 2
    assert cli("env", "m", "--tool", "pip").code == 2
    assert cli("env", "m", "--python", "missing").code == 2
    empty.register("bare", {"w.bin": b"w"}, environment=False)
    found = cli("env", "bare")
    assert found.code == 3
    assert "without an environment" in found.err

"""Data on the command line: copied, pinned, or known by its digest alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def register(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Register a small model in a fresh folder, with more words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELVER_REGISTRY", str(tmp_path / "registry"))
    Path("model.bin").write_bytes(b"weights")
    Path("train.csv").write_text("a,b\n1,2\n")
    assert cli("init").code == 0

    def run(*words: str) -> Any:
        quiet = ("--no-environment", "--code", "none")
        return cli("register", "m", "model.bin", *quiet, *words, "--json")

    return run


def test_each_way_to_keep_data(cli: Run, register: Run, tmp_path: Path) -> None:
    """The words say how; what is shown says it again."""
    url = (tmp_path / "train.csv").as_uri()
    ran = register(
        *("--data", "train=train.csv"),
        *("--data-digest", "d=train.csv"),
        *("--data-reference", f"r={url}"),
    )
    assert ran.code == 0, ran.err
    found = {i["name"]: (i["how"], i["uri"], i["rows"]) for i in ran.json["inputs"]}
    assert found == {
        "d": ("digest", None, 1),
        "r": ("reference", url, 1),
        "train": ("copy", None, 1),
    }
    shown = cli("get", "m@newest").out
    assert url in shown
    users = cli("used-by", url, "--json")
    assert [version["ref"] for version in users.json] == ["m@0.1.0"]


def test_an_address_alone_is_pinned(register: Run, tmp_path: Path) -> None:
    """No name, and no other word, is needed for one."""
    ran = register("--data", (tmp_path / "train.csv").as_uri())
    (found,) = ran.json["inputs"]
    assert (found["name"], found["how"]) == ("train.csv", "reference")


def test_a_path_is_no_reference(register: Run) -> None:
    """It leads nobody else there: a mistake of usage, with what to do."""
    ran = register("--data-reference", "train.csv")
    assert ran.code == 2
    assert "file:///" in ran.err

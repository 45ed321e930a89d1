"""The command line in this process: run it, and see what it says where."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from modelver._cli import main
from modelver._registry.registry import Registry


@frozen
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on standard output."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """The records on standard output."""
        return [line.split("\t") for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run words as a command line whose output goes to pipes."""

    def run(*words: str) -> Ran:
        capfd.readouterr()
        code = main(words)
        said = capfd.readouterr()
        return Ran(code, said.out, said.err)

    return run


class Terminal(io.TextIOWrapper):
    """A terminal of which every byte is kept."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, newline="\n")

    def isatty(self) -> bool:
        """It is one."""
        return True

    @property
    def text(self) -> str:
        """What has been written to it."""
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run words as a command line on a terminal of 100 columns."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*words: str) -> Ran:
        out, err = Terminal(), Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(words)
        return Ran(code, out.text, err.text)

    return run


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Make an empty registry the one that is meant, and the folder the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELVER_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("MODELVER_AUTHOR", "ada")
    return Registry(create=True)


@pytest.fixture
def fraud(empty: Registry) -> Registry:
    """Return a registry with ``fraud`` 0.1.0 (production) and 0.2.0 (staging)."""
    folder = Path()
    (folder / "train.csv").write_text("a,b\n1,2\n")
    one = empty.register(
        "fraud",
        {"w.bin": b"one"},
        config={"lr": 0.1},
        data=folder / "train.csv",
        params={"depth": 3, "name": "x"},
        metrics={"auc": 0.94, "f1": 0.8},
        slices={"country=DE": {"auc": 0.9}},
        tags={"task": "fraud"},
        description="the first",
        message="hello",
        environment=False,
    )
    empty.promote(one, "production", reason="go")
    empty.register(
        "fraud",
        {"w.bin": b"twofold"},
        config={"lr": 0.2},
        metrics={"auc": 0.95},
        parents=one,
        aliases="staging",
        environment=False,
    )
    return empty

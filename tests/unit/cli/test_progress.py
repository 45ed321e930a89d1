"""Bars on the command line: on standard error, for people alone."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver._cli import main
from modelver._registry.registry import Registry
from tests.unit.cli.conftest import Terminal

Run = Callable[..., Any]

MIB = 2**20
LONG = {
    "register": ("register other a.bin b.bin", "registering other"),
    "checkout": ("checkout big out", "checking out big@0.1.0"),
    "path": ("path big", "fetching big@0.1.0"),
    "cat": ("cat big a.bin", "reading big@0.1.0"),
    "verify": ("verify", "verifying"),
    "du": ("du", "counting"),
}


class Clock:
    """A clock on which two seconds pass whenever somebody looks."""

    now = 0

    def monotonic(self) -> int:
        """Return the time, later each time."""
        self.now += 2
        return self.now


@pytest.fixture
def big(empty: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry of two versions, in a world where everything takes long."""
    monkeypatch.setattr("modelver._registry.progress.time", Clock())
    monkeypatch.delenv("CI", raising=False)
    for name in ("tqdm", "tqdm.std"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("a", "b"):
        Path(f"{name}.bin").write_bytes(name.encode() * 3 * MIB)
    for number in range(2):
        files = {"a.bin": Path("a.bin"), "b.bin": Path("b.bin"), "n": b"%d" % number}
        empty.register("big", files, environment=False)
    return empty


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """Run a command whose output goes to a pipe and whose errors to a terminal."""
    monkeypatch.setenv("TERM", "xterm-256color")
    err = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", err)
        code = main(words)
    return code, err.text


@pytest.mark.parametrize("verb", LONG)
def test_long_verbs_show_a_bar(
    big: Registry,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    """It says what is done, leaves nothing, and is not in what a pipe gets."""
    line, what = LONG[verb]
    code, said = run(monkeypatch, *line.replace("big", "big@0.1.0", 1).split())
    assert code == 0
    assert f"\r{what}: " in said
    assert said.endswith("\r")
    assert what not in capfd.readouterr().out
    assert big.verify().ok


@pytest.mark.parametrize("verb", LONG)
def test_json_shows_none(
    cli: Run, big: Registry, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """With JSON, standard error holds errors and warnings as JSON and nothing else."""
    monkeypatch.setenv("MODELVER_PROGRESS", "1")
    line = LONG[verb][0].replace("big", "big@0.1.0", 1)
    assert run(monkeypatch, *line.split(), "--json") == (0, "")
    del cli, big


def test_a_pipe_shows_none(cli: Run, big: Registry) -> None:
    """Where nobody looks, nothing is said, unless it is asked for."""
    said = cli("verify")
    assert (said.code, said.err) == (0, "")
    assert big.seq == 2


def test_it_can_be_switched_off(big: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable, on a terminal too."""
    monkeypatch.setenv("MODELVER_PROGRESS", "0")
    assert run(monkeypatch, "verify") == (0, "")
    assert big.seq == 2


def test_an_error_stands_on_its_own_line(
    big: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar that was under way stays above it."""
    (manifest, *_) = (
        big._core.manifests.read(v.manifest)
        for v in big._core.state().models["big"].versions.values()
    )
    cut = manifest.layout.files["model/b.bin"]
    path = Path(big.url) / big._core.objects.key(cut[0].object)
    path.chmod(0o600)
    damaged = bytearray(path.read_bytes())
    damaged[cut[0].offset] ^= 1
    path.write_bytes(damaged)
    code, said = run(monkeypatch, "--no-color", "checkout", "big@0.1.0", "out")
    assert code == 5
    bar, _, rest = said.partition("\n")
    assert bar.startswith("\rchecking out big@0.1.0: ")
    assert rest.startswith("modelver: error: ")

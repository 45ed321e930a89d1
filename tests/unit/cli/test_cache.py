"""The verb of local copies shows what is there, and deletes what it is told to."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver._registry.registry import Registry

Run = Callable[..., Any]


@pytest.fixture
def cached(fraud: Registry) -> list[Path]:
    """Fetch both versions of ``fraud``; return their folders."""
    return [fraud.get(f"fraud@0.{n}.0").path().parent for n in (1, 2)]


@pytest.mark.usefixtures("cached")
def test_look(cli: Run, fraud: Registry) -> None:
    """Each version has its line: ref, bytes, files, last use, registry."""
    said = cli("cache")
    assert said.code == 0
    assert {row[0] for row in said.rows} == {"fraud@0.1.0", "fraud@0.2.0"}
    assert {(row[2], row[4]) for row in said.rows} == {("1", fraud.url)}
    assert all(int(row[1]) > 0 for row in said.rows)
    found = cli("cache", "--json").json
    assert found == fraud.cache.info().to_dict()
    assert found["size"] == sum(int(row[1]) for row in said.rows)


def test_look_into_an_empty_cache(cli: Run, terminal: Run) -> None:
    """There need not be a registry, nor a cache."""
    said = cli("cache")
    assert (said.code, said.out) == (0, "")
    assert cli("cache", "--json").json["registries"] == []
    assert terminal("cache").out.startswith("0 B of 32.0 GiB in ")


@pytest.mark.usefixtures("cached")
def test_look_on_a_terminal(terminal: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person is told the sum and the bounds as well."""
    monkeypatch.setenv("MODELVER_CACHE_SIZE", "5GiB")
    monkeypatch.setenv("MODELVER_CACHE_AGE", "7")
    *_, last = terminal("cache").out.splitlines()
    assert " of 5.0 GiB in " in last
    assert last.endswith("kept for 7 days unused")
    monkeypatch.setenv("MODELVER_CACHE_SIZE", "none")
    monkeypatch.setenv("MODELVER_CACHE_AGE", "none")
    *_, last = terminal("cache").out.splitlines()
    assert " of " not in last
    assert "unused" not in last


def test_clear_one(cli: Run, terminal: Run, cached: list[Path]) -> None:
    """The copies of one version are deleted by its ref; those of others stay."""
    said = cli("cache", "clear", "fraud@production")
    assert (said.code, int(said.out) > 0) == (0, True)
    assert [folder.exists() for folder in cached] == [False, True]
    assert cli("cache", "clear", "fraud@0.1.0", "--json").json == {"freed": 0}
    assert cli("cache", "clear", "fraud@9.9.9").code == 3
    assert terminal("cache", "clear", "fraud@0.2.0").out.startswith("deleted ")


def test_clear_what_is_old(cli: Run, cached: list[Path]) -> None:
    """Copies that nobody asked for in so many days are deleted."""
    then = time.time() - 86400 * 3.5
    os.utime(cached[1], (then, then))
    assert cli("cache", "clear", "--older-than", "4").out == "0\n"
    assert cli("cache", "clear", "--older-than", "3").out != "0\n"
    assert [folder.exists() for folder in cached] == [True, False]


def test_clear_all(
    cli: Run, fraud: Registry, cached: list[Path], tmp_path: Path
) -> None:
    """All of all registries is deleted; the registries stay as they are."""
    other = Registry(tmp_path / "other", create=True)
    other.register("m", {"w": b"1"}, environment=False).path()
    assert cli("cache", "clear", "--all").code == 0
    assert cli("cache").out == ""
    assert not any(folder.exists() for folder in cached)
    assert cli("cache", "--json").json["registries"] == []
    assert fraud.verify().ok
    assert fraud.get("fraud@0.1.0").path("w.bin").read_bytes() == b"one"


def test_another_cache(cli: Run, fraud: Registry, tmp_path: Path) -> None:
    """``--cache`` says which one is meant."""
    folder = str(tmp_path / "here")
    cli("path", "fraud", "--cache", folder)
    assert len(cli("cache", "--cache", folder).rows) == 1
    assert cli("cache").out == ""
    assert fraud.cache.info().registries == ()


@pytest.mark.parametrize(
    "line",
    [
        "cache clear",
        "cache clear fraud --all",
        "cache clear --all --older-than 3",
        "cache clear --older-than 0",
        "cache clear --older-than x",
        "cache --all",
        "cache --older-than 3",
        "cache empty",
        "cache fraud@0.1.0",
    ],
)
def test_usage(cli: Run, cached: list[Path], line: str) -> None:
    """Half a command deletes nothing."""
    said = cli(*line.split())
    assert said.code == 2, said.err
    assert said.err.startswith("modelver: error: ")
    assert all(folder.exists() for folder in cached)


def test_offline(cli: Run, fraud: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there offline is an error of the environment, with what to do."""
    cli("path", "fraud@0.1.0")
    Path(fraud.url).rename(Path(fraud.url).with_name("elsewhere"))
    monkeypatch.setenv("MODELVER_OFFLINE", "1")
    said = cli("path", "fraud@production", "w.bin")
    assert Path(said.out.strip()).read_bytes() == b"one"
    said = cli("path", "fraud@0.2.0")
    assert said.code == 6
    assert "modelver path fraud@0.2.0" in said.err
    assert cli("tag", "fraud@0.1.0", "a=b").code == 2

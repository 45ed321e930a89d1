"""The power fails: what was not flushed is gone, or is there, as it happens.

A killed process loses nothing that it gave to the system. A machine does: this holds
the order in which the folder is flushed against what is promised of it.
"""

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import pytest

from modelver import Registry, RegistryNotFoundError
from modelver.backends import local
from modelver.backends._publish import FileSystem
from modelver.backends.local import LocalBackend
from modelver.testing import Crash, Operation, WrapperBackend
from tests.crash.disk import ALL, NAMES, NONE, SOME, Disk
from tests.crash.oscalls import intercepted
from tests.crash.scenarios import ALIAS, MODEL, OTHER, SCENARIOS, put, said

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="looks into /proc for descriptors"
    ),
]

T = TypeVar("T")


class _DiesBeforeTheEntry(WrapperBackend):
    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Do it, unless it is to create an entry."""
        if operation.name == "create" and operation.key.startswith("log/"):
            raise Crash
        return act()


def _die_before_the_entry(url: Path) -> None:
    """Store a bundle, and be gone before the commit.

    Whoever has the same bundle finds objects whose names nobody has flushed.
    """
    backend = _DiesBeforeTheEntry(LocalBackend(str(url)))
    with pytest.raises(Crash):
        put(Registry(backend=backend), "half", OTHER)


def _die_before_the_last_flush(url: Path) -> None:
    """Commit, and be gone before the folder of the log is flushed: nobody was told."""
    registry = Registry(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "flush_folder", _crash)
        with pytest.raises(Crash):
            registry.promote(f"{MODEL}@0.2.0", "seen-by-others")


def _crash(_: str) -> NoReturn:
    raise Crash


# The state after this write was never told, and others build on it.
UNTOLD: Final = 8


def _writes(url: Path) -> list[Callable[[], Any]]:
    """Return what is written, one after the other."""
    one: list[Registry] = []
    return [
        lambda: one.append(Registry(url, create=True)),
        lambda: put(one[0], "one"),
        lambda: put(one[0], "two", parents=f"{MODEL}@0.1.0"),
        lambda: one[0].promote(f"{MODEL}@0.1.0", ALIAS),
        lambda: SCENARIOS["transaction"].act(one[0]),
        lambda: _die_before_the_entry(url),
        lambda: put(Registry(url), "half", OTHER),
        lambda: _die_before_the_last_flush(url),
        lambda: put(one[0], "four"),
    ]


def _watch(disk: Disk, url: Path, writes: int) -> list[str]:
    """Write so often; note what was told, and return what is said after each."""
    states = ["{}"]
    for write in _writes(url)[:writes]:
        with intercepted(disk):
            write()
        states.append(said(Registry(url)))
        if len(states) - 1 != UNTOLD:
            disk.told(str(len(states) - 1))
    return states


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only note what is flushed: no power is cut here."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(params=["nameless", "named"])
def _files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write as on a file system that makes files without names, or as on others."""
    nameless = request.param == "nameless"
    monkeypatch.setattr(local, "FileSystem", lambda: FileSystem(nameless=nameless))


# One that is there, and one whose folders have to be made.
@pytest.mark.parametrize(
    ("below", "writes", "least"), [("registry", 9, 75), ("a/b/registry", 2, 20)]
)
@pytest.mark.usefixtures("_files")
def test_the_power_fails_at_any_moment(
    tmp_path: Path, below: str, writes: int, least: int
) -> None:
    """What was told is there, whole; what was under way is or is not; all goes on.

    After every system call, with all of what was not flushed, none of it, the names
    without the bytes, or some of both.
    """
    base = tmp_path / "disk"
    base.mkdir()
    disk = Disk(base)
    states = _watch(disk, base / below, writes)
    chance = random.Random(1)  # noqa: S311
    seen = set()
    lost = torn = 0
    cuts = list(disk.cuts())
    assert len(cuts) > least
    for moment, told in cuts:
        for survives in (NONE, ALL, NAMES, *[SOME] * 4):
            left = disk.left(moment, survives, chance)
            files = left.files()
            key = (frozenset(files.items()), len(told))
            if key in seen:
                continue
            seen.add(key)
            again = tmp_path / str(len(seen))
            again.mkdir()
            left.write(again)
            lost += _check(again / below, int(told[-1]) if told else 0, states)
            torn += b"" in files.values()
            shutil.rmtree(again)
    assert len(seen) > least
    assert lost > 5, "nothing that was under way was ever lost: did it watch?"
    assert torn > 3, "no name was ever there without its bytes: did it watch?"


def _check(url: Path, told: int, states: list[str]) -> bool:
    """Check what is left; return whether what was under way is not there."""
    try:
        registry = Registry(url)
    except RegistryNotFoundError:
        assert told == 0, "the registry is gone"
        return True
    now = said(registry)
    allowed = states[told : told + (3 if told + 1 == UNTOLD else 2)]
    assert now in allowed, f"after {told} writes, there are {states.index(now)}"
    report = registry.verify()
    assert report, str(report)
    # What was under way is repeated, over what is left of it.
    for content in ("one", "half", "next"):
        made = put(registry, content)
        assert made.read("w.bin") == content.encode()
    assert registry.verify()
    return now == allowed[0]

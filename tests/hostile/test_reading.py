"""The reader's role: whatever is asked, nothing is written, nothing is attempted."""

import inspect
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import (
    AccessDeniedError,
    ModelVersion,
    ReadOnlyError,
    Registry,
    StorageError,
)
from modelver.backends.local import LocalBackend
from modelver.testing import FaultyBackend, ForbiddenWriteError, RecordingBackend
from tests.hostile.watching import refused, untouched

READS: Final[dict[str, Callable[[Registry], object]]] = {
    "__bool__": bool,
    "__contains__": lambda r: "m@^0" in r,
    "__enter__": lambda r: r.__enter__(),
    "__iter__": list,
    "__len__": len,
    "__repr__": repr,
    "alias_history": lambda r: r.alias_history("m", "production"),
    "aliases": lambda r: r.aliases("m"),
    "audit": lambda r: (r.audit(), r.audit("m")),
    "at": lambda r: r.at(1).models(),
    "cache": lambda r: (r.get("m").path(), r.cache.info(), r.cache.clear()),
    "compare": lambda r: str(r.compare(["m", "m@0.1.0"])),
    "diff": lambda r: str(r.diff("m@0.1.0", "m")),
    "gate": lambda r: r.gate("m", "metrics.auc > 0.1"),
    "get": lambda r: r.get("m"),
    "lineage": lambda r: r.lineage("m").to_mermaid(),
    "log": lambda r: r.log(),
    "models": lambda r: r.models(),
    "outcome": lambda r: r.outcome("0" * 32),
    "reproducibility": lambda r: r.reproducibility(),
    "resolve": lambda r: r.resolve("m@production"),
    "search": lambda r: r.search("metrics.auc > 0.5", order_by="metrics.auc"),
    "seq": lambda r: r.seq,
    "stats": lambda r: r.stats(),
    "statuses": lambda r: r.statuses,
    "url": lambda r: r.url,
    "used_by": lambda r: r.used_by("m@0.1.0"),
    "uuid": lambda r: r.uuid,
    "verify": lambda r: r.verify(),
    "versions": lambda r: r.versions("m"),
}
WRITES: Final[dict[str, Callable[[Registry], object]]] = {
    "clear_alias": lambda r: r.clear_alias("m", "production"),
    "draft": lambda r: r.draft("m", {"w": b"x"}).__enter__(),
    "evaluate": lambda r: r.evaluate("m", {"auc": 1}),
    "note": lambda r: r.note("m", "x"),
    "promote": lambda r: r.promote("m", "staging"),
    "register": lambda r: r.register("m", {"w": b"x"}, environment=False),
    "restore": lambda r: r.restore("m@0.1.0"),
    "rollback": lambda r: r.rollback("m", "production"),
    "set_status": lambda r: r.set_status("m", "approved"),
    "tag": lambda r: r.tag("m", a="b"),
    "transaction": lambda r: r.transaction().__enter__(),
    "untag": lambda r: r.untag("m", "t"),
    "withdraw": lambda r: r.withdraw("m@0.2.0", "x"),
}
VERSION_READS: Final[dict[str, Callable[[ModelVersion, Path], object]]] = {
    "read": lambda v, _: v.read("w.bin"),
    "open": lambda v, _: v.open("w.bin").read(),
    "path": lambda v, _: v.path(),
    "checkout": lambda v, out: v.checkout(out / "checkout"),
    "verify": lambda v, _: v.verify(),
    "audit": lambda v, _: v.audit(),
    "reproduce": lambda v, out: v.reproduce(out / "again", level="L0"),
    "reproductions": lambda v, _: v.reproductions(),
    "patch": lambda v, _: v.patch("m@0.1.0"),
    "diff": lambda v, _: v.diff("m@0.1.0"),
    "lineage": lambda v, _: v.lineage().to_dict(),
    "to_dict": lambda v, _: v.to_dict(),
    "as_target": lambda v, _: v.as_target,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a registry with a rollup's worth of commits."""
    registry = Registry(tmp_path / "r", create=True)
    for number in range(3):
        registry.register(
            "m",
            {"w.bin": str(number).encode()},
            environment=False,
            metrics={"auc": 0.5 + number / 10},
            tags={"t": "x"},
            aliases="production",
        )
    for number in range(66 - registry.seq):
        registry.note("m", str(number))
    assert (tmp_path / "r" / "rollups").is_dir()
    return tmp_path / "r"


def _public(kind: type) -> set[str]:
    dunders = {
        "__contains__",
        "__iter__",
        "__len__",
        "__bool__",
        "__enter__",
        "__repr__",
    }
    return {
        name
        for name, _ in inspect.getmembers(kind)
        if not name.startswith("_") or (name in dunders and name in READS)
    }


def test_every_name_is_asked() -> None:
    """Whatever the registry and a version offer is either asked here, or writes."""
    assert _public(Registry) == READS.keys() | WRITES.keys()
    assert not READS.keys() & WRITES.keys()
    properties = {
        name
        for name, member in inspect.getmembers(ModelVersion)
        if isinstance(member, property)
    }
    assert _public(ModelVersion) - properties - READS.keys() | {
        "audit",
        "diff",
        "lineage",
    } == (VERSION_READS.keys() - {"verify"}) | {"audit", "diff", "lineage"}


@pytest.mark.parametrize("role", ["reader", "anybody"])
def test_reading_writes_nothing(folder: Path, tmp_path: Path, role: str) -> None:
    """No question attempts a write, not even one that the store would refuse.

    Not a rollup that is due, not a lock, not a mark of having been here.
    """
    shutil.rmtree(folder / "rollups")
    backend = FaultyBackend(LocalBackend(str(folder)), forbid_writes=True)
    cache = tmp_path / "cache"
    asked = 0
    with untouched(folder):
        words: dict[str, Any] = {"cache": cache, "read_only": role == "reader"}
        for ask in READS.values():
            ask(Registry(backend=backend, **words))
            asked += 1
        version = Registry(backend=backend, **words).get("m")
        for name, read in VERSION_READS.items():
            read(version, tmp_path / name)
            asked += 1
        for name, member in inspect.getmembers(ModelVersion):
            if isinstance(member, property):
                getattr(version, name)
                asked += 1
    assert asked > 55


def test_the_guard_bites(folder: Path) -> None:
    """The backend of the test above does notice a write, each kind of it."""
    backend = FaultyBackend(LocalBackend(str(folder)), forbid_writes=True)
    for name, write in WRITES.items():
        if name in ("transaction", "draft", "restore"):
            continue
        with pytest.raises(ForbiddenWriteError):
            write(Registry(backend=backend))


def test_reading_asks_for_what_it_needs(folder: Path) -> None:
    """A cold question reads registry.json, a rollup and the rest of the log."""
    backend = RecordingBackend(LocalBackend(str(folder)))
    Registry(backend=backend).get("m")
    assert set(backend.counts) <= {"read", "read_many"}
    assert len(backend.keys) < 12


@pytest.mark.parametrize("name", WRITES)
def test_opened_for_reading(folder: Path, name: str) -> None:
    """A registry opened for reading refuses every verb that writes, before it looks."""
    registry = Registry(folder, read_only=True)
    with untouched(folder):
        error = refused(lambda: WRITES[name](registry))
    assert isinstance(error, ReadOnlyError)
    assert error.hints


@pytest.mark.parametrize("name", WRITES)
def test_in_the_past(folder: Path, name: str) -> None:
    """A registry as it was refuses them as well."""
    registry = Registry(folder).at(3)
    with untouched(folder):
        assert isinstance(refused(lambda: WRITES[name](registry)), ReadOnlyError)


@pytest.fixture
def locked(folder: Path) -> Iterator[Path]:
    """Return a registry in a folder that the operating system lets nobody write to."""
    if os.name == "nt":
        pytest.skip("folders have no such right there")
    if os.geteuid() != 0:
        paths = [folder, *folder.rglob("*")]
        modes = [path.stat().st_mode for path in paths]
        for path in paths:
            path.chmod(path.stat().st_mode & ~0o222)
        yield folder
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)
        return
    # Root writes wherever the mode says no; a read-only mount says it to root too.
    mount = shutil.which("mount")
    if mount is None or not _ran(mount, "--bind", str(folder), str(folder)):
        pytest.skip("ROOT WITHOUT THE RIGHT TO MOUNT: read-only folders are not tested")
    try:
        assert _ran(mount, "-o", "remount,bind,ro", str(folder))
        yield folder
    finally:
        assert _ran("umount", str(folder))


def _ran(*words: str) -> bool:
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def test_a_read_only_folder(locked: Path, tmp_path: Path) -> None:
    """From a folder that nobody may write to, everything can be read."""
    with pytest.raises(OSError, match=r"Read-only|Permission"):
        (locked / "x").touch()
    for ask in READS.values():
        ask(Registry(locked, cache=tmp_path / "cache"))
    version = Registry(locked, cache=tmp_path / "cache").get("m")
    for name, read in VERSION_READS.items():
        read(version, tmp_path / name)
    assert Registry(locked).verify()


@pytest.mark.parametrize("name", [n for n in WRITES if n != "restore"])
def test_writing_to_a_read_only_folder(locked: Path, name: str) -> None:
    """Writing there is refused in words that say why, and nothing is left behind."""

    def act() -> None:
        registry = Registry(locked)
        if name == "transaction":
            with registry.transaction() as tx:
                tx.promote("m", "staging")
        elif name == "draft":
            with registry.draft("m", {"w": b"x"}, environment=False):
                pass
        else:
            WRITES[name](registry)

    with untouched(locked):
        error = refused(act)
    assert isinstance(error, AccessDeniedError)
    assert error.hints


def test_creating_in_a_read_only_folder(locked: Path) -> None:
    """A registry cannot be created there, and an existing one is simply opened."""
    assert Registry(locked, create=True).models() == ["m"]
    error = refused(lambda: Registry(locked / "new", create=True))
    assert isinstance(error, StorageError)

"""Hostile layouts: slices that claim what is not there, or what nobody could hold."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import (
    ErrorKind,
    FormatError,
    IntegrityError,
    ModelverError,
    ModelVersion,
    Registry,
    StorageError,
)
from modelver.backends.local import LocalBackend
from modelver.backends.memory import MemoryBackend
from modelver.plugin import Backend
from modelver.testing import RecordingBackend
from tests.hostile.forge import DIGEST, Forge, digest, dumps
from tests.hostile.watching import bounded, listing, refused

PATH: Final = "model/w.bin"
DATA: Final = b"weights" * 10
FAR: Final = 2**52
NO_OBJECT: Final = "0" * 64 + ".0"
MIB: Final = 2**20

Cut = list[dict[str, Any]]
Make = Callable[[str, str], tuple[int, Cut]]


def _slice(name: str, offset: int, length: int, check: str | None = None) -> Any:
    piece = {"object": name, "offset": offset, "length": length, "codec": "none"}
    return piece if check is None else {**piece, "digest": check}


def _of(*cut: tuple[int, int]) -> Make:
    """Return slices of one object, each with the digest of the whole object."""
    return lambda name, check: (
        sum(length for _, length in cut),
        [_slice(name, offset, length, check) for offset, length in cut],
    )


# The size of the file, and its slices: of a small object, and of its digest.
LIES: Final[dict[str, Make]] = {
    "one-petabytes": _of((0, FAR)),
    "two-petabytes": _of((0, FAR // 2), (0, FAR // 2)),
    "the-last-is-petabytes": _of((0, 70), (0, FAR - 70)),
    "many-petabytes": _of(*[(0, FAR // 4096)] * 4096),
    "many-gigabytes": _of(*[(0, 2**31)] * 1000),
    "many-of-one-read": _of(*[(0, 16 * MIB)] * 5000),
    "many-of-a-memory": _of(*[(0, 32 * MIB)] * 5000),
    "sixty-four-bits": _of((0, 2**53 - 1)),
    "offset-beyond": _of((70, 70), (2**40, 70)),
    "offset-far-beyond": _of((0, 70), (2**53 - 1, 2**53 - 1 - 70)),
    "one-byte-more": _of((0, 70), (0, 71)),
    "reach-over-the-end": _of((0, 70), (1, 70)),
    "missing": lambda _, check: (
        2 * FAR // 2,
        [_slice(NO_OBJECT, 0, FAR // 2, check), _slice(NO_OBJECT, 1, FAR // 2, check)],
    ),
    "whole-object-is-not": lambda name, _: (
        FAR,
        [_slice(name, 0, FAR // 2), _slice(name, 0, FAR // 2)],
    ),
}
STORES: Final = ("folder", "far", "memory")
READS: Final[dict[str, Callable[[ModelVersion, Path], object]]] = {
    "read": lambda v, _: v.read("w.bin"),
    "open": lambda v, _: v.open("w.bin").read(1000),
    "open-all": lambda v, _: v.open("w.bin").read(),
    "open-at-the-end": lambda v, _: _last_byte(v),
    "path": lambda v, _: v.path("w.bin"),
    "checkout": lambda v, out: v.checkout(out),
}


def _last_byte(version: ModelVersion) -> bytes:
    with version.open("w.bin") as file:
        file.seek(-1, os.SEEK_END)
        found: bytes = file.read(1)
        return found


def _backend(kind: str, forge: Forge) -> Backend:
    local = LocalBackend(str(forge.root))
    if kind == "folder":
        return local
    if kind == "far":
        return RecordingBackend(local)
    memory = MemoryBackend(f"memory:/{forge.root}")
    for path in forge.root.rglob("*"):
        if path.is_file():
            key = path.relative_to(forge.root).as_posix()
            memory.create(key, path.read_bytes())
    return memory


def _version(
    tmp_path: Path, kind: str, size: int, cut: Cut, check: str = DIGEST
) -> ModelVersion:
    """Return a version of one file that claims to be of this size, digest and cut."""
    forge = Forge(tmp_path / "r")
    forge.object(DATA)
    entry, _ = forge.file(PATH, DATA)
    line1 = {"format": 1, "files": [{**entry, "size": size, "digest": check}]}
    cited = forge.manifest(dumps(line1), dumps({"files": {PATH: cut}}))
    forge.register(cited=cited, files=1, size=min(size, 2**53 - 1))
    backend = _backend(kind, forge)
    return Registry(backend=backend, cache=tmp_path / "cache").get("fraud")


def _object() -> tuple[str, str]:
    check = digest("b3", DATA)
    return check.partition(":")[2] + ".0", check


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("name", LIES)
def test_slices_that_lie(tmp_path: Path, name: str, kind: str) -> None:
    """A slice is believed when its bytes come; no room is taken for it before.

    Not a byte comes out, nothing is left behind, and it is found within a second, in
    little memory.
    """
    version = _version(tmp_path, kind, *LIES[name](*_object()))
    out = tmp_path / "out"
    out.mkdir()
    for act in READS.values():
        error = bounded(partial(refused, partial(act, version, out / "x")))
        assert isinstance(error, IntegrityError | FormatError)
        if isinstance(error, IntegrityError):
            assert error.key is not None
            assert error.key.startswith("objects/")
        assert listing(out) == {}
    left = [
        path
        for path in (tmp_path / "cache").rglob("*")
        if path.is_file() and path.stat().st_size > 1000
    ]
    assert left == []


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(
    "cut",
    [
        pytest.param([(0, 35), (35, 35)], id="in-order"),
        pytest.param([(35, 35), (0, 35)], id="other-order"),
        pytest.param([(0, 70), (0, 70)], id="twice"),
        pytest.param([(0, 50), (20, 50)], id="overlapping"),
        pytest.param([(n, 1) for n in range(69, -1, -1)], id="backwards"),
        pytest.param([(n % 70, 1) for n in range(3000)], id="crumbs"),
    ],
)
def test_odd_slices_that_are_true(
    tmp_path: Path, kind: str, cut: list[tuple[int, int]]
) -> None:
    """Slices may overlap, repeat and come in any order, if the digests are right."""
    name, _ = _object()
    parts = [DATA[offset : offset + length] for offset, length in cut]
    slices = [
        _slice(name, offset, length, digest("b3", part))
        for (offset, length), part in zip(cut, parts, strict=True)
    ]
    whole = b"".join(parts)
    version = _version(tmp_path, kind, len(whole), slices, digest("b3", whole))
    assert version.read("w.bin") == whole
    assert version.path("w.bin").read_bytes() == whole
    out = version.checkout(tmp_path / "out")
    assert (out / "model" / "w.bin").read_bytes() == whole


@pytest.mark.parametrize("kind", STORES)
def test_slices_that_are_true_of_another_file(tmp_path: Path, kind: str) -> None:
    """Slices that verify one by one, of a file that they do not make, are refused."""
    name, _ = _object()
    halves = [(0, DATA[:35]), (35, DATA[35:])]
    slices = [_slice(name, at, 35, digest("b3", part)) for at, part in halves]
    version = _version(tmp_path, kind, 70, slices, digest("b3", DATA[::-1]))
    for act in READS.values():
        error = refused(partial(act, version, tmp_path / "out"))
        assert isinstance(error, IntegrityError)
        assert error.kind is ErrorKind.OBJECT_DAMAGED
    assert not (tmp_path / "out").exists()


def test_more_than_any_disk_holds(tmp_path: Path) -> None:
    """A file that is true and larger than the disk is refused before it is written.

    An object with a hole in it is as large as somebody likes.
    """
    name, _ = _object()
    cut = [_slice(name, 0, 2**40, digest("b3", DATA))] * 4000
    version = _version(tmp_path, "folder", 4000 * 2**40, cut)
    os.truncate(tmp_path / "r" / "objects" / name[:2] / name, 2**40)
    for act in (READS["path"], READS["checkout"]):
        error = bounded(partial(refused, partial(act, version, tmp_path / "x")))
        assert isinstance(error, StorageError)
        assert error.kind is ErrorKind.DISK_FULL
    assert not (tmp_path / "x").exists()


def test_an_object_that_is_no_file(tmp_path: Path) -> None:
    """A FIFO, a folder or a link to nowhere under an object's key hangs nobody."""
    name, check = _object()
    place = tmp_path / "r" / "objects" / name[:2] / name
    version = _version(tmp_path, "folder", 70, [_slice(name, 0, 70)], check)
    makes: list[Callable[[], object]] = [
        lambda: os.mkfifo(place),
        place.mkdir,
        lambda: place.symlink_to(tmp_path / "nowhere"),
        lambda: place.symlink_to("/dev/zero"),
    ]
    for make in makes:
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink()
        make()
        for act in READS.values():
            error = bounded(partial(refused, partial(act, version, tmp_path / "x")))
            assert isinstance(error, ModelverError)
        assert not (tmp_path / "x").exists()

"""A cache that somebody else has written into: what it hands out is verified still."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modelver import ErrorKind, IntegrityError, ModelVersion, Registry, StorageError

DATA = b"the right weights"


@pytest.fixture
def version(tmp_path: Path) -> ModelVersion:
    """Return a version with a file in a folder, a registry and a cache of its own."""
    registry = Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")
    files = {"deep/w.bin": DATA, "x.bin": b"x", "empty": b""}
    return registry.register("m", files, environment=False)


def _same_size(target: Path, _: Path) -> None:
    target.write_bytes(DATA.swapcase())


def _shorter(target: Path, _: Path) -> None:
    target.write_bytes(DATA[:-1])


def _longer(target: Path, _: Path) -> None:
    target.write_bytes(DATA + b"x")


def _gone(target: Path, _: Path) -> None:
    target.unlink()


def _empty(target: Path, _: Path) -> None:
    target.write_bytes(b"")


def _folder(target: Path, _: Path) -> None:
    target.unlink()
    target.mkdir()
    (target / "inner").write_bytes(DATA)


def _link(target: Path, outside: Path) -> None:
    target.unlink()
    (outside / "w.bin").write_bytes(b"somebody's own file")
    target.symlink_to(outside / "w.bin")


def _link_to_the_right_bytes(target: Path, outside: Path) -> None:
    target.unlink()
    (outside / "w.bin").write_bytes(DATA)
    target.symlink_to(outside / "w.bin")


def _dangling(target: Path, outside: Path) -> None:
    target.unlink()
    target.symlink_to(outside / "made-by-following")


def _linked_folder(target: Path, outside: Path) -> None:
    shutil.rmtree(target.parent)
    target.parent.symlink_to(outside)


def _linked_root(target: Path, outside: Path) -> None:
    root = target.parents[2]
    shutil.rmtree(root)
    root.symlink_to(outside)


def _file_for_folder(target: Path, _: Path) -> None:
    shutil.rmtree(target.parent)
    target.parent.write_bytes(b"no folder")


def _fifo(target: Path, _: Path) -> None:
    target.unlink()
    os.mkfifo(target)


@pytest.mark.parametrize(
    "poison",
    [
        _same_size,
        _shorter,
        _longer,
        _gone,
        _empty,
        _folder,
        _link,
        _link_to_the_right_bytes,
        _dangling,
        _linked_folder,
        _linked_root,
        _file_for_folder,
        _fifo,
    ],
)
def test_poison(
    version: ModelVersion, tmp_path: Path, poison: Callable[[Path, Path], None]
) -> None:
    """Whatever was done to a copy, path() gives a file of its own with right bytes.

    Nothing is written outside of the cache, though the cache says so.
    """
    outside = tmp_path / "outside"
    outside.mkdir()
    target = version.path("deep/w.bin")
    assert target.read_bytes() == DATA
    poison(target, outside)
    before = {path: path.read_bytes() for path in outside.rglob("*")}
    again = version.path("deep/w.bin")
    assert again.read_bytes() == DATA
    assert not again.is_symlink()
    assert again.is_file()
    assert {path: path.read_bytes() for path in outside.rglob("*")} == before
    assert (version.path() / "deep" / "w.bin").read_bytes() == DATA
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_poison_and_damage(version: ModelVersion, tmp_path: Path) -> None:
    """A poisoned copy of a damaged object is not handed out for want of a better."""
    target = version.path("deep/w.bin")
    target.chmod(0o600)
    target.write_bytes(DATA.swapcase())
    for path in (tmp_path / "r" / "objects").glob("*/*"):
        path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(IntegrityError) as caught:
        version.path("deep/w.bin")
    assert caught.value.kind is ErrorKind.OBJECT_DAMAGED
    with pytest.raises(IntegrityError):
        version.path()


def test_a_good_copy_outlives_its_object(version: ModelVersion, tmp_path: Path) -> None:
    """A verified copy is enough: a damaged object is not asked for."""
    target = version.path("deep/w.bin")
    for path in (tmp_path / "r" / "objects").glob("*/*"):
        path.write_bytes(bytes(path.stat().st_size))
    assert version.path("deep/w.bin") == target
    assert target.read_bytes() == DATA


def test_copies_are_not_to_be_changed(version: ModelVersion, tmp_path: Path) -> None:
    """A copy is read-only, and only its owner sees it."""
    target = version.path("deep/w.bin")
    assert target.stat().st_mode & 0o777 == 0o400
    cache = next((tmp_path / "cache").iterdir())
    assert cache.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be(version: ModelVersion, tmp_path: Path) -> None:
    """A cache that is no folder is an error; reading goes on without it."""
    (tmp_path / "file").write_bytes(b"")
    registry = Registry(tmp_path / "r", cache=tmp_path / "file")
    with pytest.raises(StorageError) as caught:
        registry.get("m").path("x.bin")
    assert caught.value.hints
    assert registry.get("m").read("x.bin") == version.read("x.bin")
    assert registry.get("m").open("deep/w.bin").read() == DATA


def test_a_checkout_is_not_taken_from_the_cache(
    version: ModelVersion, tmp_path: Path
) -> None:
    """A checkout reads the store; a poisoned cache cannot reach it."""
    target = version.path("deep/w.bin")
    target.chmod(0o600)
    target.write_bytes(DATA.swapcase())
    out = version.checkout(tmp_path / "out")
    assert (out / "model" / "deep" / "w.bin").read_bytes() == DATA

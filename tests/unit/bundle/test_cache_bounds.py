"""What is thrown out of the cache, and what stays."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from modelver import (
    ErrorKind,
    InvalidInputError,
    ModelVersion,
    Registry,
    StorageError,
)
from modelver._bundle.cache import Bounds, cached_copies, cached_registries, files
from modelver._bundle.cache.claim import claimed
from modelver._bundle.cache.copies import Sweeper
from modelver._bundle.fetch import fetch_files
from modelver._registry.places import cache_bounds

KB = 1000
SIZE = 40 * KB


def new(cache: Path, number: int, *, bound: int = 100 * KB) -> ModelVersion:
    """Register another version of :data:`SIZE` bytes, in a registry beside *cache*."""
    registry = Registry(cache.parent / "r", create=True, cache=cache, cache_size=bound)
    files = {"w.bin": bytes([number]) * SIZE}
    return registry.register("m", files, bump="minor", environment=False)


def aged(version: ModelVersion, *, minutes: float) -> Path:
    """Fetch a version, and let it be used so many minutes ago; return its folder."""
    root = version.path().parent
    then = time.time() - 60 * minutes
    os.utime(root, (then, then))
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return where the cache will be."""
    return tmp_path / "cache"


def test_the_least_recently_used_goes_first(cache: Path) -> None:
    """Above the bound copies go, the last used last, and no more than must."""
    first = aged(new(cache, 1), minutes=20)
    second = aged(new(cache, 2), minutes=30)
    third = new(cache, 3).path().parent
    assert [first.exists(), second.exists(), third.exists()] == [True, False, True]


def test_to_be_handed_out_is_to_be_used(cache: Path) -> None:
    """A copy that is asked for again is as good as new."""
    version = new(cache, 1)
    first = aged(version, minutes=30)
    second = aged(new(cache, 2), minutes=20)
    version.path()
    new(cache, 3).path()
    assert first.exists()
    assert not second.exists()


def test_what_is_larger_than_the_bound(cache: Path) -> None:
    """It is kept all the same, and the rest goes."""
    first = aged(new(cache, 1, bound=KB), minutes=20)
    second = new(cache, 2, bound=KB).path()
    assert not first.exists()
    assert (second / "w.bin").stat().st_size == SIZE


def test_nothing_may_be_kept(cache: Path) -> None:
    """With a bound of 0 what is asked for is still handed out."""
    version = new(cache, 1, bound=0)
    assert (version.path() / "w.bin").read_bytes() == b"\1" * SIZE


def test_what_was_just_handed_out_stays(cache: Path) -> None:
    """Whoever asks for two versions finds the first when the second has come."""
    one, two = new(cache, 1, bound=KB), new(cache, 2, bound=KB)
    paths = [one.path("w.bin"), two.path("w.bin")]
    assert [path.stat().st_size for path in paths] == [SIZE, SIZE]


def test_what_is_old_goes(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever room there is, nothing stays that nobody asked for in so many days."""
    old = aged(new(cache, 1), minutes=60 * 24 * 31)
    young = aged(new(cache, 2), minutes=60 * 24 * 29)
    (cache / ".swept").unlink()
    new(cache, 3, bound=10**9).path()
    assert not old.exists()
    assert young.exists()
    monkeypatch.setenv("MODELVER_CACHE_AGE", "7")
    (cache / ".swept").unlink()
    new(cache, 4, bound=10**9).path()
    assert not young.exists()


def test_other_registries_count(cache: Path, tmp_path: Path) -> None:
    """The bound is of the cache as a whole."""
    first = aged(new(cache, 1), minutes=20)
    other = tmp_path / "other" / "cache"
    other.parent.mkdir()
    other.symlink_to(cache)
    aged(new(other, 2), minutes=10)
    new(other, 3).path()
    assert not first.exists()


def test_what_is_being_filled_stays(cache: Path) -> None:
    """A copy that another process is bringing is not deleted under its hands."""
    first = aged(new(cache, 1, bound=KB), minutes=20)
    with claimed(first, "more"):
        os.utime(first, (1, 1))
        second = aged(new(cache, 2, bound=KB), minutes=20)
        assert first.exists()
    new(cache, 3, bound=KB).path()
    assert not first.exists()
    assert not second.exists()


def test_links_are_no_copies(cache: Path, tmp_path: Path) -> None:
    """What a link leads to is neither counted nor deleted."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious").write_bytes(bytes(10 * SIZE))
    root = aged(new(cache, 1, bound=KB), minutes=20)
    (root.parent / ("a" * 32)).symlink_to(mine)
    (cache / ("b" * 32)).symlink_to(tmp_path)
    (root / "model" / "out").symlink_to(mine)
    assert [copy.size < 2 * SIZE for copy in cached_copies(root.parent)] == [True]
    assert cached_registries(cache) == [root.parent]
    new(cache, 2, bound=KB).path()
    assert not root.exists()
    assert (mine / "precious").stat().st_size == 10 * SIZE


def test_nothing_else_is_touched(cache: Path) -> None:
    """Files and folders that are not modelver's stay, whatever is deleted."""
    root = aged(new(cache, 1, bound=KB), minutes=20)
    for stranger in (cache / "notes", root.parent / "notes", cache / ("c" * 31)):
        stranger.mkdir()
        (stranger / "x").write_bytes(bytes(SIZE))
    new(cache, 2, bound=KB).path()
    assert not root.exists()
    assert len(list(cache.rglob("x"))) == 3


def test_half_deleted_is_deleted(cache: Path) -> None:
    """What a process did not live to delete goes with the next."""
    root = aged(new(cache, 1, bound=KB), minutes=20)
    gone = root.rename(root.with_name(".gone-0123"))
    new(cache, 2, bound=KB).path()
    assert not gone.exists()


def test_a_sweep_is_not_made_for_every_file(cache: Path) -> None:
    """All is looked through after some growth, or after some time."""
    sweeper = Sweeper(cache, Bounds(size=256 * KB, grace=0))
    cache.mkdir()
    folder = cache / ("a" * 32) / ("b" * 32)
    swept = cache / ".swept"

    def grow(size: int) -> bool:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "w").write_bytes(bytes(300 * KB))
        os.utime(folder, (1, 1))
        sweeper.grown(size, (), time.time())
        return folder.exists()

    assert not grow(1)  # never looked through before
    assert grow(400)
    assert grow(400)
    assert not grow(400)  # a 256th of the bound
    os.utime(swept, (1, 1))
    assert not grow(1)
    later = time.time() + 10**6
    os.utime(swept, (later, later))  # a clock that was wrong
    assert not grow(1)


def test_what_is_handed_out_stays(cache: Path) -> None:
    """Whatever the clock of the file system says of its last use."""
    folder = cache / ("a" * 32) / ("b" * 32)
    folder.mkdir(parents=True)
    (folder / "w").write_bytes(bytes(SIZE))
    os.utime(folder, (1, 1))
    sweeper = Sweeper(cache, Bounds(size=0, grace=0))
    sweeper.grown(SIZE, [folder], time.time())
    assert folder.exists()
    sweeper.grown(SIZE, [], time.time())
    assert not folder.exists()


class Full:
    """A disk that is full, so many times."""

    def __init__(self, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = times
        self.fetch = fetch_files
        monkeypatch.setattr(files, "fetch_files", self)

    def __call__(self, *given: Any) -> None:
        """Write half of it, or all."""
        self.times -= 1
        if self.times < 0:
            self.fetch(*given)
            return
        (given[2] / "model").mkdir(parents=True)
        (given[2] / "model" / "w.bin").write_bytes(b"half")
        raise StorageError("no room", kind=ErrorKind.DISK_FULL)


def test_a_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cached gives way to what is asked for, before the disk is too small."""
    first = aged(new(cache, 1), minutes=20)
    second = new(cache, 2)
    Full(1, monkeypatch)
    assert second.path("w.bin").read_bytes() == b"\2" * SIZE
    assert not first.exists()
    Full(1, monkeypatch)
    with pytest.raises(StorageError) as caught:
        new(cache, 3).path()
    assert caught.value.kind is ErrorKind.DISK_FULL
    assert [path.name for path in cache.rglob("w.bin")] == ["w.bin"]


def test_without_bounds(cache: Path) -> None:
    """None of both: nothing is deleted."""
    sweeper = Sweeper(cache, Bounds(size=None, age=None, grace=0))
    folder = cache / ("a" * 32) / ("b" * 32)
    folder.mkdir(parents=True)
    (folder / "w").write_bytes(bytes(SIZE))
    os.utime(folder, (1, 1))
    sweeper.grown(10**15, (), time.time())
    assert folder.exists()
    assert sweeper.make_room((), time.time())
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("50GB", 50 * 10**9),
        ("50 gb", 50 * 10**9),
        ("1.5GiB", 3 * 2**29),
        ("50G", 50 * 2**30),
        ("7kb", 7000),
        ("12B", 12),
        ("1TB", 10**12),
        ("2P", 2 * 2**50),
        ("none", None),
        ("None", None),
    ],
)
def test_sizes(text: str, size: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size is written as people write it, in the call and in the environment."""
    assert cache_bounds(text).size == size
    monkeypatch.setenv("MODELVER_CACHE_SIZE", text)
    assert cache_bounds().size == size
    assert cache_bounds(7).size == 7


@pytest.mark.parametrize(
    "size", ["", "-1", "GB", "1XB", "1 G B", "\u0661", "1iB", "9" * 99, -2, True, 1.5]
)
def test_no_sizes(size: object, tmp_path: Path) -> None:
    """What is no size is refused when the registry is opened, with a hint."""
    with pytest.raises(InvalidInputError) as caught:
        Registry(tmp_path, create=True, cache_size=size)  # type: ignore[arg-type]
    assert caught.value.hints


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf", "1d"])
def test_no_ages(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no number of days is refused."""
    monkeypatch.setenv("MODELVER_CACHE_AGE", text)
    with pytest.raises(InvalidInputError, match="MODELVER_CACHE_AGE"):
        cache_bounds()


def test_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days may be fractions, or none at all."""
    usual = Bounds()
    assert cache_bounds() == usual
    monkeypatch.setenv("MODELVER_CACHE_AGE", "0.5")
    assert cache_bounds() == evolve(usual, age=0.5)
    monkeypatch.setenv("MODELVER_CACHE_AGE", "none")
    assert cache_bounds() == evolve(usual, age=None)

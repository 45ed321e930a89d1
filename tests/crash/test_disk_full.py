"""A real disk that is really full, at one place after the other.

It needs a small file system of its own, so only root can run it.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelver import ErrorKind, Registry, StorageError
from tests.crash.scenarios import MODEL, put, said

pytestmark = pytest.mark.crash

PAGE = 4096
SIZE = 512 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return an empty file system of 512 KiB."""
    mount = shutil.which("mount")
    place = tmp_path / "disk"
    place.mkdir()
    if mount is None or not hasattr(os, "statvfs"):
        pytest.skip("there is no mount(8): NOT TESTED on a full disk")
    options = f"size={SIZE},nr_inodes=10000"
    tried = subprocess.run(
        [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"NOT TESTED on a full disk: {tried.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S607


def _free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def _leave(disk: Path, free: int) -> Path:
    """Fill the disk up to *free* bytes, and return what fills it."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        left = _free(disk) - free
        file.write(bytes(max(0, left)))
    return ballast


def _check_full(error: StorageError) -> None:
    assert error.kind is ErrorKind.DISK_FULL
    assert error.retryable
    assert any("space" in hint for hint in error.hints)


def test_at_every_page(disk: Path) -> None:
    """Wherever the room ends: an error that says so, and after that all goes on."""
    registry = Registry(disk / "registry", create=True)
    put(registry, "one")
    failed = 0
    for pages in range(12):
        before = said(registry)
        ballast = _leave(disk, pages * PAGE)
        # Two pages of model, and more for its card, the config, manifest and entry.
        content = f"{pages:x}" * (2 * PAGE)
        try:
            put(registry, content)
        except StorageError as error:
            _check_full(error)
            failed += 1
            # Everything can be read while the disk is full.
            assert said(Registry(disk / "registry")) == before
            assert Registry(disk / "registry").verify()
        ballast.unlink()
        # It is the next version, or registered already.
        again = put(registry, content)
        assert again.version == f"0.{pages + 2}.0"
        assert again.read("w.bin") == content.encode()
        assert Registry(disk / "registry").verify()
    assert 4 <= failed < 12


def test_until_it_is_full(disk: Path) -> None:
    """Versions are registered until no more fits; all of them are there and whole."""
    registry = Registry(disk / "registry", create=True)
    told: list[str] = []
    numbers = itertools.count()
    with pytest.raises(StorageError) as caught:
        told.extend(put(registry, f"{number} " * 3000).ref for number in numbers)
    _check_full(caught.value)
    assert 3 <= len(told) < 100
    fresh = Registry(disk / "registry")
    assert [version.ref for version in fresh.versions(MODEL)] == told
    assert fresh.verify()
    for ref in (told[0], told[-1]):
        try:
            registry.promote(ref, "production")
        except StorageError as error:
            _check_full(error)
    spare = fresh.get(told[0]).checkout(disk.parent / "spare")
    assert (spare / "model" / "w.bin").read_bytes() == b"0 " * 3000
    # Orphans of the attempt that failed may be all that can be given up here; a larger
    # disk is what people would take.
    subprocess.run(
        ["mount", "-o", f"remount,size={2 * SIZE}", str(disk)],  # noqa: S607
        check=True,
    )
    assert put(registry, "after").version == f"0.{len(told) + 1}.0"
    assert fresh.verify()


def test_a_registry_cannot_be_created(disk: Path) -> None:
    """Where there is no room for a registry there is none, or a whole one."""
    failed = 0
    for pages in range(4):
        url = disk / f"registry-{pages}"
        ballast = _leave(disk, pages * PAGE)
        try:
            Registry(url, create=True)
        except StorageError as error:
            _check_full(error)
            failed += 1
        ballast.unlink()
        assert put(Registry(url, create=True), "one").version == "0.1.0"
    assert failed >= 1


def test_a_copy_does_not_fit(disk: Path, tmp_path: Path) -> None:
    """A checkout or a local copy that does not fit leaves nothing that is used."""
    url = tmp_path / "registry"
    content = "x" * (SIZE // 2)
    files = {"w.bin": content.encode()}
    Registry(url, create=True).register(MODEL, files, environment=False)
    version = Registry(url, cache=disk / "cache").get(MODEL)
    failed = 0
    for pages in (0, 1, 20, 60):
        ballast = _leave(disk, pages * PAGE)
        with pytest.raises(StorageError) as caught:
            version.checkout(disk / "out")
        _check_full(caught.value)
        with pytest.raises(StorageError) as caught:
            version.path()
        _check_full(caught.value)
        failed += 2
        assert not (disk / "out").exists()
        ballast.unlink()
        assert _free(disk) >= SIZE // 2 + 8 * PAGE, "something was left behind"
    assert failed == 8
    assert version.path("w.bin").read_bytes() == content.encode()

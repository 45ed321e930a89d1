"""Fetching where the disk is full, odd, or another system's."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NoReturn

import pytest

from modelver._bundle.fetch import fetch_file, fetch_files
from modelver.backends.local import LocalBackend
from modelver.errors import (
    AccessDeniedError,
    ErrorKind,
    IntegrityError,
    StorageError,
)
from tests.unit.bundle.sliced import STORES, Sliced, held, noise, store_of

MIB: Final = 2**20


def _made(kind: str, folder: Path) -> Sliced:
    made = Sliced(store_of(kind, folder / "store"))
    made.parts("model/w", noise(3 * MIB), [MIB, MIB + 9])
    made.parts("model/x", noise(2 * MIB, 1))
    made.pack({"code/a": b"a", "code/b": b"b" * 5000})
    return made


def _fails(*words: Any) -> Callable[..., NoReturn]:
    def fail(*_: Any) -> NoReturn:
        raise OSError(*words)

    return fail


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="not on this system")
@pytest.mark.parametrize(
    "code",
    [
        errno.EXDEV,
        errno.ENOSYS,
        errno.EINVAL,
        errno.EOPNOTSUPP,
        errno.EPERM,
    ],
)
def test_the_kernel_does_not_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Between file systems that the kernel will not copy between, bytes are read."""
    made = _made("folder", tmp_path)
    monkeypatch.setattr(os, "copy_file_range", _fails(code, "no"))
    fetch_files(made.reader(), made.files, tmp_path / "out")
    assert held(tmp_path / "out") == made.contents


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="not on this system")
@pytest.mark.parametrize("then", ["zero", "error"])
def test_the_kernel_stops_half_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """What the kernel copies in small steps, and then not at all, is right."""
    made = _made("folder", tmp_path)
    real = os.copy_file_range
    calls = 0

    def limping(source: int, target: int, count: int, start: int, at: int) -> int:
        nonlocal calls
        calls += 1
        if calls % 4 == 0:
            if then == "zero":
                return 0
            raise OSError(errno.EXDEV, "no")
        return real(source, target, min(count, 70_001), start, at)

    monkeypatch.setattr(os, "copy_file_range", limping)
    fetch_files(made.reader(), made.files, tmp_path / "out")
    assert held(tmp_path / "out") == made.contents
    assert calls > 8


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(
    "lacking",
    [
        ["copy_file_range", "posix_fallocate"],
        ["copy_file_range", "posix_fallocate", "preadv"],
        [
            "copy_file_range",
            "posix_fallocate",
            "preadv",
            "pread",
            "pwrite",
            "fstatvfs",
        ],
    ],
    ids=["some", "macOS", "Windows"],
)
def test_other_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, lacking: list[str]
) -> None:
    """What Linux alone offers is done without, where there is none of it."""
    made = _made(kind, tmp_path)
    for name in lacking:
        monkeypatch.delattr(os, name, raising=False)
    fetch_files(made.reader(), made.files, tmp_path / "out")
    path = tmp_path / "resumed"
    path.write_bytes(made.contents["model/w"][: 2 * MIB] + b"x" * 2 * MIB)
    fetch_file(made.reader(), made.files[0], path, resume=True)
    monkeypatch.undo()
    assert held(tmp_path / "out") == made.contents
    assert path.read_bytes() == made.contents["model/w"]


@pytest.mark.parametrize("kind", STORES)
def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A file that cannot fit is refused before it is written."""
    made = _made(kind, tmp_path)

    def nearly_full(_: int) -> SimpleNamespace:
        return SimpleNamespace(f_blocks=1000, f_bfree=2, f_frsize=4096)

    monkeypatch.setattr(os, "fstatvfs", nearly_full, raising=False)
    with pytest.raises(StorageError) as caught:
        fetch_file(made.reader(), made.files[0], tmp_path / "w")
    assert caught.value.kind is ErrorKind.DISK_FULL
    assert caught.value.retryable
    assert (tmp_path / "w").stat().st_size == 0


def test_a_disk_that_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that claims to have no blocks at all is not taken for full."""
    made = _made("folder", tmp_path)

    def unknown(_: int) -> SimpleNamespace:
        return SimpleNamespace(f_blocks=0, f_bfree=0, f_frsize=4096)

    monkeypatch.setattr(os, "fstatvfs", unknown, raising=False)
    fetch_files(made.reader(), made.files, tmp_path / "out")
    assert held(tmp_path / "out") == made.contents


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone reserves room")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_to_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A disk that is full, or a quota, is found before a byte is copied."""
    made = _made("folder", tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", _fails(code, "full"))
    monkeypatch.setattr(os, "copy_file_range", _fails(errno.EIO, "it was copied"))
    with pytest.raises(StorageError) as caught:
        fetch_file(made.reader(), made.files[0], tmp_path / "w")
    assert caught.value.kind is ErrorKind.DISK_FULL


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone reserves room")
@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV])
def test_a_disk_that_does_not_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Where room cannot be reserved, it is copied all the same."""
    made = _made("folder", tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", _fails(code, "no"))
    fetch_files(made.reader(), made.files, tmp_path / "out")
    assert held(tmp_path / "out") == made.contents


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, ErrorKind.DISK_FULL),
        (errno.EIO, ErrorKind.IO),
        (errno.EACCES, ErrorKind.ACCESS_DENIED),
    ],
)
def test_an_error_while_it_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    code: int,
    expected: ErrorKind,
) -> None:
    """Whichever thread meets it, the caller hears of it, in modelver's words."""
    made = _made(kind, tmp_path)
    for name in ("pwrite", "copy_file_range"):
        monkeypatch.setattr(os, name, _fails(code, "no"), raising=False)
    for number, file in enumerate(made.files):
        with pytest.raises(StorageError) as caught:
            fetch_file(made.reader(), file, tmp_path / str(number))
        assert caught.value.kind is expected
        assert isinstance(caught.value, AccessDeniedError) is (code == errno.EACCES)
        assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("kind", STORES)
def test_descriptors_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whatever happens, no file stays open, and none is closed under a thread."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files cannot be counted here")
    made = _made(kind, tmp_path)
    reader = made.reader()

    def opened() -> list[Path]:
        found = []
        for link in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):
                found.append(link.readlink())
        # The store has files without a name ready for what it writes next.
        return [path for path in found if tmp_path in path.parents and path.exists()]

    fetch_files(reader, made.files, tmp_path / "out")
    assert opened() == []
    with monkeypatch.context() as patch:
        for name in ("pwrite", "copy_file_range"):
            patch.setattr(os, name, _fails(errno.EIO, "no"), raising=False)
        with pytest.raises(StorageError):
            fetch_files(reader, made.files, tmp_path / "failed")
    assert opened() == []
    made.objects._backend.delete(made.keys("model/w")[1])
    with pytest.raises(IntegrityError):
        fetch_files(reader, made.files, tmp_path / "missing")
    assert opened() == []


def test_the_folder_cannot_be_made(tmp_path: Path) -> None:
    """Where a file stands in the way of a folder, that is an error of modelver's."""
    made = Sliced(LocalBackend(str(tmp_path / "store")))
    file = made.parts("model/w", b"weights")
    (tmp_path / "out").write_bytes(b"")
    fetches: list[Callable[[], None]] = [
        partial(fetch_files, made.reader(), [file], tmp_path / "out"),
        partial(fetch_file, made.reader(), file, tmp_path / "out" / "w"),
    ]
    for fetch in fetches:
        with pytest.raises(StorageError) as caught:
            fetch()
        assert caught.value.hints


@pytest.mark.skipif(not hasattr(os, "pwrite"), reason="not on this system")
def test_no_write_is_a_long_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For long writes the kernel takes pages of 2 MiB, which may be far to fetch."""
    real, lengths = os.pwrite, []

    def pwrite(descriptor: int, data: memoryview, at: int) -> int:
        lengths.append(len(data))
        return real(descriptor, data, at)

    made = Sliced(store_of("memory", tmp_path / "store"))
    made.parts("model/w", noise(9 * MIB + 5), [4 * MIB])
    monkeypatch.setattr(os, "pwrite", pwrite)
    fetch_files(made.reader(), made.files, tmp_path / "out")
    assert (tmp_path / "out/model/w").read_bytes() == noise(9 * MIB + 5)
    assert sum(lengths) == 9 * MIB + 5
    assert max(lengths) <= MIB

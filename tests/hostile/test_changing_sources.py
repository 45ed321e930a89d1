"""Files and folders that change while they are read."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver import ErrorKind, InvalidInputError, Registry
from tests.hostile.watching import listing, quick, refused


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return an empty registry."""
    return Registry(tmp_path / "r", create=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with two files."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a" * 1000)
    (folder / "b.bin").write_bytes(b"b" * 1000)
    return folder


class Meddler:
    """A progress callback that changes the folder when the first file is stored."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.acted = False

    def set_size(self, size: int) -> None:
        """Pass over it."""

    def relative_update(self, inc: int = 1) -> None:
        """Change the folder, once."""
        if inc and not self.acted:
            self.acted = True
            self._act()


def _append(folder: Path) -> None:
    with (folder / "b.bin").open("ab") as file:
        file.write(b"more")


def _append_to_the_first(folder: Path) -> None:
    with (folder / "a.bin").open("ab") as file:
        file.write(b"more")


def _rewrite(folder: Path) -> None:
    (folder / "b.bin").write_bytes(b"c" * 1000)


def _replace(folder: Path) -> None:
    (folder / "new").write_bytes(b"c" * 1000)
    (folder / "new").replace(folder / "b.bin")


def _cut(folder: Path) -> None:
    (folder / "b.bin").write_bytes(b"b")


def _delete(folder: Path) -> None:
    (folder / "b.bin").unlink()


def _delete_the_first(folder: Path) -> None:
    (folder / "a.bin").unlink()


def _create(folder: Path) -> None:
    (folder / "c.bin").write_bytes(b"c")


def _create_deep(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "c.bin").write_bytes(b"c")


def _into_a_folder(folder: Path) -> None:
    (folder / "b.bin").unlink()
    (folder / "b.bin").mkdir()


def _into_a_link(folder: Path) -> None:
    (folder / "b.bin").unlink()
    (folder / "b.bin").symlink_to("/etc/passwd")


def _into_a_fifo(folder: Path) -> None:
    (folder / "b.bin").unlink()
    os.mkfifo(folder / "b.bin")


def _remove_everything(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


CHANGES = [
    _append,
    _append_to_the_first,
    _rewrite,
    _replace,
    _cut,
    _delete,
    _delete_the_first,
    _create,
    _create_deep,
    _into_a_folder,
    _into_a_link,
    _into_a_fifo,
    _remove_everything,
]


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be changed there")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["files", "data"])
def test_changed_while_it_is_read(
    registry: Registry,
    tmp_path: Path,
    source: Path,
    change: Callable[[Path], None],
    role: str,
) -> None:
    """A folder that changes between two looks is not registered as either of them.

    Objects may have been written by then, and belong to nobody; what is committed
    when it is tried again is what is there then.
    """
    time.sleep(0.02)  # a file system's clock may tick in hundredths
    meddler = Meddler(lambda: change(source))
    before = listing(tmp_path / "r" / "log") if (tmp_path / "r/log").exists() else {}
    words: dict[str, Any] = {"files": source} if role == "files" else {}
    if role == "data":
        words = {"files": source / "a.bin", "data": source}
    error = refused(
        lambda: registry.register("m", **words, environment=False, progress=meddler)
    )
    assert meddler.acted
    assert isinstance(error, InvalidInputError)
    assert error.kind in (
        ErrorKind.CHANGED_DURING_READ,
        ErrorKind.UNSUPPORTED_FILE,
        ErrorKind.MISSING_FILE,
    )
    assert error.hints
    after = listing(tmp_path / "r" / "log") if (tmp_path / "r/log").exists() else {}
    assert after == before
    assert registry.models() == []
    assert registry.verify()
    if change in (_append, _append_to_the_first, _rewrite, _replace, _cut, _create):
        version = registry.register("m", source, environment=False)
        found = {f.path: version.read(f.path) for f in version.files}
        assert found == {f"model/{p.name}": p.read_bytes() for p in source.iterdir()}


def test_a_file_that_grows_for_ever(registry: Registry, source: Path) -> None:
    """A file that somebody keeps appending to does not keep us for ever."""
    path = source / "log.txt"
    path.write_bytes(b"x" * 10_000_000)
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x" * 100_000)
                if file.tell() > 500_000_000:
                    return

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        with quick(2):
            error = refused(lambda: registry.register("m", path, environment=False))
    finally:
        stop.set()
        thread.join()
    assert error.kind is ErrorKind.CHANGED_DURING_READ
    assert registry.models() == []


class _AwayAndBack(Meddler):
    """Another file lies there while the second one is read, and is gone afterwards."""

    def __init__(self, folder: Path) -> None:
        super().__init__(lambda: None)
        self._path, self._away = folder / "b.bin", folder.parent / "away"
        self._times = 0

    def relative_update(self, inc: int = 1) -> None:
        """Put another file in the place, then the first one again."""
        if not inc:
            return
        self._times += 1
        if self._times == 1:
            self._path.replace(self._away)
            self._path.write_bytes(b"another" * 10)
        elif self._times == 2:
            self._away.replace(self._path)


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
def test_away_and_back(registry: Registry, source: Path) -> None:
    """A file that was another one while it was read is not taken for itself.

    Both looks at the folder see the same; the read in between did not.
    """
    time.sleep(0.02)
    meddler = _AwayAndBack(source)
    error = refused(
        lambda: registry.register("m", source, environment=False, progress=meddler)
    )
    assert error.kind is ErrorKind.CHANGED_DURING_READ
    assert registry.models() == []

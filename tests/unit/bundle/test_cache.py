"""What the cache believes of its copies, and what it reads again."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelver import ModelVersion, NotFoundError, Registry
from modelver._bundle.cache import shelf, stamps
from modelver._bundle.memory import settled
from modelver.backends.local import LocalBackend
from modelver.testing.recording import RecordingBackend

DATA = b"the right weights"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="nothing is believed there")


@pytest.fixture
def version(tmp_path: Path) -> ModelVersion:
    """Return a version with two files, of a registry with a cache of its own."""
    registry = Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")
    files = {"w.bin": DATA, "run.sh": b"#!/bin/sh\n"}
    return registry.register("m", files, environment=False)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note the files in the cache that are read to verify them."""
    found: list[str] = []
    verify = shelf.Shelf._verify

    def noted(self: Any, path: Path, *rest: Any) -> bool:
        found.append(path.name)
        return verify(self, path, *rest)

    monkeypatch.setattr(shelf.Shelf, "_verify", noted)
    return iter([found])


@pytest.fixture
def reads(read: Iterator[list[str]]) -> list[str]:
    """Return the names of the files that have been read, in order."""
    return next(read)


def test_a_copy_is_not_read_again(version: ModelVersion, reads: list[str]) -> None:
    """Once verified, a copy that nobody has touched is handed out as it is."""
    for _ in range(3):
        assert version.path("w.bin").read_bytes() == DATA
    assert version.path() == version.path()
    assert reads == []


def test_another_process_believes_it_too(
    version: ModelVersion, tmp_path: Path, reads: list[str]
) -> None:
    """What one client has verified another one need not read."""
    version.path()
    other = Registry(tmp_path / "r", cache=tmp_path / "cache")
    assert other.get("m").path("w.bin").read_bytes() == DATA
    assert reads == []


@pytest.mark.parametrize("path", [None, "w.bin", "model/w.bin", "model", "model/"])
def test_the_second_time_no_manifest_is_read(
    version: ModelVersion, tmp_path: Path, path: str | None
) -> None:
    """What was asked for before is answered without the store but for its log."""
    expected = version.path(path)
    store = RecordingBackend(LocalBackend(str(tmp_path / "r")))
    other = Registry(backend=store, cache=tmp_path / "cache")
    assert other.get("m").path(path) == expected
    assert not any(key.startswith(("manifests/", "objects/")) for key in store.keys)


def test_an_answer_is_for_what_was_asked(version: ModelVersion) -> None:
    """A folder of which one file is gone is made whole, as if asked the first time."""
    folder = version.path()
    (folder / "run.sh").unlink()
    assert version.path("w.bin") == folder / "w.bin"
    assert sorted(path.name for path in version.path().iterdir()) == ["run.sh", "w.bin"]
    for missing in ("", "w.bi", "model/w.bin/x", "code"):
        with pytest.raises(NotFoundError):
            version.path(missing)


def test_answers_are_bounded(tmp_path: Path) -> None:
    """Whoever asks for every file by itself fills no disk with answers."""
    registry = Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")
    files = {f"{number}.bin": b"%d" % number for number in range(80)}
    version = registry.register("m", files, environment=False)
    for name, data in files.items():
        assert version.path(name).read_bytes() == data
    assert version.path("79.bin").read_bytes() == b"79"
    (found,) = (tmp_path / "cache").glob("*/*/.answers.json")
    assert len(json.loads(found.read_bytes())) == 64


@pytest.mark.parametrize(
    "touch",
    [
        lambda path: path.chmod(0o600),
        os.utime,
        lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns)),
        lambda path: os.link(path, path.with_name("another-name")),
        lambda path: path.rename(path.with_name("moved")).rename(path),
    ],
    ids=["mode", "time", "access-time", "link", "rename"],
)
def test_a_copy_that_was_touched_is_read_once(
    version: ModelVersion, reads: list[str], touch: Any
) -> None:
    """Any change at all costs one look at the bytes, and not more."""
    touch(version.path("w.bin"))
    for _ in range(3):
        assert version.path("w.bin").read_bytes() == DATA
    assert reads == ["w.bin"]


def test_stamps_may_be_lost(version: ModelVersion, reads: list[str]) -> None:
    """Without stamps every file is read once, and noted again."""
    root = version.path().parent
    (root / stamps.NAME).unlink()
    for _ in range(2):
        version.path()
    assert sorted(reads) == ["run.sh", "w.bin"]


def test_stamps_of_one_file_stay_when_another_comes(
    version: ModelVersion, reads: list[str]
) -> None:
    """A second file of the version is noted beside the first."""
    version.path("w.bin")
    version.path("run.sh")
    version.path()
    assert reads == []


def test_a_stamp_holds_in_its_boot(
    version: ModelVersion, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart a copy is read: power may have gone before its bytes were kept.

    One that has come through a restart need not be read after the next.
    """
    boots = iter(["second", "third", "fourth"])
    version.path("w.bin")
    for expected in (["w.bin"], ["w.bin"], ["w.bin"]):
        boot = next(boots)
        monkeypatch.setattr(stamps, "this_boot", lambda boot=boot: boot)
        monkeypatch.setattr(shelf, "this_boot", lambda boot=boot: boot)
        version.path("w.bin")
        version.path("w.bin")
        assert reads == expected


def test_where_boots_cannot_be_told_apart(
    version: ModelVersion, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy is flushed before its stamp is noted, which then holds for good."""
    flushed: list[int] = []
    monkeypatch.setattr(shelf, "this_boot", lambda: None)
    monkeypatch.setattr(os, "fsync", flushed.append)
    version.path("w.bin")
    assert len(flushed) == 1
    monkeypatch.setattr(stamps, "this_boot", lambda: "another")
    version.path("w.bin")
    assert reads == []


def test_a_stamp_that_proves_nothing_is_not_noted(
    version: ModelVersion, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a later change might not show, copies are read each time."""
    monkeypatch.setattr(shelf, "settled", lambda *_: False)
    root = version.path().parent
    assert not (root / stamps.NAME).exists()
    version.path("w.bin")
    version.path("w.bin")
    assert reads == ["w.bin", "w.bin"]


def test_a_copy_that_is_being_written_is_not_believed(
    version: ModelVersion, reads: list[str]
) -> None:
    """Nor is one that a program has open for writing, though it is right by now."""
    target = version.path("w.bin")
    target.chmod(0o600)
    with target.open("r+b") as file:
        os.utime(target)
        assert version.path("w.bin") == target
        file.write(DATA.swapcase())
    assert reads == ["w.bin"]
    assert version.path("w.bin").read_bytes() == DATA
    with target.open("rb") as file:
        assert isinstance(settled(os.fstat(file.fileno()), file.fileno()), bool)


def test_others_are_not_believed(version: ModelVersion, reads: list[str]) -> None:
    """Where somebody else could have written stamps, none of them counts.

    Of a folder of one's own that is taken from the others when the next file comes.
    """
    target = version.path("w.bin")
    registry = target.parents[2]
    registry.chmod(0o777)
    version.path("w.bin")
    version.path("w.bin")
    assert reads == ["w.bin", "w.bin"]
    version.path("run.sh")
    assert registry.stat().st_mode & 0o777 == 0o700
    version.path("w.bin")
    version.path("w.bin")
    assert reads.count("w.bin") <= 4


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="gives files away")
def test_the_folder_of_another_user(version: ModelVersion, reads: list[str]) -> None:
    """Nor where the folder is somebody else's."""
    target = version.path("w.bin")
    os.chown(target.parents[2], 12345, -1)
    version.path("w.bin")
    version.path("w.bin")
    assert reads == ["w.bin", "w.bin"]


def test_a_cache_that_can_only_be_read(
    version: ModelVersion, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies of a cache that cannot be written to are handed out all the same."""
    target = version.path("w.bin")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(stamps, "write_whole", refuse)
    assert version.path("w.bin") == target
    assert reads == []
    target.chmod(0o600)
    assert version.path("w.bin") == target


def test_modes(version: ModelVersion, tmp_path: Path) -> None:
    """A copy is read-only; a script can be run."""
    script = tmp_path / "s.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    registry = Registry(tmp_path / "r", cache=tmp_path / "cache")
    other = registry.register("n", {"s.sh": script, "w": b"1"}, environment=False)
    assert other.path("s.sh").stat().st_mode & 0o777 == 0o500
    assert other.path("w").stat().st_mode & 0o777 == 0o400
    assert version.path("w.bin").stat().st_mode & 0o777 == 0o400


def test_nothing_is_left_of_filling(version: ModelVersion) -> None:
    """Neither partial files nor locks stay where a file was brought."""
    root = version.path().parent
    assert list((root / ".partial").iterdir()) == []


class Told:
    """Keeps what it is told of progress."""

    def __init__(self) -> None:
        self.size = self.done = 0

    def set_size(self, size: int) -> None:
        """Say how much there is to do."""
        self.size = size

    def relative_update(self, inc: int = 1) -> None:
        """Say that so much more is done."""
        self.done += inc


def test_progress(tmp_path: Path) -> None:
    """A call tells of the bytes that it has to bring, and of no others."""
    registry = Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")
    files = {"large.bin": os.urandom(2**21), "small.bin": DATA, "more.bin": b"1"}
    version = registry.register("m", files, environment=False)
    version.path("more.bin")
    told = Told()
    version.path(progress=told)
    assert (told.size, told.done) == (2**21 + len(DATA),) * 2
    told = Told()
    version.path(progress=told)
    assert (told.size, told.done) == (0, 0)

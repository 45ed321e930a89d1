"""A cache that somebody else has written into: what it hands out is verified still."""

import json
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


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _same_size(target: Path, _: Path) -> None:
    target.write_bytes(DATA.swapcase())


def _same_size_and_time(target: Path, _: Path) -> None:
    info = target.stat()
    target.chmod(0o600)
    target.write_bytes(DATA.swapcase())
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
    target.chmod(0o400)


def _same_size_time_and_inode(target: Path, _: Path) -> None:
    info = target.stat()
    target.chmod(0o600)
    with target.open("r+b") as file:  # in its place, as a program that trains would
        file.write(DATA.swapcase())
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
    target.chmod(0o400)
    assert target.stat().st_ino == info.st_ino


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


def _moved_folder(target: Path, outside: Path) -> None:
    target.parent.rename(outside / "deep")  # the file's own stamp stays what it was
    target.parent.symlink_to(outside / "deep")


def _moved_root(target: Path, outside: Path) -> None:
    target.parents[2].rename(outside / "root")
    target.parents[2].symlink_to(outside / "root")


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
        _same_size_and_time,
        _same_size_time_and_inode,
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
        _moved_folder,
        _moved_root,
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
    before = _files(outside)
    again = version.path("deep/w.bin")
    assert again.read_bytes() == DATA
    assert not any(path.is_symlink() for path in (again, *again.parents[:3]))
    assert again.is_file()
    assert _files(outside) == before
    assert (version.path() / "deep" / "w.bin").read_bytes() == DATA
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def _root(target: Path) -> Path:
    return target.parents[2]


def _junk_stamps(root: Path, _: Path) -> None:
    (root / ".stamps.json").write_bytes(b'{"model/deep/w.bin": [')


def _deep_stamps(root: Path, _: Path) -> None:
    (root / ".stamps.json").write_bytes(b"[" * 100_000)


def _odd_stamps(root: Path, _: Path) -> None:
    text = '{"model/deep/w.bin": [1, 2, 3, true, null], "model/x.bin": 7, "": null}'
    (root / ".stamps.json").write_text(text)


def _linked_stamps(root: Path, outside: Path) -> None:
    (outside / "stamps").write_bytes((root / ".stamps.json").read_bytes())
    (root / ".stamps.json").unlink()
    (root / ".stamps.json").symlink_to(outside / "stamps")


def _folder_of_stamps(root: Path, _: Path) -> None:
    (root / ".stamps.json").unlink()
    (root / ".stamps.json").mkdir()


def _answers(root: Path, text: str) -> None:
    (root / ".answers.json").chmod(0o600)
    (root / ".answers.json").write_text(text)


def _junk_answers(root: Path, _: Path) -> None:
    _answers(root, '{"')


def _odd_answers(root: Path, _: Path) -> None:
    known = json.loads((root / ".answers.json").read_bytes())
    odd: list[object] = [7, [], ["x"], [1, 2], ["model", "code/x"], None]
    for number, question in enumerate(known):
        known[question] = odd[number % len(odd)]
    _answers(root, json.dumps(known))


def _answers_that_lead_out(root: Path, outside: Path) -> None:
    (outside / "w.bin").write_bytes(DATA)
    known = json.loads((root / ".answers.json").read_bytes())
    out = os.path.relpath(outside / "w.bin", root)
    _answers(root, json.dumps({question: [out, out] for question in known}))


def _linked_answers(root: Path, outside: Path) -> None:
    (root / ".answers.json").rename(outside / "answers")
    (root / ".answers.json").symlink_to(outside / "answers")


def _linked_partials(root: Path, outside: Path) -> None:
    shutil.rmtree(root / ".partial")
    (root / ".partial").symlink_to(outside)


def _linked_partial(root: Path, outside: Path) -> None:
    (outside / "mine").write_bytes(b"somebody's own file")
    (root / ".partial" / "small").symlink_to(outside / "mine")


def _file_for_partials(root: Path, _: Path) -> None:
    shutil.rmtree(root / ".partial")
    (root / ".partial").write_bytes(b"no folder")


def _linked_registry(root: Path, outside: Path) -> None:
    root.parent.rename(outside / "all")
    root.parent.symlink_to(outside / "all")


def _linked_mirror(root: Path, outside: Path) -> None:
    shutil.rmtree(root.parent / "mirror")
    (root.parent / "mirror").symlink_to(outside)


@pytest.mark.parametrize(
    "poison",
    [
        _junk_stamps,
        _deep_stamps,
        _odd_stamps,
        _linked_stamps,
        _folder_of_stamps,
        _junk_answers,
        _odd_answers,
        _answers_that_lead_out,
        _linked_answers,
        _linked_partials,
        _linked_partial,
        _file_for_partials,
        _linked_registry,
        _linked_mirror,
    ],
)
def test_poison_beside_the_copies(
    version: ModelVersion, tmp_path: Path, poison: Callable[[Path, Path], None]
) -> None:
    """Nor does it matter what was done to what modelver keeps beside the copies."""
    outside = tmp_path / "outside"
    outside.mkdir()
    target = version.path("deep/w.bin")
    poison(_root(target), outside)
    before = _files(outside)
    other = Registry(tmp_path / "r", cache=tmp_path / "cache").get("m")
    assert other.path("deep/w.bin").read_bytes() == DATA
    _same_size(version.path("deep/w.bin"), outside)
    assert version.path("deep/w.bin").read_bytes() == DATA
    assert (version.path() / "x.bin").read_bytes() == b"x"
    assert _files(outside) == before or poison is _linked_registry
    if poison is _linked_registry:
        assert not _root(target).parent.is_symlink()
        target = outside / "all" / _root(target).name / "model" / "deep" / "w.bin"
        assert target.read_bytes() == DATA.swapcase()


def test_a_partial_file_with_two_names(tmp_path: Path) -> None:
    """What lies where a download was interrupted is not written to if it is shared."""
    data = os.urandom(2**21)
    registry = Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")
    version = registry.register("m", {"large.bin": data}, environment=False)
    target = version.path("large.bin")
    partial = target.parents[1] / ".partial" / version.files[0].digest[3:35]
    target.unlink()
    mine = tmp_path / "mine"
    mine.write_bytes(b"somebody's own file")
    os.link(mine, partial)
    assert version.path("large.bin").read_bytes() == data
    assert mine.read_bytes() == b"somebody's own file"
    assert not partial.exists()


def test_a_damaged_beginning_is_not_gone_on_with(tmp_path: Path) -> None:
    """Of a partial file only what is right is kept, whatever its times and size."""
    data = os.urandom(2**21)
    registry = Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")
    version = registry.register("m", {"large.bin": data}, environment=False)
    target = version.path("large.bin")
    partial = target.parents[1] / ".partial" / version.files[0].digest[3:35]
    target.unlink()
    for wrong in (bytes(2**21), data[:-1] + b"?", data + b"more", data[: 2**20]):
        partial.write_bytes(wrong)
        assert version.path("large.bin").read_bytes() == data
        assert not partial.exists()
        target.unlink()


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
    for folder in (tmp_path / "cache", target.parents[3], target.parents[2]):
        assert folder.stat().st_mode & 0o777 == 0o700


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

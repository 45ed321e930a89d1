"""Storing files: in parts and packs, once, and what is unchanged not even read."""

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import InvalidInputError, ModelVersion, Registry
from modelver._bundle import write
from modelver._bundle.cutting import WINDOW
from modelver._bundle.source import Source
from modelver._values.manifest import Slice
from modelver.errors import ErrorKind, StorageError

MIB: Final = 2**20


def _bytes(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - repeatable


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return an empty registry in a folder."""
    return Registry(tmp_path / "r", create=True, cache=tmp_path / "cache")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are opened to be registered, as they are."""
    names: list[str] = []
    real = Source.__enter__

    def enter(self: Source) -> Source:
        origin = self._item.origin
        names.append(origin.name if isinstance(origin, Path) else self._item.path)
        return real(self)

    monkeypatch.setattr(Source, "__enter__", enter)
    return names


def _old(path: Path) -> None:
    """Wait until a change of *path* would show in its stamp."""
    while time.time_ns() - path.stat().st_ctime_ns < 30_000_000:
        time.sleep(0.005)


def _objects(registry: Registry) -> dict[str, int]:
    found = registry._core.backend.list("objects/")
    return {info.key: info.size for info in found}


def _cuts(version: ModelVersion) -> dict[str, tuple[Slice, ...]]:
    manifest = version._core.manifest(version._state)
    return dict(manifest.layout.files)


def test_a_tree_of_small_files_is_one_object(
    registry: Registry, tmp_path: Path
) -> None:
    """500 source files are one object and come back one by one."""
    files = {f"pkg/m{n}.py": f"x = {n}\n".encode() * (n % 7) for n in range(500)}
    for path, data in files.items():
        (tmp_path / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / path).write_bytes(data)
    version = registry.register(
        "m", {"w.bin": b"w"}, code=tmp_path / "src", environment=False
    )
    assert len(_objects(registry)) == 1
    for path, data in files.items():
        assert version.read(f"code/{path}") == data
    assert registry.verify()


def test_only_what_changed_of_a_tree_is_stored(registry: Registry) -> None:
    """Of 300 files, the three that changed make one small object."""
    files = {f"m{n}.py": f"x = {n}\n".encode() * 50 for n in range(300)}
    registry.register("m", files, environment=False)
    before = _objects(registry)
    for n in (7, 80, 299):
        files[f"m{n}.py"] = f"y = {n}\n".encode()
    version = registry.register("m", files, environment=False)
    new = {k: size for k, size in _objects(registry).items() if k not in before}
    assert list(new.values()) == [sum(len(files[f"m{n}.py"]) for n in (7, 80, 299))]
    assert {f.path: version.read(f.path) for f in version.files} == {
        f"model/{path}": data for path, data in files.items()
    }


@pytest.mark.parametrize("size", [WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW + 5])
def test_around_the_size_of_a_buffer(registry: Registry, size: int) -> None:
    """Files as large as a buffer, a byte less or more, come back whole."""
    data = _bytes(size)
    version = registry.register("m", {"w.bin": data, "a": b"a"}, environment=False)
    assert version.read("w.bin") == data
    assert max(_objects(registry).values()) <= WINDOW
    assert registry.verify()


def test_two_parts_of_equal_bytes_are_stored_once(registry: Registry) -> None:
    """A file of zeros takes the place of a few of its parts."""
    version = registry.register("m", {"w.bin": bytes(5 * WINDOW)}, environment=False)
    assert sum(_objects(registry).values()) <= WINDOW
    assert version.read("w.bin") == bytes(5 * WINDOW)


def test_every_slice_is_verified_by_itself(registry: Registry) -> None:
    """A part that shares its object names its digest; a whole object need not."""
    data = _bytes(40 * MIB)
    version = registry.register("m", {"w.csv": data, "a": b"a"}, environment=False)
    cuts = _cuts(version)
    sizes = _objects(registry)
    assert cuts["model/a"][0].digest is None
    for piece in cuts["model/w.csv"]:
        size = sizes[f"objects/{piece.object[:2]}/{piece.object}"]
        assert (piece.digest is None) == (piece.length == size)


@pytest.mark.large
def test_rows_in_the_middle_cost_a_few_parts(registry: Registry) -> None:
    """A table that grew in its middle is stored but for a few parts around it."""
    rows = [f"{n},{random.Random(n).random()}\n" for n in range(1_500_000)]  # noqa: S311
    old = "".join(rows).encode()
    assert len(old) > 2 * WINDOW
    registry.register("m", {"w": b"w"}, data={"t.csv": old}, environment=False)
    before = sum(_objects(registry).values())
    more = "".join(f"new,{n}\n" for n in range(10_000)).encode()
    middle = old.index(b"\n750000,") + 1
    new = old[:middle] + more + old[middle:]
    version = registry.register(
        "m", {"w": b"w"}, data={"t.csv": new}, environment=False
    )
    assert version.read("data/t.csv") == new
    assert sum(_objects(registry).values()) - before < 5 * MIB


def test_another_model_shares_the_bytes(registry: Registry) -> None:
    """What another model has stored is found through the index and not stored again."""
    data = _bytes(20 * MIB)
    registry.register("one", {"w.bin": data}, environment=False)
    before = _objects(registry)
    registry.register("two", {"base.bin": data, "x": b"x"}, environment=False)
    new = {k: size for k, size in _objects(registry).items() if k not in before}
    assert list(new.values()) == [1]
    assert registry.get("two").read("base.bin") == data


@pytest.mark.parametrize("damage", ["missing", "garbage", "wrong"])
def test_a_wrong_index_costs_bytes_and_never_a_version(
    registry: Registry, tmp_path: Path, damage: str
) -> None:
    """Whatever the index says, what is registered can be read."""
    data = _bytes(20 * MIB)
    one = registry.register("one", {"w.bin": data}, environment=False)
    memory = registry._core.memory
    assert memory is not None
    if damage == "wrong":
        # It says that the manifest of `one` holds what it does not hold.
        digests = [f"b3:{n:064x}" for n in range(100)]
        memory.index(one._state.manifest, [*digests, one.files[0].digest])
    for path in (tmp_path / "cache").rglob("memory.sqlite*"):
        if damage == "missing":
            path.unlink()
        elif damage == "garbage":
            path.write_bytes(b"garbage" * 1000)
    fresh = Registry(tmp_path / "r", cache=tmp_path / "cache")
    other = _bytes(20 * MIB, 1)
    version = fresh.register("two", {"w.bin": data, "o.bin": other}, environment=False)
    assert version.read("w.bin") == data
    assert version.read("o.bin") == other
    assert fresh.verify()


def test_an_index_of_what_nobody_registered_is_not_believed(
    registry: Registry,
) -> None:
    """A manifest that the log does not cite places nothing, though the index names it.

    Its objects may be about to be swept.
    """
    data = _bytes(20 * MIB)
    one = registry.register("one", {"w.bin": data}, environment=False)
    registry.withdraw(one, reason="gone")
    (key,) = {
        k
        for k, size in _objects(registry).items()
        if size == max(_objects(registry).values())
    } or {""}
    registry._core.backend.delete(key)
    version = registry.register("two", {"w.bin": data}, environment=False)
    assert version.read("w.bin") == data


def test_what_is_unchanged_is_not_read(
    registry: Registry, tmp_path: Path, opened: list[str]
) -> None:
    """The second registration from a folder opens only what was touched since."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("a.bin", "b.bin", "c.bin"):
        (folder / name).write_bytes(_bytes(MIB, seed=ord(name[0])))
    _old(folder / "c.bin")
    registry.register("m", folder, environment=False)
    # Once to see whether it is text that could hold a secret, once to be stored.
    assert sorted(opened) == ["a.bin", "a.bin", "b.bin", "b.bin", "c.bin", "c.bin"]
    opened.clear()
    again = registry.register("m", folder, environment=False)
    assert (opened, again.version) == ([], "0.1.0")
    (folder / "b.bin").write_bytes(_bytes(MIB, seed=9))
    changed = registry.register("m", folder, environment=False)
    assert (opened, changed.version) == (["b.bin", "b.bin"], "0.2.0")
    assert changed.read("b.bin") == _bytes(MIB, seed=9)
    assert changed.read("a.bin") == _bytes(MIB, seed=ord("a"))


def test_rehash_reads_everything(
    registry: Registry, tmp_path: Path, opened: list[str]
) -> None:
    """What is asked for is read, whatever is remembered."""
    (tmp_path / "a.bin").write_bytes(_bytes(MIB))
    _old(tmp_path / "a.bin")
    registry.register("m", tmp_path / "a.bin", environment=False)
    opened.clear()
    registry.register("m", tmp_path / "a.bin", environment=False, rehash=True)
    assert opened == ["a.bin", "a.bin"], "looked through for secrets, and read"


def _mtime_set_back(path: Path, data: bytes) -> None:
    info = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def _replaced(path: Path, data: bytes) -> None:
    info = path.stat()
    other = path.with_name("other")
    other.write_bytes(data)
    os.utime(other, ns=(info.st_atime_ns, info.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [_mtime_set_back, _replaced])
def test_a_change_that_hides_is_seen(
    registry: Registry, tmp_path: Path, change: Callable[[Path, bytes], None]
) -> None:
    """Other bytes of the same size and the same mtime are read, and registered."""
    path = tmp_path / "a.bin"
    path.write_bytes(_bytes(MIB))
    _old(path)
    registry.register("m", path, environment=False)
    change(path, _bytes(MIB, 1))
    version = registry.register("m", path, environment=False)
    assert version.read("a.bin") == _bytes(MIB, 1)


def test_a_change_within_a_tick_is_seen(registry: Registry, tmp_path: Path) -> None:
    """A file that is rewritten as soon as it was registered is read again.

    Its stamp may be the same; so young a stamp is not remembered.
    """
    path = tmp_path / "a.bin"
    for n in range(30):
        path.write_bytes(_bytes(MIB, n))
        version = registry.register("m", path, environment=False)
        assert version.read("a.bin") == _bytes(MIB, n)


class _Backwards:
    """Cuts wrongly: into nothing."""

    def want(self) -> int:
        return WINDOW

    def cut(self, window: memoryview, *, last: bool) -> list[int]:
        return [] if not last else [len(window)]


def test_a_strategy_that_never_cuts_is_an_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strategy that would go on for ever is stopped, and nothing is registered."""
    monkeypatch.setattr(write, "cutter_for", lambda *_: _Backwards())
    with pytest.raises(Exception, match="not cut"):
        registry.register("m", {"w.bin": bytes(3 * WINDOW)}, environment=False)
    assert list(registry.models()) == []


def test_an_error_of_a_worker_ends_the_registration(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store refuses while other parts are on their way is raised once."""
    real = registry._core.objects.put
    count = 0

    def put(*args: Any, **words: Any) -> str:
        nonlocal count
        count += 1
        if count == 3:
            raise StorageError("full", kind=ErrorKind.DISK_FULL)
        return real(*args, **words)

    monkeypatch.setattr(registry._core.objects, "put", put)
    with pytest.raises(StorageError, match="full"):
        registry.register("m", {"w.bin": _bytes(8 * WINDOW)}, environment=False)
    assert list(registry.models()) == []
    monkeypatch.undo()
    version = registry.register("m", {"w.bin": _bytes(8 * WINDOW)}, environment=False)
    assert version.read("w.bin") == _bytes(8 * WINDOW)


def test_progress_is_told_every_byte_from_one_thread(registry: Registry) -> None:
    """The bytes that are told of add up, and a caller's callback needs no lock."""
    told: list[tuple[int, int]] = []
    sizes: list[int] = []

    class Progress:
        def set_size(self, size: int) -> None:
            sizes.append(size)

        def relative_update(self, inc: int = 1) -> None:
            told.append((threading.get_ident(), inc))

    files = {"w.bin": _bytes(3 * WINDOW), "a": b"abc", "e": b""}
    for _ in range(2):
        told.clear()
        registry.register("m", files, environment=False, progress=Progress())
        assert sum(inc for _, inc in told) == sizes[-1] == 3 * WINDOW + 3
        assert {thread for thread, _ in told} == {threading.get_ident()}


def test_a_callback_that_raises_cancels(registry: Registry) -> None:
    """An error of the caller's callback ends the registration, and nothing is left."""

    class Cancel:
        def set_size(self, size: int) -> None:
            """Take the size."""

        def relative_update(self, inc: int = 1) -> None:
            raise KeyboardInterrupt(inc)

    with pytest.raises(KeyboardInterrupt):
        registry.register(
            "m", {"w.bin": bytes(WINDOW)}, environment=False, progress=Cancel()
        )
    assert list(registry.models()) == []


def test_a_draft_stores_in_parts(registry: Registry, tmp_path: Path) -> None:
    """Files that are added one by one are cut and shared as those given at once."""
    data = _bytes(2 * WINDOW + 1)
    (tmp_path / "w.bin").write_bytes(data)
    with registry.draft("m", environment=False) as draft:
        draft.add(tmp_path / "w.bin")
        (tmp_path / "w.bin").write_bytes(b"something else")
        draft.add({"a": b"a"})
    assert draft.version.read("w.bin") == data
    assert registry.verify()


def test_a_sparse_file_costs_little(registry: Registry, tmp_path: Path) -> None:
    """Holes are zeros: 256 MiB of them are stored once in a few parts."""
    with (tmp_path / "sparse.bin").open("wb") as file:
        file.truncate(256 * MIB)
        file.seek(100 * MIB)
        file.write(b"in the middle")
    version = registry.register("m", tmp_path / "sparse.bin", environment=False)
    assert sum(_objects(registry).values()) < 40 * MIB
    with version.open("sparse.bin") as found:
        found.seek(100 * MIB)
        assert found.read(13) == b"in the middle"
    assert version.size == 256 * MIB


def test_a_file_that_grows_is_refused(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file to which something is added while it is cut is not registered."""
    path = tmp_path / "w.bin"
    path.write_bytes(_bytes(2 * WINDOW))
    real = Source.read_into

    def read_into(self: Source, view: memoryview) -> int:
        if self.at > WINDOW:
            with path.open("ab") as file:
                file.write(b"more")
        return real(self, view)

    monkeypatch.setattr(Source, "read_into", read_into)
    with pytest.raises(InvalidInputError) as caught:
        registry.register("m", path, environment=False)
    assert caught.value.kind is ErrorKind.CHANGED_DURING_READ
    assert list(registry.models()) == []


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELVER_STATE_DIR", str(tmp_path / "state"))

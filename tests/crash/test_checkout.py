"""A checkout, or a local copy, that is interrupted leaves nothing that is used."""

import errno
import itertools
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelver import (
    AlreadyExistsError,
    ErrorKind,
    IntegrityError,
    ModelVersion,
    Registry,
    StorageError,
)
from modelver.backends.local import LocalBackend
from modelver.testing import Crash, Fault, FaultyBackend, Plan
from tests.crash.oscalls import intercepted
from tests.crash.scenarios import MODEL
from tests.crash.victims import Victims
from tests.hostile.forge import Forge, digest, dumps

pytestmark = pytest.mark.crash

MIB = 2**20
NOISE = random.Random(5).randbytes(4 * MIB)  # noqa: S311 - repeatable
# The first two share an object, the last one is cut, the one before is not.
FILES = {
    "a.bin": b"a" * 100,
    "b.bin": b"b" * 5000,
    "sub/c.bin": NOISE[:MIB],
    "sub/d.bin": NOISE[MIB:],
}
AT_ONCE = {f"model/{path}": data for path, data in FILES.items()}
CUT = [(0, MIB), (MIB, 2 * MIB - 7), (2 * MIB - 7, 3 * MIB)]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return a registry with one version, placed in every way that files can be."""
    forge = Forge(tmp_path / "registry")
    entries = {path: forge.file(path, data)[0] for path, data in AT_ONCE.items()}
    pack = forge.object(FILES["a.bin"] + FILES["b.bin"])
    large = FILES["sub/d.bin"]
    cuts: dict[str, list[dict[str, Any]]] = {
        "model/a.bin": [_slice(pack, 0, 100)],
        "model/b.bin": [_slice(pack, 100, 5000)],
        "model/sub/c.bin": [_slice(forge.object(FILES["sub/c.bin"]), 0, MIB)],
        "model/sub/d.bin": [
            _slice(forge.object(large[start:end]), 0, end - start) for start, end in CUT
        ],
    }
    line1 = {"format": 1, "files": list(entries.values())}
    cited = forge.manifest(dumps(line1), dumps({"files": cuts}))
    forge.register(MODEL, cited=cited, files=4, size=sum(map(len, FILES.values())))
    return str(forge.root)


def _slice(name: str, offset: int, length: int) -> dict[str, Any]:
    return {"object": name, "offset": offset, "length": length, "codec": "none"}


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    """Return what starts victims."""
    with Victims() as made:
        yield made


def _held(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _check_whole(url: str, dest: Path) -> None:
    """Check that *dest* can be checked out, and the cache gives the right bytes."""
    version = Registry(url).get(f"{MODEL}@newest")
    if dest.exists():
        assert _held(dest) == AT_ONCE
    else:
        assert _held(version.checkout(dest)) == AT_ONCE
    assert not list(dest.parent.glob(f".{dest.name}.*")), "a killed one left something"
    for path, data in FILES.items():
        assert version.path(path).read_bytes() == data


@pytest.mark.parametrize(
    "fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ERROR_BEFORE]
)
def test_at_every_operation(url: str, tmp_path: Path, fault: Fault) -> None:
    """Nothing is at the target, and nothing beside it, whichever read fails."""
    interrupted = 0
    for k in itertools.count(1):
        out = tmp_path / f"out-{fault}-{k}"
        out.mkdir()
        backend = FaultyBackend(LocalBackend(url), Plan(fault, at=k))
        try:
            registry = Registry(backend=backend, cache=out / "cache")
            version = registry.get(f"{MODEL}@newest")
            version.checkout(out / "dest")
        except (Crash, StorageError):
            assert not list(out.iterdir())
            interrupted += 1
        else:
            assert _held(out / "dest") == AT_ONCE
            if not backend.fired:
                break
    assert interrupted >= 9


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER, Fault.ERROR_BEFORE])
def test_the_cache_at_every_operation(url: str, tmp_path: Path, fault: Fault) -> None:
    """A cache that was being filled gives the right bytes afterwards, or fetches."""
    interrupted = 0
    for k in itertools.count(1):
        cache = tmp_path / f"cache-{fault}-{k}"
        backend = FaultyBackend(LocalBackend(url), Plan(fault, at=k))
        try:
            Registry(backend=backend, cache=cache).get(f"{MODEL}@newest").path()
        except (Crash, StorageError):
            interrupted += 1
        # Beside them is what the cache keeps for itself, and what is not whole.
        for path, data in _held(cache).items():
            _, published, name = path.partition("/model/")
            assert not published or FILES[name] == data
        version = Registry(url, cache=cache).get(f"{MODEL}@newest")
        assert _held(version.path()) == FILES
        if not backend.fired:
            break
    assert interrupted >= 9


def test_killed_at_every_system_call(
    victims: Victims, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies anywhere leaves no target or a whole one, no bad cache."""
    for k in itertools.count(1):
        dest = tmp_path / f"dest-{k}"
        monkeypatch.setenv("MODELVER_CACHE_DIR", str(tmp_path / f"cache-{k}"))
        told, ended = victims.run("fetch", url=url, dest=str(dest), at=k)
        assert ended == (0 if told else -signal.SIGKILL)
        _check_whole(url, dest)
        if told:
            break
    assert k > 15


def _poison(kind: str, target: Path, data: bytes) -> None:
    target.chmod(0o600)
    if kind == "cut short":
        target.write_bytes(data[: len(data) // 2])
    elif kind == "empty":
        target.write_bytes(b"")
    elif kind == "zeros":
        target.write_bytes(bytes(len(data)))
    elif kind == "longer":
        target.write_bytes(data + b"x")
    elif kind == "elsewhere":
        target.unlink()
        target.with_name("other").write_bytes(data)
        target.symlink_to(target.with_name("other"))
    else:
        target.unlink()
        target.mkdir()


@pytest.mark.parametrize("kind", ["cut short", "empty", "zeros", "longer", "elsewhere"])
def test_what_a_power_cut_left_in_the_cache(
    url: str, tmp_path: Path, kind: str
) -> None:
    """A file that is there and does not hold its bytes is fetched again."""
    version = Registry(url, cache=tmp_path / "cache").get(f"{MODEL}@newest")
    for path, data in FILES.items():
        if kind == "zeros" and not any(data):
            data = b"x" * len(data)  # noqa: PLW2901
        _poison(kind, version.path(path), data)
        assert version.path(path).read_bytes() == FILES[path]
        assert not version.path(path).is_symlink()


@pytest.mark.parametrize("act", ["checkout", "path"])
def test_the_disk_is_full(url: str, tmp_path: Path, act: str) -> None:
    """Whichever call meets a full disk: an error that says so, and nothing is left."""
    acts: dict[str, Callable[[ModelVersion, Path], object]] = {
        "checkout": lambda version, place: version.checkout(place / "dest"),
        "path": lambda version, _: version.path(),
    }
    failed = 0
    for k in itertools.count(1):
        place = tmp_path / f"{act}-{k}"
        place.mkdir()
        version = Registry(url, cache=place / "cache").get(f"{MODEL}@newest")
        full = _Full(k)
        with intercepted(full):
            try:
                acts[act](version, place)
            except StorageError as error:
                assert error.kind is ErrorKind.DISK_FULL  # noqa: PT017
                assert error.retryable  # noqa: PT017
                failed += 1
                assert not (place / "dest").exists()
                assert not [p for p in _held(place) if p.endswith(".tmp")]
        if not full.fired:
            break
        if act == "path" or not (place / "dest").exists():
            acts[act](version, place)
        assert _held(version.path()) == FILES
    assert failed >= 6


_TAKES_ROOM = {
    "open",
    "mkdir",
    "write",
    "pwrite",
    "posix_fallocate",
    "copy_file_range",
}


class _Full:
    """A disk on which the k-th call that takes room finds none."""

    def __init__(self, at: int) -> None:
        self.calls = 0
        self.fired = False
        self._at = at

    def __call__(
        self, name: str, args: tuple[object, ...], call: Callable[[], object]
    ) -> object:
        """Make the call, or say that the disk is full."""
        if name in _TAKES_ROOM:
            self.calls += 1
            if self.calls == self._at:
                self.fired = True
                raise OSError(28, "No space left on device", str(args[0]))
        return call()


LEFT = ".dest.0123456789ab.tmp"


def _leftover(folder: Path, name: str = LEFT) -> Path:
    (folder / name / "model").mkdir(parents=True)
    (folder / name / "model" / "half").write_bytes(b"half")
    return folder / name


def _version(url: str, tmp_path: Path) -> ModelVersion:
    return Registry(url, cache=tmp_path / "cache").get(MODEL)


def test_a_leftover_goes(url: str, tmp_path: Path) -> None:
    """What a killed checkout left beside the target goes with the next one to it."""
    left = _leftover(tmp_path)
    others = [
        _leftover(tmp_path, name)
        for name in (
            ".other.0123456789ab.tmp",
            ".dest.0123456789ab",
            ".dest.0123456789AB.tmp",
            ".dest.tmp",
            "dest.0123456789ab.tmp",
        )
    ]
    _version(url, tmp_path).checkout(tmp_path / "dest")
    assert not left.exists()
    assert all(_held(other) for other in others)


def test_what_only_looks_like_a_leftover(url: str, tmp_path: Path) -> None:
    """A file or a link of such a name is left alone, and what it leads to."""
    pytest.importorskip("fcntl")
    aim = _leftover(tmp_path, "somebody's")
    (tmp_path / LEFT).symlink_to(aim)
    (tmp_path / ".dest.aaaaaaaaaaaa.tmp").write_bytes(b"a file")
    _version(url, tmp_path).checkout(tmp_path / "dest")
    assert _held(aim) == {"model/half": b"half"}
    assert (tmp_path / LEFT).is_symlink()
    assert (tmp_path / ".dest.aaaaaaaaaaaa.tmp").read_bytes() == b"a file"


def test_a_checkout_under_way_is_no_leftover(url: str, tmp_path: Path) -> None:
    """Another checkout to the same target goes on; the first to be whole wins."""
    pytest.importorskip("fcntl")
    version, dest = _version(url, tmp_path), tmp_path / "dest"
    begun, go_on = threading.Event(), threading.Event()
    told: list[object] = []

    class Slow:
        def set_size(self, size: int) -> None: ...

        def relative_update(self, inc: int = 1) -> None:
            assert inc
            begun.set()
            assert go_on.wait(60)

    def slowly() -> None:
        try:
            told.append(version.checkout(dest, progress=Slow()))
        except AlreadyExistsError as error:
            told.append(error)

    thread = threading.Thread(target=slowly)
    thread.start()
    try:
        assert begun.wait(60)
        (under_way,) = tmp_path.glob(".dest.*")
        assert _held(version.checkout(dest)) == AT_ONCE
        assert under_way.is_dir()
    finally:
        go_on.set()
        thread.join()
    assert [type(answer) for answer in told] == [AlreadyExistsError]
    assert _held(dest) == AT_ONCE
    assert not list(tmp_path.glob(".dest.*"))


@pytest.mark.parametrize("how", ["locked", "gone", "gone and locked"])
def test_taken_for_a_leftover(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A fresh folder that another takes away before it is locked is made again."""
    fcntl = pytest.importorskip("fcntl")
    real, version = fcntl.flock, _version(url, tmp_path)
    calls = 0

    def flock(descriptor: int, operation: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            (fresh,) = tmp_path.glob(".dest.*")
            if how != "locked":
                fresh.rmdir()
            if how != "gone":
                raise BlockingIOError(errno.EAGAIN, "it is another's")
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert _held(version.checkout(tmp_path / "dest")) == AT_ONCE
    assert calls == 2


def test_where_nothing_can_be_locked(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without locks a checkout works, and nothing is taken away."""
    fcntl = pytest.importorskip("fcntl")

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    version, left = _version(url, tmp_path), _leftover(tmp_path)
    monkeypatch.setattr(fcntl, "flock", flock)
    assert _held(version.checkout(tmp_path / "dest")) == AT_ONCE
    assert _held(left) == {"model/half": b"half"}


def test_a_damaged_version_leaves_nothing(url: str, tmp_path: Path) -> None:
    """Damage that is found at the very end still leaves nothing, at or beside it."""
    last = FILES["sub/d.bin"][CUT[-1][0] :]
    name = digest("b3", last).partition(":")[2]
    key = f"objects/{name[:2]}/{name}.0"
    (Path(url) / key).write_bytes(last[:-1] + b"!")
    (tmp_path / "out").mkdir()
    with pytest.raises(IntegrityError) as caught:
        _version(url, tmp_path).checkout(tmp_path / "out" / "dest")
    assert caught.value.key == key
    assert not list((tmp_path / "out").iterdir())

"""A checkout, or a local copy, that is interrupted leaves nothing that is used."""

import itertools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelver import ErrorKind, ModelVersion, Registry, StorageError
from modelver.backends.local import LocalBackend
from modelver.testing import Crash, Fault, FaultyBackend, Plan
from tests.crash.oscalls import intercepted
from tests.crash.scenarios import MODEL
from tests.crash.victims import Victims

pytestmark = pytest.mark.crash

# The last is read in several pieces.
FILES = {"a.bin": b"a" * 100, "sub/b.bin": b"b" * 5000, "big.bin": bytes(3 * 2**20)}
AT_ONCE = {f"model/{path}": data for path, data in FILES.items()}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return a registry with one version."""
    registry = Registry(tmp_path / "registry", create=True)
    registry.register(MODEL, FILES, environment=False)
    return registry.url


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
        for path, data in _held(cache).items():
            assert FILES[path.partition("/model/")[2]] == data
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
        if name in {"open", "mkdir", "write"}:
            self.calls += 1
            if self.calls == self._at:
                self.fired = True
                raise OSError(28, "No space left on device", str(args[0]))
        return call()

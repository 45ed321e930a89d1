"""What is no file, under a key of the store: verify names it and goes on."""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from modelver import ErrorKind, Registry, StorageError
from modelver.backends.local import LocalBackend
from modelver.testing import RecordingBackend
from tests.damage.stores import REFS, make_small

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such files there")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


LAID: Final[Mapping[str, Callable[[Path], object]]] = {
    "fifo": os.mkfifo,
    "socket": _socket,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path.name),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a registry of two versions that share nothing."""
    return make_small(tmp_path / "r")


@pytest.fixture(params=LAID)
def lay(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], None]:
    """Return what puts something that is no file in the place of a file."""

    def act(path: Path) -> None:
        path.unlink()
        monkeypatch.chdir(path.parent)  # a socket's path must be short
        LAID[request.param](path)

    return act


def _manifest(folder: Path, ref: str) -> Path:
    digest = Registry(folder).get(ref)._state.manifest
    return folder / "manifests" / f"{digest.partition(':')[2]}.jsonl"


def _object(folder: Path, ref: str) -> Path:
    registry = Registry(folder)
    manifest = registry._core.manifests.read(registry.get(ref)._state.manifest)
    name = min(manifest.objects())
    return folder / "objects" / name[:2] / name


@pytest.mark.parametrize("deep", [True, False], ids=["deep", "shallow"])
@pytest.mark.parametrize("what", ["object", "manifest"])
def test_under_a_key_of_a_version(
    folder: Path, lay: Callable[[Path], None], what: str, *, deep: bool
) -> None:
    """The version is hurt, the other one is not, and the key is named."""
    hurt, whole = REFS[1], REFS[0]
    path = _object(folder, hurt) if what == "object" else _manifest(folder, hurt)
    registry = Registry(folder)
    lay(path)
    for report in (registry.verify(deep=deep), registry.verify(hurt, deep=deep)):
        assert report.damaged == (hurt,)
        (problem,) = report.problems
        assert problem.key == path.relative_to(folder).as_posix()
        assert problem.kind in (f"{what}-damaged", "object-missing")
    assert registry.verify(whole, deep=deep)


def test_under_an_entrys_key(folder: Path, lay: Callable[[Path], None]) -> None:
    """The commit is named; the others are checked, and so is what they registered."""
    spoilt = _object(folder, REFS[0])
    lay(folder / "log" / f"{2:020d}.json")
    spoilt.write_bytes(b"?")
    report = Registry(folder).verify()
    assert [(p.kind, p.key) for p in report.problems] == [
        (ErrorKind.ENTRY_DAMAGED, f"log/{2:020d}.json"),
        (ErrorKind.OBJECT_DAMAGED, spoilt.relative_to(folder).as_posix()),
    ]
    assert report.damaged == (REFS[0],)
    assert report.commits == 3


def test_under_registry_json(folder: Path, lay: Callable[[Path], None]) -> None:
    """Laid there after the registry was opened: named like anything else."""
    registry = Registry(folder)
    lay(folder / "registry.json")
    (problem,) = registry.verify().problems
    assert (problem.kind, problem.key) == ("registry-damaged", "registry.json")


class _Away(RecordingBackend):
    """A disk that goes away while objects are read."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes | None:
        """See :meth:`modelver.plugin.Backend.read`."""
        if key.startswith("objects/"):
            raise StorageError("the store is out of reach", key=key, retryable=True)
        return super().read(key, start, end)


@pytest.mark.parametrize("only", [None, REFS[0]])
@pytest.mark.parametrize("deep", [True, False], ids=["deep", "shallow"])
def test_a_store_out_of_reach_is_no_damage(
    folder: Path, only: str | None, *, deep: bool
) -> None:
    """Who cannot reach a store does not say that it is damaged."""
    registry = Registry(backend=_Away(LocalBackend(str(folder))))
    if not deep and only is None:
        assert registry.verify(only, deep=deep)  # a listing was enough
        return
    with pytest.raises(StorageError, match="out of reach"):
        registry.verify(only, deep=deep)

"""A fetch that goes on where another one was interrupted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st

from modelver._bundle.fetch import fetch_file
from modelver._bundle.read import BundleReader
from modelver._store import ObjectStore
from modelver.backends.local import LocalBackend
from modelver.errors import ErrorKind, IntegrityError, StorageError
from modelver.testing import Fault, FaultyBackend, Plan, RecordingBackend
from tests.unit.bundle.sliced import (
    REF,
    STORES,
    Sliced,
    Watching,
    noise,
    store_of,
)

MIB: Final = 2**20
EDGES: Final = range(MIB, 6 * MIB, MIB)
DATA: Final = noise(6 * MIB)


def _whole(data: bytes) -> bytes:
    return data


def _half(data: bytes) -> bytes:
    return data[: 3 * MIB + 5]


def _longer(data: bytes) -> bytes:
    return data + b"more"


def _one_byte_wrong(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _holes(data: bytes) -> bytes:
    return bytes(MIB) + data[MIB : 4 * MIB] + bytes(2 * MIB)


def _shifted(data: bytes) -> bytes:
    return b"x" + data


def _nothing(data: bytes) -> bytes:
    return data[:0]


@pytest.mark.parametrize(
    ("begin", "reads"),
    [
        (_whole, 0),
        (_half, 3),
        (_longer, 0),
        (_one_byte_wrong, 1),
        (_holes, 3),
        (_shifted, 6),
        (_nothing, 6),
    ],
)
@pytest.mark.parametrize("kind", STORES)
def test_what_is_right_is_kept(
    tmp_path: Path, kind: str, begin: Callable[[bytes], bytes], reads: int
) -> None:
    """Whatever lies there, the file is right at the end, and no slice comes twice."""
    made = Sliced(store_of(kind, tmp_path / "store"))
    file = made.parts("model/w", DATA, EDGES)
    reader, path = made.reader(), tmp_path / "w"
    path.write_bytes(begin(DATA))
    done = []

    class Told:
        def set_size(self, size: int) -> None: ...
        def relative_update(self, inc: int = 1) -> None:
            done.append(inc)

    if isinstance(made.objects._backend, RecordingBackend):
        made.objects._backend.reset()
    fetch_file(reader, file, path, progress=Told(), resume=True)
    assert path.read_bytes() == DATA
    assert sum(done) == len(DATA)
    if isinstance(made.objects._backend, RecordingBackend):
        assert made.objects._backend.counts["read"] == reads


@pytest.mark.parametrize("kind", STORES)
def test_what_is_kept_is_not_asked_for(tmp_path: Path, kind: str) -> None:
    """A slice that is there already is not missed in the store."""
    made = Sliced(store_of(kind, tmp_path / "store"))
    file = made.parts("model/w", DATA, EDGES)
    reader, path = made.reader(), tmp_path / "w"
    path.write_bytes(DATA[: 4 * MIB] + bytes(2 * MIB))
    for key in made.keys("model/w")[:4]:
        made.objects._backend.delete(key)
    fetch_file(reader, file, path, resume=True)
    assert path.read_bytes() == DATA


@settings(max_examples=60)
@given(
    begun=st.binary(max_size=120),
    data=st.binary(max_size=100),
    cuts=st.sets(st.integers(1, 99)),
    kind=st.sampled_from(STORES),
)
def test_anything_may_lie_there(
    tmp_path_factory: Any, begun: bytes, data: bytes, cuts: set[int], kind: str
) -> None:
    """After a resumed fetch the file holds exactly the registered bytes."""
    folder = tmp_path_factory.mktemp("any")
    made = Sliced(store_of(kind, folder / "store"))
    file = made.parts("model/w", data, sorted(c for c in cuts if c < len(data)))
    for start in (begun, data[: len(begun)] + begun, None):
        path = folder / "w"
        if start is None:
            path.unlink()
        else:
            path.write_bytes(start)
        fetch_file(made.reader(), file, path, resume=True)
        assert path.read_bytes() == data


@pytest.mark.parametrize("at", [1, 3, 6])
def test_an_interrupted_fetch(tmp_path: Path, at: int) -> None:
    """After an error of the store, only what had not come is fetched."""
    made = Sliced(LocalBackend(str(tmp_path / "store")))
    file = made.parts("model/w", DATA, EDGES)
    manifest, path = made.manifest(), tmp_path / "w"
    recorded = RecordingBackend(LocalBackend(str(tmp_path / "store")))
    faulty = FaultyBackend(recorded, Plan(Fault.ERROR_BEFORE, at=at))
    with pytest.raises(StorageError):
        fetch_file(
            BundleReader(ObjectStore(faulty, "b3"), manifest, REF),
            file,
            path,
            resume=True,
        )
    came = recorded.counts["read"]
    reader = BundleReader(ObjectStore(recorded, "b3"), manifest, REF)
    fetch_file(reader, file, path, resume=True)
    assert path.read_bytes() == DATA
    assert recorded.counts["read"] == 6, came


@pytest.mark.parametrize("kind", STORES)
def test_damage(tmp_path: Path, kind: str) -> None:
    """Of a damaged file the sound slices are kept, and come only once."""
    made = Sliced(store_of(kind, tmp_path / "store"))
    file = made.parts("model/w", DATA, EDGES)
    reader, path, key = made.reader(), tmp_path / "w", made.keys("model/w")[2]
    backend = made.objects._backend
    good = backend.read(key, 0, MIB)
    assert good is not None
    backend.delete(key)
    with backend.upload() as upload:
        upload.write(bytes(MIB))
        upload.commit(key)
    for _ in range(2):
        with pytest.raises(IntegrityError) as caught:
            fetch_file(reader, file, path, resume=True)
        assert caught.value.key == key
    backend.delete(key)
    with backend.upload() as upload:
        upload.write(good)
        upload.commit(key)
    fetch_file(reader, file, path, resume=True)
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("what", ["folder", "link", "fifo"])
def test_only_a_file_is_resumed(tmp_path: Path, what: str) -> None:
    """What is no file of its own is not written through."""
    made = Sliced(LocalBackend(str(tmp_path / "store")))
    file = made.parts("model/w", b"weights")
    path, other = tmp_path / "w", tmp_path / "other"
    other.write_bytes(b"another's")
    if what == "folder":
        path.mkdir()
    elif what == "link":
        path.symlink_to(other)
    else:
        os.mkfifo(path)
    with pytest.raises(StorageError) as caught:
        fetch_file(made.reader(), file, path, resume=True)
    assert caught.value.kind is ErrorKind.IO
    assert other.read_bytes() == b"another's"


def test_a_small_file_is_resumed_too(tmp_path: Path) -> None:
    """A file that is whole already is not read again, however small it is."""
    backend = Watching(LocalBackend(str(tmp_path / "store")))
    made = Sliced(backend)
    file = made.parts("model/w", b"weights")
    reader = made.reader()
    backend.reads.clear()
    fetch_file(reader, file, tmp_path / "w", resume=True)
    assert len(backend.reads) == 1
    fetch_file(reader, file, tmp_path / "w", resume=True)
    assert len(backend.reads) == 1
    assert (tmp_path / "w").read_bytes() == b"weights"

"""Files out of a store: right to the byte, few reads, little memory."""

import itertools
import os
import stat
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from modelver._bundle.fetch import fetch_file, fetch_files
from modelver._values.manifest import Slice
from modelver.backends.local import LocalBackend
from modelver.backends.memory import MemoryBackend
from modelver.errors import StorageError
from modelver.testing import RecordingBackend
from tests.unit.bundle.sliced import (
    STORES,
    Sliced,
    Watching,
    held,
    noise,
    store_of,
)

MIB = 2**20


class Counter:
    """An fsspec callback, as far as modelver calls it."""

    def __init__(self) -> None:
        self.done = 0
        self.steps = 0

    def set_size(self, size: int) -> None:
        """Fail: whoever calls has said it."""
        raise AssertionError(size)

    def relative_update(self, inc: int = 1) -> None:
        """Add."""
        assert inc > 0
        self.done += inc
        self.steps += 1


def _every_shape(made: Sliced) -> None:
    """Add a file of each shape that registries have."""
    made.parts("model/empty", b"")
    made.parts("model/one", b"x")
    made.parts("model/small", noise(70_000))
    made.parts("model/small-cut", noise(9000, 1), [1, 4000])
    made.parts("model/below", noise(MIB - 1, 2))
    made.parts("model/at", noise(MIB, 3), [MIB - 1])
    made.parts("model/large", noise(9 * MIB + 7, 4), [2 * MIB, 2 * MIB + 5, 6 * MIB])
    made.parts("model/old", noise(17 * MIB + 3, 5))
    made.packed("model/packed", [noise(600_000, n) for n in range(10)])
    made.packed("model/spaced", [noise(300_000, n) for n in range(20, 25)], b"-" * 70)
    made.pack({f"code/{n:03}.py": noise(n * 37, n) for n in range(120)})
    made.pack({"data/a/b/c": b"deep", "data/empty": b""})
    same = made.put(noise(MIB, 6))
    piece = Slice(object=same, offset=0, length=MIB)
    made.add("data/repeated", 5 * noise(MIB, 6), [piece] * 5)
    made.parts("code/run", b"#!", executable=True)
    made.parts("code/run.sh", b"#!")
    made.parts("model/run", noise(MIB, 7), [9], executable=True)


@pytest.mark.parametrize("algorithm", ["b3", "sha256"])
@pytest.mark.parametrize("kind", STORES)
def test_every_shape(tmp_path: Path, kind: str, algorithm: str) -> None:
    """Whatever the slices of a file are, it comes out as it went in."""
    made = Sliced(store_of(kind, tmp_path / "store"), algorithm)
    _every_shape(made)
    out, told = tmp_path / "out", Counter()
    fetch_files(made.reader(), made.files, out, told)
    assert held(out) == made.contents
    assert told.done == sum(len(data) for data in made.contents.values())
    assert told.steps > 1
    assert (out / "code" / "run").stat().st_mode & stat.S_IXUSR
    assert not (out / "code" / "run.sh").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize("kind", STORES)
def test_one_by_one(tmp_path: Path, kind: str) -> None:
    """A file that is fetched by itself is the same, and its folder is made."""
    made = Sliced(store_of(kind, tmp_path / "store"))
    _every_shape(made)
    reader, told = made.reader(), Counter()
    for number, file in enumerate(made.files):
        path = tmp_path / "out" / str(number) / "sub" / "file"
        fetch_file(reader, file, path, progress=told)
        assert path.read_bytes() == made.contents[file.path]
        assert bool(path.stat().st_mode & stat.S_IXUSR) == file.executable
    assert told.done == sum(len(data) for data in made.contents.values())


@settings(max_examples=30)
@given(
    data=st.binary(max_size=300),
    cuts=st.lists(st.integers(1, 299)),
    packed=st.booleans(),
    kind=st.sampled_from(STORES),
)
def test_any_cut(
    tmp_path_factory: Any,
    data: bytes,
    cuts: list[int],
    packed: bool,  # noqa: FBT001
    kind: str,
) -> None:
    """Any bytes, cut anywhere, in objects of their own or in one, come back."""
    folder = tmp_path_factory.mktemp("any")
    made = Sliced(store_of(kind, folder / "store"))
    edges = [0, *sorted({cut for cut in cuts if cut < len(data)}), len(data)]
    if packed and data:
        parts = [data[a:b] for a, b in itertools.pairwise(edges)]
        made.packed("model/w", parts, b"..")
    else:
        made.parts("model/w", data, edges[1:-1])
    fetch_files(made.reader(), made.files, folder / "out")
    assert held(folder / "out") == {"model/w": data}
    assert b"".join(made.reader().stream(made.files[0])) == data


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("size", [0, 10, 2 * MIB])
@pytest.mark.parametrize("what", ["file", "folder", "link", "dangling", "fifo"])
def test_what_is_there_stays(tmp_path: Path, kind: str, size: int, what: str) -> None:
    """A file that is there is not written to, and no link is followed."""
    made = Sliced(store_of(kind, tmp_path / "store"))
    file = made.parts("model/w", noise(size), [size // 2] if size else ())
    target, other = tmp_path / "out" / "model" / "w", tmp_path / "other"
    target.parent.mkdir(parents=True)
    other.write_bytes(b"another's")
    if what == "file":
        target.write_bytes(b"mine")
    elif what == "folder":
        target.mkdir()
    elif what == "fifo":
        os.mkfifo(target)
    else:
        target.symlink_to(other if what == "link" else tmp_path / "nowhere")
    fetches: list[Callable[[], None]] = [
        partial(fetch_files, made.reader(), [file], tmp_path / "out"),
        partial(fetch_file, made.reader(), file, target),
    ]
    for fetch in fetches:
        with pytest.raises(StorageError) as caught:
            fetch()
        assert caught.value.hints
    assert other.read_bytes() == b"another's"
    assert not (tmp_path / "nowhere").exists()
    if what == "file":
        assert target.read_bytes() == b"mine"


def test_files_of_a_pack_are_one_read(tmp_path: Path) -> None:
    """500 files that share an object cost one read of a store that is far away."""
    backend = RecordingBackend(LocalBackend(str(tmp_path / "store")))
    made = Sliced(backend)
    made.pack({f"code/{n:03}.py": noise(n, n) for n in range(500)})
    reader = made.reader()
    backend.reset()
    fetch_files(reader, made.files, tmp_path / "out")
    assert backend.counts == {"read": 1}
    assert held(tmp_path / "out") == made.contents


def test_what_is_not_wanted_is_not_read(tmp_path: Path) -> None:
    """Of a pack only the stretch comes that holds what is asked for."""
    backend = Watching(LocalBackend(str(tmp_path / "store")))
    made = Sliced(backend)
    names = [f"code/{n:02}" for n in range(60)]
    made.pack({name: noise(200_000, n) for n, name in enumerate(names)})
    reader = made.reader()
    backend.reads.clear()
    wanted = [reader.find(name) for name in (names[3], names[4], names[6], names[50])]
    fetch_files(reader, wanted, tmp_path / "out")
    (key,) = set(made.keys(names[0]))
    # The hole between is smaller than what a round trip is worth, or it is not.
    assert sorted(backend.reads) == [
        (key, 600_000, 1_400_000),
        (key, 10_000_000, 10_200_000),
    ]


def test_slices_of_a_pack_are_one_read(tmp_path: Path) -> None:
    """Slices that share an object are read at once, with others between them too."""
    backend = RecordingBackend(LocalBackend(str(tmp_path / "store")))
    made = Sliced(backend)
    small = [noise(500_000, n) for n in range(6)]
    large = [noise(4 * MIB, n) for n in range(10, 12)]
    pack, at = made.put(b"".join(small)), 0
    order = [small[0], small[1], large[0], small[2], large[1], *small[3:]]
    cut = []
    for part in order:
        if part in large:
            cut.append(Slice(object=made.put(part), offset=0, length=len(part)))
        else:
            digest = made.digest(part)
            cut.append(Slice(object=pack, offset=at, length=len(part), digest=digest))
            at += len(part)
    made.add("model/w", b"".join(order), cut)
    reader = made.reader()
    backend.reset()
    fetch_files(reader, made.files, tmp_path / "out")
    assert backend.counts == {"read": 3}
    assert held(tmp_path / "out") == made.contents


@pytest.mark.parametrize("shape", ["one file", "many files"])
def test_reads_run_side_by_side(tmp_path: Path, shape: str) -> None:
    """Eight reads are under way at once, of one large file or of many small ones."""
    backend = Watching(LocalBackend(str(tmp_path / "store")))
    made = Sliced(backend)
    if shape == "one file":
        made.parts("model/w", noise(8 * MIB), range(MIB, 8 * MIB, MIB))
    else:
        for number in range(8):
            made.parts(f"model/{number}", noise(100, number))
    reader = made.reader()
    backend.reads.clear()
    # Nobody goes on before eight are here; whoever waits alone fails.
    backend.meanwhile = Barrier(8, timeout=60).wait
    fetch_files(reader, made.files, tmp_path / "out")
    assert len(backend.reads) == 8
    assert held(tmp_path / "out") == made.contents


@pytest.mark.parametrize("cut", [16, 1000])
def test_memory(tmp_path: Path, cut: int) -> None:
    """However large a file is, no more than 48 MiB of it are under way at once.

    Slices above 16 MiB, as old registries have them, are read in pieces.
    """
    backend = Watching(LocalBackend(str(tmp_path / "store")))
    made = Sliced(backend)
    part = bytes(min(cut, 200) * MIB)
    name = made.put(part)
    count = 200 * MIB // len(part)
    piece = Slice(object=name, offset=0, length=len(part))
    file = made.add("model/w", part * count, [piece] * count)
    made.contents.clear()
    reader = made.reader()
    del part
    backend.reads.clear()
    tracemalloc.start()
    try:
        fetch_file(reader, file, tmp_path / "w")
        assert tracemalloc.get_traced_memory()[1] < 100 * 10**6
    finally:
        tracemalloc.stop()
    assert backend.most <= 48 * MIB
    assert max(end - start for _, start, end in backend.reads) <= 16 * MIB
    assert (tmp_path / "w").stat().st_size == file.size


def test_memory_of_a_copy(tmp_path: Path) -> None:
    """A copy within one machine takes next to no memory, inside the kernel or not."""
    made = Sliced(LocalBackend(str(tmp_path / "store")))
    part = noise(10 * MIB)
    piece = Slice(object=made.put(part), offset=0, length=len(part))
    file = made.add("model/w", part * 6, [piece] * 6)
    reader = made.reader()
    for way in ("inside", "outside"):
        with pytest.MonkeyPatch.context() as patch:
            if way == "outside":
                patch.delattr(os, "copy_file_range", raising=False)
            tracemalloc.start()
            try:
                fetch_file(reader, file, tmp_path / way)
                assert tracemalloc.get_traced_memory()[1] < 2 * 10**6
            finally:
                tracemalloc.stop()
        assert (tmp_path / way).read_bytes() == part * 6


def test_the_far_store_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    """A wrapped folder has no descriptors: what is asked of it goes through it."""
    for backend, local in (
        (LocalBackend(str(tmp_path)), True),
        (RecordingBackend(LocalBackend(str(tmp_path))), False),
        (MemoryBackend(f"memory:/{tmp_path}"), False),
    ):
        assert Sliced(backend).objects.local is local

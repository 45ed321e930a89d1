"""Reading here and there in a file that stays where it is."""

import io
import random
import zipfile
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st

from modelver import Registry
from modelver._bundle.ranged import AHEAD, RangedFile
from modelver._bundle.read import BundleReader
from modelver._values.manifest import Slice
from modelver.backends.local import LocalBackend
from modelver.errors import ErrorKind, IntegrityError
from tests.hostile.forge import Forge, dumps
from tests.unit.bundle.sliced import STORES, Sliced, Watching, noise, store_of

MIB: Final = 2**20
EDGES: Final = range(MIB, 6 * MIB, MIB)
DATA: Final = noise(6 * MIB)


def _watched(folder: Path) -> tuple[Sliced, Watching]:
    backend = Watching(LocalBackend(str(folder / "store")))
    return Sliced(backend), backend


def _open(made: Sliced, backend: Watching | None = None) -> RangedFile:
    reader = made.reader()
    if backend is not None:
        backend.reads.clear()
    return RangedFile(reader, reader.manifest.bundle.files[0])


OPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 90)),
        st.tuples(st.just("seek"), st.integers(0, 150)),
        st.tuples(st.just("skip"), st.integers(-20, 60)),
        st.tuples(st.just("from the end"), st.integers(-80, 20)),
    ),
    max_size=20,
)


@settings(max_examples=150)
@given(
    data=st.binary(min_size=1, max_size=120),
    cuts=st.sets(st.integers(1, 119)),
    way=st.tuples(
        st.booleans(), st.sampled_from([0, 1, 7, 64]), st.sampled_from(STORES)
    ),
    ops=OPS,
)
def test_like_any_file(
    tmp_path_factory: Any,
    data: bytes,
    cuts: set[int],
    way: tuple[bool, int, str],
    ops: list[tuple[str, int]],
) -> None:
    """Whatever is read, wherever, it is what a file in memory would give."""
    packed, buffer, kind = way
    made = Sliced(store_of(kind, tmp_path_factory.mktemp("any")))
    edges = [0, *sorted(c for c in cuts if c < len(data)), len(data)]
    if packed:
        made.packed("model/w", [data[a:b] for a, b in pairwise(edges)])
    else:
        made.parts("model/w", data, edges[1:-1])
    raw = _open(made)
    file = io.BufferedReader(raw, buffer) if buffer else raw
    expected = io.BytesIO(data)
    for name, number in ops:
        if name == "read":
            assert file.read(number) == expected.read(number)
        elif name == "seek":
            assert file.seek(number) == expected.seek(number)
        else:
            base = expected.tell() if name == "skip" else len(data)
            if base + number < 0:
                with pytest.raises(OSError, match="Invalid"):
                    file.seek(number, 1 if name == "skip" else 2)
                continue
            expected.seek(base + number)
            assert file.seek(number, 1 if name == "skip" else 2) == base + number
        assert file.tell() == expected.tell()


def test_only_what_is_touched_comes(tmp_path: Path) -> None:
    """A read moves the slices that it touches, and those only once."""
    made, backend = _watched(tmp_path)
    made.parts("model/w", DATA, EDGES)
    keys = made.keys("model/w")
    file = io.BufferedReader(_open(made, backend), AHEAD)
    assert file.seekable()
    assert file.readable()
    assert not file.writable()
    assert backend.reads == []
    file.seek(3 * MIB + 5)
    assert file.read(10) == DATA[3 * MIB + 5 :][:10]
    assert file.read(10) == DATA[3 * MIB + 15 :][:10]
    assert backend.reads == [(keys[3], 0, MIB)]
    file.seek(2 * MIB - 3)
    assert file.read(7) == DATA[2 * MIB - 3 :][:7]
    assert {key for key, *_ in backend.reads} == {keys[3], keys[1], keys[2]}
    file.seek(MIB)
    assert file.read(3 * MIB) == DATA[MIB : 4 * MIB]
    assert len(backend.reads) == 3
    file.seek(-1, 2)
    assert file.read() == DATA[-1:]
    assert file.read() == b""
    file.seek(2**60)
    assert file.read() == b""
    assert len(backend.reads) == 4


def test_reading_ahead_brings_no_long_slice(tmp_path: Path) -> None:
    """Before a large tensor, its header can be read without it; and after it the next.

    The buffer asks for 64 KiB, whatever was asked of it.
    """
    made, backend = _watched(tmp_path)
    header, tensor, rest = noise(1000, 1), noise(MIB, 2), noise(MIB, 3)
    edges = [len(header), len(header) + MIB]
    made.parts("model/w", header + tensor + rest, edges)
    keys = made.keys("model/w")
    file = io.BufferedReader(_open(made, backend), AHEAD)
    assert file.read(8) == header[:8]
    assert backend.reads == [(keys[0], 0, len(header))]
    file.seek(len(header))
    assert file.read(MIB) == tensor
    assert backend.reads == [(keys[0], 0, len(header)), (keys[1], 0, MIB)]
    assert file.read() == rest
    file.seek(len(header) - 4)
    assert file.read(8) == header[-4:] + tensor[:4]


def test_slices_of_a_pack_come_at_once(tmp_path: Path) -> None:
    """Small tensors beside each other are one round trip."""
    made, backend = _watched(tmp_path)
    parts = [noise(1000, n) for n in range(50)]
    made.packed("model/w", parts)
    file = _open(made, backend)
    file.seek(10_500)
    assert file.read(8000) == b"".join(parts)[10_500:18_500]
    (key,) = set(made.keys("model/w"))
    assert backend.reads == [(key, 10_000, 19_000)]
    file.seek(10_000)
    assert file.read(9000) == b"".join(parts)[10_000:19_000]
    assert len(backend.reads) == 1


def test_a_large_read_is_many_at_once(tmp_path: Path) -> None:
    """The slices of one large read come side by side."""
    made, backend = _watched(tmp_path)
    made.parts("model/w", DATA, EDGES)
    file = _open(made, backend)
    backend.meanwhile = Barrier(6, timeout=60).wait
    assert io.BufferedReader(file).read(len(DATA)) == DATA
    assert len(backend.reads) == 6


def test_an_object_of_this_machine_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads on from where he was finds the rest of the slice in memory."""
    made = Sliced(store_of("folder", tmp_path))
    made.parts("model/w", DATA, EDGES)
    opened: list[str] = []
    real = made.objects.descriptor

    def descriptor(name: str) -> int:
        opened.append(name)
        return real(name)

    monkeypatch.setattr(made.objects, "descriptor", descriptor)
    file = _open(made)
    for length in (10, MIB - 10, MIB - 10, 5, 5, 100, 2 * MIB, 10):
        at = file.tell()
        assert file.read(length) == DATA[at : at + length]
    assert len(opened) == len(set(opened)) == 5
    assert file._held_bytes == sum(len(held) for _, held in file._held.values())
    # What went where it was wanted is not kept, and comes again.
    file.seek(MIB)
    assert file.read(10) == DATA[MIB : MIB + 10]
    assert len(opened) == 6
    assert file._held_bytes == sum(len(held) for _, held in file._held.values())


def test_memory(tmp_path: Path) -> None:
    """No more than 32 MiB are held, whatever was read: the slices that came last."""
    made, backend = _watched(tmp_path)
    parts = [noise(4 * MIB, n) for n in range(12)]
    made.parts("model/w", b"".join(parts), range(4 * MIB, 48 * MIB, 4 * MIB))
    file = _open(made, backend)
    for number in range(12):
        file.seek(number * 4 * MIB)
        assert file.read(100) == parts[number][:100]
        assert sum(len(held) for _, held in file._held.values()) <= 32 * MIB
    assert len(backend.reads) == 12
    for number in (11, 10, 5, 4):
        file.seek(number * 4 * MIB)
        assert file.read(100) == parts[number][:100]
    assert len(backend.reads) == 12
    file.seek(0)
    file.read(1)
    assert len(backend.reads) == 13
    file.close()
    assert not file._held


@pytest.mark.parametrize("kind", STORES)
def test_damage(tmp_path: Path, kind: str) -> None:
    """Not a byte comes out of a damaged slice; the others can be read."""
    made = Sliced(store_of(kind, tmp_path / "store"))
    made.parts("model/w", DATA, EDGES)
    key, backend = made.keys("model/w")[2], made.objects._backend
    backend.delete(key)
    with backend.upload() as upload:
        upload.write(DATA[2 * MIB : 3 * MIB - 1] + b"!")
        upload.commit(key)
    file = io.BufferedReader(_open(made))
    assert file.read(2 * MIB) == DATA[: 2 * MIB]
    for start in (2 * MIB, 3 * MIB - 1, MIB + 5):
        file.seek(start)
        with pytest.raises(IntegrityError) as caught:
            file.read(MIB)
        assert caught.value.key == key
        assert caught.value.kind is ErrorKind.OBJECT_DAMAGED
        assert caught.value.expected == made.digest(DATA[2 * MIB : 3 * MIB])
        assert caught.value.facts["versions"] == ["m@1.0.0"]
    backend.delete(key)
    file.seek(2 * MIB)
    with pytest.raises(IntegrityError) as caught:
        file.read(1)
    assert caught.value.kind is ErrorKind.OBJECT_MISSING
    file.seek(3 * MIB)
    assert file.read() == DATA[3 * MIB :]


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("damage", ["bit", "short"])
def test_damage_is_not_left_behind(tmp_path: Path, kind: str, damage: str) -> None:
    """Nothing of a damaged slice is left in the buffer that it was read for."""
    made = Sliced(store_of(kind, tmp_path / "store"))
    data = b"\xff" * 3 * MIB
    made.parts("model/w", data, [1, 2 * MIB])
    key, backend = made.keys("model/w")[1], made.objects._backend
    backend.delete(key)
    with backend.upload() as upload:
        upload.write(data[1 : 2 * MIB - 1] + (b"!" if damage == "bit" else b""))
        upload.commit(key)
    for start in (0, 1, 100, 2 * MIB - 1000):
        file, buffer = _open(made), bytearray(3 * MIB)
        file.seek(start)
        with pytest.raises(IntegrityError):
            file.readinto(buffer)
        assert not any(buffer[max(0, 1 - start) : 2 * MIB - start])


def test_closed(tmp_path: Path) -> None:
    """A closed file says so, as others do."""
    made = Sliced(store_of("folder", tmp_path))
    made.parts("model/w", b"weights")
    with _open(made) as file:
        assert file.name == "model/w"
        assert file.read() == b"weights"
    for act in (file.read, file.readall, file.tell, lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            act()
    with pytest.raises(ValueError, match="whence"):
        _open(made).seek(0, 7)


def test_threads(tmp_path: Path) -> None:
    """Several threads that share it under one buffer do not mix their bytes."""
    made = Sliced(store_of("folder", tmp_path))
    made.parts("model/w", DATA, EDGES)
    file = io.BufferedReader(_open(made), 1000)
    seen: list[bytes] = []

    def read() -> None:
        seen.extend(iter(lambda: file.read(7777), b""))

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(
        DATA[at : at + 7777] for at in range(0, len(DATA), 7777)
    )


def test_a_library_reads_it(tmp_path: Path) -> None:
    """A reader of archives finds its way, and most of the archive stays there."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(60):
            archive.writestr(f"{number}.bin", noise(100_000, number))
    made, backend = _watched(tmp_path)
    made.parts("model/w.zip", buffer.getvalue(), range(MIB, 6_000_000, MIB))
    opened = io.BufferedReader(_open(made, backend))
    with zipfile.ZipFile(opened) as archive:
        assert archive.read("31.bin") == noise(100_000, 31)
    assert len(backend.reads) <= 3


def test_what_it_suits() -> None:
    """A slice that no memory should hold is not for it."""

    def of(*lengths: int) -> bool:
        return RangedFile.suits([Slice(object="", offset=0, length=n) for n in lengths])

    assert of()
    assert of(1, 32 * MIB)
    assert not of(1, 32 * MIB + 1)


@pytest.fixture(scope="module")
def large() -> tuple[bytes, ...]:
    """Return the parts of a file that is too large to be read at once."""
    return tuple(noise(8 * MIB, n) for n in range(5))


def _registered(folder: Path, parts: tuple[bytes, ...], *, whole: bool) -> Forge:
    forge = Forge(folder)
    pieces = (b"".join(parts),) if whole else parts
    entry, _ = forge.file("model/w.bin", b"".join(parts))
    cut = [
        {
            "object": forge.object(piece),
            "offset": 0,
            "length": len(piece),
            "codec": "none",
        }
        for piece in pieces
    ]
    line1 = {"format": 1, "files": [entry]}
    cited = forge.manifest(dumps(line1), dumps({"files": {"model/w.bin": cut}}))
    forge.register(cited=cited, files=1, size=entry["size"])
    return forge


def test_open_moves_what_is_read(tmp_path: Path, large: tuple[bytes, ...]) -> None:
    """``open`` of a large file reads a part of it, and makes no copy of the rest."""
    forge = _registered(tmp_path / "r", large, whole=False)
    backend = Watching(LocalBackend(str(forge.root)))
    version = Registry(backend=backend, cache=tmp_path / "cache").get("fraud")
    with version.open("w.bin") as file:
        file.seek(9 * MIB)
        assert file.read(MIB) == large[1][MIB : 2 * MIB]
        assert file.tell() == 10 * MIB
    moved = [read for read in backend.reads if read[0].startswith("objects/")]
    assert [end - start for _, start, end in moved] == [8 * MIB]
    assert not (tmp_path / "cache").exists()
    with version.open("w.bin", "r", encoding="latin-1") as text:
        assert text.read(5) == large[0].decode("latin-1")[:5]


def test_open_of_one_large_object(tmp_path: Path, large: tuple[bytes, ...]) -> None:
    """A file that an old release kept in one piece is read from a verified copy."""
    forge = _registered(tmp_path / "r", large, whole=True)
    version = Registry(forge.root, cache=tmp_path / "cache").get("fraud")
    with version.open("w.bin") as file:
        file.seek(9 * MIB)
        assert file.read(MIB) == large[1][MIB : 2 * MIB]
    assert any((tmp_path / "cache").rglob("w.bin"))


def test_reading_here_and_there(tmp_path: Path) -> None:
    """Random places of a large packed file, each of them right."""
    made = Sliced(store_of("far", tmp_path))
    parts = [noise(1 + n * 997, n) for n in range(80)]
    made.packed("model/w", parts, b"gap")
    data, rng = b"".join(parts), random.Random(1)  # noqa: S311 - repeatable
    file = io.BufferedReader(_open(made), 4096)
    for _ in range(200):
        start = rng.randrange(len(data))
        length = rng.choice((1, 100, 5000, 100_000))
        file.seek(start)
        assert file.read(length) == data[start : start + length]


def test_reader_is_shared(tmp_path: Path) -> None:
    """Two files that are open at once do not disturb each other."""
    made = Sliced(store_of("memory", tmp_path))
    made.parts("model/w", DATA, EDGES)
    reader: BundleReader = made.reader()
    one, two = (RangedFile(reader, made.files[0]) for _ in range(2))
    one.seek(MIB)
    assert two.read(10) == DATA[:10]
    assert one.read(10) == DATA[MIB : MIB + 10]

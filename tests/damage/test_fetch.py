"""Damaged slices: each way of reading refuses, and names the object that it is."""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from modelver._bundle.checkout import checkout
from modelver._bundle.fetch import fetch_file, fetch_files
from modelver._bundle.ranged import RangedFile
from modelver._bundle.read import BundleReader
from modelver._values.manifest import Slice
from modelver.errors import ErrorKind, IntegrityError
from tests.damage.stores import flipped
from tests.unit.bundle.sliced import REF, STORES, Sliced, held, noise, store_of

MIB: Final = 2**20
Read = Callable[[BundleReader, str, Path], object]


def _fetch_file(reader: BundleReader, path: str, out: Path) -> None:
    fetch_file(reader, reader.find(path), out / "w")


def _resume(reader: BundleReader, path: str, out: Path) -> None:
    out.mkdir()
    file = reader.find(path)
    (out / "w").write_bytes(bytes(file.size // 2))
    fetch_file(reader, file, out / "w", resume=True)


def _fetch_files(reader: BundleReader, path: str, out: Path) -> None:
    fetch_files(reader, [reader.find(path)], out)


def _fetch_all(reader: BundleReader, _: str, out: Path) -> None:
    fetch_files(reader, reader.manifest.bundle.files, out)


def _checkout(reader: BundleReader, _: str, out: Path) -> object:
    return checkout(reader, reader.manifest.bundle.files, out)


def _read(reader: BundleReader, path: str, _: Path) -> object:
    return reader.read(path)


def _ranged(reader: BundleReader, path: str, _: Path) -> object:
    return io.BufferedReader(RangedFile(reader, reader.find(path))).read()


READS: Final[dict[str, Read]] = {
    read.__name__: read
    for read in (
        _fetch_file,
        _resume,
        _fetch_files,
        _fetch_all,
        _checkout,
        _read,
        _ranged,
    )
}


def _made(kind: str, folder: Path) -> Sliced:
    made = Sliced(store_of(kind, folder / "store"))
    made.parts("model/small", noise(5000))
    made.parts("model/cut", noise(3000, 1), [1000, 1001])
    made.parts("model/large", noise(3 * MIB, 2), [MIB, 2 * MIB + 1])
    made.parts("model/whole", noise(2 * MIB, 3))
    made.packed("model/packed", [noise(400_000, n) for n in range(4, 9)], b"--")
    made.pack({f"code/{n}.py": noise(900, n) for n in range(20)})
    return made


def _write(made: Sliced, key: str, data: bytes) -> None:
    """Put other bytes under a key, as nobody may."""
    made.objects._backend.delete(key)
    with made.objects._backend.upload() as upload:
        upload.write(data)
        upload.commit(key)


def _other_bytes(data: bytes, rng: random.Random) -> bytes:
    return flipped(data, rng.randrange(8 * len(data)))


def _shorter(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _zeros(data: bytes, _: random.Random) -> bytes:
    return bytes(len(data))


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("damage", [_other_bytes, _shorter, _zeros, None])
def test_the_object_is_named(
    tmp_path: Path,
    kind: str,
    read: str,
    damage: Callable[[bytes, random.Random], bytes] | None,
) -> None:
    """Whichever object of a file is damaged, it is the one that the error names."""
    made, rng = _made(kind, tmp_path), random.Random(17)  # noqa: S311 - repeatable
    reader, outs = made.reader(), iter(range(100))
    for path in ("model/small", "model/cut", "model/large", "model/whole"):
        for key in made.keys(path):
            good = made.objects._backend.read(key, 0, 2**30)
            assert good is not None
            if damage is None:
                made.objects._backend.delete(key)
            else:
                _write(made, key, damage(good, rng))
            with pytest.raises(IntegrityError) as caught:
                READS[read](reader, path, tmp_path / f"out-{next(outs)}")
            _write(made, key, good)
            error = caught.value
            assert error.key == key
            assert error.hints
            assert error.facts["versions"] == [REF]
            assert error.kind is (
                ErrorKind.OBJECT_MISSING if damage is None else ErrorKind.OBJECT_DAMAGED
            )
            if damage in (_other_bytes, _zeros):
                assert error.expected == made.digest(good)
                assert error.actual != error.expected
                assert error.actual is not None
        READS[read](reader, path, tmp_path / f"out-{next(outs)}")


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("read", [name for name in READS if name != "_resume"])
def test_a_bit_of_a_pack(tmp_path: Path, kind: str, read: str) -> None:
    """Of a pack only those files are refused in which the damage lies."""
    made = _made(kind, tmp_path)
    (key,) = set(made.keys("code/0.py"))
    good = made.objects._backend.read(key, 0, 2**30)
    assert good is not None
    reader = made.reader()
    _write(made, key, flipped(good, 8 * (900 * 7 + 5)))
    refused = {}
    for number in range(20):
        path, out = f"code/{number}.py", tmp_path / f"out-{number}"
        try:
            READS[read](reader, path, out)
        except IntegrityError as error:
            refused[number] = error
    at_once = read in ("_fetch_all", "_checkout")
    assert list(refused) == (list(range(20)) if at_once else [7])
    for found in refused.values():
        assert found.key == key
        assert found.expected == made.digest(made.contents["code/7.py"])


@pytest.mark.parametrize("kind", STORES)
def test_a_slice_of_a_pack(tmp_path: Path, kind: str) -> None:
    """Bytes that lie between slices are nobody's: damage there hurts no file."""
    made = _made(kind, tmp_path)
    (key,) = set(made.keys("model/packed"))
    good = made.objects._backend.read(key, 0, 2**30)
    assert good is not None
    assert good[400_000:400_002] == b"--"
    reader = made.reader()
    _write(made, key, good[:400_000] + b"!!" + good[400_002:])
    fetch_files(reader, made.files, tmp_path / "out")
    assert held(tmp_path / "out") == made.contents
    _write(made, key, flipped(good, 8 * 400_002))
    for name, read in READS.items():
        with pytest.raises(IntegrityError) as caught:
            read(reader, "model/packed", tmp_path / name)
        assert caught.value.key == key
        assert caught.value.expected == made.digest(noise(400_000, 5))


@pytest.mark.parametrize("kind", STORES)
def test_nothing_is_left_of_a_checkout(tmp_path: Path, kind: str) -> None:
    """A checkout that meets damage leaves nothing, wherever in it that lies."""
    made = _made(kind, tmp_path)
    reader = made.reader()
    (tmp_path / "out").mkdir()
    for path in ("model/small", "model/large", "code/3.py"):
        key = made.keys(path)[-1]
        good = made.objects._backend.read(key, 0, 2**30)
        assert good is not None
        _write(made, key, bytes(len(good)))
        with pytest.raises(IntegrityError):
            checkout(reader, made.files, tmp_path / "out" / "dest")
        assert list((tmp_path / "out").iterdir()) == []
        _write(made, key, good)
    checkout(reader, made.files, tmp_path / "out" / "dest")
    assert held(tmp_path / "out" / "dest") == made.contents


@pytest.mark.parametrize("kind", STORES)
def test_two_slices_swapped(tmp_path: Path, kind: str) -> None:
    """Sound slices in another order are not the file, though each verifies.

    Nothing else can tell: of these slices the object is named by none.
    """
    made = Sliced(store_of(kind, tmp_path / "store"))
    one, two = noise(MIB, 1), noise(MIB, 2)
    cut = [Slice(object=made.put(data), offset=0, length=MIB) for data in (two, one)]
    made.add("model/w", one + two, cut)
    reader = made.reader()
    for name, read in READS.items():
        if name == "_ranged":
            continue
        with pytest.raises(IntegrityError) as caught:
            read(reader, "model/w", tmp_path / name)
        assert caught.value.key is None
        assert caught.value.expected == made.digest(one + two)
        assert caught.value.actual == made.digest(two + one)


@pytest.mark.parametrize("kind", STORES)
def test_an_object_that_grew(tmp_path: Path, kind: str) -> None:
    """Of a longer object the registered bytes are still there, and are given."""
    made = _made(kind, tmp_path)
    reader = made.reader()
    for path in ("model/small", "model/large", "model/packed"):
        for key in set(made.keys(path)):
            good = made.objects._backend.read(key, 0, 2**30)
            assert good is not None
            _write(made, key, good + b"more")
    fetch_files(reader, made.files, tmp_path / "out")
    assert held(tmp_path / "out") == made.contents

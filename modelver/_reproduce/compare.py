"""Whether two files hold the same, where their bytes differ.

A zip archive notes when it was made, a safetensors header may be written in another
order: the tensors inside are what a model is. Nothing is unpickled.
"""

import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

_CHUNK: Final = 2**20
_MAX_HEADER: Final = 100_000_000
_MAX_MEMBERS: Final = 1_000_000
# A zip that unpacks to more than this many times its size is no checkpoint.
_MAX_RATIO: Final = 1100
# PyTorch numbers each archive by what it calls itself, among other things.
_PYTORCH_NOISE: Final = ".data/serialization_id"
_UNREADABLE: Final = (
    ArithmeticError,
    LookupError,
    NotImplementedError,  # a compression that zipfile does not know
    OSError,
    RecursionError,
    RuntimeError,  # an encrypted member
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)


def same_tensors(one: Path, other: Path) -> bool | None:
    """Return whether two model files hold the same tensors.

    Of safetensors files: the same names, types, shapes and bytes; metadata may differ.
    Of zip archives (npz, PyTorch, Keras): the same members with the same bytes; times
    and the name of the outermost folder may differ. None: neither, or not readable.
    """
    try:
        if one.suffix == ".safetensors":
            return _same_safetensors(one, other)
        if zipfile.is_zipfile(one) and zipfile.is_zipfile(other):
            return _same_zips(one, other)
    except _UNREADABLE:
        return None
    return None


def _header(file: IO[bytes]) -> tuple[dict[str, Any], int]:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _MAX_HEADER:
        raise ValueError("the header is too long")
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def _same_safetensors(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        (mine, mine_at), (theirs, theirs_at) = _header(left), _header(right)
        if {k: (v["dtype"], v["shape"]) for k, v in mine.items()} != {
            k: (v["dtype"], v["shape"]) for k, v in theirs.items()
        }:
            return False
        for name, tensor in mine.items():
            start, end = tensor["data_offsets"]
            begin, stop = theirs[name]["data_offsets"]
            if end - start != stop - begin or min(start, begin) < 0:
                return False
            left.seek(mine_at + start)
            right.seek(theirs_at + begin)
            if not _same_stretch(left, right, end - start):
                return False
    return True


def _same_stretch(left: IO[bytes], right: IO[bytes], length: int) -> bool:
    while length > 0:
        wanted = min(length, _CHUNK)
        mine, theirs = left.read(wanted), right.read(wanted)
        if mine != theirs or not mine:
            return False
        length -= len(mine)
    return True


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    whole = sum(info.file_size for info in infos)
    if len(infos) > _MAX_MEMBERS or whole > _MAX_RATIO * size:
        raise ValueError("it unpacks to too much")
    tops = {info.filename.partition("/")[0] for info in infos}
    inside = all("/" in info.filename for info in infos)
    cut = len(next(iter(tops))) + 1 if len(tops) == 1 and inside else 0
    found = {info.filename[cut:]: info for info in infos}
    found.pop(_PYTORCH_NOISE, None)
    return found


def _same_zips(one: Path, other: Path) -> bool:
    with zipfile.ZipFile(one) as left, zipfile.ZipFile(other) as right:
        mine = _members(left, one.stat().st_size)
        theirs = _members(right, other.stat().st_size)
        if mine.keys() != theirs.keys():
            return False
        return all(
            info.file_size == theirs[name].file_size
            and _same_members(left, info, right, theirs[name])
            for name, info in mine.items()
        )


def _same_members(
    left: zipfile.ZipFile,
    mine: zipfile.ZipInfo,
    right: zipfile.ZipFile,
    theirs: zipfile.ZipInfo,
) -> bool:
    with left.open(mine) as one, right.open(theirs) as other:
        return all(a == b for a, b in zip(_chunks(one), _chunks(other), strict=True))


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
    yield b""

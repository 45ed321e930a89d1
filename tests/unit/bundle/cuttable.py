"""Files to cut, made by hand, and a caller that cuts them as the writer does."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from itertools import accumulate
from struct import pack
from typing import Any, Final

from blake3 import blake3

from modelver._bundle.cutting import WINDOW, Cutter, cutter_for

KIB: Final = 2**10
MIB: Final = 2**20

Tensors = Mapping[str, bytes]


def noise(seed: int, size: int) -> bytes:
    """Return *size* bytes that look like weights: every seed others."""
    return blake3(b"%d" % seed).digest(length=size)


def reader(data: bytes) -> Callable[[int, int], bytes]:
    """Return what reads *data* as it would read a file."""

    def read(start: int, end: int) -> bytes:
        assert 0 <= start <= end < 2**63, "no file has such offsets"
        return data[start:end]

    return read


def chosen(data: bytes, path: str = "weights") -> Cutter:
    """Return the cutter for *data*."""
    return cutter_for(path, len(data), reader(data))


def cut_with(
    cutter: Cutter,
    data: bytes | memoryview,
    ask: Callable[[int], int] = lambda want: want,
) -> list[int]:
    """Return the lengths of all parts, having checked each step.

    Args:
        cutter: A fresh one.
        data: The whole file.
        ask: How large to make a window where the cutter wants so much. One that is cut
            nowhere is made larger.
    """
    lengths: list[int] = []
    at, least = 0, 1
    view = memoryview(data)
    while at < len(data):
        want = cutter.want()
        assert 1 <= want <= WINDOW
        assert cutter.want() == want, "asking changes nothing"
        asked = min(max(ask(want), least), WINDOW)
        last = at + asked >= len(data)
        # Leaving the block fails if the cutter has kept anything of the window.
        with view[at : at + asked] as window:
            found = cutter.cut(window, last=last)
            assert all(1 <= length <= WINDOW for length in found)
            assert sum(found) <= len(window)
            if last:
                assert sum(found) == len(window)
            if len(window) in (want, WINDOW):
                assert found, "a window as large as was asked for is cut"
        least = 1 if found else asked * 2
        lengths += found
        at += sum(found)
    assert cutter.cut(memoryview(b""), last=True) == []
    return lengths


def cut(data: bytes, path: str = "weights") -> list[int]:
    """Return the lengths of the parts of *data*."""
    lengths = cut_with(chosen(data, path), data)
    assert sum(lengths) == len(data)
    return lengths


def ends(lengths: Iterable[int]) -> set[int]:
    """Return the offsets at which parts begin and end."""
    return {0, *accumulate(lengths)}


def parts(data: bytes, path: str = "weights") -> dict[bytes, int]:
    """Return the length of each part of *data* by its digest."""
    found, at = {}, 0
    for length in cut(data, path):
        found[blake2b(data[at : at + length]).digest()] = length
        at += length
    return found


def added(old: bytes, new: bytes, path: str = "weights") -> tuple[int, int]:
    """Return how many parts, and bytes, *new* has that *old* has not."""
    before = parts(old, path)
    fresh = [size for name, size in parts(new, path).items() if name not in before]
    return len(fresh), sum(fresh)


def safetensors_header(entries: Mapping[str, Any], *, pad: int = 8) -> bytes:
    """Return the start of a safetensors file, as their own writer pads it."""
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % pad)
    return len(text).to_bytes(8, "little") + text


def safetensors(
    tensors: Tensors, *, metadata: Mapping[str, str] | None = None
) -> bytes:
    """Return a safetensors file."""
    entries: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    at = 0
    for name, data in tensors.items():
        entries[name] = {
            "dtype": "U8",
            "shape": [len(data)],
            "data_offsets": [at, at + len(data)],
        }
        at += len(data)
    return safetensors_header(entries) + b"".join(tensors.values())


def text(value: str, order: str = "<") -> bytes:
    """Return a GGUF string."""
    return pack(f"{order}Q", len(value.encode())) + value.encode()


def gguf_values(order: str = "<") -> list[bytes]:
    """Return metadata of every type, strings and nested arrays among them."""
    tokens = b"".join(text(f"token{i}" * (i % 7), order) for i in range(5000))
    inner = pack(f"{order}IQ3i", 5, 3, -1, 0, 1)
    return [
        text("general.architecture", order)
        + pack(f"{order}I", 8)
        + text("llama", order),
        text("a.u8", order) + pack(f"{order}IB", 0, 1),
        text("a.i16", order) + pack(f"{order}Ih", 3, -2),
        text("a.f32", order) + pack(f"{order}If", 6, 0.5),
        text("a.bool", order) + pack(f"{order}I?", 7, True),
        text("a.i64", order) + pack(f"{order}Iq", 11, -(2**40)),
        text("a.f64", order) + pack(f"{order}Id", 12, 0.25),
        text("tokens", order) + pack(f"{order}IIQ", 9, 8, 5000) + tokens,
        text("scores", order) + pack(f"{order}IIQ", 9, 6, 100000) + bytes(400000),
        text("nested", order) + pack(f"{order}IIQ", 9, 9, 2) + inner * 2,
    ]


def gguf(
    tensors: Tensors,
    *,
    version: int = 3,
    order: str = "<",
    alignment: int | None = None,
    values: list[bytes] | None = None,
) -> bytes:
    """Return a GGUF file."""
    values = list(gguf_values(order) if values is None else values)
    if alignment is not None:
        key = text("general.alignment", order)
        values.insert(1, key + pack(f"{order}II", 4, alignment))
    step = alignment or 32
    infos, body = [], bytearray()
    for name, data in tensors.items():
        place = pack(f"{order}IQIQ", 1, len(data), 0, len(body))
        infos.append(text(name, order) + place)
        body += data + bytes(-len(data) % step)
    counts = pack(f"{order}IQQ", version, len(infos), len(values))
    head = b"GGUF" + counts + b"".join(values) + b"".join(infos)
    return head + bytes(-len(head) % step) + body


class _Pipe(io.RawIOBase):
    """Somewhere to write that cannot go back, so that checksums follow the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def archive(
    members: Tensors, *, method: int = zipfile.ZIP_STORED, wide: bool = False
) -> bytes:
    """Return a zip archive; *wide* has 64-bit numbers in each member's header."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in members.items():
            with file.open(zipfile.ZipInfo(name), "w", force_zip64=wide) as member:
                member.write(data)
            file.getinfo(name).compress_type = method
    return out.getvalue()


def checkpoint(tensors: Iterable[bytes], *, stem: str = "model") -> bytes:
    """Return an archive like PyTorch's: numbered, aligned, checksums after the data."""
    out = _Pipe()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(zipfile.ZipInfo(f"{stem}/data.pkl"), b"pickle" * 100)
        for number, data in enumerate(tensors):
            name = f"{stem}/data/{number}"
            space = -(len(out.data) + 30 + len(name) + 4) % 64
            info = zipfile.ZipInfo(name)
            info.extra = b"FB" + pack("<H", space) + b"Z" * space
            file.writestr(info, data)
        file.writestr(zipfile.ZipInfo(f"{stem}/version"), b"3\n")
    return bytes(out.data)


def offsets(data: bytes, tensors: Tensors) -> dict[str, int]:
    """Return where each tensor lies; they are noise, and so found nowhere else."""
    return {name: data.index(value) for name, value in tensors.items()}

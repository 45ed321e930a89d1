"""The bundle that every tool is given, and the changes that are made to it.

It is drawn from a seed: the same scale makes the same bytes. ``model/`` holds one
safetensors file with the tensors of a small language model (200 of them, 2 GiB),
``code/`` 200 source files, ``data/`` a CSV of 256 MiB, ``config/`` one JSON file.

Run as a process of its own: numpy stays out of the process that measures, whose
memory a child is charged with until it has started its own program.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from benchmarks.bytes.names import TABLE, WEIGHTS

SEED = 20261127

# Twenty-two layers of nine tensors, an embedding and a last norm: 200 tensors, 2.0 GiB.
HIDDEN = 2304  # a projection of HIDDEN x HIDDEN is the tensor of 10 MB
KEYS = 256
INNER = 4864
WORDS = 32_000
LAYERS = 22

CSV_BYTES = 256 * 2**20
CSV_COLUMNS = 12
SOURCES = 200
INSERTED_ROWS = 10_000
CHANGED_TENSORS = 10  # 5 % of them
CHANGED_SHARE = 0.05  # of the bytes, as nearly as ten tensors can make it

_BLOCK = 2**20  # values drawn at once
_ROWS = 5_000  # rows drawn at once


@frozen
class Tensor:
    """One tensor of the file.

    Attributes:
        name: As a library calls it.
        dtype: ``BF16`` or ``F16``.
        shape: Its sides.
        begin: Where its bytes begin in the file.
        size: How many they are.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    size: int


def shapes(scale: float) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of each tensor; *scale* takes rows away."""

    def rows(count: int) -> int:
        return max(1, round(count * scale))

    yield "model.embed_tokens.weight", (rows(WORDS), HIDDEN)
    for layer in range(LAYERS):
        for name, sides in (
            ("input_layernorm", (rows(HIDDEN),)),
            ("mlp.down_proj", (rows(HIDDEN), INNER)),
            ("mlp.gate_proj", (rows(INNER), HIDDEN)),
            ("mlp.up_proj", (rows(INNER), HIDDEN)),
            ("post_attention_layernorm", (rows(HIDDEN),)),
            ("self_attn.k_proj", (rows(KEYS), HIDDEN)),
            ("self_attn.o_proj", (rows(HIDDEN), HIDDEN)),
            ("self_attn.q_proj", (rows(HIDDEN), HIDDEN)),
            ("self_attn.v_proj", (rows(KEYS), HIDDEN)),
        ):
            yield f"model.layers.{layer}.{name}.weight", sides
    yield "model.norm.weight", (rows(HIDDEN),)


def _is_half(name: str) -> bool:
    """Whether it is kept as fp16; the large matrices of the layers are bf16."""
    return "norm" in name or "embed" in name


def write_weights(path: Path, scale: float) -> None:
    """Write the safetensors file."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, sides in shapes(scale):
        size = 2 * int(np.prod(sides))
        header[name] = {
            "dtype": "F16" if _is_half(name) else "BF16",
            "shape": sides,
            "data_offsets": [begin, begin + size],
        }
        begin += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for index, tensor in enumerate(tensors(text)):
            for block in values(tensor, index, generation=0):
                file.write(block.tobytes())


def tensors(text: bytes) -> list[Tensor]:
    """Return the tensors that a header names, in their order."""
    entries = {k: v for k, v in json.loads(text).items() if k != "__metadata__"}
    found = []
    for name, entry in entries.items():
        begin, end = entry["data_offsets"]
        start = 8 + len(text) + begin
        shape = tuple(entry["shape"])
        found.append(Tensor(name, entry["dtype"], shape, start, end - begin))
    return found


@cache
def _quantiles() -> NDArray[np.float32]:
    """Return 65,536 values that are normal: two random bytes choose one of them."""
    normal = NormalDist()
    steps = [normal.inv_cdf((n + 0.5) / 2**16) for n in range(2**16)]
    return np.array(steps, dtype=np.float32)


def _choices(tensor: Tensor) -> NDArray[np.uint16]:
    """Return the values that a tensor can have, as its 16 bits, each as likely."""
    layer = int(tensor.name.split(".")[2]) if ".layers." in tensor.name else 0
    if "norm" in tensor.name:
        wanted = 1 + 0.1 * _quantiles()
    else:
        depth = 0.6 + 0.8 * layer / LAYERS  # later layers have larger weights
        wanted = _quantiles() * np.float32(depth / np.sqrt(tensor.shape[-1]))
    if tensor.dtype == "F16":
        return wanted.astype(np.float16).view(np.uint16)
    bits = wanted.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def values(tensor: Tensor, index: int, generation: int) -> Iterator[NDArray[np.uint16]]:
    """Yield the values of a tensor: other ones in every generation."""
    rng = np.random.Generator(np.random.SFC64([SEED, index, generation]))
    choices = _choices(tensor)
    left = tensor.size // 2
    while left:
        drawn = rng.integers(0, 2**16, min(_BLOCK, left), dtype=np.uint16)
        yield choices[drawn]
        left -= len(drawn)


def change(folder: Path, generation: int) -> int:
    """Draw 5 % of the tensors anew, in place, and return how many bytes that is.

    They lie all over the file, and are others in every generation: of a hundred
    draws the one is taken that is nearest to 5 % of the bytes as well.
    """
    path = folder / WEIGHTS
    with path.open("rb") as file:
        found = tensors(file.read(int.from_bytes(file.read(8), "little")))
    rng = np.random.Generator(np.random.SFC64([SEED, generation]))
    goal = CHANGED_SHARE * sum(t.size for t in found)
    draws = [
        [int(n) for n in 1 + rng.choice(len(found) - 1, CHANGED_TENSORS, replace=False)]
        for _ in range(100)
    ]

    def off(draw: Iterable[int]) -> float:
        return abs(sum(found[n].size for n in draw) - goal)

    chosen = sorted(min(draws, key=off))
    with path.open("r+b") as target:
        for index in chosen:
            target.seek(found[index].begin)
            for block in values(found[index], index, generation):
                target.write(block.tobytes())
    return sum(found[index].size for index in chosen)


def rows(rng: np.random.Generator, first: int, count: int) -> bytes:
    """Return rows of the CSV, numbered from *first*."""
    numbers = range(first, first + count)
    labels = rng.integers(0, 2, count).tolist()
    columns = rng.standard_normal((CSV_COLUMNS, count)).tolist()
    line = "%d," + "%.6f," * CSV_COLUMNS + "%d\n"
    drawn = zip(numbers, *columns, labels, strict=True)
    return "".join([line % row for row in drawn]).encode()


def write_table(path: Path, size: int) -> None:
    """Write the CSV: *size* bytes, and the rest of the last block of rows."""
    rng = np.random.Generator(np.random.SFC64([SEED, 1]))
    names = [f"feature_{n}" for n in range(CSV_COLUMNS)]
    with path.open("wb") as file:
        file.write((",".join(["id", *names, "label"]) + "\n").encode())
        written = 0
        while file.tell() < size:
            file.write(rows(rng, written, _ROWS))
            written += _ROWS


def insert(folder: Path, count: int = INSERTED_ROWS) -> int:
    """Insert rows into the middle of the CSV, and return how many bytes they are."""
    path = folder / TABLE
    rng = np.random.Generator(np.random.SFC64([SEED, 2]))
    new = rows(rng, 10**9, count)
    other = path.with_suffix(".new")
    with path.open("rb") as source, other.open("wb") as target:
        left = path.stat().st_size // 2
        while left:
            left -= target.write(source.read(min(left, 2**20)))
        target.write(source.readline())
        target.write(new)
        while data := source.read(2**20):
            target.write(data)
    other.replace(path)
    return len(new)


def write_sources(folder: Path) -> None:
    """Write small files that look like code: 2 to 20 KB, in ten packages."""
    rng = np.random.Generator(np.random.SFC64([SEED, 3]))
    words = [
        "batch",
        "layer",
        "loss",
        "mask",
        "model",
        "optimizer",
        "rate",
        "sample",
        "step",
        "weight",
    ]
    for number in range(SOURCES):
        path = folder / f"package_{number % 10}" / f"module_{number:03}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        count = int(rng.integers(50, 500))
        drawn = rng.integers(0, len(words), (count, 3)).tolist()
        numbers = rng.integers(0, 10**6, count).tolist()
        lines = [
            f"{words[a]}_{line} = {words[b]}({words[c]}={number})"
            for line, ((a, b, c), number) in enumerate(zip(drawn, numbers, strict=True))
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def make(folder: Path, scale: float) -> None:
    """Make the bundle in a folder that is not there yet."""
    for role in ("model", "code", "data", "config"):
        (folder / role).mkdir(parents=True)
    write_weights(folder / WEIGHTS, scale)
    write_sources(folder / "code")
    write_table(folder / TABLE, round(CSV_BYTES * scale))
    settings = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "seed": SEED}
    text = json.dumps(settings, indent=2)
    (folder / "config" / "config.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Do what one line asks for; what it came to is printed as JSON."""
    parser = argparse.ArgumentParser(description="Make or change the bundle.")
    parser.add_argument("what", choices=["make", "change", "insert"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--generation", type=int, default=1)
    options = parser.parse_args()
    size = 0
    if options.what == "make":
        make(options.folder, options.scale)
    elif options.what == "change":
        size = change(options.folder, options.generation)
    else:
        size = insert(options.folder)
    sys.stdout.write(json.dumps({"bytes": size}) + "\n")


if __name__ == "__main__":
    main()

"""A large model in a bucket, beside one file of that size that s3fs puts and gets.

Run it with ``nox -s stores_speed``, or ``python -m benchmarks.stores --help``.
SeaweedFS runs on this machine, a fresh one for each round, so that every round begins
alike. Of s3fs the fastest of its settings counts, for each direction by itself; what is
compared are medians over the rounds. What comes back is hashed here, when it is there.

modelver hashes every byte before it hands a file out, twice where a file is cut into
parts, and s3fs none. Neither of them flushes what it has brought.
"""

import argparse
import hashlib
import json
import os
import platform
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from attrs import frozen

from modelver import Registry
from tests.stores.servers.s3_server import S3Server
from tests.stores.servers.seaweed import seaweed

GOAL: Final = 1.3
MIB: Final = 2**20
_TENSOR: Final = 10 * MIB
_PIECE: Final = 4 * MIB
POOL: Final = {"config_kwargs": {"max_pool_connections": 64}}


@frozen
class Setting:
    """One way to have s3fs put and get a file.

    Attributes:
        name: For the table.
        options: For the filesystem.
        words: For ``put_file`` and ``get_file``.
    """

    name: str
    options: dict[str, Any]
    words: dict[str, Any]


SETTINGS: Final = (
    Setting("as it comes", {}, {}),
    Setting("one at a time", {}, {"max_concurrency": 1}),
    Setting("16 MiB, 10 at once", POOL, {"chunksize": 16 * MIB, "max_concurrency": 10}),
    Setting("16 MiB, 64 at once", POOL, {"chunksize": 16 * MIB, "max_concurrency": 64}),
    Setting("8 MiB, 32 at once", POOL, {"chunksize": 8 * MIB, "max_concurrency": 32}),
)


def write_model(path: Path, mib: int) -> str:
    """Write a safetensors file of about *mib* MiB of noise; return its SHA-256."""
    count = max(1, mib * MIB // _TENSOR)
    header: dict[str, Any] = {}
    for n in range(count):
        place = [n * _TENSOR, (n + 1) * _TENSOR]
        header[f"layer.{n}"] = {
            "dtype": "BF16",
            "shape": [_TENSOR // 2],
            "data_offsets": place,
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _ in range(count):
            file.write(os.urandom(_TENSOR))
    return sha256(path)


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def measured(into: list[float]) -> Iterator[None]:
    """Append the seconds that the block takes."""
    os.sync()  # nobody pays for what another has left to be written
    start = time.perf_counter()
    yield
    into.append(time.perf_counter() - start)


@frozen
class Work:
    """What is done each round: a name, and how to put and to get."""

    name: str
    put: Callable[[S3Server], Iterator[Any]]
    get: Callable[[S3Server, Any, Path], Path]


def _ours(model: Path, home: Path) -> Work:
    def put(server: S3Server) -> Iterator[Any]:
        url = server.url()
        registry = Registry(
            url, create=True, storage_options=server.options, cache=home / "writer"
        )
        yield
        registry.register("m", {model.name: model}, environment=False)
        yield url

    def get(server: S3Server, url: Any, to: Path) -> Path:
        registry = Registry(url, storage_options=server.options, cache=home / to.name)
        return registry.get("m").checkout(to) / "model" / model.name

    return Work("modelver", put, get)


def _theirs(model: Path, setting: Setting) -> Work:
    import s3fs  # noqa: PLC0415 - an extra

    def client(server: S3Server) -> Any:
        options = {**server.options, **setting.options}
        made = s3fs.S3FileSystem(**options, skip_instance_cache=True)
        made.connect()
        return made

    def put(server: S3Server) -> Iterator[Any]:
        filesystem = client(server)
        place = server.url().removeprefix("s3://") + "/model"
        yield
        filesystem.put_file(str(model), place, **setting.words)
        yield place

    def get(server: S3Server, place: Any, to: Path) -> Path:
        client(server).get_file(place, str(to), **setting.words)
        return to

    return Work(f"s3fs, {setting.name}", put, get)


def measure(mib: int, rounds: int, folder: Path, only: str = "") -> dict[str, Any]:
    """Return the seconds of each work, round by round."""
    model = folder / "model.safetensors"
    digest = write_model(model, mib)
    chosen = [each for each in SETTINGS if only in each.name]
    works = [_ours(model, folder), *(_theirs(model, each) for each in chosen)]
    puts: dict[str, list[float]] = {work.name: [] for work in works}
    gets: dict[str, list[float]] = {work.name: [] for work in works}
    for number in range(rounds):
        # Everybody is first once, or nearly so.
        turn = number % len(works)
        for work in (*works[turn:], *works[:turn]):
            with (
                tempfile.TemporaryDirectory(dir=folder) as place,
                seaweed(Path(place) / "weed") as server,
            ):
                steps = work.put(server)
                next(steps)
                with measured(puts[work.name]):
                    found = next(steps)
                to = Path(place) / "out"
                with measured(gets[work.name]):
                    out = work.get(server, found, to)
                if sha256(out) != digest:
                    sys.exit(f"{work.name} brought back something else")
    return {"put": puts, "get": gets, "mib": model.stat().st_size / MIB}


def report(found: dict[str, Any]) -> tuple[list[str], float]:
    """Return the lines of a table, and the worse of the two ratios."""
    lines = ["| who | put, s | get, s |", "| --- | --- | --- |"]
    worst = 0.0
    names = list(found["put"])
    for name in names:
        cells = [f"{median(found[way][name]):.2f}" for way in ("put", "get")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for way in ("put", "get"):
        best = min(names[1:], key=lambda name, way=way: median(found[way][name]))  # type: ignore[misc]
        ratio = median(found[way][names[0]]) / median(found[way][best])
        worst = max(worst, ratio)
        lines.append(f"\n{way}: {ratio:.2f} times that of {best} (goal: {GOAL})")
    return lines, worst


def main() -> None:
    """Measure and tell; ends with 1 where the goal is missed and was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", default="", help="settings of s3fs that have this in their name"
    )
    parser.add_argument("--json", type=Path, help="keep the figures there")
    parser.add_argument("--check", action="store_true", help=f"fail above {GOAL}")
    parser.add_argument("--folder", type=Path, help="where there is space")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=said.folder) as folder:
        os.environ["MODELVER_STATE_DIR"] = str(Path(folder) / "state")
        found = measure(said.mib, said.rounds, Path(folder), said.only)
    lines, worst = report(found)
    print(f"{found['mib']:.0f} MiB, {said.rounds} rounds, {os.cpu_count()} cores,")  # noqa: T201
    print(f"{platform.platform()}, Python {platform.python_version()}\n")  # noqa: T201
    print("\n".join(lines))  # noqa: T201
    if said.json is not None:
        said.json.write_text(json.dumps(found, indent=1))
    if said.check and worst > GOAL:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""modelver as a user's script calls it; what a call took is printed as JSON.

Run by path, with the Python that has modelver: ``ours.py WORK REGISTRY [WORDS]``.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

METRICS = {f"metric_{n}": n / 7 for n in range(20)}


def create(registry: str) -> dict[str, float]:
    """Make the registry."""
    from modelver import Registry  # noqa: PLC0415 - part of what starting up costs

    Registry(registry, create=True)
    return {}


def register(registry: str, folder: str) -> dict[str, float]:
    """Register the bundle in *folder*, with everything that is recorded by default."""
    from modelver import Registry  # noqa: PLC0415 - the same

    bundle = Path(folder)
    begin = time.perf_counter()
    Registry(registry).register(
        "bench",
        bundle / "model",
        code=bundle / "code",
        data=bundle / "data",
        config=bundle / "config",
    )
    return {"seconds": time.perf_counter() - begin}


def checkout(registry: str, target: str) -> dict[str, float]:
    """Check the newest version out."""
    from modelver import Registry  # noqa: PLC0415 - the same

    begin = time.perf_counter()
    Registry(registry).get("bench@newest").checkout(target)
    return {"seconds": time.perf_counter() - begin}


def path(registry: str, name: str) -> dict[str, float]:
    """Ask for the path of a file, and once more in the same process."""
    from modelver import Registry  # noqa: PLC0415 - the same

    begin = time.perf_counter()
    opened = Registry(registry)
    version = opened.get("bench@newest")
    found = time.perf_counter()
    version.path(name)
    between = time.perf_counter()
    opened.get("bench@newest").path(name)
    end = time.perf_counter()
    return {
        "seconds": between - begin,
        "call": between - found,
        "again": end - between,
    }


def tensor(registry: str, name: str, wanted: str) -> dict[str, float]:
    """Read one tensor of a safetensors file, by its header."""
    from modelver import Registry  # noqa: PLC0415 - the same

    begin = time.perf_counter()
    version = Registry(registry).get("bench@newest")
    found = time.perf_counter()
    with version.open(name) as file:
        length = int.from_bytes(file.read(8), "little")
        first, last = json.loads(file.read(length))[wanted]["data_offsets"]
        file.seek(8 + length + first)
        size = len(file.read(last - first))
    end = time.perf_counter()
    return {
        "seconds": end - begin,
        "call": end - found,
        "bytes": size,
        "disk": from_disk(),
    }


def from_disk() -> int:
    """Return the bytes that this process has had read from the disk."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])


def small(registry: str, folder: str, count: str) -> dict[str, float]:
    """Register versions of a 10 KB model one by one."""
    from modelver import Registry  # noqa: PLC0415 - the same

    models = [Path(folder) / f"{number}.bin" for number in range(int(count))]
    for model in models:
        model.write_bytes(os.urandom(10 * 1024))
    opened = Registry(registry)
    begin = time.perf_counter()
    for model in models:
        opened.register(
            "small", {"model.bin": model}, metrics=METRICS, environment=False
        )
    return {"seconds": time.perf_counter() - begin}


WORKS: dict[str, Callable[..., dict[str, float]]] = {
    "create": create,
    "register": register,
    "checkout": checkout,
    "path": path,
    "tensor": tensor,
    "small": small,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])) + "\n")

"""The least that a work can be, by hand: ``by_hand.py WORK [WORDS]``."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path


def tensor(path: str, wanted: str) -> dict[str, float]:
    """Read one tensor of a safetensors file, by its header."""
    begin = time.perf_counter()
    with Path(path).open("rb", buffering=0) as file:
        length = int.from_bytes(file.read(8), "little")
        first, last = json.loads(file.read(length))[wanted]["data_offsets"]
        file.seek(8 + length + first)
        size = len(file.read(last - first))
    seconds = time.perf_counter() - begin
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    disk = int(dict(line.split(": ") for line in lines)["read_bytes"])
    return {"seconds": seconds, "bytes": size, "disk": disk}


def write(source: str, target: str, flushed: str) -> dict[str, float]:
    """Write the files of a folder again, in the order of their age, and flush them.

    With *flushed* ``folders`` the folder of each is flushed after it, as a program
    has to that wants the name to be there after a power cut.
    """
    found = [path for path in Path(source).rglob("*") if path.is_file()]
    found.sort(key=lambda path: path.stat().st_mtime_ns)
    contents = [(path.relative_to(source), path.read_bytes()) for path in found]
    folders = flushed == "folders"
    begin = time.perf_counter()
    for name, data in contents:
        path = Path(target) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(descriptor, data)
        os.fsync(descriptor)
        os.close(descriptor)
        if folders:
            descriptor = os.open(path.parent, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
    return {"seconds": time.perf_counter() - begin, "files": len(contents)}


WORKS: dict[str, Callable[..., dict[str, float]]] = {"tensor": tensor, "write": write}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])) + "\n")

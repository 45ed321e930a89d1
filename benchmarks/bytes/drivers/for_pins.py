"""pins as a user's script calls it: a versioned board in a folder.

Run by path, with the Python of pins' environment: ``for_pins.py WORK BOARD [WORDS]``.
A pin is a flat list of files: their names must differ, and they come back flat.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _board(folder: str) -> Any:
    import pins  # noqa: PLC0415 - part of what starting up costs

    return pins.board_folder(folder, versioned=True)


def register(folder: str, bundle: str) -> dict[str, float]:
    """Upload every file of the bundle as one pin."""
    board = _board(folder)
    begin = time.perf_counter()
    found = sorted(str(path) for path in Path(bundle).rglob("*") if path.is_file())
    board.pin_upload(found, name="bench")
    return {"seconds": time.perf_counter() - begin}


def checkout(folder: str, target: str) -> dict[str, float]:
    """Copy the newest files out of the board, which itself only gives paths."""
    board = _board(folder)
    begin = time.perf_counter()
    Path(target).mkdir(exist_ok=True)
    for path in board.pin_download("bench"):
        shutil.copy(path, target)
    return {"seconds": time.perf_counter() - begin}


def path(folder: str) -> dict[str, float]:
    """Ask for the paths of the files, and once more in the same process."""
    board = _board(folder)

    def ask() -> float:
        begin = time.perf_counter()
        board.pin_download("bench")
        return time.perf_counter() - begin

    return {"seconds": ask(), "again": ask()}


WORKS: dict[str, Callable[..., dict[str, float]]] = {
    "register": register,
    "checkout": checkout,
    "path": path,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])) + "\n")

"""What a refusal must be like, whoever refuses: quick, small, and before any write."""

import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from modelver import ModelverError

T = TypeVar("T")

SECONDS: Final = 1.0
BYTES: Final = 64 * 10**6

# A second of this process on a quiet machine; a crowded one is slower, and tracing is
# slower still.
_PATIENCE: Final = 20.0
_HANGS: Final = 60.0


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every path below *folder*, with its size and when it was written."""
    return {
        os.fspath(path.relative_to(folder)): (
            path.lstat().st_size,
            path.lstat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


@contextmanager
def untouched(*folders: Path) -> Iterator[None]:
    """Fail if anything below *folders* comes, goes or changes."""
    before = [listing(folder) for folder in folders]
    yield
    for folder, was in zip(folders, before, strict=True):
        assert listing(folder) == was, f"{folder} was written to"


@contextmanager
def quick(seconds: float = SECONDS) -> Iterator[None]:
    """Fail if the block works longer, or waits for something that does not come."""
    begun, worked = time.perf_counter(), time.process_time()
    yield
    took = time.process_time() - worked
    assert took < seconds * _PATIENCE, f"it took {took:.2f} s"
    assert time.perf_counter() - begun < _HANGS


@contextmanager
def small(limit: int = BYTES) -> Iterator[None]:
    """Fail if the block needs more memory than *limit* beyond what there was."""
    if sys.gettrace() is not None:  # a tracer's own memory would be counted
        yield
        return
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit, f"it took {peak / 1e6:.0f} MB"


def bounded(act: Callable[[], T], seconds: float = SECONDS) -> T:
    """Return what *act* gives; fail if it takes long, or in a second call much memory.

    Counting memory takes time, so that the two are not looked at in one call.
    """
    with quick(seconds):
        found = act()
    with small():
        act()
    return found


def refused(act: Callable[[], object]) -> ModelverError:
    """Return the error that *act* raises, having looked at what it says.

    Raises:
        AssertionError: It raises nothing, or says nothing that a person can use.
    """
    try:
        found = act()
    except ModelverError as error:
        caught = error
    else:
        raise AssertionError(f"it was accepted: {found!r:.200}")
    for text in (caught.message, *caught.hints):
        assert text
        assert len(text) < 5000, "nobody reads it to its end"
        assert text.replace("\n", "").isprintable(), ascii(text)
    return caught

"""A process that fetches into a cache: run as a script, told by JSON on the line.

It prints ``ready``, waits for a line, does its job, and prints what came of it.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

from modelver import ModelverError, Registry
from modelver.backends.local import LocalBackend
from modelver.testing.wrapper import Operation, T, WrapperBackend


class Slow(WrapperBackend):
    """A store that is no folder of this machine, and takes its time over objects."""

    def __init__(self, backend: LocalBackend, seconds: float) -> None:
        super().__init__(backend)
        self.seconds = seconds
        self.bytes = 0
        self._lock = Lock()

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Count what is read of objects."""
        if operation.name != "read" or not operation.key.startswith("objects/"):
            return act()
        time.sleep(self.seconds)
        found = act()
        if isinstance(found, bytes):
            with self._lock:
                self.bytes += len(found)
        return found


def fetch(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask for a version again and again; tell what was read of the store, and found."""
    store = Slow(LocalBackend(order["url"]), order.get("seconds", 0.0))
    registry = Registry(
        backend=store, cache=order["cache"], cache_size=order.get("bound")
    )
    refs, wrong, vanished = order["refs"], 0, 0
    for number in range(order.get("count", 1)):
        ref = refs[(number + order.get("shift", 0)) % len(refs)]
        path = registry.get(ref).path("w.bin")
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # another process has cleared the cache since
            vanished += 1
            continue
        expected = Path(order["url"]).parent / f"{ref.partition('@')[2]}.bin"
        wrong += data != expected.read_bytes()
    return {"bytes": store.bytes, "wrong": wrong, "vanished": vanished}


def clear(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Clear the cache again and again."""
    registry = Registry(order["url"], cache=order["cache"])
    freed, end = 0, time.monotonic() + order["seconds"]
    while time.monotonic() < end:
        freed += registry.cache.clear()
        time.sleep(0.002)
    return {"freed": freed}


JOBS: Final[Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {
    "fetch": fetch,
    "clear": clear,
}


def main() -> None:
    """Do one job."""
    order = json.loads(sys.argv[1])
    print("ready", flush=True)  # noqa: T201 - it is how it answers
    sys.stdin.readline()
    try:
        said = JOBS[order["job"]](order)
    except ModelverError as error:
        said = {"failed": f"{type(error).__name__} {error.kind}: {error}"}
    print(json.dumps(said), flush=True)  # noqa: T201 - it is how it answers


if __name__ == "__main__":
    main()

"""What the suite for backends stands on: how to make one, and small helpers."""

import pickle  # noqa: TID251 - errors must survive it; nothing foreign is read
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import pytest

from modelver.errors import ModelverError
from modelver.plugin import Backend

T = TypeVar("T")

THREADS: Final = 16
# Seconds in which threads begin, on a machine that does a hundred other things.
_PATIENCE: Final = 60
MIB: Final = 2**20

# Opens the store anew, waits for a line, then races for every key of a sequence.
RACER = """
import importlib, json, sys
from modelver.errors import AlreadyExistsError
factory, url, options, me, rounds = json.loads(sys.argv[1])
module, _, name = factory.partition(":")
make = importlib.import_module(module)
for part in name.split("."):
    make = getattr(make, part)
backend = make(url, storage_options=options or None)
print("ready", flush=True)
sys.stdin.readline()
won = []
for n in range(rounds):
    try:
        backend.create(f"race/{n:020d}.json", (str(me) * 5000).encode())
    except AlreadyExistsError:
        continue
    won.append(n)
print(json.dumps(won), flush=True)
"""


def side_by_side(count: int, act: Callable[[int], T]) -> list[T]:
    """Call ``act(0)`` ... ``act(count - 1)`` in threads that start at one moment."""
    ready = threading.Barrier(count + 1)

    def start(number: int) -> T:
        ready.wait(_PATIENCE)
        return act(number)

    usual = sys.getswitchinterval()
    with ThreadPoolExecutor(count) as pool:
        begun = [pool.submit(start, number) for number in range(count)]
        # Python changes threads every 5 ms: a check and a set would seldom be parted.
        sys.setswitchinterval(1e-6)
        try:
            ready.wait(_PATIENCE)
            return [each.result() for each in begun]
        finally:
            sys.setswitchinterval(usual)


def upload(backend: Backend, key: str, *pieces: bytes | bytearray | memoryview) -> None:
    """Upload *pieces* as one object."""
    with backend.upload() as begun:
        for piece in pieces:
            begun.write(piece)
        begun.commit(key)


def listed(backend: Backend, prefix: str = "") -> dict[str, int]:
    """Return key and size of what *prefix* lists; no key twice."""
    found = [(info.key, info.size) for info in backend.list(prefix)]
    assert len(dict(found)) == len(found), "a key is listed twice"
    return dict(found)


def check_pickles(error: ModelverError) -> None:
    """Check that *error* is the same on the other side of a process boundary."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - made a moment ago
    assert type(again) is type(error)
    assert (again.message, again.kind) == (error.message, error.kind)
    assert (again.facts, again.hints) == (error.facts, error.hints)


class BackendSuite:
    """Subclass it as ``Test...`` and say how to make the backend.

    Attributes:
        streams: Whether an upload of any size fits into little memory.
        rounds: How many keys each race is about; fewer where a round trip is slow.
        many: How many keys the large listing has: more than a page of the store.
    """

    streams: ClassVar[bool] = False
    rounds: ClassVar[int] = 25
    many: ClassVar[int] = 1200

    def make(self, tmp_path: Path) -> Backend:
        """Return a backend over a fresh, empty store, another one at each call."""
        raise NotImplementedError

    def reopen(self, backend: Backend) -> tuple[str, str, dict[str, Any]]:
        """Return how another process opens the same store.

        Returns:
            The factory as ``module:name``, the URL, and the storage options (JSON).
        """
        cls = type(backend)
        return f"{cls.__module__}:{cls.__qualname__}", backend.url, {}

    def again(self, backend: Backend) -> Backend:
        """Return a second client of the same store, that shares no memory with it."""
        factory, url, options = self.reopen(backend)
        module, _, name = factory.partition(":")
        made: Any = sys.modules[module]
        for part in name.split("."):
            made = getattr(made, part)
        second: Backend = made(url, storage_options=options or None)
        return second

    def raw_read(
        self,
        backend: Backend,
        key: str,  # noqa: ARG002 - for whoever overrides it
    ) -> bytes | None:
        """Return what the store holds, without the code under test."""
        pytest.skip(f"no raw_read for {backend.url}")

    def raw_write(
        self,
        backend: Backend,
        key: str,  # noqa: ARG002 - for whoever overrides it
        data: bytes,  # noqa: ARG002 - the same
    ) -> None:
        """Set a key, without the code under test."""
        pytest.skip(f"no raw_write for {backend.url}")

    def broken(self, tmp_path: Path) -> Backend:  # noqa: ARG002 - the same
        """Return a backend whose store cannot be written to."""
        pytest.skip(f"{type(self).__name__} has no broken()")

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        """Return a backend over an empty store."""
        return self.make(tmp_path)

    @pytest.fixture
    def exclusive(self, backend: Backend) -> Backend:
        """Return a backend that says that its create is exclusive."""
        if not backend.capabilities.exclusive_create:
            pytest.skip(f"{backend.url} has no exclusive create: read-only")
        return backend

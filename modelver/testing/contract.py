"""What every backend must do, as tests to subclass.

::

    class TestMine(BackendContract):
        def make(self, tmp_path):
            return MyBackend(f"mine://{tmp_path}/store")

A test that needs something which a subclass does not give is skipped, and says what
is missing. Nearly all of them write: give a store that may be filled, and is thrown
away afterwards. Where a round trip is slow, lower ``rounds`` and ``many``.
"""

import hashlib
import itertools
import json
import subprocess
import sys
import time
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelver._values.url import scheme_of
from modelver.errors import ModelverError, StorageError
from modelver.plugin import Backend, Capabilities, KeyInfo
from modelver.testing.contract_base import (
    MIB,
    RACER,
    THREADS,
    check_pickles,
    listed,
    side_by_side,
    upload,
)
from modelver.testing.contract_create import CreateSuite
from modelver.testing.contract_life import LifeSuite
from modelver.testing.contract_read import ReadSuite

_PATIENCE = 10.0  # seconds, of a store that cannot be reached


class BackendContract(CreateSuite, ReadSuite, LifeSuite):
    """Subclass it as ``Test...`` and say how to make the backend.

    :class:`modelver.testing.contract_base.BackendSuite` says what else a subclass
    may give.
    """

    def test_upload(self, exclusive: Backend) -> None:
        """Pieces of any kind of buffer make one object, and may be reused at once."""
        buffer = bytearray(b"one")
        numbers = array("d", [1.0, 2.0])
        with exclusive.upload() as begun:
            begun.write(buffer)
            buffer[:] = b"two"
            begun.write(buffer)
            begun.write(memoryview(b"-three-")[1:-1])
            begun.write(memoryview(numbers))
            begun.write(b"")
            assert listed(exclusive) == {}
            begun.commit("objects/ab/ab.0")
            expected = b"onetwothree" + numbers.tobytes()
            assert exclusive.read("objects/ab/ab.0") == expected
        assert listed(exclusive) == {"objects/ab/ab.0": len(expected)}

    def test_an_upload_given_up_leaves_nothing(self, exclusive: Backend) -> None:
        """Not committed, or an exception: no key, and the exception passes."""
        with exclusive.upload() as begun:
            begun.write(b"x" * 100_000)
        again = exclusive.upload()
        again.__enter__().write(b"x")
        error = ZeroDivisionError()
        assert not again.__exit__(ZeroDivisionError, error, None)  # type: ignore[func-returns-value]
        with pytest.raises(ZeroDivisionError), exclusive.upload():
            raise ZeroDivisionError
        with pytest.raises(KeyboardInterrupt), exclusive.upload():
            raise KeyboardInterrupt
        assert listed(exclusive) == {}

    def test_upload_onto_a_key_leaves_it(self, exclusive: Backend) -> None:
        """No error, and the first value stays, whoever wrote it."""
        upload(exclusive, "objects/ab/ab.0", b"first")
        exclusive.create("objects/ab/ab.1", b"created")
        for client in (exclusive, self.again(exclusive)):
            upload(client, "objects/ab/ab.0", b"second")
            upload(client, "objects/ab/ab.1", b"uploaded")
        assert exclusive.read("objects/ab/ab.0") == b"first"
        assert exclusive.read("objects/ab/ab.1") == b"created"

    def test_uploads_side_by_side(self, exclusive: Backend) -> None:
        """16 threads upload the same and other objects; every one succeeds."""

        def act(number: int) -> None:
            for n in range(self.rounds):
                upload(exclusive, f"objects/aa/{n}.0", b"same", b"bytes")
                upload(exclusive, f"objects/bb/{number}-{n}.0", b"own")

        side_by_side(THREADS, act)
        found = listed(exclusive, "objects/")
        assert len(found) == self.rounds * (THREADS + 1)
        for n in range(self.rounds):
            assert exclusive.read(f"objects/aa/{n}.0") == b"samebytes"

    def test_a_large_upload(self, exclusive: Backend) -> None:
        """40 MiB arrive whole; where the backend streams, memory stays flat."""
        piece = hashlib.sha256(b"piece").digest() * (MIB // 32)
        tracemalloc.start()
        try:
            upload(exclusive, "objects/ab/ab.0", *itertools.repeat(piece, 40))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert listed(exclusive) == {"objects/ab/ab.0": 40 * MIB}
        for start in range(0, 40 * MIB, MIB):
            found = exclusive.read("objects/ab/ab.0", start, start + MIB)
            assert found == piece
        if self.streams:
            assert peak < 8 * MIB, f"{peak:,} bytes of memory for 40 MiB"

    def test_one_instance_serves_many_threads(self, exclusive: Backend) -> None:
        """16 threads create, read, list and delete at once, each its own keys."""

        def act(number: int) -> None:
            prefix = f"t{number}/"
            for n in range(self.rounds):
                key, data = f"{prefix}{n}.json", f"{number}-{n}".encode()
                exclusive.create(key, data)
                assert exclusive.read(key) == data
                assert listed(exclusive, prefix) == {key: len(data)}
                assert exclusive.read_many([key, f"{prefix}x"], 100) == [data, None]
                exclusive.delete(key)
                assert exclusive.read(key) is None

        side_by_side(THREADS, act)
        assert listed(exclusive) == {}

    def test_errors_are_ours_and_pickle(self, exclusive: Backend) -> None:
        """A lost race is a ModelverError that survives the way between processes."""
        exclusive.create("log/1.json", b"x")
        with pytest.raises(ModelverError) as caught:
            exclusive.create("log/1.json", b"x")
        check_pickles(caught.value)

    def test_a_broken_store_is_a_storage_error(self, tmp_path: Path) -> None:
        """Writing, and reading unless there surely is no key; within ten seconds."""
        backend = self.broken(tmp_path)
        start = time.monotonic()
        with pytest.raises(StorageError) as caught:
            backend.create("log/1.json", b"x")
        check_pickles(caught.value)
        with pytest.raises(StorageError) as caught:
            upload(backend, "objects/ab/ab.0", b"x")
        check_pickles(caught.value)
        asked: tuple[Callable[[], object], ...] = (
            lambda: backend.read("log/1.json"),
            lambda: backend.read_many(["log/1.json"], 10)[0],
            lambda: [*backend.list("log/")] or None,
            lambda: backend.delete("log/1.json"),
        )
        for ask in asked:
            try:
                assert ask() is None
            except StorageError as error:
                check_pickles(error)
        assert time.monotonic() - start < _PATIENCE

    def test_it_fills_the_socket(self, backend: Backend) -> None:
        """Every method is there; the URL holds no credentials."""
        assert isinstance(backend, Backend)
        assert backend.url
        assert scheme_of(backend.url)  # refuses credentials
        assert isinstance(backend.capabilities, Capabilities)
        assert backend.capabilities.read_window >= 1
        assert isinstance(backend.list(""), Iterator)

    def test_listings_are_values(self, exclusive: Backend) -> None:
        """A listing yields :class:`KeyInfo`."""
        exclusive.create("log/1.json", b"x")
        assert list(exclusive.list("")) == [KeyInfo(key="log/1.json", size=1)]

    def test_stores_are_apart(self, exclusive: Backend, tmp_path: Path) -> None:
        """Two stores share no key."""
        other = self.make(tmp_path)
        exclusive.create("log/1.json", b"x")
        assert other.url != exclusive.url
        assert listed(other) == {}
        assert other.read("log/1.json") is None

    def test_persistent_means_what_it_says(self, exclusive: Backend) -> None:
        """Another process finds the key, or the store is gone with this one."""
        exclusive.create("race/00000000000000000000.json", b"x")
        job = json.dumps([*self.reopen(exclusive), 0, 1])
        done = subprocess.run(  # noqa: S603 - this interpreter, our own text
            [sys.executable, "-c", RACER, job],
            input="go\n",
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        won = json.loads(done.stdout.splitlines()[-1])
        assert won == ([] if exclusive.capabilities.persistent else [0])

"""The half of the suite that is about creating: one winner, whole or nothing."""

import itertools
import json
import subprocess
import sys
import threading

import pytest

from modelver.errors import AlreadyExistsError, ErrorKind
from modelver.plugin import Backend
from modelver.testing.contract_base import (
    MIB,
    RACER,
    THREADS,
    BackendSuite,
    listed,
    side_by_side,
    upload,
)


class CreateSuite(BackendSuite):
    """Creates, alone and in races."""

    def test_created_is_read_back(self, exclusive: Backend) -> None:
        """Any bytes come back as they were, from a second client too."""
        for n, data in enumerate((b"{}", bytes(range(256)), b"\r\n\0", b"x" * MIB)):
            exclusive.create(f"log/{n:020d}.json", data)
            assert exclusive.read(f"log/{n:020d}.json") == data
            assert self.again(exclusive).read(f"log/{n:020d}.json") == data

    def test_created_is_stored_as_it_is(self, exclusive: Backend) -> None:
        """The store holds these bytes under this key: any tool can copy them."""
        exclusive.create("log/1.json", b"one\r\n\0")
        upload(exclusive, "objects/ab/ab.0", b"two", b"\r\n\0")
        assert self.raw_read(exclusive, "log/1.json") == b"one\r\n\0"
        assert self.raw_read(exclusive, "objects/ab/ab.0") == b"two\r\n\0"

    def test_create_twice(self, exclusive: Backend) -> None:
        """The second create fails, for every client, and the first value stays."""
        exclusive.create("log/1.json", b"first")
        for client in (exclusive, self.again(exclusive)):
            for data in (b"second", b"first"):
                with pytest.raises(AlreadyExistsError) as caught:
                    client.create("log/1.json", data)
                assert caught.value.kind is ErrorKind.KEY_EXISTS
        assert exclusive.read("log/1.json") == b"first"

    def test_create_over_an_upload(self, exclusive: Backend) -> None:
        """What an upload made exists for create too."""
        upload(exclusive, "objects/ab/ab.0", b"first")
        with pytest.raises(AlreadyExistsError):
            exclusive.create("objects/ab/ab.0", b"second")
        assert exclusive.read("objects/ab/ab.0") == b"first"

    def test_create_over_what_somebody_else_wrote(self, exclusive: Backend) -> None:
        """A key is taken whoever wrote it, and whatever was asked before."""
        assert exclusive.read("log/1.json") is None
        assert listed(exclusive, "log/") == {}
        self.raw_write(exclusive, "log/1.json", b"theirs")
        with pytest.raises(AlreadyExistsError):
            exclusive.create("log/1.json", b"ours")
        assert exclusive.read("log/1.json") == b"theirs"

    def test_one_winner_among_threads(self, exclusive: Backend) -> None:
        """Of 16 threads on one instance exactly one creates; its bytes are there."""
        self._race_in_threads([exclusive] * THREADS)

    def test_one_winner_among_clients(self, exclusive: Backend) -> None:
        """Of 16 clients exactly one creates; its bytes are there."""
        self._race_in_threads([self.again(exclusive) for _ in range(THREADS)])

    def _race_in_threads(self, clients: list[Backend]) -> None:
        for n in range(self.rounds):
            key = f"race/{n:020d}.json"

            def create(number: int, key: str = key) -> bool:
                try:
                    clients[number].create(key, bytes([number]) * 10_000)
                except AlreadyExistsError:
                    return False
                return True

            won = side_by_side(len(clients), create)
            assert sum(won) == 1, f"{sum(won)} winners for {key}"
            assert clients[0].read(key) == bytes([won.index(True)]) * 10_000

    def test_one_winner_among_processes(self, exclusive: Backend) -> None:
        """Of 4 processes exactly one creates each key; its bytes are there."""
        if not exclusive.capabilities.persistent:
            pytest.skip(f"{exclusive.url} is gone with the process")
        racers = []
        for me in range(4):
            job = json.dumps([*self.reopen(exclusive), me, self.rounds])
            racers.append(
                subprocess.Popen(  # noqa: S603 - this interpreter, our own text
                    [sys.executable, "-c", RACER, job],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        won = [json.loads(racer.communicate(timeout=120)[0]) for racer in racers]
        assert sorted(itertools.chain(*won)) == list(range(self.rounds))
        for me, numbers in enumerate(won):
            for n in numbers:
                found = exclusive.read(f"race/{n:020d}.json")
                assert found == (str(me) * 5000).encode()

    def test_whole_or_nothing(self, exclusive: Backend) -> None:
        """A reader that polls sees all of a key or nothing, and so does a listing."""
        size = 2 * MIB
        keys = [f"log/{n:020d}.json" for n in range(8)]
        keys += [f"objects/ab/{n:064x}.0" for n in range(8)]
        done = threading.Event()

        def write(_: int) -> None:
            try:
                for n, key in enumerate(keys):
                    data = bytes([n + 1]) * size
                    if key.startswith("log/"):
                        exclusive.create(key, data)
                    else:
                        halves = data[: size // 2], data[size // 2 :]
                        upload(exclusive, key, *halves)
            finally:
                done.set()

        def look(_: int) -> None:
            reader = self.again(exclusive)
            while not done.is_set():
                for n, key in enumerate(keys):
                    found = reader.read(key)
                    assert found is None or found == bytes([n + 1]) * size
                found_sizes = listed(reader)
                assert set(found_sizes) <= set(keys)
                assert set(found_sizes.values()) <= {size}

        side_by_side(3, lambda n: write(n) if n == 0 else look(n))
        assert listed(exclusive) == dict.fromkeys(keys, size)

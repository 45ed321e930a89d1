"""The half of the suite that is about reading, listing and deleting."""

import threading

from modelver.errors import StorageError
from modelver.plugin import Backend
from modelver.testing.contract_base import THREADS, BackendSuite, listed, side_by_side


class ReadSuite(BackendSuite):
    """Reads, lists and deletes."""

    def test_ranges_are_slices(self, exclusive: Backend) -> None:
        """``start:end`` is what a slice gives, past the end and of no bytes too."""
        data = bytes(range(256)) * 5
        exclusive.create("log/1.json", data)
        places = (0, 1, 2, 255, 1000, 1279, 1280, 1281, 5000, 2**40)
        for start in places:
            assert exclusive.read("log/1.json", start) == data[start:]
            for end in (place for place in places if place >= start):
                assert exclusive.read("log/1.json", start, end) == data[start:end]

    def test_missing_key_is_none(self, backend: Backend) -> None:
        """No key, no folder, no store: None, whichever range is asked for."""
        for key in ("registry.json", "log/1.json", "a/b/c/d"):
            assert backend.read(key) is None
            assert backend.read(key, 5) is None
            assert backend.read(key, 0, 0) is None
            assert backend.read(key, 5, 10) is None
            assert backend.read_many([key], 10) == [None]

    def test_a_folder_is_no_key(self, exclusive: Backend) -> None:
        """A prefix of keys is not itself a key that can be read."""
        exclusive.create("objects/ab/ab.0", b"x")
        try:
            assert exclusive.read("objects/ab") is None
        except StorageError:
            return  # a definite refusal is as good

    def test_read_many(self, exclusive: Backend) -> None:
        """Up to *limit* bytes of each; None for the missing, in the order asked."""
        for n in range(5):
            exclusive.create(f"log/{n}.json", bytes([n]) * 100)
        keys = [f"log/{n}.json" for n in range(7)]
        expected = [bytes([n]) * 100 for n in range(5)] + [None, None]
        assert exclusive.read_many(keys, 1000) == expected
        assert exclusive.read_many(keys, 100) == expected
        cut = [data and data[:7] for data in expected]
        assert exclusive.read_many(keys, 7) == cut
        assert exclusive.read_many(keys[3::-1], 1000) == expected[3::-1]
        assert exclusive.read_many([], 1000) == []

    def test_read_many_after_a_gap(self, exclusive: Backend) -> None:
        """Behind a missing key the answer is right, or None: never anything else."""
        exclusive.create("log/1.json", b"one")
        exclusive.create("log/3.json", b"three")
        found = exclusive.read_many([f"log/{n}.json" for n in (1, 2, 3)], 100)
        assert found[:2] == [b"one", None]
        assert found[2] in (None, b"three")

    def test_nothing_is_remembered(self, exclusive: Backend) -> None:
        """An answer of before does not hide what another client wrote since."""
        other = self.again(exclusive)
        keys = ["log/1.json", "log/2.json"]
        for round_ in range(2):
            assert exclusive.read(keys[round_]) is None
            assert exclusive.read_many(keys, 10)[round_] is None
            assert keys[round_] not in listed(exclusive, "log/")
            other.create(keys[round_], b"new")
            assert exclusive.read(keys[round_]) == b"new"
            assert exclusive.read_many(keys, 10)[round_] == b"new"
            assert keys[round_] in listed(exclusive, "log/")
        other.delete(keys[0])
        assert exclusive.read(keys[0]) is None
        assert keys[0] not in listed(exclusive, "log/")

    def test_damage_is_shown(self, exclusive: Backend) -> None:
        """What lies in the store is returned as it is: judging it is not our trade."""
        exclusive.create("log/1.json", b"one and two")
        self.raw_write(exclusive, "log/1.json", b"damaged")
        assert exclusive.read("log/1.json") == b"damaged"
        assert exclusive.read("log/1.json", 0, 100) == b"damaged"
        assert listed(exclusive) == {"log/1.json": 7}

    def test_list(self, exclusive: Backend) -> None:
        """Every key below a prefix with its size, at any depth, and no other."""
        sizes = {
            "registry.json": 1,
            "log/1.json": 2,
            "log/2.json": 3,
            "logs/1.json": 4,
            "lo/1.json": 5,
            "objects/ab/ab.0": 6,
            "objects/ab/ab.10": 7,
            "objects/cd/cd.0": 8,
            "a/log/1.json": 9,
        }
        for key, size in sizes.items():
            exclusive.create(key, b"x" * size)
        for prefix in ("", "log/", "logs/", "lo/", "objects/", "objects/ab/", "a/"):
            expected = {k: s for k, s in sizes.items() if k.startswith(prefix)}
            assert listed(exclusive, prefix) == expected
            assert listed(self.again(exclusive), prefix) == expected

    def test_a_missing_prefix_lists_nothing(self, exclusive: Backend) -> None:
        """No error: in a store with keys, and in one without."""
        assert listed(exclusive) == {}
        assert listed(exclusive, "log/") == {}
        exclusive.create("logs/1.json", b"x")
        assert listed(exclusive, "log/") == {}
        assert listed(exclusive, "logs/deeper/") == {}

    def test_many_keys_are_listed(self, exclusive: Backend) -> None:
        """A listing of more than one page is complete."""
        expected = {f"objects/{n % 7:02x}/{n:064x}.0": 1 for n in range(self.many)}
        keys = list(expected)

        def create(number: int) -> None:
            for key in keys[number::THREADS]:
                exclusive.create(key, b"x")

        side_by_side(THREADS, create)
        assert listed(exclusive, "objects/") == expected

    def test_list_while_keys_come_and_go(self, exclusive: Backend) -> None:
        """No error, and a key that stays is always listed."""
        staying = {f"objects/ab/{n:064x}.0": 4 for n in range(20)}
        for key in staying:
            exclusive.create(key, b"stay")
        done = threading.Event()

        def churn(me: int) -> None:
            try:
                for n in range(4 * self.rounds):
                    key = f"objects/{'ab' if n % 2 else 'cd'}/{me}-{n}.0"
                    exclusive.create(key, b"move")
                    exclusive.delete(key)
            finally:
                done.set()

        def look(_: int) -> None:
            while not done.is_set():
                assert staying.items() <= listed(exclusive, "objects/").items()

        side_by_side(6, lambda n: churn(n) if n % 2 else look(n))
        assert listed(exclusive) == staying

    def test_delete(self, exclusive: Backend) -> None:
        """It is gone, deleting it again is no error, and the key is free."""
        exclusive.create("objects/ab/ab.0", b"one")
        exclusive.create("objects/ab/ab.1", b"other")
        for _ in range(2):
            exclusive.delete("objects/ab/ab.0")
            assert exclusive.read("objects/ab/ab.0") is None
        exclusive.delete("never/was/there")
        assert listed(exclusive) == {"objects/ab/ab.1": 5}
        exclusive.create("objects/ab/ab.0", b"two")
        assert exclusive.read("objects/ab/ab.0") == b"two"

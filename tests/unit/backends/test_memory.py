"""What the in-memory store shares, and what it costs."""

import time

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from modelver.backends.memory import MemoryBackend
from modelver.errors import AlreadyExistsError
from modelver.testing.contract_base import listed, side_by_side


def test_the_process_shares_it() -> None:
    """One URL is one store, for modelver and for other fsspec code, until cleared."""
    first = MemoryBackend("memory://shared/registry")
    first.create("log/1.json", b"one")
    second = MemoryBackend("memory:///shared/registry/")
    assert first.url == second.url == "memory://shared/registry"
    assert second.read("log/1.json") == b"one"
    assert MemoryFileSystem().cat("/shared/registry/log/1.json") == b"one"
    MemoryFileSystem().rm("/shared", recursive=True)
    assert listed(second) == {}


def test_the_root_of_memory() -> None:
    """``memory://`` alone is a place too."""
    backend = MemoryBackend("memory://")
    backend.create("only-here.json", b"x")
    try:
        assert listed(backend)["only-here.json"] == 1
    finally:
        backend.delete("only-here.json")


def test_a_write_does_not_look_at_every_key() -> None:
    """The thousandth key costs about what the first did."""
    backend = MemoryBackend("memory://cost")

    def seconds(first: int) -> float:
        start = time.perf_counter()
        for n in range(first, first + 500):
            backend.create(f"log/{n}.json", b"x")
        return time.perf_counter() - start

    early = seconds(0)
    for n in range(10_000):
        backend.create(f"objects/{n}", b"x")
    late = min(seconds(n) for n in (500, 1000, 1500))
    assert late < 5 * early + 0.02
    for key in listed(backend):
        backend.delete(key)


class _Slow(dict[str, object]):
    """Leaves time between what was seen and what is done about it."""

    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        time.sleep(0.01)
        return found


def test_check_and_set_are_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the look is, one of eight threads wins; uploads keep to it too."""
    backend = MemoryBackend("memory://slow")
    monkeypatch.setattr(backend._fs, "store", _Slow())

    def create(number: int) -> bool:
        try:
            backend.create("log/1.json", bytes([number]))
        except AlreadyExistsError:
            return False
        return True

    def upload(number: int) -> None:
        with backend.upload() as begun:
            begun.write(bytes([number]))
            begun.commit("log/1.json")

    won = side_by_side(8, create)
    assert sum(won) == 1
    side_by_side(8, upload)
    assert backend.read("log/1.json") == bytes([won.index(True)])

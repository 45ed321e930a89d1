"""The third part of the suite: where backends are used from, and how much at once."""

import asyncio
import os
import select
import signal
import warnings
from collections.abc import Callable
from typing import Any, Final

import pytest

from modelver.errors import AlreadyExistsError, ModelverError
from modelver.plugin import Backend
from modelver.testing.contract_base import (
    MIB,
    THREADS,
    BackendSuite,
    check_pickles,
    listed,
    side_by_side,
    upload,
)

# The largest object that modelver makes, and what an exclusive create must take.
_LARGEST: Final = 16 * MIB
_PATIENCE: Final = 60.0  # seconds, of a child that may hang
# Spelled as modelver spells keys, today or one day.
_ODD: Final = (
    "k",
    "log/1",
    "log/10",
    "log/1.json",
    "rollups/1-64.json.gz",
    "objects/ab/" + "ab" * 32 + ".0",
    "objects/ab/" + "ab" * 32 + ".00000000000000000001",
    "approvals/prod_eu-1.2~x/" + "0" * 64 + ".json",
    "a/b/c/d/e/f/g/h.json",
    "long/" + "x" * 200,
)


class LifeSuite(BackendSuite):
    """Sizes, crowds, running loops and forks."""

    def test_odd_keys(self, exclusive: Backend) -> None:
        """Keys that begin alike, that are long, deep or short are keys of their own."""
        for number, key in enumerate(_ODD):
            exclusive.create(key, str(number).encode())
        for number, key in enumerate(_ODD):
            assert exclusive.read(key) == str(number).encode()
            with pytest.raises(AlreadyExistsError):
                exclusive.create(key, b"again")
        assert listed(exclusive) == dict.fromkeys(_ODD, 1)
        assert exclusive.read("log/100") is None
        exclusive.delete("log/1")
        assert exclusive.read("log/10") == b"2"

    def test_the_largest_objects(self, exclusive: Backend) -> None:
        """16 MiB are stored whole, by an upload and by a create, several at once."""
        block = bytes(range(256)) * (MIB // 256)

        def store(number: int) -> str:
            data = bytes([number]) + block * (_LARGEST // MIB)
            data = data[:_LARGEST]
            key = f"objects/{number:02x}/{number}.0"
            if number % 2:
                exclusive.create(key, data)
                with pytest.raises(AlreadyExistsError):
                    exclusive.create(key, data)
            else:
                upload(exclusive, key, data[:MIB], data[MIB:])
            return key

        for number, key in enumerate(side_by_side(2, store)):
            found = exclusive.read(key)
            assert found is not None
            assert len(found) == _LARGEST
            assert found[:1] == bytes([number])
            assert found[1 : MIB + 1] == block
            assert found[-5:] == exclusive.read(key, _LARGEST - 5)
            middle = exclusive.read(key, 7 * MIB + 1, 7 * MIB + 4)
            assert middle == block[:3]

    def test_many_read_many_at_once(self, exclusive: Backend) -> None:
        """16 threads read 24 keys each in one call; all get all of them."""
        keys = [f"log/{n:020d}.json" for n in range(24)]

        def create(number: int) -> None:
            for key in keys[number::THREADS]:
                exclusive.create(key, key.encode() * 10)

        side_by_side(THREADS, create)
        expected = [key.encode() * 10 for key in keys]
        for found in side_by_side(THREADS, lambda _: exclusive.read_many(keys, 10_000)):
            assert found == expected
        backwards = exclusive.read_many([*reversed(keys), keys[0]], 20)
        assert backwards == [
            *(data[:20] for data in reversed(expected)),
            expected[0][:20],
        ]

    def test_inside_a_running_loop(self, exclusive: Backend) -> None:
        """Called from a coroutine, or by its threads, it works as elsewhere."""
        keys = [f"log/{n}.json" for n in range(8)]

        async def use() -> list[bytes | None]:
            for key in keys[:4]:
                exclusive.create(key, key.encode())
            upload(exclusive, "objects/ab/ab.0", b"object")
            assert exclusive.read_many(keys, 100)[:4] == [k.encode() for k in keys[:4]]
            assert set(listed(exclusive)) == {*keys[:4], "objects/ab/ab.0"}
            await asyncio.gather(
                *(
                    asyncio.to_thread(exclusive.create, key, key.encode())
                    for key in keys[4:]
                )
            )
            reads = (asyncio.to_thread(exclusive.read, key) for key in keys)
            return list(await asyncio.gather(*reads))

        for _ in range(2):  # the second loop is another one
            found = asyncio.run(use())
            assert found == [key.encode() for key in keys]
            for key in listed(exclusive):
                exclusive.delete(key)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_after_a_fork(self, exclusive: Backend) -> None:
        """A child may use the instance of its parent, and the parent goes on."""
        exclusive.create("log/1.json", b"parent")

        def child() -> None:
            assert exclusive.read("log/1.json") == b"parent"
            exclusive.create("log/2.json", b"child")
            assert exclusive.read_many(["log/1.json", "log/2.json"], 10) == [
                b"parent",
                b"child",
            ]
            assert set(listed(exclusive)) == {"log/1.json", "log/2.json"}

        said = _in_a_child(child)
        assert said == "well", f"the child {said or 'said nothing'}"
        assert exclusive.read("log/1.json") == b"parent"
        exclusive.create("log/3.json", b"parent")
        if exclusive.capabilities.persistent:
            assert exclusive.read("log/2.json") == b"child"

    def test_only_our_errors(self, exclusive: Backend) -> None:
        """Whatever strange thing is asked, the answer is an answer or our error."""
        exclusive.create("objects/ab/ab.0", b"x")
        strange: tuple[Callable[[], Any], ...] = (
            lambda: exclusive.read("objects"),
            lambda: exclusive.read("objects/ab/"),
            lambda: exclusive.read("objects/ab/ab.0/below"),
            lambda: exclusive.read_many(["objects", "objects/ab/ab.0/x"], 10),
            lambda: listed(exclusive, "objects/ab/ab.0/"),
            lambda: exclusive.create("objects/ab/ab.0/below", b"x"),
            lambda: exclusive.create("objects", b"x"),
            lambda: upload(exclusive, "objects/ab", b"x"),
            lambda: exclusive.delete("objects"),
            lambda: exclusive.delete("objects/ab/ab.0/below"),
        )
        for act in strange:
            try:
                act()
            except ModelverError as error:
                check_pickles(error)
        assert exclusive.read("objects/ab/ab.0") == b"x"


def _in_a_child(act: Callable[[], None]) -> str:
    """Return ``well``, or what went wrong when a forked child did *act*."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Since Python 3.12: there are threads. That is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            act()
            said = "well"
        except BaseException as error:  # noqa: BLE001 - it must not run on as pytest
            said = f"raised {type(error).__name__}: {error}"
        os.write(writer, said.encode()[:4000])
        os._exit(0)
    os.close(writer)
    try:
        if not select.select([reader], [], [], _PATIENCE)[0]:
            return "hangs"
        return os.read(reader, 4096).decode()
    finally:
        os.close(reader)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

"""The private filesystem of a backend: opened once, anew where it has to be."""

import asyncio
import multiprocessing
import os
import threading
from typing import Any

import pytest
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from modelver.backends._filesystem import AT_ONCE, Filesystem, client
from modelver.errors import ErrorKind, PluginError
from modelver.testing.contract_base import side_by_side


class _Far(AsyncFileSystem):  # type: ignore[misc] # fsspec is untyped
    """Answers after a moment, and counts who asks at the same time."""

    protocol = "far"
    made = 0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        type(self).made += 1
        self.options = options
        self.now = self.most = 0

    async def _echo(self, item: Any) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        if isinstance(item, BaseException):
            raise item
        return item


def _ask(filesystem: _Far, item: Any) -> Any:
    return filesystem._echo(item)


def test_it_is_ours_alone() -> None:
    """Not the instance that fsspec keeps for everybody, and no cache of listings."""
    shared = MemoryFileSystem()
    files = Filesystem(MemoryFileSystem)
    assert files.instance is files.instance
    assert files.instance is not shared
    assert not files.instance.dircache.use_listings_cache
    assert shared.dircache.use_listings_cache


def test_nothing_is_opened_before_it_is_used() -> None:
    """Making a backend asks nobody anything."""
    before = _Far.made
    files = Filesystem(_Far, {"name": "value"})
    assert _Far.made == before
    assert files.instance.options == {"name": "value"}
    assert _Far.made == before + 1


def test_threads_open_it_once() -> None:
    """Sixteen threads that ask first get one instance."""
    before = _Far.made
    files = Filesystem(_Far)
    found = side_by_side(16, lambda _: files.instance)
    assert {id(each) for each in found} == {id(files.instance)}
    assert _Far.made == before + 1


def test_the_options_are_copied() -> None:
    """What the caller does with them later changes nothing."""
    options = {"name": "value"}
    files = Filesystem(_Far, options)
    options["name"] = "other"
    assert files.instance.options == {"name": "value"}


def test_renewed_once() -> None:
    """Of many who found the same one dead, the first has it opened anew."""
    files = Filesystem(_Far)
    dead = files.instance
    files.renew(dead)
    fresh = files.instance
    assert fresh is not dead
    files.renew(dead)
    assert files.instance is fresh


def test_a_coroutine_runs_on_the_loop() -> None:
    """Answers and exceptions come back to a caller that has no loop."""
    files = Filesystem(_Far)
    assert files.run(_ask, "one") == "one"
    assert files.run(_ask, None) is None
    with pytest.raises(KeyError):
        files.run(_ask, KeyError("missing"))
    assert files.run(lambda _, item: item, "at once") == "at once"


def test_an_answer_that_was_cancelled_is_no_answer() -> None:
    """None would say that there is no such key."""
    files = Filesystem(_Far)
    with pytest.raises(InterruptedError):
        files.run(_ask, asyncio.CancelledError())
    with pytest.raises(InterruptedError):
        files.gather(_ask, ["one", asyncio.CancelledError()])


def test_many_are_asked_at_once() -> None:
    """As many as allowed are under way together, and answers come in order."""
    files = Filesystem(_Far, at_once=7)
    items = [*range(30), KeyError("x"), *range(5)]
    found = files.gather(_ask, items)
    assert found[:30] == list(range(30))
    assert isinstance(found[30], KeyError)
    assert found[31:] == list(range(5))
    assert files.instance.most == 7
    assert files.gather(_ask, []) == []
    usual = Filesystem(_Far)
    usual.gather(_ask, range(200))
    assert usual.instance.most == AT_ONCE


def test_a_filesystem_without_a_loop_is_asked_in_turn() -> None:
    """The same answers, and exceptions in their places."""
    files = Filesystem(MemoryFileSystem)
    files.instance.pipe("/in-turn", b"x")

    def cat(filesystem: MemoryFileSystem, path: str) -> Any:
        return filesystem.cat_file(path)

    assert files.run(cat, "/in-turn") == b"x"
    found = files.gather(cat, ["/in-turn", "/not-there", "/in-turn"])
    assert [found[0], found[2]] == [b"x", b"x"]
    assert isinstance(found[1], FileNotFoundError)
    files.instance.rm("/in-turn")


def test_it_works_within_a_running_loop() -> None:
    """A plain call inside a coroutine, as in a notebook."""
    files = Filesystem(_Far)

    async def notebook() -> list[Any]:
        return [files.run(_ask, "one"), *files.gather(_ask, ["two", "three"])]

    assert asyncio.run(notebook()) == ["one", "two", "three"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_opens_its_own() -> None:
    """The child gets another instance, even where a thread held the lock."""
    files = Filesystem(_Far)
    assert files.run(_ask, 1) == 1
    parents = id(files.instance)
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()

    def child() -> None:
        answers.put((files.run(_ask, 2), id(files.instance) != parents))

    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with files._locks[os.getpid()]:
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    try:
        process = fork.Process(target=child)
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert answers.get() == (2, True)
    finally:
        done.set()
        holder.join()
    assert files.run(_ask, 3) == 3


def test_a_missing_client_says_what_to_install() -> None:
    """The extra is named."""
    assert client("json", "s3").__name__ == "json"
    with pytest.raises(PluginError) as caught:
        client("no_such_client", "s3")
    assert caught.value.kind is ErrorKind.BROKEN_PLUGIN
    assert "no_such_client" in caught.value.message
    assert "pip install 'modelver[s3]'" in caught.value.hints[0]

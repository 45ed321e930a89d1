"""Asks a store for many things, several at once where each costs a round trip."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from modelver._registry.core import Core

T = TypeVar("T")
R = TypeVar("R")


def ask_each(core: Core, things: Iterable[T], ask: Callable[[T], R]) -> Iterator[R]:
    """Yield what *ask* returns of each thing, in order."""
    at_once = core.backend.capabilities.read_window
    if at_once <= 1:
        yield from map(ask, things)
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # noqa: PLC0415 - slow

    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        for thing in things:
            if len(waiting) >= at_once:
                yield waiting.popleft().result()
            waiting.append(pool.submit(ask, thing))
        while waiting:
            yield waiting.popleft().result()

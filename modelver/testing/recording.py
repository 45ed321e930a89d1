"""Counts what a store is asked, and how many answers had to be waited for in turn."""

from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from attrs import frozen

from modelver.plugin import Backend
from modelver.testing.wrapper import Name, Operation, WrapperBackend

T = TypeVar("T")


@frozen
class Call:
    """One operation that was asked for.

    Attributes:
        name: Which: ``create``, ``upload-begin``, ``upload-write``,
            ``upload-commit``, ``read``, ``read_many``, ``list`` or ``delete``.
        keys: The keys; of ``list`` the prefix.
        round: 1 plus the highest round that had ended before it began: calls of one
            round ran side by side, and rounds one after the other. What an upload does
            before its commit asks the store nothing, and makes no round.
    """

    name: Name
    keys: tuple[str, ...]
    round: int

    @property
    def is_request(self) -> bool:
        """Whether the store was asked."""
        return Operation(self.name, self.keys).is_request


class RecordingBackend(WrapperBackend):
    """Writes down every operation, in the order in which they began."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything; no operation may be under way."""
        self.calls: list[Call] = []
        self._ended = 0

    @property
    def rounds(self) -> int:
        """How many requests had to wait for each other: the price in round trips.

        ``read_many`` is one request: its keys are asked for side by side.
        """
        return max((call.round for call in self.requests), default=0)

    @property
    def requests(self) -> list[Call]:
        """The calls that asked the store."""
        return [call for call in self.calls if call.is_request]

    @property
    def counts(self) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(call.name for call in self.calls)

    @property
    def keys(self) -> list[str]:
        """Every key that was named, as often as it was."""
        return [key for call in self.calls for key in call.keys]

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Write it down, then do it."""
        with self._lock:
            call = Call(operation.name, operation.keys, self._ended + 1)
            self.calls.append(call)
        try:
            return act()
        finally:
            if operation.is_request:
                with self._lock:
                    self._ended = max(self._ended, call.round)

"""A store that answers late, as a bucket on another continent does."""

import time
from collections.abc import Callable
from typing import TypeVar

from modelver.plugin import Backend
from modelver.testing.wrapper import Operation, WrapperBackend

T = TypeVar("T")


class LatencyBackend(WrapperBackend):
    """Waits before every round trip; what many threads ask at once waits at once."""

    def __init__(self, inner: Backend, seconds: float) -> None:
        super().__init__(inner)
        self.seconds = seconds

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Wait, then do it."""
        if operation.is_request:
            time.sleep(self.seconds)
        return act()

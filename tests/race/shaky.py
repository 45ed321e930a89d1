"""A store that fails now and then, before or after it has done its work."""

import random
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from modelver.errors import StorageError
from modelver.plugin import Backend
from modelver.testing.wrapper import Operation, WrapperBackend

T = TypeVar("T")


class ShakyBackend(WrapperBackend):
    """Fails by chance; what is drawn depends on the seed and the order of the calls.

    Attributes:
        share: How many of the requests fail; 0 until somebody sets it.
        fired: How many have failed.
    """

    def __init__(self, inner: Backend, seed: str) -> None:
        super().__init__(inner)
        self.share = 0.0
        self.fired = 0
        self._random = random.Random(seed)  # noqa: S311 - to fail, not to hide
        self._lock = Lock()

    def around(self, operation: Operation, act: Callable[[], T]) -> T:
        """Do it, and fail before or after that by chance."""
        with self._lock:
            drawn = self._random.random()
            fails = operation.is_request and drawn < self.share
            self.fired += fails
        if fails and drawn < self.share / 2:
            raise StorageError(f"{operation.name} was not done", retryable=True)
        done = act()
        if fails:
            raise StorageError(f"{operation.name} was done", retryable=True)
        return done

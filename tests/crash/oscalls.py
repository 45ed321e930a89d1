"""What a process asks of the operating system, counted, and cut off at the k-th.

A storage operation of a folder is several system calls, and a process can die between
any two of them.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

# Each takes a path or a descriptor first, and changes something, but for ``open``.
CHANGING: Final = (
    "open",
    "write",
    "fsync",
    "link",
    "unlink",
    "mkdir",
    "rename",
    "replace",
    "chmod",
    "pwrite",
    "ftruncate",
    "posix_fallocate",
    "copy_file_range",
)

# The bit that makes a file without a name, apart from the one for folders.
_NAMELESS: Final = getattr(os, "O_TMPFILE", 0) & ~getattr(os, "O_DIRECTORY", 0)

Around = Callable[[str, tuple[Any, ...], Callable[[], Any]], Any]


@contextmanager
def intercepted(around: Around) -> Iterator[None]:
    """Let every changing call of this process go through *around*.

    It is told the name, the arguments, and how to make the call.
    """
    real = {name: getattr(os, name) for name in CHANGING if hasattr(os, name)}

    def wrap(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & (os.O_CREAT | _NAMELESS):
                return call(*args, **kwargs)
            return around(name, args, lambda: call(*args, **kwargs))

        return wrapped

    for name, call in real.items():
        setattr(os, name, wrap(name, call))
    try:
        yield
    finally:
        for name, call in real.items():
            setattr(os, name, call)


class Counter:
    """Counts the calls, and does something instead of the k-th.

    Several threads may make them.
    """

    def __init__(self, at: int, act: Callable[[], Any]) -> None:
        self.calls = 0
        self._lock = threading.Lock()
        self._at = at
        self._act = act

    def __call__(
        self, name: str, args: tuple[Any, ...], call: Callable[[], Any]
    ) -> Any:
        """Count one call."""
        del name, args
        with self._lock:
            self.calls += 1
            mine = self.calls
        if mine == self._at:
            self._act()
        return call()

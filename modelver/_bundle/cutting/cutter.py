"""What a way of cutting is: the interface, and the words that all of them share."""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from attrs import frozen

#: Bytes; no part is larger.
WINDOW: Final = 16 * 2**20
#: What has as many bytes is a part of its own; smaller neighbours share one.
ALONE: Final = 2**18
#: The most tensors or members of one file; with more, it is cut by content.
MAX_RANGES: Final = 2**15


class Cutter(Protocol):
    """Cuts one file, window by window, from its start to its end."""

    def want(self) -> int:
        """Return how many bytes the next window should hold, at most ``WINDOW``.

        Counted from the last cut. Fewer come only at the end of the file.
        """

    def cut(self, window: memoryview, *, last: bool) -> list[int]:
        """Return the lengths of the parts that *window* begins with.

        What is left over begins the next window. Nothing is left over of the last
        window, and never all of a full one.

        Args:
            window: The file's bytes from the last cut on.
            last: Whether the file ends with the window.
        """


class Range(NamedTuple):
    """A tensor or a member of an archive.

    Attributes:
        start: Offset of its first byte in the file.
        end: Offset after its last.
        mark: 64 bits from its name: they decide whether a group of small neighbours
            ends with it.
    """

    start: int
    end: int
    mark: int


class UnclearError(Exception):
    """The file does not have the structure that it seems to have."""


@frozen
class Source:
    """A file, as far as its header is read.

    Attributes:
        size: Bytes.
    """

    size: int
    _read: Callable[[int, int], bytes]

    def exactly(self, start: int, end: int) -> bytes:
        """Return exactly the bytes ``start:end``.

        Raises:
            UnclearError: They are not all in the file.
        """
        if not 0 <= start <= end <= self.size:
            raise UnclearError
        data = self._read(start, end)
        if len(data) != end - start:
            raise UnclearError
        return data

"""Cuts that are known before the file is read, from what its header says.

A cut depends on the names and sizes of what lies near it, never on values, and on
nothing far away: a tensor that changed moves no cut, one that was added moves a few.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import chain, repeat
from typing import Final

from modelver._bundle.cutting.cutter import ALONE, WINDOW, Range, UnclearError

# A group of small neighbours has between these bytes, and about as many as a part that
# is cut by content.
_LEAST: Final = ALONE
_USUAL: Final = 2**20
_MOST: Final = 4 * 2**20
# Bytes from one possible end to the next: rare up to the usual length, often after, so
# that few groups are cut at _MOST, which moves with whatever is added.
_RARE: Final = 2 * 2**20
_OFTEN: Final = 2**18
# The mark of what ends no group.
_NEVER: Final = 2**64


def mark_of(name: bytes) -> int:
    """Return the 64 bits by which *name* decides where groups end."""
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")


def _ends(group: int, length: int, mark: int) -> bool:
    """Tell whether a *group* ends with its last member, of this length and mark."""
    if group < _LEAST:
        return False
    # In proportion to the length, so that groups have as many bytes whatever they hold.
    return mark * (_RARE if group < _USUAL else _OFTEN) < length << 64


def _check(ranges: list[Range], size: int) -> None:
    at = covered = 0
    for piece in ranges:
        if not at <= piece.start <= piece.end <= size:
            raise UnclearError
        at = piece.end
        covered += piece.end - piece.start
    # Of a file that it mostly does not describe, a header is no plan.
    if covered * 2 < size:
        raise UnclearError


def _units(ranges: list[Range], size: int) -> Iterator[tuple[int, bool, int]]:
    """Yield the length of each range and gap, if it stands alone, and its mark.

    Beside a large member of an archive stands its checksum: with it among them, small
    neighbours would change when the large one does. Headers and directories, at the
    ends of the file, change with everything.
    """
    at = 0
    large = True
    for piece in chain(ranges, [Range(size, size, 0)]):
        gap, length = piece.start - at, piece.end - piece.start
        before, large = large, length >= ALONE
        if gap:
            alone = before or large or gap >= ALONE or piece.start == size
            yield gap, alone, _NEVER
        if length:
            yield length, large, piece.mark
        at = piece.end


def _segments(ranges: list[Range], size: int) -> Iterator[int]:
    """Yield the lengths of what belongs together: groups, and what stands alone."""
    group = 0
    for length, alone, mark in _units(ranges, size):
        if group and (alone or group + length > _MOST):
            yield group
            group = 0
        group += length
        if alone or _ends(group, length, mark):
            yield group
            group = 0
    if group:
        yield group


def _pieces(lengths: Iterable[int]) -> Iterator[int]:
    """Cut what is larger than a part, from its start, into pieces of full size."""
    for length in lengths:
        yield from repeat(WINDOW, length // WINDOW)
        if length % WINDOW:
            yield length % WINDOW


class Planned:
    """A list of lengths, made from ranges of the file."""

    def __init__(self, ranges: Iterable[Range], size: int) -> None:
        """Make a cutter for a file of *size* bytes with these ranges, in any order.

        Raises:
            UnclearError: The ranges overlap, lie outside, or are a small part of the
                file.
        """
        known = sorted(ranges)
        _check(known, size)
        # A file that has grown beyond its plan is still cut: others refuse it.
        self._plan = chain(_pieces(list(_segments(known, size))), repeat(WINDOW))
        self._ahead: deque[int] = deque()
        self._sum = 0

    def want(self) -> int:
        """Return how many bytes the next window should hold."""
        while self._sum <= WINDOW:
            self._ahead.append(next(self._plan))
            self._sum += self._ahead[-1]
        return self._sum - self._ahead[-1]

    def cut(self, window: memoryview, *, last: bool) -> list[int]:
        """Return the lengths of the parts that *window* begins with."""
        self.want()
        lengths: list[int] = []
        left = len(window)
        while left and (last or self._ahead[0] <= left):
            planned = self._ahead.popleft()
            self._sum -= planned
            self.want()
            lengths.append(min(planned, left))
            left -= lengths[-1]
        return lengths

"""Cuts that the bytes themselves decide, so that they move with what is inserted."""

from typing import Final

from modelver._bundle.cutting.cutter import WINDOW

_MIB: Final = 2**20
# From here on parts are four times as large: a manifest lists each of them.
_LARGE: Final = 4 * 2**30


class ContentDefined:
    """FastCDC, with parts of about 1 MiB, and 4 MiB for files above 4 GiB."""

    def __init__(self, size: int) -> None:
        """Make a cutter for a file of *size* bytes."""
        from pyfastcdc import FastCDC  # noqa: PLC0415 - only large files need it

        average = _MIB if size < _LARGE else 4 * _MIB
        # The other parameters are written out, for the cuts depend on all of them: a
        # new default would make every file's parts new.
        self._fastcdc = FastCDC(
            average,
            min_size=average // 4,
            max_size=average * 4,
            normalized_chunking=1,
            seed=0,
        )
        self._longest = average * 4

    def want(self) -> int:
        """Return how many bytes the next window should hold."""
        return WINDOW

    def cut(self, window: memoryview, *, last: bool) -> list[int]:
        """Return the lengths of the parts that *window* begins with."""
        lengths = [chunk.length for chunk in self._fastcdc.cut_buf(window)]
        # The last one ends where the window does, not where the content says; unless
        # it is as long as a part may be, and would end there in any window.
        if lengths and not last and lengths[-1] < self._longest:
            lengths.pop()
        return lengths

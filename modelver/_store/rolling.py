"""Writing rollups: a writer leaves them for those who come after it."""

from collections.abc import Sequence
from typing import Final

from modelver._store.layout import ROLLUP_SIZES, rollup_key
from modelver._store.rollups import MAX_ROLLUP, pack, unpack
from modelver.errors import ModelverError
from modelver.plugin import Backend

SMALLEST: Final = ROLLUP_SIZES[-1]
_MOST: Final = 16

Run = tuple[int, list[bytes]]


class RollupWriter:
    """Keeps the raw entries that came one by one, and writes rollups of them."""

    def __init__(self, backend: Backend, algorithm: str) -> None:
        self._backend = backend
        self._algorithm = algorithm
        self._tail: list[bytes] = []
        self._due: list[Run] = []

    def take(self, seq: int, raw: bytes | None) -> None:
        """Take in the entry *seq*; None where that is no entry at all.

        It does not say what came before it, so that nothing in a rollup would.
        """
        if raw is None:
            self._tail = []
        else:
            self._tail.append(raw)
        if seq % SMALLEST == 0:
            if len(self._tail) == SMALLEST and len(self._due) < _MOST:
                self._due.append((seq - SMALLEST + 1, self._tail))
            self._tail = []

    def forget(self) -> None:
        """Begin anew: what came up to now is in rollups already."""
        self._tail, self._due = [], []

    def due(self) -> list[Run]:
        """Return the runs that are to be written, once."""
        due, self._due = self._due, []
        return due

    def write(self, due: list[Run]) -> None:
        """Write *due*, and larger rollups where they fill one; no failure is an error.

        A rollup is a cache.
        """
        for first, entries in due:
            self._write(first, entries)
            last = first + len(entries) - 1
            for size in ROLLUP_SIZES[:-1]:
                if last % size == 0:
                    self._merge(last - size + 1, last)

    def _write(self, first: int, entries: Sequence[bytes]) -> None:
        raw = pack(first, entries, self._algorithm)
        if raw is None:
            return
        try:
            self._backend.create(rollup_key(first, first + len(entries) - 1), raw)
        except ModelverError:
            return

    def _merge(self, first: int, last: int) -> None:
        starts = range(first, last + 1, SMALLEST)
        keys = [rollup_key(start, start + SMALLEST - 1) for start in starts]
        try:
            found = self._backend.read_many(keys, MAX_ROLLUP + 1)
            entries: list[bytes] = []
            for start, raw in zip(starts, found, strict=True):
                if raw is None:
                    return
                stop = start + SMALLEST - 1
                entries += unpack(raw, start, stop, self._algorithm)
        except ModelverError:
            return
        self._write(first, entries)

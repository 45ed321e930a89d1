"""Reading a log that is far away: few requests in turn, each for much at once.

Where an answer takes as long as a round trip, asking for a key that may not be there
costs nothing beside waiting to know. What comes back is believed as little as ever:
bytes that were found are checked as all bytes are, and that nothing was found is only
believed of the first key that is missing.
"""

from contextlib import suppress
from typing import Final

from modelver._store.layout import ROLLUP_SIZES, entry_key, rollup_key
from modelver._store.rollups import MAX_ROLLUP
from modelver._values.entry import MAX_ENTRY
from modelver.errors import AlreadyExistsError, StorageError
from modelver.plugin import Backend

# One byte more than an entry may have, so that a longer one is seen to be longer; the
# chain goes over no more than this, however long the junk under a key is.
READ_LIMIT: Final = MAX_ENTRY + 1
_LARGE, _SMALL = ROLLUP_SIZES
# Large rollups are seldom longer; those that are cost one more request.
_LARGE_LIMIT: Final = 2 * 2**20
_FIRST_LARGE: Final = 4
_MORE_LARGE: Final = 8
_FIRST_SMALL: Final = 4
_MORE_SMALL: Final = 32
_MOST_ENTRIES: Final = 256


def is_far(backend: Backend) -> bool:
    """Whether a request costs a round trip, so that several had better be one."""
    return backend.capabilities.read_window > 1


def put_new(backend: Backend, key: str, data: bytes) -> bool:
    """Store *data*, named by its content, in one request; tell whether it is there.

    A create that returns has written the key, whole: reading it back would tell
    nothing. After any error it is read, since the answer alone may have been lost.

    Returns:
        False if the key holds something else.

    Raises:
        StorageError: It could not be stored.
    """
    found = None
    try:
        backend.create(key, data)
    except AlreadyExistsError:
        found = backend.read(key, 0, len(data) + 1)
    except StorageError:
        with suppress(StorageError):
            found = backend.read(key, 0, len(data) + 1)
        if found is None:
            raise
    else:
        return True
    if found is None:
        raise StorageError(
            f"{key!r} in {backend.url} comes and goes", key=key, retryable=True
        )
    return found == data


class Scout:
    """Asks for the next entries of a log, and for the rollups that may hold them.

    A scout has read all of a registry of 10,000 versions after three requests: it asks
    for the first entries and the first rollups, then for the rollups behind the last
    large one, then for the entries behind the last rollup.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._window = backend.capabilities.read_window
        self._known: dict[str, bytes] = {}
        self._cut: set[str] = set()
        self._missing: set[str] = set()
        self._large = _FIRST_LARGE
        self._small = _FIRST_SMALL
        self._misses = 0
        self._short = False
        self.believes = True

    def begin(self, key: str, limit: int) -> bytes | None:
        """Return *key*, and have asked for the first of the log in the same request."""
        ahead = [entry_key(seq) for seq in range(1, self._window + 1)]
        rollups = self._rollups(0)
        try:
            found = self._ask([key, *ahead, *rollups], _LARGE_LIMIT)
        except StorageError:
            # It may be one of the others that cannot be had.
            return self._backend.read(key, 0, limit)
        for entry, raw in zip(ahead, found[1:], strict=False):
            if raw is None:
                self._short = True
            else:
                self._known[entry] = raw[:READ_LIMIT]
        self._note(rollups, found[1 + len(ahead) :])
        return None if found[0] is None else found[0][:limit]

    def entry(self, seq: int) -> bytes | None:
        """Return the entry *seq* if it has come already."""
        return self._known.pop(entry_key(seq), None)

    def rollup(self, key: str) -> bytes | None:
        """Return the rollup *key* if it has come already."""
        raw = self._known.pop(key, None)
        if raw is not None:
            self._misses = 0
        return self._backend.read(key, 0, MAX_ROLLUP + 1) if key in self._cut else raw

    def disbelieve(self) -> None:
        """Ask for entries alone from now on: a rollup has lied."""
        self.believes = False

    def ask(self, at: int) -> list[bytes | None]:
        """Return the entry *at* and some of those that follow it.

        The first that is missing is missing for certain; what comes behind it counts
        for nothing. The first of all is None where *at* is 0.

        Raises:
            StorageError: The store cannot tell.
        """
        self._known.clear()  # what could be used has been
        length = self._length(at)
        rollups = self._rollups(at) if self.believes else []
        keys = [entry_key(seq) for seq in range(max(at, 1), at + 1 + length)]
        large = not set(rollups).isdisjoint(self._keys(at, _LARGE, 1))
        try:
            limit = _LARGE_LIMIT if large else READ_LIMIT
            found = self._ask([*keys, *rollups], limit)
        except StorageError:
            if not rollups:
                raise
            # A reader may be refused rollups, and read the log all the same.
            found = self._ask(keys, READ_LIMIT) + [None] * len(rollups)
        entries = [raw and raw[:READ_LIMIT] for raw in found[: len(keys)]]
        self._note(rollups, found[len(keys) :])
        return entries if at else [None, *entries]

    def close(self) -> None:
        """Forget what came and was not needed."""
        self._known.clear()

    def _length(self, at: int) -> int:
        """Return how many entries are worth asking for behind *at*."""
        key = rollup_key(at + 1, at + _SMALL)
        hoped = self.believes and at % _SMALL == 0 and key not in self._missing
        if self._short or (hoped and not self._misses):
            self._short = False
            return self._window
        length = min(_SMALL << self._misses, _MOST_ENTRIES)
        self._misses = min(self._misses + 1, 8)
        return length - at % _SMALL

    def _rollups(self, at: int) -> list[str]:
        """Return the rollups that may begin at *at*, and behind those."""
        large = self._keys(at, _LARGE, self._large)
        small = self._keys(at, _SMALL, self._small)
        if large:
            self._large = _MORE_LARGE
        if small:
            self._small = _MORE_SMALL
        keys = [key for key in (*large, *small) if key not in self._known]
        return [key for key in keys if key not in self._missing]

    def _keys(self, at: int, size: int, count: int) -> list[str]:
        if at % size:
            return []
        firsts = range(at + 1, at + 1 + count * size, size)
        if size == _SMALL:
            end = at - at % _LARGE + _LARGE
            firsts = range(at + 1, min(firsts.stop, end + 1), size)
        return [rollup_key(first, first + size - 1) for first in firsts]

    def _ask(self, keys: list[str], limit: int) -> list[bytes | None]:
        found = self._backend.read_many(keys, limit)
        self._cut.update(
            key
            for key, raw in zip(keys, found, strict=True)
            if raw is not None and len(raw) >= limit
        )
        return found

    def _note(self, rollups: list[str], found: list[bytes | None]) -> None:
        for key, raw in zip(rollups, found, strict=False):
            if raw is None:
                self._missing.add(key)
            else:
                self._known[key] = raw

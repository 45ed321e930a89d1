"""Reading the log: every entry once, in order, chained and folded.

Reading never writes to the store. What was read stays in memory: the state, the
entries (for ``log`` and time travel) and the digest at each position.
"""

import gc
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Final

from attrs import frozen

from modelver._store.far import READ_LIMIT, Scout, is_far
from modelver._store.identity import Identity, check_features
from modelver._store.layout import ROLLUP_SIZES, entry_key, rollup_key
from modelver._store.memory import HeadMemory
from modelver._store.rolling import SMALLEST, RollupWriter
from modelver._store.rollups import MAX_ROLLUP, unpack
from modelver._values.codec import entry_from_bytes
from modelver._values.digests import digest_of
from modelver._values.entry import Entry
from modelver._values.fold import Fold
from modelver._values.state import State
from modelver.errors import (
    DamageWarning,
    ErrorKind,
    FormatError,
    IntegrityError,
    StorageError,
    UpgradeRequiredError,
)
from modelver.plugin import Backend

_MAX_WINDOW: Final = 256


@frozen
class Folded:
    """One position of the log.

    Attributes:
        seq: The position.
        entry: What it holds; None where that is no entry at all.
        void: Why it has no effect; None where it has one.
    """

    seq: int
    entry: Entry | None
    void: str | None


@frozen
class _Decoded:
    """An entry that was read: its bytes, their digest, what they say or why nothing."""

    raw: bytes
    head: str
    entry: Entry | None
    void: str | None


def _fold_in(fold: Fold, seq: int, decoded: _Decoded) -> str | None:
    """Apply what was read, or go past it; return why it has no effect, or None."""
    if decoded.entry is None:
        fold.skip(seq, decoded.head, decoded.void or "")
        return decoded.void
    return fold.apply(decoded.entry, decoded.head)


@frozen
class Attempt:
    """An entry that is about to be written, read as it will be read.

    Attributes:
        base: The state before it.
        void: Why it would have no effect; None where it has one.
    """

    base: State
    decoded: _Decoded
    fold: Fold
    void: str | None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the cyclic garbage collector still while a whole log is read.

    All that is made there is kept: looking through it again and again finds nothing,
    and takes a tenth of the time.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


class Log:
    """The log of one registry, as far as this process has read it."""

    def __init__(
        self, backend: Backend, identity: Identity, memory: HeadMemory | None = None
    ) -> None:
        self._backend = backend
        self.identity = identity
        self._info = identity.info
        self._memory = memory
        self._lock = RLock()
        self._state = identity.state()
        self._heads = [identity.digest]
        self._rolling = RollupWriter(backend, identity.info.digest)
        self._cold = True
        self.history: list[Folded] = []

    @property
    def state(self) -> State:
        """The state as far as it has been read."""
        return self._state

    @property
    def heads(self) -> Sequence[str]:
        """The digest at each position that has been read, 0 first."""
        return self._heads

    def refresh(self) -> State:
        """Read what has been committed since, and return the state.

        Raises:
            IntegrityError: An entry is damaged, the chain is broken, or the log is
                not the one that was read before.
            UpgradeRequiredError: The log says something that this release cannot
                understand and must not pass over.
            StorageError: The store cannot tell.
        """
        with self._lock:
            seq = self._state.seq
            fold = Fold(self._state)
            # Before the log is read: another process may commit, and remember it,
            # between the two, and a log that is merely newer would look rolled back.
            known = None
            if self._memory is not None and self._cold:
                known = self._memory.recall()
            try:
                with _no_collection() if self._cold else nullcontext():
                    self._read_on(fold)
            finally:
                if len(self.history) != seq:
                    self._state = fold.state()
            check_features(self._state.read, "to read")
            if self._memory is not None and (self._cold or self._state.seq != seq):
                if known is not None:
                    self._memory.check(known, self._info.uuid, self._heads)
                self._remember()
            self._cold = False
            return self._state

    def attempt(self, state: State, raw: bytes) -> "Attempt":
        """Read *raw* as the entry after *state*, as everybody will; take nothing in."""
        seq, fold = state.seq + 1, Fold(state)
        decoded = self._decode(seq, raw, state.head)
        return Attempt(state, decoded, fold, _fold_in(fold, seq, decoded))

    def take_own(self, attempt: "Attempt") -> State:
        """Take in the entry that this process has just committed.

        Another thread may have read it already.
        """
        with self._lock:
            if self._state is attempt.base:
                self._append(attempt.decoded, attempt.void)
                self._state = attempt.fold.state()
                self._remember()
            seq = attempt.base.seq + 1
            return self._state if len(self.history) >= seq else self.refresh()

    def _remember(self) -> None:
        if self._memory is not None:
            self._memory.save(self._info.uuid, self._state.seq, self._heads[-1])

    def roll_up(self) -> None:
        """Write the rollups that are due; a cache, so a failure is no error."""
        with self._lock:
            due = self._rolling.due()
        self._rolling.write(due)

    def state_at(self, seq: int) -> State:
        """Return the state after entry *seq*, which has been read already."""
        with self._lock:
            fold = Fold(self.identity.state())
            for folded in self.history[:seq]:
                head = self._heads[folded.seq]
                if folded.entry is None:
                    fold.skip(folded.seq, head, folded.void or "")
                else:
                    fold.apply(folded.entry, head)
            return fold.state()

    # Reading on.

    def _read_on(self, fold: Fold) -> None:
        if self._cold and not self.history and is_far(self._backend):
            self._read_from_afar(fold)
            return
        window = self._backend.capabilities.read_window
        check_head = bool(self.history)
        bulk = believed = self._cold
        while True:
            if bulk and believed:
                believed = self._read_rollups(fold)
            seq = len(self.history)
            start = seq if check_head else seq + 1
            keys = [entry_key(n) for n in range(start, seq + 1 + window)]
            found = self._backend.read_many(keys, READ_LIMIT)
            if check_head:
                self._check_head(seq, found[0])
                found = found[1:]
                check_head = False
            for raw in found:
                if raw is None:
                    return
                self._take(fold, raw)
                if bulk and len(self.history) % SMALLEST == 0:
                    break  # a rollup may begin here
            window = min(window * 2, _MAX_WINDOW)
            if not bulk and window > SMALLEST:
                bulk = believed = True

    def _check_head(self, seq: int, raw: bytes | None) -> None:
        if raw is None:
            raise IntegrityError(
                f"commit {seq} was read before and is gone from {self._backend.url!r}",
                kind=ErrorKind.REGISTRY_ROLLED_BACK,
                key=entry_key(seq),
                hint="The registry was rolled back. Restore the newer copy; if it was "
                "meant, open it with a new Registry after modelver.forget(url).",
            )
        actual = digest_of(self._info.digest, raw)
        if actual != self._heads[seq]:
            raise IntegrityError(
                f"commit {seq} in {self._backend.url!r} is not the one read before",
                kind=ErrorKind.REGISTRY_FORKED,
                key=entry_key(seq),
                expected=self._heads[seq],
                actual=actual,
                hint="Its history was rewritten or damaged. Restore it from a copy.",
            )

    def _read_from_afar(self, fold: Fold) -> None:
        """Read the log from its beginning, in as few requests in turn as can be.

        Rollups wait until the log has proved them: the next request asks for their
        last entry, together with what may come behind it.
        """
        scout = self.identity.scout or Scout(self._backend)
        waiting: list[_Decoded] = []
        while True:
            if not waiting and scout.believes:
                waiting = self._rolled(scout.rollup)
            while not waiting and (raw := scout.entry(len(self.history) + 1)):
                self._take(fold, raw)
            at = len(self.history) + len(waiting)
            proof, *found = scout.ask(at)
            if waiting:
                if proof != waiting[-1].raw:
                    scout.disbelieve()
                    waiting = []
                    continue
                self._apply_rolled(fold, waiting)
            elif at:
                self._check_head(at, proof)
            goes_on = scout.believes and None not in found
            waiting = self._rolled(scout.rollup) if goes_on else []
            if waiting:
                continue  # they bring what was found, and more
            for raw in found:
                if raw is None:
                    scout.close()
                    return
                self._take(fold, raw)

    def _read_rollups(self, fold: Fold) -> bool:
        """Take in the rollups that begin here, one after the other.

        Each entry of theirs is proved by the one behind it, and the last by the log,
        where it must stand as well.

        Returns:
            False if the log says otherwise: then there is no use in asking for more.
        """
        found = self._rolled(lambda key: self._backend.read(key, 0, MAX_ROLLUP + 1))
        if not found:
            return True
        key = entry_key(len(self.history) + len(found))
        if self._backend.read(key, 0, READ_LIMIT) != found[-1].raw:
            return False
        self._apply_rolled(fold, found)
        return True

    def _apply_rolled(self, fold: Fold, found: Sequence[_Decoded]) -> None:
        for decoded in found:
            self._apply(fold, decoded)
        self._rolling.forget()

    def _rolled(self, read: Callable[[str], bytes | None]) -> list[_Decoded]:
        """Return the entries of the rollups that begin here, largest first."""
        found: list[_Decoded] = []
        while more := self._read_rollup(found, read):
            found += more
        return found

    def _read_rollup(
        self, before: Sequence[_Decoded], read: Callable[[str], bytes | None]
    ) -> list[_Decoded]:
        """Return the entries of the largest rollup that comes after *before*."""
        first = len(self.history) + len(before) + 1
        sizes = [size for size in ROLLUP_SIZES if (first - 1) % size == 0]
        for size in sizes:
            try:
                raw = read(rollup_key(first, first + size - 1))
                if raw is None:
                    continue
                entries = unpack(raw, first, first + size - 1, self._info.digest)
                prev = before[-1].head if before else self._heads[-1]
                return [*self._chained(first, entries, prev)]
            except (FormatError, IntegrityError, StorageError):
                continue  # a cache that lies is passed over; verify names it
        return []

    def _chained(
        self, first: int, entries: Iterable[bytes], prev: str
    ) -> Iterator[_Decoded]:
        for seq, raw in enumerate(entries, first):
            decoded = self._decode(seq, raw, prev)
            if decoded.entry is None:
                raise FormatError("a rollup holds what is no entry")
            yield decoded
            prev = decoded.head

    def _take(self, fold: Fold, raw: bytes) -> None:
        seq = len(self.history) + 1
        self._apply(fold, self._decode(seq, raw, self._heads[-1]))

    def _apply(self, fold: Fold, decoded: _Decoded) -> None:
        self._append(decoded, _fold_in(fold, len(self.history) + 1, decoded))

    def _append(self, decoded: _Decoded, void: str | None) -> None:
        seq, entry = len(self.history) + 1, decoded.entry
        self._heads.append(decoded.head)
        self.history.append(Folded(seq, entry, void))
        self._rolling.take(seq, None if entry is None else decoded.raw)
        if entry is None:
            # Last: whoever turns warnings into errors is past it the next time.
            warnings.warn(
                f"commit {seq} of {self._backend.url!r} means nothing and has no "
                f"effect ({void}); run verify",
                DamageWarning,
                stacklevel=3,
            )

    def _decode(self, seq: int, raw: bytes, prev: str) -> _Decoded:
        """Return what *raw* says as entry *seq*, behind one whose digest is *prev*.

        Raises:
            IntegrityError: It was damaged, or does not follow its predecessor.
        """
        key = entry_key(seq)
        head = digest_of(self._info.digest, raw)
        try:
            entry = entry_from_bytes(raw, self._info.digest)
        except UpgradeRequiredError:
            raise
        except FormatError as error:
            return _Decoded(raw, head, None, error.message)
        except IntegrityError as error:
            error.message = f"commit {seq}: {error.message}"
            error.facts["key"] = key
            raise
        if entry.seq != seq or entry.prev != prev:
            raise IntegrityError(
                f"commit {seq} does not follow commit {seq - 1}: it says that it is "
                f"commit {entry.seq} after another predecessor",
                kind=ErrorKind.CHAIN_BROKEN,
                key=key,
                expected=entry.prev,
                actual=prev,
                hint="One of the two was rewritten or damaged. Restore the log from a "
                "copy of the registry.",
            )
        return _Decoded(raw, head, entry, None)

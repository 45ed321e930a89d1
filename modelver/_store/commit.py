"""Committing: decide on the newest state, create the next entry, know the outcome.

One exclusive create of a log entry is the only commit point. After any error the key
is read back: our bytes, and we have won; other bytes, and we have lost for certain
and decide again; nothing, and the same bytes are tried again.
"""

import random
import time
import uuid
from collections.abc import Callable
from threading import Lock
from typing import Final

from attrs import frozen

from modelver._store.far import READ_LIMIT
from modelver._store.identity import check_features
from modelver._store.layout import entry_key
from modelver._store.log import Log
from modelver._values.about import TOOL
from modelver._values.codec import entry_to_bytes
from modelver._values.entry import FORMAT, Action, Attest, Entry
from modelver._values.state import State
from modelver.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConflictError,
    ErrorKind,
    OutcomeUnknownError,
    StorageError,
)
from modelver.plugin import Backend

Decide = Callable[[State], tuple[Action, ...]]

_DEFINITE: Final = {
    ErrorKind.DISK_FULL,
    ErrorKind.ACCESS_DENIED,
    ErrorKind.NOT_FLUSHED,
    ErrorKind.UNSUPPORTED,
}
_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 2.0
# A pause is at most so many times as long as a write takes. Longer ones take time from
# two writers and give nothing to sixteen.
_COURTESY: Final = 1.0
# Others have been seen lately if it was not longer ago than so many commits of ours.
_LATELY: Final = 16


@frozen
class Committed:
    """What a commit came to.

    Attributes:
        entry: What was written; None where there was nothing to say.
        state: The state after it.
    """

    entry: Entry | None
    state: State


class Committer:
    """Writes entries at the head of one log; shared by the threads of a process."""

    def __init__(
        self,
        backend: Backend,
        log: Log,
        clock: Callable[[], str],
        *,
        timeout: float,
        courtesy: "Courtesy | None" = None,
    ) -> None:
        self._backend = backend
        self._log = log
        self._clock = clock
        self._timeout = timeout
        self._lock = Lock()
        self._courtesy = courtesy or Courtesy()
        self._write_seconds = 0.0

    def commit(
        self,
        decide: Decide,
        *,
        actor: str,
        message: str | None = None,
        fresh: bool = False,
    ) -> Committed:
        """Write one entry with the actions that *decide* gives.

        Args:
            decide: Called with the newest state, again whenever another writer was
                faster; no actions: nothing is written. What it raises is raised.
            actor: Who says so.
            message: For people.
            fresh: The log has just been read: decide on that first. Were it stale
                all the same, the create would be lost, and the log read.

        Raises:
            ConflictError: Others were faster until the time was over (kind
                ``DEADLINE``); nothing was committed.
            OutcomeUnknownError: The store cannot tell whether the entry landed.
            StorageError: The store refused; nothing was committed.
        """
        with self._lock:
            return self._commit(decide, actor, message, fresh=fresh)

    def _commit(
        self, decide: Decide, actor: str, message: str | None, *, fresh: bool
    ) -> Committed:
        txid = uuid.uuid4().hex
        deadline = time.monotonic() + self._timeout
        if self._courtesy.give_way(self._log.state.seq):
            fresh = False  # it was to let others commit
        while True:
            state = self._log.state if fresh else self._log.refresh()
            fresh = False
            self._courtesy.saw(state.seq)
            check_features(state.write, "to write to")
            actions = decide(state)
            if not actions:
                return Committed(None, state)
            entry = Entry(
                format=FORMAT,
                seq=state.seq + 1,
                prev=state.head,
                txid=txid,
                time=self._clock(),
                actor=actor,
                tool=TOOL,
                message=message,
                actions=actions,
                # Who does not know attestations misses nothing else without them.
                critical=not all(isinstance(a, Attest) for a in actions),
            )
            raw = entry_to_bytes(entry, state.info.digest)
            # What others will read is what is checked, and what is taken in.
            attempt = self._log.attempt(state, raw)
            if attempt.void is not None:
                raise ConflictError(
                    f"the commit would have no effect: {attempt.void}",
                    hint="Read the present state and decide again.",
                )
            try:
                won = self._create(entry, raw, deadline)
            except KeyboardInterrupt as interrupt:
                interrupt.add_note(_ask(txid))
                raise
            if won:
                self._courtesy.won(entry.seq, self._write_seconds)
                after = self._log.take_own(attempt)
                self._log.roll_up()
                return Committed(entry, after)
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"other writers were faster for {self._timeout:g} seconds; nothing "
                    "was committed",
                    kind=ErrorKind.DEADLINE,
                    hint="Call again; nothing has to be cleaned up.",
                )

    def _create(self, entry: Entry, raw: bytes, deadline: float) -> bool:
        """Create the entry; tell whether we have won."""
        key = entry_key(entry.seq)
        pause = _FIRST_PAUSE
        doubtful = False
        while True:
            failure: BaseException
            started = time.monotonic()
            try:
                self._backend.create(key, raw)
            except (AlreadyExistsError, StorageError) as error:
                failure = error
            else:
                self._write_seconds = time.monotonic() - started
                return True
            found = self._read_back(key, entry, failure, deadline)
            if found is not None:
                return found == raw
            if isinstance(failure, AccessDeniedError) or (
                isinstance(failure, StorageError) and failure.kind in _DEFINITE
            ):
                # This request is refused for certain; an earlier one may still be
                # under way, and land after we have said that nothing did.
                if doubtful:
                    raise _unknown(entry) from failure
                raise failure
            doubtful = True
            if time.monotonic() > deadline:
                raise _unknown(entry) from failure
            time.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _read_back(
        self, key: str, entry: Entry, failure: BaseException, deadline: float
    ) -> bytes | None:
        """Return what stands under *key* after a failure, None where nothing does."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._backend.read(key, 0, READ_LIMIT)
            except StorageError:
                if time.monotonic() > deadline:
                    raise _unknown(entry) from failure
            time.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)


class Courtesy:
    """When a writer lets others go first.

    Whoever has just won knows the head already and may win again and again; those who
    lost have to read first, and would starve however they wait. So a winner pauses
    before its next commit, a random part of the time that a write takes, if others
    were seen lately. One that is alone never waits.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._chance = chance
        self._last_own = 0
        self._wins = 0
        self._seen_at: int | None = None
        self._ready = 0.0

    def saw(self, seq: int) -> None:
        """Take note of the head: what lies behind our last commit is of others."""
        if 0 < self._last_own < seq:
            self._seen_at = self._wins

    def won(self, seq: int, seconds: float) -> None:
        """Take note of a commit of ours, whose write took *seconds*."""
        self._last_own = seq
        self._wins += 1
        self._ready = self._now() + _COURTESY * seconds * self._chance()

    def give_way(self, seq: int) -> bool:
        """Pause, where it is due, for what is left of it; tell whether there was any.

        Args:
            seq: The head as far as it is known.
        """
        self.saw(seq)
        if self._seen_at is None or self._wins - self._seen_at >= _LATELY:
            return False
        left = self._ready - self._now()
        if left <= 0:
            return False
        self._sleep(left)
        return True


def _ask(txid: str) -> str:
    return f"Whether commit {txid} landed, registry.outcome({txid!r}) tells."


def _unknown(entry: Entry) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"the store cannot tell whether commit {entry.txid} landed",
        hint=_ask(entry.txid) + " Registering the same bundle again is safe.",
        txid=entry.txid,
        key=entry_key(entry.seq),
    )

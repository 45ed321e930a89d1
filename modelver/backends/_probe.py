"""Asking a store whether its exclusive create is one.

A probe finds a store that lies, and cannot prove that one does not: a check followed
by a write passes whenever nobody comes in between. Hence somebody has to vouch for the
create besides; this is for those who are mistaken.
"""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from modelver.errors import ErrorKind, StorageError

ROUNDS: Final = 3
_RACERS: Final = 4
_PATIENCE: Final = 60
_FIRST: Final = b"first"


def probe(
    put: Callable[[str, bytes], bool],
    read: Callable[[str], bytes | None],
    *,
    rounds: int = ROUNDS,
) -> None:
    """Refuse a store whose create is seen to overwrite, or to have two winners.

    Args:
        put: Create a key; tell whether it was, False where it is there.
        read: Return a key, None where there is none.
        rounds: How many races.

    Raises:
        StorageError: It is none (kind ``UNSUPPORTED``).
    """
    mark = uuid.uuid4().hex
    key = f"{mark}-twice"
    if not put(key, _FIRST):
        _refuse("says that a new key is taken")
    if put(key, b"second"):
        _refuse("creates a key that is there")
    if read(key) != _FIRST:
        _refuse("says that a key is taken, and changes it")
    for number in range(rounds):
        key, ready = f"{mark}-{number}", threading.Barrier(_RACERS)

        def race(me: int, key: str = key, ready: threading.Barrier = ready) -> bool:
            ready.wait(_PATIENCE)
            return put(key, bytes([me]) * 1000)

        with ThreadPoolExecutor(_RACERS) as pool:
            won = list(pool.map(race, range(_RACERS)))
        if won.count(True) != 1:
            _refuse(f"has {won.count(True)} winners among {_RACERS} threads")
        if read(key) != bytes([won.index(True)]) * 1000:
            _refuse("keeps the bytes of a loser")


def _refuse(what: str) -> None:
    raise StorageError(
        f"this store's create cannot be trusted: it {what}",
        kind=ErrorKind.UNSUPPORTED,
        hint="Open it with read_only=True, or name a create that is the store's own.",
    )

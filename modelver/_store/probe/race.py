"""A race for one key: many writers at one moment, of whom exactly one may win."""

from collections.abc import Sequence
from threading import Barrier
from typing import Final

from attrs import frozen

from modelver.errors import AlreadyExistsError, StorageError
from modelver.plugin import Backend

_RACERS: Final = 8
_PATIENCE: Final = 60  # seconds until all have begun


@frozen
class Race:
    """What came of it.

    Attributes:
        racers: How many took part.
        winners: Whom the store told that they had won.
        good: Whether exactly one has won, or may have, and its bytes are there.
    """

    racers: int
    winners: int
    good: bool


def race(clients: Sequence[Backend], key: str) -> Race:
    """Let eight threads create *key* at once, each with bytes of its own."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - seldom used

    ready = Barrier(_RACERS)

    def create(number: int) -> str:
        ready.wait(_PATIENCE)
        try:
            clients[number % len(clients)].create(key, _bytes_of(number))
        except AlreadyExistsError:
            return "lost"
        except StorageError:
            return "unknown"  # modelver reads it back then, as is done below
        return "won"

    with ThreadPoolExecutor(_RACERS) as pool:
        said = list(pool.map(create, range(_RACERS)))
    found = clients[0].read(key)
    holders = [number for number in range(_RACERS) if found == _bytes_of(number)]
    winners = [number for number, word in enumerate(said) if word == "won"]
    good = len(holders) == 1 and set(winners) <= set(holders)
    return Race(_RACERS, len(winners), good)


def _bytes_of(number: int) -> bytes:
    return bytes([number]) * 1000

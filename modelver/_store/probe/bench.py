"""What every probe has: two clients, keys of its own, and one place for refusals."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from modelver._store.layout import DOCTOR
from modelver._values.diagnosis import Finding
from modelver.errors import ModelverError
from modelver.plugin import Backend

FEW: Final = 5
DATA: Final = bytes(range(256)) * 4
_VITAL: Final = {"read-after-write", "create-twice", "race"}


class Bench:
    """Two clients of one store that share no memory, and what was written by them.

    Attributes:
        first: A client.
        second: The other one.
        left: Keys that could not be deleted.
        milliseconds: Median time of each kind of request.
        skew: Seconds by which the store's clock is ahead; None if that is unknown.
    """

    def __init__(self, first: Backend, second: Backend) -> None:
        self.first = first
        self.second = second
        self._token = f"{DOCTOR}{uuid.uuid4().hex[:16]}-"
        self._written: list[str] = []
        self.left: tuple[str, ...] = ()
        self.milliseconds: dict[str, float] = {}
        self.skew: float | None = None

    def key(self, name: str) -> str:
        """Return a key that nobody else has."""
        return f"{self._token}{name}"

    def claim(self, name: str) -> str:
        """Return a key that will be written, and is to be deleted again."""
        key = self.key(name)
        self._written.append(key)
        return key

    def create(self, client: Backend, name: str, data: bytes = DATA) -> str:
        """Create a key, and return it."""
        key = self.claim(name)
        client.create(key, data)
        return key

    def tried(self, probe: str, act: Callable[[], Finding]) -> Finding:
        """Return what *act* finds; a refusal of the store is a finding, too."""
        try:
            return act()
        except ModelverError as error:
            return Finding(
                probe=probe,
                outcome="failed",
                seen=f"the store refused: {error.message}",
                means="What cannot be tried cannot be trusted. Mend the cause, and "
                "probe again.",
                vital=probe in _VITAL,
            )

    def clean_up(self) -> Finding:
        """Delete what was written, as far as that is allowed."""
        left, why = [], ""
        for key in dict.fromkeys(self._written):
            try:
                self.first.delete(key)
            except ModelverError as error:
                left.append(key)
                why = error.message
        gone = not left
        with suppress(ModelverError):
            there = [key for key in self._written if self.first.read(key, 0, 1)]
            gone, left = not there, left or there
        self.left = tuple(left)
        if gone:
            return Finding(
                probe="delete",
                outcome="ok",
                seen="what was written was deleted again",
                means="These credentials may delete. Only clean-up needs that: deny "
                "it to everybody else where the store can.",
            )
        return Finding(
            probe="delete",
            outcome="noted",
            seen=f"{len(left)} small keys could not be deleted: {why}",
            means=f"Nothing may be deleted here, as it should be for writers. The keys "
            f"below {DOCTOR} do no harm; whoever may delete can delete them all.",
        )
